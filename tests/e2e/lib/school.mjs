// What most suites need of a school: people signed in, study groups of the test's own (so that no test sees another's messages), and
// members connected to them.
import assert from 'node:assert/strict'
import { Wire, joined, stockSocket } from './client.mjs'
import { connectRaw, frame } from './rawws.mjs'
import { unique, until } from './util.mjs'

// `creator` makes a group over REST and becomes its admin; the others join it.
export async function makeGroup(creator, others = [], fields = {}) {
  const made = await creator.post('/api/study-groups', { name: unique('Groupe'), maxMembers: 50, ...fields })
  assert.equal(made.status, 201, `a new group: ${made.status} ${made.text}`)
  for (const person of others) {
    const r = await person.post(`/api/study-groups/${made.json.id}/join`, {})
    assert.equal(r.status, 201, `join over REST: ${r.status} ${r.text}`)
  }
  return { id: made.json.id, topic: `group:${made.json.id}`, json: made.json }
}

// A connection of this person, in the topic.
export async function member(server, person, topic, { params = {}, ...options } = {}) {
  const wire = await Wire.open(server, { cookie: person.cookie, ...options })
  wire.person = person
  wire.joined = await wire.enter(topic, params)
  return wire
}

export const members = (server, list, topic, options) => Promise.all(list.map((p) => member(server, p, topic, options)))

let op = 0
export const opId = () => `op-${process.pid}-${++op}`
export const text = (content, extra = {}) => ({ opId: opId(), type: 'text', content, ...extra })

// Sends a message and returns {id, seq, createdAt}.
export const say = (wire, topic, content, extra) => wire.done(topic, 'message:new', text(content, extra))

export function assertEvent(payload) {
  assert.ok(Number.isInteger(payload.seq) && payload.seq > 0, `seq: ${JSON.stringify(payload)}`)
  assert.match(payload.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.equal(typeof payload.by, 'string')
}

export const uuid = '00000000-0000-4000-8000-000000000000'

// A stock phoenix client in the topic, that resumes by params: every numbered event it was given, in `seen` as [event, payload]; what it
// was told at each join, in `joins`.
export async function follow(server, person, topic, events, { encoding = 'json' } = {}) {
  const socket = stockSocket(server, { cookie: person.cookie, encoding })
  const position = {}
  const it = { socket, seen: [], joins: [], heard: (event) => it.seen.filter(([e]) => e === event).map(([, p]) => p) }
  socket.connect()
  it.channel = socket.channel(topic, () => ({ ...position }))
  for (const event of events)
    it.channel.on(event, (p) => {
      it.seen.push([event, p])
      if (p.seq) position.since = p.seq
    })
  it.channel.onMessage = (event, payload, ref) => {
    if (event === 'phx_reply' && ref === it.channel.joinRef() && payload.status === 'ok') {
      it.joins.push(payload.response)
      Object.assign(position, { epoch: payload.response.epoch, since: payload.response.seq })
    }
    return payload
  }
  it.reply = await joined(it.channel)
  it.next = (event, fits = () => true) => until(`${event}; seen: ${JSON.stringify(it.seen)}`, () => it.heard(event).find(fits))
  return it
}

// A member that reads only when it is told to.
export async function deaf(on, person, topic, params = {}) {
  const raw = await connectRaw(on, { cookie: person.cookie })
  raw.socket.write(frame(1, JSON.stringify(['1', '1', topic, 'phx_join', params])))
  await until('the join', () => raw.frames().some((f) => f.payload.includes('phx_reply')))
  raw.joined = raw.frames().map(envelope).find((m) => m[3] === 'phx_reply')[4].response
  await until('the presence list', () => raw.frames().some((f) => f.payload.includes('presence_state')))
  raw.socket.pause()
  return raw
}
const envelope = (f) => (f.opcode === 1 ? JSON.parse(f.payload) : [])
export const heard = (raw, event) => raw.frames().map(envelope).filter((m) => m[3] === event).map((m) => m[4])

// More than the kernel takes for somebody who does not read, less than a connection may have queued.
const FILL = 60
export async function fill(speaker, topic, n = FILL) {
  const seqs = []
  for (let i = 0; i < n; i++) seqs.push((await say(speaker, topic, `${i} `.padEnd(8000, 'plein '))).seq)
  return seqs
}

// A class planned for now by its host, and the same with its host and two learners in it.
export async function planClass(host, group, fields = {}) {
  const now = { startTime: new Date().toISOString(), endTime: new Date(Date.now() + 3600e3).toISOString() }
  const r = await host.post(`/api/study-groups/${group.id}/sessions`, { title: 'Séance', ...now, ...fields })
  assert.equal(r.status, 201, r.text)
  return { ...r.json, topic: `class:${r.json.id}` }
}
export async function enterClass(server, people, group, fields) {
  const k = await planClass(people[0], group, fields)
  const [host, ada, bob] = await members(server, people, k.topic)
  return { k, host, ada, bob, close: () => Promise.all([host, ada, bob].map((w) => w.close())) }
}
export const heardAt = async (wire, topic, event, seq) => (await wire.event(topic, event, (p) => p.seq === seq))[4]

// The code in a mail, as its row of the outbox has it. What a code is made of may begin or end it: no word boundary is.
export const codeIn = (mail) => /: (\S{20,})/.exec(mail.body)[1]
