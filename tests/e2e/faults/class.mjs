// What the campaigns share: a server with a class on it that talks, on its own private cluster or on a database of the test's, and percentiles.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { binary, prepareData, scratch, stacgate, Server, startServer } from '../lib/server.mjs'
import { Gathering } from '../lib/talk.mjs'
import { randomFrom, SEED, sleep, until } from '../lib/util.mjs'

export const FREE = { STACGATE_RATE_LIMITS: 'off' }

// Everybody connected, on a private cluster.
export async function openClass({ after }, { clients = 60, groups = 6, args = [], env = {}, bin, talkers, via } = {}) {
  const data = await prepareData({ learners: clients, groups }, binary())
  const server = new Server({ args, env: { ...FREE, ...env }, bin: bin ?? binary(), dataDir: data.dataDir, data })
  await server.start()
  return gather({ after }, server, talkers, via)
}

// The same on a database that is the campaign's to break: `pg` has start() and url.
export async function openClassOn({ after }, pg, { clients = 60, groups = 6, args = [], env = {}, talkers } = {}) {
  const dir = scratch()
  const all = { ...FREE, DATABASE_URL: pg.url, ...env }
  const made = await stacgate(
    ['demo', '--data', join(dir, 'd'), '--learners', String(clients), '--groups', String(groups), '--cookies', join(dir, 'cookies'), '--rooms', join(dir, 'rooms')],
    { env: { DATABASE_URL: pg.url } },
  )
  assert.equal(made.code, 0, made.err)
  const server = await startServer({ template: 'empty', args, env: all })
  const [cookies, rooms] = ['cookies', 'rooms'].map((f) => readFileSync(join(dir, f), 'utf8').split('\n').filter(Boolean))
  server.learners = cookies.map((line, i) => ({ cookie: line.replace(/^Cookie:\s*/i, ''), topic: rooms[i] }))
  return gather({ after }, server, talkers)
}

export async function gather({ after }, server, talkers, via) {
  after(() => server.stop().catch(() => {}))
  const gathering = new Gathering(server, server.learners, { ...talkers, ...(via ? { via: await via(server) } : {}) })
  after(() => gathering.end())
  await gathering.start()
  return { server, gathering, talk: new Conversation(gathering) }
}

// Everybody says something now and then, each time until it is acknowledged, until told to stop.
export class Conversation {
  constructor(gathering) {
    this.gathering = gathering
    this.random = randomFrom(SEED)
    this.on = false
  }

  // `each`: seconds between two messages of a person, on average.
  start({ each = 0.3, persons = this.gathering.persons } = {}) {
    this.on = true
    this.over = Promise.all(persons.map((p) => this.#speak(p, each)))
    this.over.catch(() => {})
    return this
  }

  async #speak(p, each) {
    for (let i = 0; this.on; i++) {
      await sleep(each * 2000 * this.random.next())
      if (this.on) await p.say(`message ${p.n}.${p.said} ${'x'.repeat(this.random.below(120))}`, { retry: true, patience: 400000 })
    }
  }

  // Everything that was said is acknowledged when this returns.
  async stop() {
    this.on = false
    await this.over
  }

  // Acknowledgements that arrived between two moments (Date.now()).
  between(from, to = Date.now()) {
    return this.gathering.sends.filter((s) => s.at >= from && s.at < to)
  }

  // The time until the next acknowledgement after `from`.
  async resumed(from, ms = 60000) {
    await until('the next acknowledgement', () => this.gathering.sends.some((s) => s.at > from), ms, 5)
    return Math.min(...this.gathering.sends.filter((s) => s.at > from).map((s) => s.at)) - from
  }
}

export function percentile(numbers, p) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] : NaN
}

// The ledger's verdict as figures, which every campaign ends with.
export async function judge({ figures }, gathering, { reloads = true } = {}) {
  const found = await gathering.faults()
  for (const f of found.slice(0, 5)) figures.tell(f)
  figures.tell(`${gathering.acknowledged.length} acknowledged of ${gathering.sends.length} sent, ${gathering.sends.filter((s) => s.tries > 1).length} sent again, ${gathering.connections} connections`)
  figures.add('lost, doubled, out of order, phantom, missed', found.length, { is: 0 })
  if (reloads) figures.add('members who had to load anew', gathering.reloads, { is: 0 })
}

const status = (pid, key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
export const rssMiB = (pid) => status(pid, 'VmRSS') / 1024
export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length
// CPU seconds of a process, all threads.
export const cpuSeconds = (pid) => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
  return (Number(f[11]) + Number(f[12])) / 100
}
