import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface FolderLock extends Disposable {
  folder: string
}

/**
 * Takes a folder for this process alone. It is free again when released or when the process is gone, killed or not:
 * the lock is the kernel's, held through SQLite, so there is no stale one to judge by process ids that may be reused.
 * @returns undefined while somebody else has it; `lockOwner` says who.
 */
export function lockFolder(folder: string): FolderLock | undefined {
  const lock = new DatabaseSync(join(folder, 'lock'))
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if (error instanceof Error && error.message.includes('locked')) return undefined
    throw error
  }
  writeFileSync(join(folder, 'owner'), `${process.pid}\n`)
  return { folder, [Symbol.dispose]: () => lock.isOpen && lock.close() }
}

/** The process id that the owner of a locked folder noted. */
export function lockOwner(folder: string): string {
  try {
    return readFileSync(join(folder, 'owner'), 'utf8').trim()
  } catch {
    return 'unknown'
  }
}
