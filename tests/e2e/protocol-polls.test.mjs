// Polls of a study group: one vote a person, changeable until closed, counted exactly whatever comes at once; what an anonymous one chose
// is told to nobody, by no way; everything outlives the server.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup, member, members, opId, say, text, uuid } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

let server, who, group, ada, bob, eve
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'manager'])
  group = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  ;[ada, bob, eve] = await members(server, [who.apprenant1, who.apprenant2, who.apprenant3], group.topic)
})
after(async () => {
  await Promise.all([ada?.close(), bob?.close(), eve?.close()])
  await server?.stop()
})

const options = ['a', 'b', 'c'].map((id) => ({ id, text: `Choix ${id}` }))
const poll = (fields = {}) => ({ type: 'poll', metadata: { question: 'Lequel ?', options, ...fields } })
const ask = async (wire, fields) => (await say(wire, group.topic, 'Un sondage', poll(fields))).id
const vote = (wire, messageId, option, extra = {}) => wire.done(group.topic, 'poll:vote', { opId: opId(), messageId, option, ...extra })
const heard = async (wire, seq) => (await wire.event(group.topic, 'poll:updated', (p) => p.seq === seq))[4]
const seen = (person, id) => person.get(`/api/study-groups/${group.id}/messages/${id}/poll`)
const id = (person) => person.user.id

// A poll that closes by itself soon, and a vote in it before that: the time is as short as this machine lets the vote come.
async function brief(fields = {}) {
  for (let ms = 1000; ; ms *= 2) {
    const closes = Date.now() + ms
    const m = await ask(ada, { closesAt: new Date(closes).toISOString(), ...fields })
    const r = await bob.push(group.topic, 'poll:vote', { opId: opId(), messageId: m, option: 'b' })
    if (r.status === 'ok') return { m, over: () => sleep(Math.max(closes - Date.now(), 0) + 100) }
    assert.equal(r.response.reason, 'conflict')
  }
}

async function inHistory(wire, messageId) {
  const r = await wire.done(group.topic, 'history', { limit: 100 })
  return r.events.map((e) => e.payload).find((m) => m.id === messageId)
}

test('a vote is counted, named, and may be changed or taken back', async () => {
  const m = await ask(ada)
  for (const [option, expected] of [['a', { a: 1 }], ['b', { b: 1 }], [[], {}], [['c'], { c: 1 }]]) {
    const { seq } = await vote(bob, m, option)
    const [x, y] = await Promise.all([heard(ada, seq), heard(bob, seq)])
    assert.deepEqual(x, y)
    assert.deepEqual([x.messageId, x.counts, x.voters, x.closed, x.by], [m, expected, Object.keys(expected).length, false, id(who.apprenant2)])
    assert.deepEqual(x.vote, { userId: id(who.apprenant2), options: [option].flat() })
  }
  await vote(ada, m, 'c')
  const { poll: now } = await inHistory(eve, m)
  assert.deepEqual(now, { counts: { c: 2 }, voters: 2, closed: false, closedAt: null,
    votes: [{ userId: id(who.apprenant2), options: ['c'] }, { userId: id(who.apprenant1), options: ['c'] }] })
  assert.equal(await server.sql(`select count(*) from poll_votes where message_id = ${lit(m)}`), '2')
})

test('several options where the poll allows it', async () => {
  const m = await ask(ada, { multiple: true })
  await vote(ada, m, ['a', 'c'])
  const { seq } = await vote(bob, m, ['c'])
  const x = await heard(eve, seq)
  assert.deepEqual([x.counts, x.voters], [{ a: 1, c: 2 }, 2])
})

test('what is no vote is refused', async () => {
  const m = await ask(ada)
  const other = await say(ada, group.topic, 'pas un sondage')
  const refused = (messageId, option, reason) => bob.refused(group.topic, 'poll:vote', { opId: opId(), messageId, option }, reason)
  for (const option of ['z', '', 5, null, { a: 1 }, ['a', 'b'], ['a', 'a'], ['z'], [5], undefined]) await refused(m, option, 'invalid')
  await refused(other.id, 'a', 'not_found')
  await refused(uuid, 'a', 'not_found')
  await bob.refused(group.topic, 'poll:vote', { opId: opId(), option: 'a' }, 'invalid')
  const elsewhere = await makeGroup(who.apprenant3)
  const w = await member(server, who.apprenant3, elsewhere.topic)
  const theirs = await say(w, elsewhere.topic, 'ailleurs', poll())
  await refused(theirs.id, 'a', 'not_found')
  const staff = await member(server, who.manager, group.topic)
  await staff.refused(group.topic, 'poll:vote', { opId: opId(), messageId: m, option: 'a' }, 'forbidden')
  for (const bad of [{ options: [options[0]] }, { options: [options[0], options[0]] }, { closesAt: 'demain' }, { closesAt: '2020-01-01T00:00:00Z' }, { multiple: 'oui' }])
    await ada.refused(group.topic, 'message:new', text('mal fait', poll(bad)), 'invalid')
  assert.deepEqual((await inHistory(bob, m)).poll.counts, {})
  await Promise.all([w.close(), staff.close()])
})

