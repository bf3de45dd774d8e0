import { readFile } from 'node:fs/promises'

/** What a process has taken so far; NaN where there is no /proc to ask. */
export interface Usage {
  cpuMs: number
  residentBytes: number
}

export async function usageOf(pid: number): Promise<Usage> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
  const [stat, status] = await Promise.all([read('stat'), read('status')])
  // After the name in parentheses: fields 14 and 15 are user's and kernel's time in hundredths of a second.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024,
  }
}
