// Entry of the npm scripts: installs what is missing, then runs a file on the Node.js that the project installs.
// It is itself run by whatever Node.js the machine has: plain JavaScript, no dependency.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const node = join(root, 'node_modules/.bin/node')

// What is installed is compared by content: a fresh clone or another branch says nothing by its times.
function isInstalled() {
  try {
    const packages = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages
    const installed = packages('node_modules/.package-lock.json')
    const isThere = ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version
    return existsSync(node) && Object.entries(packages('package-lock.json')).every(isThere)
  } catch {
    return false
  }
}

function install() {
  console.log('Installing the packages of package-lock.json (npm install)…')
  const began = Date.now()
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  // Not `npm ci`: it wants the lock file to list the linters' builds for every platform, and not every registry has all.
  // Below `error` are only warnings about this machine's older Node.js, which runs nothing but this file.
  const args = [...npm.slice(1), 'install', '--no-save', '--include=dev', '--loglevel=error', '--no-audit', '--no-fund']
  const { status } = spawnSync(npm[0], args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) {
    console.error('npm install failed; see above.')
    process.exit(status ?? 1)
  }
  console.log(`Installed in ${Math.round((Date.now() - began) / 1000)} s.`)
}

if (process.argv.length < 3) {
  console.log('node scripts/run.mjs [--watch] FILE [ARGUMENT…]')
  process.exit(2)
}
if (!isInstalled()) install()

const path = [join(root, 'node_modules/.bin'), process.env.PATH].join(process.platform === 'win32' ? ';' : ':')
// What V8 compiled is kept: loading the modules is most of a start.
const cache = join(root, 'node_modules/.cache/node-compile')
const env = { NODE_COMPILE_CACHE: cache, ...process.env, PATH: path }
// Whoever asks for help is not kept waiting for changes.
const args = process.argv.slice(2).filter((arg) => arg !== '--watch' || !process.argv.includes('--help'))
const child = spawn(node, args, { cwd: root, stdio: 'inherit', env })
process.on('SIGTERM', () => child.kill('SIGTERM'))
// A terminal sends Ctrl-C to the child as well; a second signal would cut its orderly end short.
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
child.on('error', (error) => {
  console.error(error.message)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