test('an anonymous vote is counted and told to nobody: not in events, resumes, histories, nor in the log', async () => {
  const m = await ask(ada, { anonymous: true })
  const before = (await say(ada, group.topic, 'avant')).seq
  const payload = { opId: opId(), messageId: m, option: 'b' }
  const { seq } = await bob.done(group.topic, 'poll:vote', payload)
  const check = (x) => {
    assert.deepEqual(Object.keys(x).sort(), ['anonymous', 'at', 'closed', 'counts', 'messageId', 'seq', 'voters'])
    assert.deepEqual([x.counts, x.voters, x.anonymous], [{ b: 1 }, 1, true])
  }
  check(await heard(ada, seq))
  const again = await member(server, who.apprenant3, group.topic, { params: { epoch: eve.joined.epoch, since: before } })
  check(await heard(again, seq))
  await again.close()
  const shown = await inHistory(ada, m)
  assert.deepEqual(shown.poll, { counts: { b: 1 }, voters: 1, closed: false, closedAt: null })
  const [row] = await server.rows(`select e.payload from channel_events e join channels c on c.id = e.channel where c.topic = ${lit(group.topic)} and e.seq = ${seq}`)
  assert.ok(!JSON.stringify(row.payload).includes('secret'), JSON.stringify(row))
  assert.deepEqual((await seen(who.apprenant2, m)).json.myVote, ['b'])
  const others = (await seen(who.apprenant1, m)).json
  assert.deepEqual([others.myVote, others.votes, others.counts], [[], undefined, { b: 1 }])
  assert.equal((await bob.done(group.topic, 'poll:vote', payload)).seq, seq, 'its own answer again')
  const { seq: changed } = await vote(bob, m, 'a')
  assert.deepEqual((await heard(ada, changed)).counts, { a: 1 }, 'still one vote')
})

test('an op id: the first answer again, without effect on what came since', async () => {
  const m = await ask(ada)
  const first = { opId: opId(), messageId: m, option: 'a' }
  const reply = await bob.done(group.topic, 'poll:vote', first)
  await vote(bob, m, 'b')
  const [again, { seq }] = await Promise.all([bob.done(group.topic, 'poll:vote', first), vote(eve, m, 'b')])
  assert.deepEqual(again, reply)
  assert.deepEqual((await heard(ada, seq)).counts, { b: 2 }, 'the repeat counts for nothing, also in the batch of another vote')
  await bob.refused(group.topic, 'poll:vote', { ...first, option: 'c' }, 'conflict')
})

test('votes that come at once are each counted from the one before', async () => {
  const m = await ask(ada)
  const wires = [ada, bob, eve]
  const seqs = await Promise.all(Array.from({ length: 60 }, (_, i) => vote(wires[i % 3], m, 'abc'[(i * 7 + (i >> 2)) % 3]).then((r) => r.seq)))
  const mine = new Map()
  for (const seq of seqs.sort((x, y) => x - y)) {
    const x = await heard(eve, seq)
    mine.set(x.vote.userId, x.vote.options[0])
    const counts = {}
    for (const o of mine.values()) counts[o] = (counts[o] ?? 0) + 1
    assert.deepEqual([x.counts, x.voters], [counts, mine.size])
  }
  const rows = await server.rows(`select user_id, options[1] as o from poll_votes where message_id = ${lit(m)}`)
  assert.deepEqual(Object.fromEntries(rows.map((r) => [r.user_id, r.o])), Object.fromEntries(mine))
})

test('closing: by its author or a moderator; then nobody votes', async () => {
  const m = await ask(bob)
  await vote(eve, m, 'a')
  await eve.refused(group.topic, 'poll:close', { opId: opId(), messageId: m }, 'forbidden')
  const { seq } = await bob.done(group.topic, 'poll:close', { opId: opId(), messageId: m })
  const x = await heard(ada, seq)
  assert.deepEqual([x.closed, x.counts, x.by], [true, { a: 1 }, id(who.apprenant2)])
  const why = await eve.refused(group.topic, 'poll:vote', { opId: opId(), messageId: m, option: 'b' }, 'conflict')
  assert.deepEqual(why.errors, [{ field: 'poll', code: 'closed' }])
  const closed = (await inHistory(eve, m)).poll
  assert.equal(closed.closed, true)
  assert.match(closed.closedAt, /Z$/)
  assert.equal((await ada.done(group.topic, 'poll:close', { messageId: m })).already, true)
  const theirs = await ask(eve)
  await ada.done(group.topic, 'poll:close', { opId: opId(), messageId: theirs }) // ada moderates
})

