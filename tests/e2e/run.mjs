// Runs the test files one after the other, each in a process of its own: a file starts servers and databases, and two at once
// would measure each other. (`node --test --test-concurrency=1` does the same, but Node 18 has no such option.)
//   npm test                      everything
//   npm test -- rest protocol     only the files whose name contains one of the words
// E2E_SEED replays a run's random choices; the seed is printed first. E2E_KEEP=1 keeps data directories and logs.
import { spawnSync } from 'node:child_process'
import { readdirSync, existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { binary, warmTemplates, sweepTemplates } from './lib/server.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const FILE_MS = 240000 // a file that hangs is a failure, not a wait
const words = process.argv.slice(2)
const seed = process.env.E2E_SEED ?? '20260131'

function files(dir) {
  if (!existsSync(dir)) return []
  return readdirSync(dir).filter((f) => f.endsWith('.test.mjs')).sort().map((f) => join(dir, f))
}

const all = [...files(here), ...files(join(here, 'browser'))]
const chosen = words.length ? all.filter((f) => words.some((w) => relative(here, f).includes(w))) : all

if (!existsSync(binary())) {
  console.error(`no server at ${binary()}: build it (cmake --preset release && cmake --build --preset release) or set STACGATE_BIN`)
  process.exit(2)
}
console.log(`seed ${seed} · node ${process.version} · ${binary()}`)

await warmTemplates()
const failed = []
const began = Date.now()
for (const file of chosen) {
  const start = Date.now()
  const run = spawnSync(process.execPath, ['--test', '--test-reporter=spec', file], {
    stdio: 'inherit',
    timeout: FILE_MS,
    killSignal: 'SIGTERM',
    env: { ...process.env, E2E_SEED: seed },
  })
  if (run.status !== 0) failed.push(relative(here, file))
  console.log(`${run.status === 0 ? 'ok  ' : 'FAIL'} ${relative(here, file)} ${((Date.now() - start) / 1000).toFixed(1)} s\n`)
}
sweepTemplates()
console.log(`${chosen.length - failed.length} of ${chosen.length} files passed in ${((Date.now() - began) / 1000).toFixed(0)} s`)
if (failed.length) console.log(`failed: ${failed.join(' ')}`)
process.exit(failed.length ? 1 : 0)
