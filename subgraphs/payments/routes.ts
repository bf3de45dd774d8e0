import { errorResponse } from '#platform/http.ts'
import type { Route } from '#platform/subgraph.ts'
import { answerChallenge } from './challenge.ts'
import { CHALLENGES, sandbox } from './sandbox.ts'
import { SANDBOX_WEBHOOK } from './sandbox-webhooks.ts'
import { stripe } from './stripe.ts'
import { hearWebhook } from './webhooks.ts'

export const routes: readonly Route[] = [
  {
    prefix: '/webhooks/stripe',
    handle: async (ctx, request) =>
      ctx.config.STRIPE_SECRET_KEY
        ? await hearWebhook(ctx, stripe(ctx), request)
        : errorResponse(404, 'NOT_FOUND', 'There is nothing here.'),
  },
  { prefix: CHALLENGES, developmentOnly: true, handle: answerChallenge },
  {
    prefix: SANDBOX_WEBHOOK,
    developmentOnly: true,
    handle: (ctx, request) => hearWebhook(ctx, sandbox(ctx), request),
  },
]
