// Starts `stacgate serve` on a data directory of its own and takes it away again. A prepared directory (private cluster, demo data)
// is made once per build and copied for every start; whatever a test leaves running is ended when its process ends.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import assert from 'node:assert/strict'
import { freePort } from './ports.mjs'
import { PATIENCE, run, until, within } from './util.mjs'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
const READY_MS = 60000
const STOP_MS = 40000
const DAY_MS = 86400000
const keep = Boolean(process.env.E2E_KEEP)

export const binary = () => resolve(process.env.STACGATE_BIN ?? join(root, 'build/release/stacgate'))
export const binaryChecksOff = () => resolve(process.env.STACGATE_BIN_CHECKS_OFF ?? join(root, 'build/checks-off/stacgate'))

// ---- what must not outlive this process

const live = new Set()
const directories = new Set()

export function scratch(prefix = 'sg') {
  const dir = mkdtempSync(join(tmpdir(), `${prefix}-`)) // short: a Unix socket's path has 107 bytes
  chmodSync(dir, 0o711) // the cluster below belongs to another user when root runs the tests
  directories.add(dir)
  return dir
}

export function endPostgres(dataDir, signal = 'SIGQUIT') {
  const pid = postmasterPid(dataDir)
  if (pid) kill(pid, signal)
}

