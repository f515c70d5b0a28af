// Forty stock clients in five groups send three thousand messages while their connections are cut at random, the server is killed five
// times and PostgreSQL stops twice. Afterwards the checker compares what everybody wrote down with the database.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { joined, stockSocket } from './lib/client.mjs'
import { check } from './lib/checker.mjs'
import { randomFrom, SEED, sleep, until } from './lib/util.mjs'

const CLIENTS = 40
const GROUPS = 5
const MESSAGES = 3000
const ANSWER_MS = 2500

// A person with a stock client, and everything it sent and saw.
class Person {
  constructor(server, learner, n) {
    Object.assign(this, { n, name: `learner ${n}`, topic: learner.topic, seen: [], sends: [], gaps: 0, last: null, epoch: null, from: null })
    this.socket = stockSocket(server, { cookie: learner.cookie, encoding: n % 2 ? 'msgpack' : 'json' })
    this.channel = this.socket.channel(learner.topic, () => (this.epoch ? { epoch: this.epoch, since: this.last } : {}))
    this.channel.onMessage = (event, payload, ref) => this.#note(event, payload, ref)
  }

  #note(event, payload, ref) {
    if (event === 'phx_reply' && ref === this.channel.joinRef() && payload.status === 'ok') {
      const r = payload.response
      if (this.epoch && !r.recovered) this.gaps++
      if (this.from === null) this.from = r.seq
      this.epoch = r.epoch
      this.last = r.seq
    } else if (Number.isInteger(payload?.seq) && !event.startsWith('phx_') && !event.startsWith('chan_')) {
      this.seen.push({ epoch: this.epoch, seq: payload.seq, event, id: payload.id, content: payload.content })
      this.last = payload.seq
    }
    return payload
  }

  async start() {
    this.socket.connect()
    await joined(this.channel, 20000)
  }

  // 'ok' with the reply, 'error' with it, or 'unknown'.
  #push(payload) {
    return new Promise((resolve) =>
      this.channel
        .push('message:new', payload, ANSWER_MS)
        .receive('ok', (r) => resolve(['ok', r]))
        .receive('error', (r) => resolve(['error', r]))
        .receive('timeout', () => resolve(['unknown'])),
    )
  }

  // Sends one message; with `retry` until it is acknowledged, always under the same opId.
  async say(content, retry) {
    const send = { topic: this.topic, opId: `${this.n}.${this.sends.length}`, content, ack: null, tries: 0 }
    this.sends.push(send)
    do {
      await until('the channel to be joined', () => this.channel.state === 'joined', 60000, 5)
      send.tries++
      const [how, r] = await this.#push({ opId: send.opId, type: 'text', content })
      if (how === 'ok') send.ack = { id: r.id, seq: r.seq }
      else if (how === 'error') {
        assert.equal(r.reason, 'unavailable', `an unexpected refusal: ${JSON.stringify(r)}`)
        await sleep(100)
      }
    } while (retry && !send.ack)
  }
}

async function chaos(t, { retry, pgFault, seed }) {
  const random = randomFrom(seed)
  const server = await startServer({ template: { learners: CLIENTS, groups: GROUPS }, env: { STACGATE_RATE_LIMITS: 'off' } })
  const persons = server.learners.map((l, n) => new Person(server, l, n))
  let working = true
  try {
    await Promise.all(persons.map((p) => p.start()))
    let settled = 0
    const talk = async (p) => {
      for (let i = 0; i < MESSAGES / CLIENTS; i++) {
        await p.say(`message ${p.n}.${i} ${'x'.repeat(random.below(200))}`, retry)
        settled++
      }
    }
    const cutting = (async () => {
      for (let cuts = 0; working; cuts++) {
        await sleep(40 + random.below(120))
        random.pick(persons).socket.cut()
      }
    })()

    // Faults come by progress, so that each meets traffic: five kills, two stops of the database.
    const faults = [
      [0.08, () => server.restart('SIGKILL')], [0.2, () => server.restart('SIGKILL')], [0.32, pgFault], [0.44, () => server.restart('SIGKILL')],
      [0.58, () => server.restart('SIGKILL')], [0.7, pgFault], [0.82, () => server.restart('SIGKILL')],
    ]
    const breaking = (async () => {
      for (const [at, fault] of faults) {
        await until(() => `progress to ${at * MESSAGES} (${settled})`, () => settled >= at * MESSAGES, 90000, 2)
        await fault(server)
      }
    })()
    await Promise.all([...persons.map(talk), breaking])
    working = false
    await cutting

    await server.pgStart()
    const heads = Object.fromEntries((await server.rows(`select topic, last_seq from channels`)).map((r) => [r.topic, r.last_seq]))
    await until(
      () => `everybody to catch up: ${persons.filter((p) => p.last !== heads[p.topic]).map((p) => `${p.name} at ${p.last} of ${heads[p.topic]} (${p.channel.state})`)}`,
      () => persons.every((p) => p.last === heads[p.topic]),
      30000,
    )
    await sleep(300) // what must not come would come now

    const sends = persons.flatMap((p) => p.sends)
    const starts = Object.fromEntries(persons.map((p) => [p.topic, Math.min(...persons.filter((q) => q.topic === p.topic).map((q) => q.from))]))
    const topics = Object.keys(starts)
    const inTopics = `(${topics.map((x) => `'${x}'`)})`
    const ledger = {
      sends,
      members: persons.map(({ name, topic, from, seen }) => ({ name, topic, from, seen })),
      messages: (await server.rows(`select 'group:' || study_group_id as topic, id, seq, content from study_group_messages where 'group:' || study_group_id in ${inTopics}`)).filter((m) => m.seq > starts[m.topic]),
      events: (await server.rows(`select c.topic, c.epoch, e.seq, e.event from channel_events e join channels c on c.id = e.channel where c.topic in ${inTopics}`)).filter((e) => e.seq > starts[e.topic]),
    }
    const acked = sends.filter((s) => s.ack).length
    t.diagnostic(`seed ${seed}: ${sends.length} sent, ${acked} acknowledged, ${ledger.messages.length} stored, ${sends.filter((s) => s.tries > 1).length} retried, ${persons.reduce((n, p) => n + p.socket.wires.length, 0)} connections`)
    assert.equal(sends.length, MESSAGES)
    assert.ok(acked > MESSAGES * (retry ? 0.999 : 0.5), `${acked} acknowledged`)
    if (retry) assert.equal(ledger.messages.length, MESSAGES, 'with retries every message is stored exactly once')
    assert.equal(persons.reduce((n, p) => n + p.gaps, 0), 0, 'somebody had to reload')
    assert.deepEqual(check(ledger).slice(0, 20), [])
  } finally {
    working = false
    persons.forEach((p) => p.socket.disconnect())
    await server.stop().catch(() => {})
  }
}

test('chaos: cuts, five kills, two database stops; unanswered pushes are left alone', (t) =>
  chaos(t, { retry: false, seed: SEED, pgFault: async (server) => (await server.pgStop(), await server.pgStart()) }))

test('chaos with retries of unanswered pushes under their opId: no double, nothing lost; the database is killed outright', (t) =>
  chaos(t, { retry: true, seed: SEED + 1, pgFault: async (server) => (await server.pgKill(), await server.pgStart()) }))
