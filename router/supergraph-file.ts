import { unwatchFile, watchFile, type StatsListener } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Logger } from '#platform/log.ts'
import type { Router } from './router.ts'

/**
 * Has the router serve what is in the file whenever that changes. What cannot be served is logged, and the router goes on
 * with what it has. The file is looked at now and then: a mounted volume or a swapped link tells nobody of its changes.
 */
export function followSupergraph({
  file,
  router,
  log,
  everyMs = 1_000,
}: {
  file: string
  router: Pick<Router, 'reload'>
  log: Logger
  everyMs?: number
}): Disposable {
  const onChange: StatsListener = (now) => {
    // It is not there while it is being replaced.
    if (now.mtimeMs === 0) return
    readFile(file, 'utf8')
      .then((sdl) => router.reload(sdl))
      .then(() => log.info({ file }, 'the supergraph was loaded anew'))
      .catch((error: unknown) => log.error({ err: error, file }, 'the new supergraph is not served; the old one stays'))
  }
  watchFile(file, { interval: everyMs, persistent: false }, onChange)
  return { [Symbol.dispose]: () => unwatchFile(file, onChange) }
}
