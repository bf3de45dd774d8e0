import postgres from 'postgres'
import type { Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { holdAtFailpoints } from './failpoint.ts'

/** A transaction of some other process, which holds what its statements lock until it commits. */
export async function otherTransaction(shop: Parts, text: string, ...values: string[]) {
  const client = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
  const watcher = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<postgres.TransactionSql>()
  const committed = client.begin(async (tx) => {
    begin(tx)
    await over
  })
  const tx = await begun
  const run = (statement: string, ...given: string[]) => tx.unsafe(statement, given)
  await run(text, ...values)
  const [{ pid }] = (await run('select pg_backend_pid() as pid')) as unknown as [{ pid: number }]
  return {
    run,
    /** Until somebody waits for it. */
    isWaitedFor: () =>
      until(async () => {
        const [row] = await watcher<{ waits: boolean }[]>`
          select exists (select from pg_stat_activity where ${pid} = any(pg_blocking_pids(pid))) as waits`
        return row!.waits
      }),
    async commit() {
      end()
      await committed
      await Promise.all([client.end(), watcher.end()])
    },
  }
}

/** Has something happen the first time that anybody comes to a failpoint. */
export function onceAt(point: string, act: (id: string) => Promise<unknown>) {
  let isDone = false
  holdAtFailpoints(async (reached, id) => {
    if (reached !== point || isDone) return
    isDone = true
    await act(id)
  })
}
