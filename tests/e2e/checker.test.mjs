// The checker finds each fault that is planted in a ledger of a run without faults, and none in that run.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { check } from './lib/checker.mjs'

const topic = 'group:a'
const epoch = 'e'
const message = (seq) => ({ topic, id: `id${seq}`, seq, content: `text ${seq}` })
const seqs = [1, 2, 3, 4, 5]

const good = () => ({
  sends: seqs.map((n) => ({ topic, opId: `op${n}`, content: `text ${n}`, ack: n === 4 ? null : { id: `id${n}`, seq: n } })),
  messages: seqs.map(message),
  events: seqs.map((seq) => ({ topic, epoch, seq, event: 'message' })),
  members: ['ada', 'bob'].map((name) => ({
    name, topic, from: 0, seen: seqs.map((seq) => ({ epoch, event: 'message', ...message(seq) })),
  })),
})

const faults = {
  'an acknowledged message is not in the database': [/^lost/, (l) => l.messages.splice(1, 1)],
  'a message is in the database twice': [/^doubled/, (l) => l.messages.push({ ...message(2), id: 'id9', seq: 6 })],
  'an acknowledgement names another row': [/^wrong ack/, (l) => (l.sends[0].ack = { id: 'id2', seq: 1 })],
  'two sends got one position': [/^one position/, (l) => (l.sends[0].ack = { id: 'id2', seq: 2 })],
  'the database holds what nobody sent': [/^nobody sent/, (l) => l.messages.push({ ...message(6) })],
  'the log has a hole': [/^hole/, (l) => l.events.splice(2, 1)],
  'the epoch changed': [/^epoch changed/, (l) => (l.events[4].epoch = 'f')],
  'a member misses one': [/^missed: bob/, (l) => l.members[1].seen.splice(2, 1)],
  'a member misses the last': [/^missed: ada/, (l) => l.members[0].seen.pop()],
  'a member saw two in the wrong order': [/^out of order: ada/, (l) => ([l.members[0].seen[1], l.members[0].seen[2]] = [l.members[0].seen[2], l.members[0].seen[1]])],
  'a member saw what was never committed': [/^phantom: bob/, (l) => l.members[1].seen.push({ epoch, event: 'message', ...message(6) })],
  'a member saw a message under two positions': [/^seen twice: ada/, (l) => {
    l.events.push({ topic, epoch, seq: 6, event: 'message' })
    l.messages.push({ ...message(6), content: 'text 5' })
    l.members[0].seen.push({ epoch, event: 'message', ...message(5), seq: 6 })
  }],
  'a member saw other words than were stored': [/as 'forged', stored as 'text 3'/, (l) => (l.members[0].seen[2] = { ...l.members[0].seen[2], content: 'forged' })],
  'a repeat differs from the first': [/twice with different/, (l) => l.members[0].seen.push({ ...l.members[0].seen[4], id: 'other' })],
  'a member saw another event than was committed': [/committed as message/, (l) => (l.members[0].seen[0] = { ...l.members[0].seen[0], event: 'message:updated' })],
}

test('a run without faults passes, with an unanswered send that was stored', () => {
  assert.deepEqual(check(good()), [])
})

test('a repeat of the same (epoch, seq) is no fault', () => {
  const l = good()
  l.members[0].seen.splice(3, 0, l.members[0].seen[2])
  assert.deepEqual(check(l), [])
})

test('who joined late owes nothing for what was before', () => {
  const l = good()
  l.members[1].from = 3
  l.members[1].seen.splice(0, 3)
  assert.deepEqual(check(l), [])
})

for (const [name, [expected, plant]] of Object.entries(faults))
  test(`planted: ${name}`, () => {
    const l = good()
    plant(l)
    const found = check(l)
    assert.ok(found.some((f) => expected.test(f)), `not found; reported: ${JSON.stringify(found)}`)
  })