test('a poll with a time closes by the server\'s clock', async () => {
  const { m, over } = await brief()
  await over()
  await bob.refused(group.topic, 'poll:vote', { opId: opId(), messageId: m, option: 'a' }, 'conflict')
  assert.equal((await inHistory(bob, m)).poll.closed, true)
  const x = (await bob.event(group.topic, 'poll:updated', (p) => p.messageId === m && p.closed))[4]
  assert.deepEqual([x.counts, x.voters, x.reason, x.by], [{ b: 1 }, 1, 'time', id(who.apprenant1)])
  assert.equal(typeof (await inHistory(bob, m)).poll.closedAt, 'string')
})

test('over REST: the same act', async () => {
  const m = await ask(ada)
  const at = `/api/study-groups/${group.id}/messages/${m}`
  const v = await who.apprenant2.post(`${at}/votes`, { option: 'c', opId: 'rest-vote' })
  assert.deepEqual([v.status, v.json], [200, { messageId: m, counts: { c: 1 }, voters: 1, closed: false, myVote: ['c'] }])
  const x = (await ada.event(group.topic, 'poll:updated', (p) => p.messageId === m))[4]
  assert.deepEqual([x.counts, x.by], [{ c: 1 }, id(who.apprenant2)])
  assert.equal((await who.apprenant2.post(`${at}/votes`, { options: [], opId: 'rest-back' })).json.voters, 0)
  const repeat = await who.apprenant2.post(`${at}/votes`, { option: 'c', opId: 'rest-vote' })
  assert.deepEqual([repeat.status, repeat.json.counts, repeat.json.myVote], [200, {}, []])
  assertProblem(await who.apprenant2.post(`${at}/votes`, { option: 'z' }), 422)
  assertProblem(await who.apprenant2.post(`${at}/votes`, {}), 422)
  assertProblem(await who.apprenant2.post(`${at}/close`, {}), 403)
  assertProblem(await who.manager.post(`${at}/votes`, { option: 'a' }), 403)
  assert.deepEqual((await who.apprenant1.post(`${at}/close`, {})).json.closed, true)
  assertProblem(await who.apprenant2.post(`${at}/votes`, { option: 'a' }), 409)
  const r = await seen(who.apprenant3, m)
  assert.deepEqual([r.status, r.json.question, r.json.closed, r.json.options.length], [200, 'Lequel ?', true, 3])
  assertProblem(await seen(who.apprenant3, uuid), 404)
  const list = (await who.apprenant3.get(`/api/study-groups/${group.id}/messages?limit=5`)).json
  assert.equal(list.find((i) => i.id === m).poll.closed, true)
})

test('what was voted outlives the server', async () => {
  const m = await ask(ada)
  await vote(bob, m, 'a')
  await vote(eve, m, 'b')
  await server.restart()
  ;[ada, bob, eve] = await members(server, [who.apprenant1, who.apprenant2, who.apprenant3], group.topic)
  const { seq } = await vote(bob, m, 'b')
  assert.deepEqual((await heard(ada, seq)).counts, { b: 2 })
})

test('a deleted poll takes its votes and results along', async () => {
  const m = await ask(ada)
  const { seq } = await vote(bob, m, 'a')
  await ada.done(group.topic, 'message:delete', { opId: opId(), id: m })
  await bob.refused(group.topic, 'poll:vote', { opId: opId(), messageId: m, option: 'a' }, 'not_found')
  const again = await member(server, who.apprenant3, group.topic, { params: { epoch: eve.joined.epoch, since: seq - 1 } })
  const x = await heard(again, seq)
  assert.deepEqual([x.isDeleted, x.counts, x.vote], [true, undefined, undefined])
  await again.close()
  assert.equal(await server.sql(`select count(*) from poll_votes where message_id = ${lit(m)}`), '0')
  assert.equal(await server.sql(`select count(*) from channel_events where ref = ${lit(m)} and payload ? 'counts'`), '0')
  assertProblem(await seen(who.apprenant1, m), 404)
})

test('a poll whose time came while the server was away is closed, once, when it is back, with nobody there', async () => {
  const { m, over } = await brief({ anonymous: true })
  await server.kill9()
  await over()
  await server.start()
  const events = () => server.rows(`select e.payload from channel_events e where e.ref = ${lit(m)} and e.payload ->> 'reason' = 'time'`)
  await until('the event', async () => (await events()).length === 1)
  const [{ payload }] = await events()
  assert.deepEqual([payload.counts, payload.closed, payload.vote], [{ b: 1 }, true, undefined])
  const back = await member(server, who.apprenant2, group.topic)
  assert.equal((await inHistory(back, m)).poll.closed, true)
  assert.equal((await back.done(group.topic, 'history', { limit: 5 })).events.at(-1).payload.id, m)
  assert.equal((await events()).length, 1)
  await back.close()
})
