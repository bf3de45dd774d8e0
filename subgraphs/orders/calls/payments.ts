import type { Context } from '#platform/context.ts'
import { operation } from '#platform/calls.ts'
import type {
  PaymentAuthorizeMutation,
  PaymentAuthorizeMutationVariables,
  PaymentCaptureForOrderMutation,
  PaymentCaptureForOrderMutationVariables,
  PaymentCompensateMutation,
  PaymentCompensateMutationVariables,
  PaymentRefundForReturnMutation,
  PaymentRefundForReturnMutationVariables,
} from './payments.generated.ts'

type Call = Pick<Context, 'call'>

const AUTHORIZE = operation<PaymentAuthorizeMutation, PaymentAuthorizeMutationVariables>(
  'payments',
  /* GraphQL */ `
    mutation PaymentAuthorize($input: PaymentAuthorizeInput!) {
      paymentAuthorize(input: $input) {
        payment {
          status
        }
        userErrors {
          __typename
          code
          message
          ... on PaymentDeclinedError {
            declineCode
            isRetryable
          }
        }
      }
    }
  `,
)

const CAPTURE = operation<PaymentCaptureForOrderMutation, PaymentCaptureForOrderMutationVariables>(
  'payments',
  /* GraphQL */ `
    mutation PaymentCaptureForOrder($input: PaymentCaptureForOrderInput!) {
      paymentCaptureForOrder(input: $input) {
        payment {
          status
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

const COMPENSATE = operation<PaymentCompensateMutation, PaymentCompensateMutationVariables>(
  'payments',
  /* GraphQL */ `
    mutation PaymentCompensate($input: PaymentCompensateInput!) {
      paymentCompensate(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

const REFUND = operation<PaymentRefundForReturnMutation, PaymentRefundForReturnMutationVariables>(
  'payments',
  /* GraphQL */ `
    mutation PaymentRefundForReturn($input: PaymentRefundForReturnInput!) {
      paymentRefundForReturn(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

export const authorizePayment = async ({ call }: Call, input: PaymentAuthorizeMutationVariables['input']) =>
  (await call(AUTHORIZE, { input })).paymentAuthorize

export const capturePayment = async ({ call }: Call, input: PaymentCaptureForOrderMutationVariables['input']) =>
  (await call(CAPTURE, { input })).paymentCaptureForOrder

export const compensatePayment = async ({ call }: Call, input: PaymentCompensateMutationVariables['input']) =>
  (await call(COMPENSATE, { input })).paymentCompensate.userErrors

export const refundForReturn = async ({ call }: Call, input: PaymentRefundForReturnMutationVariables['input']) =>
  (await call(REFUND, { input })).paymentRefundForReturn.userErrors
