import type { Route } from '#platform/subgraph.ts'
import { answerChallenge } from './challenge.ts'
import { CHALLENGES, sandbox } from './sandbox.ts'
import { SANDBOX_WEBHOOK } from './sandbox-webhooks.ts'
import { hearWebhook } from './webhooks.ts'

export const routes: readonly Route[] = [
  { prefix: CHALLENGES, developmentOnly: true, handle: answerChallenge },
  {
    prefix: SANDBOX_WEBHOOK,
    developmentOnly: true,
    handle: (ctx, request) => hearWebhook(ctx, sandbox(ctx), request),
  },
]
