import type { Context } from '#platform/context.ts'
import { operation } from '#platform/calls.ts'
import type {
  CartCreateMutation,
  CartCreateMutationVariables,
  CartConvertMutation,
  CartConvertMutationVariables,
  CartFreezeMutation,
  CartFreezeMutationVariables,
  CartUnfreezeMutation,
  CartUnfreezeMutationVariables,
  CheckoutCartQuery,
  CheckoutCartQueryVariables,
  PromotionUsageReleaseMutation,
  PromotionUsageReleaseMutationVariables,
  PromotionUsageReserveMutation,
  PromotionUsageReserveMutationVariables,
} from './cart.generated.ts'

type Call = Pick<Context, 'call'>

const CART = operation<CheckoutCartQuery, CheckoutCartQueryVariables>(
  'cart',
  /* GraphQL */ `
    query CheckoutCart($id: ID!) {
      cart(id: $id) {
        id
        status
        lineCount
        total {
          amount
          currencyCode
        }
      }
    }
  `,
)

const FREEZE = operation<CartFreezeMutation, CartFreezeMutationVariables>(
  'cart',
  /* GraphQL */ `
    mutation CartFreeze($input: CartFreezeInput!) {
      cartFreeze(input: $input) {
        cart {
          currencyCode
          buyerEmail
          note
          lines {
            variant {
              id
            }
            title
            sku
            quantity
            unitPrice {
              amount
              currencyCode
            }
            discountTotal {
              amount
              currencyCode
            }
            taxTotal {
              amount
              currencyCode
            }
            total {
              amount
              currencyCode
            }
          }
          shippingAddress {
            name
            company
            line1
            line2
            city
            region
            postalCode
            countryCode
            phone
            location {
              latitude
              longitude
            }
          }
          billingAddress {
            name
            company
            line1
            line2
            city
            region
            postalCode
            countryCode
            phone
            location {
              latitude
              longitude
            }
          }
          deliveryOption {
            name
            estimatedFrom
            estimatedTo
          }
          taxLines {
            title
            rate
            isIncludedInPrice
            amount {
              amount
              currencyCode
            }
          }
          discounts {
            promotion {
              id
              name
              code
            }
            amount {
              amount
              currencyCode
            }
          }
          subtotal {
            amount
            currencyCode
          }
          discountTotal {
            amount
            currencyCode
          }
          shippingTotal {
            amount
            currencyCode
          }
          taxTotal {
            amount
            currencyCode
          }
          total {
            amount
            currencyCode
          }
        }
        userErrors {
          __typename
          code
          message
          ... on StateTransitionError {
            fromState
          }
        }
      }
    }
  `,
)

const UNFREEZE = operation<CartUnfreezeMutation, CartUnfreezeMutationVariables>(
  'cart',
  /* GraphQL */ `
    mutation CartUnfreeze($input: CartUnfreezeInput!) {
      cartUnfreeze(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

const CONVERT = operation<CartConvertMutation, CartConvertMutationVariables>(
  'cart',
  /* GraphQL */ `
    mutation CartConvert($input: CartConvertInput!) {
      cartConvert(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

const RESERVE_USAGE = operation<PromotionUsageReserveMutation, PromotionUsageReserveMutationVariables>(
  'cart',
  /* GraphQL */ `
    mutation PromotionUsageReserve($input: PromotionUsageReserveInput!) {
      promotionUsageReserve(input: $input) {
        ok
        userErrors {
          code
          message
        }
      }
    }
  `,
)

const RELEASE_USAGE = operation<PromotionUsageReleaseMutation, PromotionUsageReleaseMutationVariables>(
  'cart',
  /* GraphQL */ `
    mutation PromotionUsageRelease($input: PromotionUsageReleaseInput!) {
      promotionUsageRelease(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

const CREATE = operation<CartCreateMutation, CartCreateMutationVariables>(
  'cart',
  /* GraphQL */ `
    mutation CartCreate($input: CartCreateInput!) {
      cartCreate(input: $input) {
        cart {
          id
        }
        userErrors {
          code
          message
          field
          ... on InsufficientStockError {
            available
          }
        }
      }
    }
  `,
)

/** A cart as a checkout bought it: held still and priced anew. Kept with the checkout. */
export type FrozenCart = NonNullable<CartFreezeMutation['cartFreeze']['cart']>

/** The caller's own cart, or null. */
export const readCart = async ({ call }: Call, id: string) => (await call(CART, { id })).cart

export const freezeCart = async ({ call }: Call, input: CartFreezeMutationVariables['input']) =>
  (await call(FREEZE, { input })).cartFreeze

export const unfreezeCart = async ({ call }: Call, input: CartUnfreezeMutationVariables['input']) =>
  (await call(UNFREEZE, { input })).cartUnfreeze.userErrors

export const convertCart = async ({ call }: Call, input: CartConvertMutationVariables['input']) =>
  (await call(CONVERT, { input })).cartConvert.userErrors

export const reservePromotions = async ({ call }: Call, input: PromotionUsageReserveMutationVariables['input']) =>
  (await call(RESERVE_USAGE, { input })).promotionUsageReserve

export const releasePromotions = async ({ call }: Call, input: PromotionUsageReleaseMutationVariables['input']) =>
  (await call(RELEASE_USAGE, { input })).promotionUsageRelease.userErrors

/** Puts lines into the caller's cart, all or none; opens one when there is none. */
export const fillCart = async ({ call }: Call, input: CartCreateMutationVariables['input']) =>
  (await call(CREATE, { input })).cartCreate
