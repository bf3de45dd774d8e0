import { untilStopped } from '#platform/shutdown.ts'

const stopped = new AbortController()
void untilStopped().then(() => stopped.abort(new Error('Stopped; shop and database are closed.')))

/** What a closed loop of `concurrency` workers measured. */
export interface Load {
  /** Milliseconds of each run. */
  latencies: number[]
  seconds: number
}

/** @throws once somebody wants this benchmark to end. */
export const continueOrThrow = (): void => stopped.signal.throwIfAborted()

/** Runs `task` over and over, `concurrency` at a time, for `seconds` or until it returns false. */
export async function load(concurrency: number, seconds: number, task: () => Promise<boolean>): Promise<Load> {
  const latencies: number[] = []
  const began = performance.now()
  const until = began + seconds * 1000
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      continueOrThrow()
      const start = performance.now()
      if (!(await task())) return
      latencies.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { latencies, seconds: (performance.now() - began) / 1000 }
}

export const together = (rounds: readonly Load[]): Load => ({
  latencies: rounds.flatMap(({ latencies }) => latencies),
  seconds: rounds.reduce((sum, { seconds }) => sum + seconds, 0),
})

export const perSecond = ({ latencies, seconds }: Load): number => latencies.length / seconds

/** @param share 0 to 1: 0.5 is the median. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
