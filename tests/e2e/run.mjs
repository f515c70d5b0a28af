// Runs the test files, each in a process of its own, two at a time (most of a test is waiting): the browser's last, as they draw all the
// time; then those that load the whole machine one by one. What a file prints is shown when it ends.
//   npm test                      everything
//   npm test -- rest protocol     only the files whose name contains one of the words
// E2E_SEED replays a run's random choices; the seed is printed first. E2E_KEEP=1 keeps data directories and logs. E2E_JOBS=1: one at a time.
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
// A package that a change of package.json brought is fetched, so that a checkout that moves on still runs.
const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
if (!Object.keys(dependencies).every((name) => existsSync(join(here, 'node_modules', name)))) {
  const r = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' })
  if (r.status !== 0) process.exit(2)
}
const { binary, warmTemplates, sweepTemplates } = await import('./lib/server.mjs')
const FILE_MS = 600000 // a file that hangs is a failure, not a wait
const ALONE = /^(slow|chaos|protocol-limits)/ // these need the machine for themselves
const BROWSER = /^browser/
const jobs = Number(process.env.E2E_JOBS ?? 2)
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

function run(file) {
  const start = Date.now()
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--test', '--test-reporter=spec', file], {
      timeout: FILE_MS,
      killSignal: 'SIGTERM',
      env: { ...process.env, E2E_SEED: seed },
    })
    const said = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => said.push(d))
    child.on('close', (status) => {
      if (status !== 0) failed.push(relative(here, file))
      process.stdout.write(Buffer.concat(said))
      console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${relative(here, file)} ${((Date.now() - start) / 1000).toFixed(1)} s\n`)
      done()
    })
  })
}

async function runAll(list, width) {
  const queue = [...list]
  await Promise.all(Array.from({ length: width }, async () => {
    while (queue.length) await run(queue.shift())
  }))
}

const phase = (file) => [/^/, BROWSER, ALONE].findLastIndex((p) => p.test(relative(here, file)))
await runAll(chosen.filter((f) => phase(f) === 0), jobs)
await runAll(chosen.filter((f) => phase(f) === 1), jobs)
await runAll(chosen.filter((f) => phase(f) === 2), 1)
sweepTemplates()
console.log(`${chosen.length - failed.length} of ${chosen.length} files passed in ${((Date.now() - began) / 1000).toFixed(0)} s`)
if (failed.length) console.log(`failed: ${failed.join(' ')}`)
process.exit(failed.length ? 1 : 0)
