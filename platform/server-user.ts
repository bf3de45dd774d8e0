import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'

const SERVER_USER = 'postgres'

interface Ids {
  uid: number
  gid: number
}

/** How a program is started as the user that owns `folder`'s files. */
export interface ServerUser {
  /** Whom the server's files must belong to; undefined: ourselves. */
  owner: Ids | undefined
  /** What `spawn` switches to. */
  ids: Ids | undefined
  command(program: string, args: readonly string[]): [program: string, args: readonly string[]]
}

/**
 * PostgreSQL refuses to run as root. Root therefore starts it as the owner of `existing` (a folder that it made
 * earlier), or as the user `postgres`, which is created when the machine has none.
 * @param paths what that user must be able to reach.
 */
export function serverUser(existing: string | undefined, paths: readonly string[]): ServerUser {
  if (process.getuid?.() !== 0) return { owner: undefined, ids: undefined, command: asIs }
  const owner = existing ? ownerOf(existing) : namedUser()
  if (paths.every((path) => isReachable(dirname(path)))) return { owner, ids: owner, command: asIs }
  // A checkout under /root: its parent lets nobody but root through. The server keeps that one right of root's.
  const rights = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  const user = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  return {
    owner,
    ids: undefined,
    command: (program, args) => ['setpriv', [...user, ...rights, '--', program, ...args]],
  }
}

/** What a server is spawned with: only what it needs, no PG* variable of the shell, no secret. */
export function environment(user: ServerUser) {
  return { cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' }, ...user.ids }
}

const asIs: ServerUser['command'] = (program, args) => [program, args]

function ownerOf(path: string): Ids {
  const { uid, gid } = statSync(path)
  return { uid, gid }
}

function namedUser(): Ids {
  const id = (flag: string) => Number(execFileSync('id', [flag, SERVER_USER], { stdio: ['ignore', 'pipe', 'ignore'] }))
  const find = () => ({ uid: id('-u'), gid: id('-g') })
  try {
    return find()
  } catch {
    // Two starts at once may both find none: the second to create it fails, and finds the first one's.
    try {
      execFileSync('useradd', ['--system', '--user-group', '--no-create-home', SERVER_USER], { stdio: 'ignore' })
    } catch {}
    return find()
  }
}

function isReachable(folder: string): boolean {
  const isOpen = (statSync(folder).mode & 0o001) !== 0
  return isOpen && (folder === '/' || isReachable(dirname(folder)))
}
