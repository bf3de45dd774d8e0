type Reached = (point: string, id: string) => Promise<void>

const fatal = process.env.FAILPOINT
let reached: Reached | undefined = fatal === undefined ? undefined : dieAt(fatal)

// As if the power failed.
function dieAt(fatalPoint: string): Reached {
  return async (point) => {
    if (point === fatalPoint) process.kill(process.pid, 'SIGKILL')
  }
}

/** For crash tests: whoever comes to a failpoint of this process waits there until `act` lets it go on. */
export function holdAtFailpoints(act: Reached): void {
  reached = act
}

/**
 * A place, such as `RESERVE_STOCK:effect` of a checkout's `id`, where crash tests stop this process; with `FAILPOINT` set
 * to its name it dies here. What is not armed costs a comparison.
 */
export const failpoint = (point: string, id: string): Promise<void> | undefined => reached?.(point, id)
