import type { Context } from '#platform/context.ts'
import { operation } from '#platform/calls.ts'
import type {
  StockCommitMutation,
  StockCommitMutationVariables,
  StockReleaseMutation,
  StockReleaseMutationVariables,
  StockReservationExtendMutation,
  StockReservationExtendMutationVariables,
  StockReserveMutation,
  StockReserveMutationVariables,
  StockReturnMutation,
  StockReturnMutationVariables,
} from './inventory.generated.ts'

type Call = Pick<Context, 'call'>

const RESERVE = operation<StockReserveMutation, StockReserveMutationVariables>(
  'inventory',
  /* GraphQL */ `
    mutation StockReserve($input: StockReserveInput!) {
      stockReserve(input: $input) {
        stockReservation {
          status
        }
        userErrors {
          __typename
          code
          message
          ... on InsufficientStockError {
            variant {
              id
            }
            requested
            available
          }
        }
      }
    }
  `,
)

const EXTEND = operation<StockReservationExtendMutation, StockReservationExtendMutationVariables>(
  'inventory',
  /* GraphQL */ `
    mutation StockReservationExtend($input: StockReservationExtendInput!) {
      stockReservationExtend(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

const COMMIT = operation<StockCommitMutation, StockCommitMutationVariables>(
  'inventory',
  /* GraphQL */ `
    mutation StockCommit($input: StockCommitInput!) {
      stockCommit(input: $input) {
        stockReservation {
          lines {
            variant {
              id
              product {
                id
              }
            }
            location {
              id
            }
            quantity
          }
        }
        userErrors {
          __typename
          code
          message
          ... on InsufficientStockError {
            variant {
              id
            }
            requested
            available
          }
        }
      }
    }
  `,
)

const RELEASE = operation<StockReleaseMutation, StockReleaseMutationVariables>(
  'inventory',
  /* GraphQL */ `
    mutation StockRelease($input: StockReleaseInput!) {
      stockRelease(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

const RETURN = operation<StockReturnMutation, StockReturnMutationVariables>(
  'inventory',
  /* GraphQL */ `
    mutation StockReturn($input: StockReturnInput!) {
      stockReturn(input: $input) {
        userErrors {
          code
          message
          field
        }
      }
    }
  `,
)

export const reserveStock = async ({ call }: Call, input: StockReserveMutationVariables['input']) =>
  (await call(RESERVE, { input })).stockReserve

export const extendReservation = async ({ call }: Call, input: StockReservationExtendMutationVariables['input']) =>
  (await call(EXTEND, { input })).stockReservationExtend.userErrors

export const commitStock = async ({ call }: Call, input: StockCommitMutationVariables['input']) =>
  (await call(COMMIT, { input })).stockCommit

export const releaseStock = async ({ call }: Call, input: StockReleaseMutationVariables['input']) =>
  (await call(RELEASE, { input })).stockRelease.userErrors

export const returnStock = async ({ call }: Call, input: StockReturnMutationVariables['input']) =>
  (await call(RETURN, { input })).stockReturn.userErrors
