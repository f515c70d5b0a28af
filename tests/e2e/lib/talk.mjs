// People who talk: stock clients that write down what they wanted sent, what was acknowledged and what they saw, in the shape that checker.mjs
// judges. A group of them is a gathering; what breaks around it is the caller's affair.
import assert from 'node:assert/strict'
import { joined, stockSocket } from './client.mjs'
import { check } from './checker.mjs'
import { sleep, until } from './util.mjs'

// A person with a stock client. `server` is any object with the `url` to reach it by.
export class Person {
  constructor(server, learner, n, { answerMs = 2500, encoding = n % 2 ? 'msgpack' : 'json', ...options } = {}) {
    Object.assign(this, { n, name: `learner ${n}`, topic: learner.topic, answerMs, seen: [], sends: [], refusals: [], gaps: 0, said: 0, last: null, epoch: null, from: null })
    this.socket = stockSocket(server, { cookie: learner.cookie, encoding, ...options })
    this.channel = this.socket.channel(learner.topic, () => (this.epoch ? { epoch: this.epoch, since: this.last } : {}))
    this.channel.onMessage = (event, payload, ref) => this.#note(event, payload, ref)
  }

  #note(event, payload, ref) {
    if (event === 'phx_reply' && ref === this.channel.joinRef() && payload.status === 'ok') {
      const r = payload.response
      if (this.epoch && !r.recovered) this.gaps++
      if (this.from === null) this.from = r.seq
      this.joinedAt = Date.now()
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
        .push('message:new', payload, this.answerMs)
        .receive('ok', (r) => resolve(['ok', r]))
        .receive('error', (r) => resolve(['error', r]))
        .receive('timeout', () => resolve(['unknown'])),
    )
  }

  // Sends one message; with `retry` until it is acknowledged, always under the same opId. The entry of the ledger: {ack, tries, ms of the last try, at}.
  async say(content, { retry = false, patience = 60000 } = {}) {
    const send = { topic: this.topic, opId: `${this.n}.${this.said++}`, content, ack: null, tries: 0 }
    this.sends.push(send)
    do {
      await until('the channel to be joined', () => this.channel.state === 'joined', patience, 5)
      send.tries++
      const began = performance.now()
      const [how, r] = await this.#push({ opId: send.opId, type: 'text', content })
      if (how === 'ok') Object.assign(send, { ack: { id: r.id, seq: r.seq }, ms: performance.now() - began, at: Date.now() })
      else if (how === 'error') {
        assert.equal(r.reason, 'unavailable', `an unexpected refusal: ${JSON.stringify(r)}`)
        this.refusals.push(Date.now())
        await sleep(100)
      }
    } while (retry && !send.ack)
    return send
  }
}

export class Gathering {
  constructor(server, learners, options) {
    this.server = server
    const { via = server, ...talkers } = options ?? {}
    this.persons = learners.map((l, n) => new Person(via, l, n, talkers.of?.(n) ?? talkers))
  }

  async start() {
    await Promise.all(this.persons.map((p) => p.start()))
    return this
  }

  get sends() {
    return this.persons.flatMap((p) => p.sends)
  }

  get acknowledged() {
    return this.sends.filter((s) => s.ack)
  }

  get connections() {
    return this.persons.reduce((n, p) => n + p.socket.wires.length, 0)
  }

  get reloads() {
    return this.persons.reduce((n, p) => n + p.gaps, 0)
  }

  // The last position of every channel.
  async heads() {
    return Object.fromEntries((await this.server.rows(`select topic, last_seq from channels`)).map((r) => [r.topic, r.last_seq]))
  }

  // Returns when everybody has seen the last event of their channel.
  async caughtUp(ms = 30000) {
    const heads = await this.heads()
    await until(
      () => `everybody to catch up: ${this.persons.filter((p) => p.last !== heads[p.topic]).map((p) => `${p.name} at ${p.last} of ${heads[p.topic]} (${p.channel.state})`)}`,
      () => this.persons.every((p) => p.last === heads[p.topic]), ms,
    )
  }

  // The ledger once everybody has caught up. Who was told to load anew has a hole by promise, and is judged by that alone.
  async ledger() {
    await this.caughtUp()
    await sleep(300) // what must not come would come now
    const starts = {}
    for (const p of this.persons) starts[p.topic] = Math.min(starts[p.topic] ?? Infinity, p.from)
    const since = `(values ${Object.entries(starts).map(([topic, seq]) => `('${topic}', ${seq})`)}) as since(topic, seq)`
    return {
      sends: this.sends,
      members: this.persons.filter((p) => !p.gaps).map(({ name, topic, from, seen }) => ({ name, topic, from, seen })),
      messages: await this.server.rows(`select topic, id, m.seq, content from study_group_messages m join ${since} on topic = 'group:' || study_group_id and m.seq > since.seq`),
      events: await this.server.rows(`select topic, epoch, e.seq, event from channel_events e join channels c on c.id = e.channel join ${since} using (topic) where e.seq > since.seq`),
    }
  }

  // What the checker says of it all: [] when every promise was kept.
  async faults() {
    return check(await this.ledger())
  }

  // What was judged needs no memory: the ledger begins anew where everybody stands.
  forget() {
    for (const p of this.persons) Object.assign(p, { sends: [], seen: [], refusals: [], from: p.last })
  }

  end() {
    for (const p of this.persons) p.socket.disconnect()
  }
}