const servers = []
process.on('exit', () => {
  if (keep) for (const s of servers) writeFileSync(`${s.dataDir}.log`, s.log())
  for (const child of live) kill(child.pid, 'SIGKILL')
  for (const dir of directories) {
    for (const data of [dir, ...listed(dir)]) endPostgres(data)
    if (!keep) rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    else console.error(`kept ${dir}`)
  }
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

const listed = (dir) => (existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [])

function kill(pid, signal) {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

// A zombie that nobody reaps (an orphan in a container without an init) is not alive.
export function alive(pid) {
  if (!kill(pid, 0)) return false
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

// The first line of postmaster.pid; 0 when there is no cluster or it is not running.
export function postmasterPid(dataDir) {
  try {
    const pid = Number(readFileSync(join(dataDir, 'pg/postmaster.pid'), 'utf8').split('\n')[0])
    return pid > 1 && alive(pid) ? pid : 0
  } catch {
    return 0
  }
}

// The postmaster and its children.
export function postmasterFamily(dataDir) {
  const pid = postmasterPid(dataDir)
  assert.ok(pid, 'no private cluster is running')
  return [pid, ...childrenOf(pid)]
}

export const childrenOf = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

// ---- the command itself

// No option or database of the person who runs the tests may reach the server.
export function cleanEnv(extra = {}) {
  const env = {}
  for (const [name, value] of Object.entries(process.env))
    if (!/^(STACGATE_|PG|DATABASE_URL$|PORT$|SESSION_SECRET$|NODE_ENV$|LC_|LANG)/.test(name)) env[name] = value
  return { ...env, LC_ALL: 'en_US.UTF-8', ...extra }
}

export const stacgate = (args, { env, bin, ...rest } = {}) => run(bin ?? binary(), args, { env: cleanEnv(env), ...rest })

// ---- prepared data directories

const templateRoot = (bin) => {
  const s = statSync(bin)
  const key = createHash('sha256').update(`${bin} ${s.size} ${s.mtimeMs}`).digest('hex').slice(0, 10)
  return join(tmpdir(), `sgt-${process.getuid()}-${key}`)
}

// Two processes may want the same template: the first makes the directory, the other waits for its final name.
async function makeTemplate(bin, name, build) {
  const base = templateRoot(bin)
  const done = join(base, name)
  mkdirSync(base, { recursive: true, mode: 0o711 })
  if (existsSync(done)) return done
  const work = join(base, `${name}.work`)
  try {
    mkdirSync(work, { mode: 0o711 })
  } catch {
    await until(`template ${name}, being made by another process (if not: remove ${work})`, () => existsSync(done), 180000, 100)
    return done
  }
  try {
    await build(work)
    renameSync(work, done)
  } catch (error) {
    endPostgres(join(work, 'data'))
    rmSync(work, { recursive: true, force: true })
    throw error
  }
  return done
}

async function demoCommand(bin, data, args) {
  const r = await stacgate(['demo', '--data', data, ...args], { bin })
  assert.equal(r.code, 0, `stacgate demo ${args.join(' ')} ended with ${r.code}: ${r.err}${r.out}`)
  assert.equal(postmasterPid(data), 0, 'stacgate demo left its private cluster running')
  return r.out
}

const demoTemplate = (bin) =>
  makeTemplate(bin, 'demo', async (work) => {
    const data = join(work, 'data')
    writeFileSync(join(work, 'demo.json'), await demoCommand(bin, data, ['--json']))
  })

const learnerTemplate = (bin, { learners, groups }) =>
  makeTemplate(bin, `l${learners}g${groups}`, async (work) => {
    const from = await demoTemplate(bin)
    copyTree(from, work)
    await demoCommand(bin, join(work, 'data'), [
      '--learners', String(learners), '--groups', String(groups),
      '--cookies', join(work, 'cookies.txt'), '--rooms', join(work, 'rooms.txt'),
    ])
  })

function copyTree(from, to) {
  const r = spawnSync('cp', ['-a', '--reflink=auto', `${from}/.`, to], { encoding: 'utf8' })
  assert.equal(r.status, 0, r.stderr)
}

export async function warmTemplates() {
  await demoTemplate(binary())
}

// This run's templates, and those that interrupted runs of older builds left.
export function sweepTemplates() {
  if (keep) return
  for (const name of readdirSync(tmpdir())) {
    const dir = join(tmpdir(), name)
    if (name.startsWith(`sgt-${process.getuid()}-`) && Date.now() - statSync(dir).mtimeMs > DAY_MS) rmSync(dir, { recursive: true, force: true })
  }
  for (const bin of [binary(), binaryChecksOff()])
    if (existsSync(bin)) rmSync(templateRoot(bin), { recursive: true, force: true })
}

const lines = (path) => readFileSync(path, 'utf8').split('\n').filter(Boolean)

// {dir, dataDir, demo, learners:[{cookie, topic}]}: a copy of its own. `template`: 'empty', 'demo' or {learners, groups}.
export async function prepareData(template = 'demo', bin = binary()) {
  const dir = scratch()
  const dataDir = join(dir, 'd')
  if (template === 'empty') return { dir, dataDir }
  const from = template === 'demo' ? await demoTemplate(bin) : await learnerTemplate(bin, template)
  copyTree(join(from, 'data'), dataDir)
  const demo = JSON.parse(readFileSync(join(from, 'demo.json'), 'utf8'))
  if (template === 'demo') return { dir, dataDir, demo }
  const rooms = lines(join(from, 'rooms.txt'))
  const learners = lines(join(from, 'cookies.txt')).map((line, i) => ({
    cookie: line.replace(/^Cookie:\s*/i, ''),
    topic: rooms[i],
  }))
  return { dir, dataDir, demo, learners }
}

// ---- a running server

export class Server {
  constructor({ args, env, bin, dataDir, data }) {
    Object.assign(this, { args, env, bin, dataDir, ...data, port: 0, chunks: [], exited: null })
    servers.push(this)
  }

  async start({ ready = true } = {}) {
    this.port ||= await freePort()
    const args = ['serve', '--data', this.dataDir, '--port', String(this.port), ...this.args]
    const child = spawn(this.bin, args, { env: cleanEnv(this.env), stdio: ['ignore', 'pipe', 'pipe'] })
    live.add(child)
    this.child = child
    this.pid = child.pid
    const take = (d) => this.chunks.push(d)
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    const from = this.chunks.length
    this.exited = new Promise((done) => {
      child.on('close', (code, signal) => {
        live.delete(child)
        done({ code, signal })
      })
    })
    // One that is not ready is not left: its pipes would keep the test's file from ending, and so from saying why.
    if (ready) await this.ready(from).catch((error) => {
      child.kill('SIGKILL')
      throw error
    })
    return this
  }

  // Waits for the line that scripts wait for, on a line of its own.
  async ready(from = 0, ms = READY_MS) {
    let over = null
    this.exited.then((e) => (over = e))
    await until(
      () => `the ready line of the server. Its output:\n${this.log().slice(-4000)}`,
      () => {
        const m = /^stacgate: ready on (https?:\/\/[^\s:]+:(\d+))$/m.exec(this.chunks.slice(from).join(''))
        if (m) {
          this.url = m[1]
          this.port = Number(m[2])
          return true
        }
        assert.ok(!over, `the server ended with ${JSON.stringify(over)} before it was ready:\n${this.log().slice(-4000)}`)
        return false
      },
      ms,
    )
  }

  log() {
    return this.chunks.join('')
  }

  // SIGTERM, and the exit: {code, signal, ms}.
  async stop(signal = 'SIGTERM') {
    const began = Date.now()
    this.child.kill(signal)
    const exit = await within(this.exited, STOP_MS, `the server's exit after ${signal}:\n${this.log().slice(-2000)}`).catch((e) => {
      this.child.kill('SIGKILL')
      throw e
    })
    return { ...exit, ms: Date.now() - began }
  }

  async kill9() {
    this.child.kill('SIGKILL')
    return this.exited
  }

  async restart(signal = 'SIGTERM') {
    if (signal === 'SIGKILL') await this.kill9()
    else await this.stop(signal)
    return this.start()
  }

  // Signals to the private cluster's postmaster. Fast shutdown is SIGINT, as pg_ctl's.
  async pgStop(signal = 'SIGINT') {
    const pid = postmasterPid(this.dataDir)
    assert.ok(pid, 'no private cluster is running')
    kill(pid, signal)
    await until(`the postmaster's end after ${signal}`, () => !alive(pid), PATIENCE, 5)
    return pid
  }

  pgKill() {
    return this.pgStop('SIGKILL')
  }

  // The server watches its cluster and starts it again; this only waits until a query works.
  async pgStart() {
    await until('the private cluster to accept again', () => this.sql('select 1').then(() => true, () => false), 60000, 100)
  }

  connection() {
    if (this.env?.DATABASE_URL) return [this.env.DATABASE_URL]
    // The socket is in the cluster's own directory as long as that path is short, as ours is.
    return [`host=${join(this.dataDir, 'pg')} user=stacgate_owner dbname=stacgate`]
  }

  // Statements as the owner; the text psql prints (unaligned, tuples only).
  async sql(text) {
    const r = await run('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-d', ...this.connection()], {
      input: text, env: cleanEnv({ LC_ALL: 'C.UTF-8' }), ms: 30000,
    })
    if (r.code !== 0) throw new Error(`psql: ${r.err}\n${text}`)
    return r.out.replace(/\n$/, '')
  }

  // Holds what a statement locks until the returned function is called, which ends the transaction.
  async hold(text, end = 'rollback') {
    const child = spawn('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-d', ...this.connection()], {
      env: cleanEnv({ LC_ALL: 'C.UTF-8' }), stdio: ['pipe', 'pipe', 'inherit'],
    })
    live.add(child)
    const ended = new Promise((done) => child.on('close', () => done(live.delete(child))))
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (d) => (said += d))
    child.stdin.write(`begin;\n${text};\nselect 'held';\n`)
    await until('the lock', () => /^held$/m.test(said))
    return () => (child.stdin.end(`${end};\n`), ended)
  }

  // Calls that meet at what a statement locks: each has begun and waits before the next one begins. Their answers.
  async meet(text, ...calls) {
    const release = await this.hold(text)
    const answers = []
    for (const call of calls) {
      answers.push(call())
      await this.waiting(answers.length)
    }
    await release()
    return Promise.all(answers)
  }

  // Until so many statements wait for locks.
  waiting(n) {
    return until('a statement to wait for a lock', async () => Number(await this.sql('select count(*) from pg_locks where not granted')) >= n)
  }

  // One query's rows as objects.
  async rows(query) {
    return JSON.parse(await this.sql(`select coalesce(json_agg(t), '[]') from (${query}) t;`))
  }
}



export async function startServer({ args = [], env = {}, dataDir, binary: bin = binary(), template = 'demo', ready = true } = {}) {
  const data = dataDir ? { dataDir } : await prepareData(template, bin)
  const server = new Server({ args, env, bin, dataDir: data.dataDir, data })
  return server.start({ ready })
}

// For SQL literals in tests.
export const lit = (s) => `'${String(s).replaceAll("'", "''")}'`
