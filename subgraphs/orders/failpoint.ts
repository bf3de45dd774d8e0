// Read once: what is not armed costs a comparison.
const armed = process.env.FAILPOINT

/** Dies here, as if the power failed, when `FAILPOINT` names this point, such as `RESERVE_STOCK:effect`. For crash tests. */
export function failpoint(name: string): void {
  if (name === armed) process.kill(process.pid, 'SIGKILL')
}
