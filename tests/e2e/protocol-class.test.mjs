// A live class: who may come in, hands in their order, polls, spotlight, locks that reach the group's chat and boards, start and end; and
// attendance as presence saw it, also across a crash. Everything it stands at is in the join reply, before and after a restart.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { enterClass, heardAt, makeGroup, member, members, opId, planClass, text, uuid } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

let server, who, group, times
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['formateur', 'apprenant1', 'apprenant2', 'apprenant3', 'manager'])
  who.stranger = await signIn(server, 'admin@turing.test')
  group = await makeGroup(who.formateur, [who.apprenant1, who.apprenant2])
  times = { startTime: new Date().toISOString(), endTime: new Date(Date.now() + 3600e3).toISOString() }
})
after(() => server?.stop())

const id = (person) => person.user.id
const plan = (fields) => planClass(who.formateur, group, fields)
const inClass = (fields) => enterClass(server, [who.formateur, who.apprenant1, who.apprenant2], group, fields)
const joinedAs = async (person, topic) => {
  const w = await member(server, person, topic)
  await w.close()
  return w.joined
}

test('who may come in, and as what', async () => {
  const { k, host, ada, close } = await inClass()
  assert.deepEqual([host.joined.role, ada.joined.role, ada.joined.readOnly], ['host', 'participant', false])
  const c = ada.joined.class
  assert.deepEqual([c.id, c.hostId, c.status, c.hands, c.locks, c.muted, c.spotlight, c.breakout, c.polls],
    [k.id, id(who.formateur), 'scheduled', [], {}, {}, null, null, []])
  const presence = (await ada.event(k.topic, 'presence_state'))[4]
  assert.equal(presence[id(who.formateur)].metas[0].role, 'host')
  const staff = await joinedAs(who.manager, k.topic)
  assert.equal(staff.role, 'manager')
  for (const [person, reason] of [[who.apprenant3, 'forbidden'], [who.stranger, 'not_found']]) {
    const w = await member(server, person, `user:${id(person)}`)
    assert.equal((await w.join(k.topic)).response.reason, reason)
    await w.close()
  }
  assert.equal((await ada.join(`class:${uuid}`)).response.reason, 'not_found')
  await close()
})

test('hands go up in order, come down by oneself or the host, and are still there after a restart', async () => {
  const { k, host, ada, bob, close } = await inClass()
  const up = await bob.done(k.topic, 'hand:raise', { opId: opId() })
  assert.deepEqual((await heardAt(host, k.topic, 'hand:raised', up.seq)).userId, id(who.apprenant2))
  await ada.done(k.topic, 'hand:raise', { opId: opId() })
  const again = await bob.done(k.topic, 'hand:raise', { opId: opId() })
  assert.equal((await heardAt(ada, k.topic, 'hand:raised', again.seq)).unchanged, true)
  assert.equal((await bob.done(k.topic, 'hand:raise', {})).already, true)
  assert.deepEqual((await joinedAs(who.manager, k.topic)).class.hands, [id(who.apprenant2), id(who.apprenant1)])
  await ada.refused(k.topic, 'hand:lower', { opId: opId(), userId: id(who.apprenant2) }, 'forbidden')
  await server.restart()
  assert.deepEqual((await joinedAs(who.apprenant1, k.topic)).class.hands, [id(who.apprenant2), id(who.apprenant1)])
  const [h, b] = await members(server, [who.formateur, who.apprenant2], k.topic)
  const down = await h.done(k.topic, 'hand:lower', { opId: opId(), userId: id(who.apprenant2) })
  assert.equal((await heardAt(b, k.topic, 'hand:lowered', down.seq)).by, id(who.formateur))
  assert.deepEqual((await joinedAs(who.apprenant1, k.topic)).class.hands, [id(who.apprenant1)])
  assert.equal((await b.done(k.topic, 'hand:lower', {})).already, true)
  const staff = await member(server, who.manager, k.topic)
  await staff.refused(k.topic, 'hand:raise', { opId: opId() }, 'forbidden')
  await Promise.all([h.close(), b.close(), staff.close()])
})

test('polls: the host asks, participants answer, results outlive the class', async () => {
  const { k, host, ada, bob, close } = await inClass()
  const question = { opId: opId(), question: 'Compris ?', options: ['oui', 'non'], multiple: false, anonymous: false }
  await ada.refused(k.topic, 'poll:open', { ...question, opId: opId() }, 'forbidden')
  for (const bad of [{ question: '' }, { options: ['oui'] }, { options: ['oui', ''] }, { options: [{ id: 'a', text: 'x' }, { id: 'a', text: 'y' }] }, { multiple: 1 }])
    await host.refused(k.topic, 'poll:open', { ...question, opId: opId(), ...bad }, 'invalid')
  const opened = await host.done(k.topic, 'poll:open', question)
  assert.deepEqual(await host.done(k.topic, 'poll:open', question), opened)
  const poll = (await heardAt(ada, k.topic, 'poll:opened', opened.seq)).poll
  assert.equal(poll.id, opened.id)
  assert.deepEqual(poll.options, [{ id: '1', text: 'oui' }, { id: '2', text: 'non' }])
  const vote = (wire, option, pollId = poll.id) => wire.done(k.topic, 'poll:vote', { opId: opId(), pollId, option })
  await vote(ada, '1')
  const { seq } = await vote(bob, '2')
  const x = await heardAt(host, k.topic, 'poll:updated', seq)
  assert.deepEqual([x.pollId, x.counts, x.voters, x.vote], [poll.id, { 1: 1, 2: 1 }, 2, { userId: id(who.apprenant2), options: ['2'] }])
  await ada.refused(k.topic, 'poll:vote', { opId: opId(), pollId: poll.id, option: '3' }, 'invalid')
  await ada.refused(k.topic, 'poll:vote', { opId: opId(), pollId: uuid, option: '1' }, 'not_found')
  const shown = (await joinedAs(who.apprenant1, k.topic)).class.polls[0]
  assert.deepEqual([shown.id, shown.question, shown.counts, shown.voters, shown.closed, shown.myVote], [poll.id, 'Compris ?', { 1: 1, 2: 1 }, 2, false, ['1']])
  await ada.refused(k.topic, 'poll:close', { opId: opId(), pollId: poll.id }, 'forbidden')
  const closing = await host.done(k.topic, 'poll:close', { opId: opId(), pollId: poll.id })
  const closed = await heardAt(bob, k.topic, 'poll:closed', closing.seq)
  assert.deepEqual([closed.poll.id, closed.counts], [poll.id, { 1: 1, 2: 1 }])
  await ada.refused(k.topic, 'poll:vote', { opId: opId(), pollId: poll.id, option: '2' }, 'conflict')

  const secret = await host.done(k.topic, 'poll:open', { ...question, opId: opId(), anonymous: true, options: [{ id: 'a', text: 'A' }, { id: 'b', text: 'B' }] })
  const anonymous = await heardAt(host, k.topic, 'poll:updated', (await vote(ada, 'b', secret.id)).seq)
  assert.deepEqual([anonymous.by, anonymous.vote, anonymous.opId, anonymous.counts], [undefined, undefined, undefined, { b: 1 }])
  assert.equal(await server.sql(`select count(*) from channel_events where payload ? 'secret'`), '0')
  await server.restart()
  const polls = (await joinedAs(who.apprenant1, k.topic)).class.polls
  assert.deepEqual(polls.map((p) => [p.counts, p.closed, p.myVote]), [[{ 1: 1, 2: 1 }, true, ['1']], [{ b: 1 }, false, ['b']]])
  const rest = (await who.apprenant2.get(`/api/study-sessions/${k.id}/polls`)).json
  assert.deepEqual(rest.map((p) => [p.counts, p.voters, p.myVote, p.votes?.length ?? null]), [[{ 1: 1, 2: 1 }, 2, ['2'], 2], [{ b: 1 }, 1, [], null]])
  await close()
})

test('spotlight: somebody who is there, or a board of the group', async () => {
  const { k, host, ada, bob, close } = await inClass()
  const board = (await who.formateur.post(`/api/study-groups/${group.id}/whiteboards`, { title: 'Tableau' })).json.id
  const elsewhere = await makeGroup(who.apprenant3)
  const foreign = (await who.apprenant3.post(`/api/study-groups/${elsewhere.id}/whiteboards`, { title: 'Autre' })).json.id
  for (const [what, expected] of [[{ userId: id(who.apprenant1) }, { userId: id(who.apprenant1) }], [{ whiteboardId: board }, { whiteboardId: board }], [{ none: true }, null]]) {
    const { seq } = await host.done(k.topic, 'spotlight', { opId: opId(), ...what })
    assert.deepEqual((await heardAt(bob, k.topic, 'spotlight', seq)).spotlight, expected)
    assert.deepEqual((await joinedAs(who.apprenant1, k.topic)).class.spotlight, expected)
  }
  await host.refused(k.topic, 'spotlight', { opId: opId(), whiteboardId: foreign }, 'not_found')
  await host.refused(k.topic, 'spotlight', { opId: opId(), userId: id(who.apprenant3) }, 'not_found')
  await host.refused(k.topic, 'spotlight', { opId: opId() }, 'invalid')
  await ada.refused(k.topic, 'spotlight', { opId: opId(), none: true }, 'forbidden')
  await close()
})

test('locks: hands here, chat and boards in the group, and the end opens them again', async () => {
  const { k, host, ada, bob, close } = await inClass()
  const board = (await who.formateur.post(`/api/study-groups/${group.id}/whiteboards`, { title: 'Commun' })).json.id
  const chat = await member(server, who.apprenant1, group.topic)
  const drawing = await member(server, who.apprenant1, `whiteboard:${board}`)
  const lock = (what, on) => host.done(k.topic, 'lock', { opId: opId(), what, on })
  await ada.refused(k.topic, 'lock', { opId: opId(), what: 'chat', on: true }, 'forbidden')
  await host.refused(k.topic, 'lock', { opId: opId(), what: 'doors', on: true }, 'invalid')
  const { seq } = await lock('hands', true)
  assert.deepEqual((await heardAt(ada, k.topic, 'class:updated', seq)).locks, { hands: true })
  await ada.refused(k.topic, 'hand:raise', { opId: opId() }, 'locked')
  await lock('hands', false)
  await ada.done(k.topic, 'hand:raise', { opId: opId() })
  await lock('chat', true)
  assert.equal((await chat.event(group.topic, 'group:updated'))[4].locked, true)
  await chat.refused(group.topic, 'message:new', text('chut'), 'locked')
  await lock('board', true)
  await drawing.event(`whiteboard:${board}`, 'whiteboard:updated', (p) => p.locked === true)
  await drawing.refused(`whiteboard:${board}`, 'clear', { opId: opId() }, 'locked')
  assert.deepEqual((await joinedAs(who.apprenant2, k.topic)).class.locks, { hands: false, chat: true, board: true })
  await host.done(k.topic, 'start', { opId: opId() })
  await host.done(k.topic, 'end', { opId: opId() })
  await chat.event(group.topic, 'group:updated', (p) => p.locked === false)
  await chat.done(group.topic, 'message:new', text('enfin'))
  await drawing.event(`whiteboard:${board}`, 'whiteboard:updated', (p) => p.locked === false)
  await Promise.all([close(), chat.close(), drawing.close()])
})

test('mute: one person, in chat or hands; a host who does not moderate the group gains nothing there', async () => {
  const { k, host, ada, bob, close } = await inClass({ hostId: id(who.apprenant1) })
  assert.deepEqual([ada.joined.role, host.joined.role], ['host', 'participant'])
  const chat = await member(server, who.apprenant2, group.topic)
  const { seq } = await ada.done(k.topic, 'mute', { opId: opId(), userId: id(who.apprenant2), on: true })
  assert.deepEqual((await heardAt(bob, k.topic, 'class:updated', seq)).muted, { [id(who.apprenant2)]: ['chat'] })
  await chat.event(group.topic, 'member:muted')
  await chat.refused(group.topic, 'message:new', text('moi'), 'muted')
  await ada.done(k.topic, 'mute', { opId: opId(), userId: id(who.apprenant2), what: 'hands', on: true })
  await bob.refused(k.topic, 'hand:raise', { opId: opId() }, 'muted')
  await ada.done(k.topic, 'mute', { opId: opId(), userId: id(who.apprenant2), on: false })
  await chat.event(group.topic, 'member:unmuted')
  await chat.done(group.topic, 'message:new', text('moi'))
  const theirs = await member(server, who.apprenant1, group.topic)
  await theirs.refused(group.topic, 'group:lock', { opId: opId() }, 'forbidden')
  await theirs.refused(group.topic, 'class:lock', { opId: opId() }, 'invalid')
  await ada.refused(k.topic, 'mute', { opId: opId(), userId: id(who.apprenant1), on: true }, 'forbidden')
  await Promise.all([close(), chat.close(), theirs.close()])
})

test('start and end: once each, by the host; then it is read only', async () => {
  const { k, host, ada, close } = await inClass()
  await host.refused(k.topic, 'end', { opId: opId() }, 'conflict')
  await ada.refused(k.topic, 'start', { opId: opId() }, 'forbidden')
  const { seq } = await host.done(k.topic, 'start', { opId: opId() })
  await heardAt(ada, k.topic, 'class:started', seq)
  assert.equal((await host.done(k.topic, 'start', {})).already, true)
  assert.equal((await who.apprenant1.get(`/api/study-sessions/${k.id}`)).json.status, 'active')
  assertProblem(await who.formateur.request('DELETE', `/api/study-sessions/${k.id}`), 409)
  await host.done(k.topic, 'poll:open', { opId: opId(), question: 'Q', options: ['x', 'y'] })
  const end = await host.done(k.topic, 'end', { opId: opId() })
  await heardAt(ada, k.topic, 'class:ended', end.seq)
  await ada.refused(k.topic, 'hand:raise', { opId: opId() }, 'read_only')
  await host.refused(k.topic, 'start', { opId: opId() }, 'read_only')
  const now = await joinedAs(who.apprenant1, k.topic)
  assert.deepEqual([now.readOnly, now.class.status, now.class.polls[0].closed, now.class.hands], [true, 'completed', true, []])
  const { json } = await who.apprenant1.get(`/api/study-sessions/${k.id}`)
  assert.deepEqual([json.status, typeof json.startedAt, typeof json.endedAt], ['completed', 'string', 'string'])
  await close()
})

test('planning over REST reaches who waits in the class', async () => {
  const { k, ada, host, bob, close } = await inClass()
  const at = `/api/study-sessions/${k.id}`
  const changed = await who.formateur.request('PUT', at, { json: { title: 'Autre titre', hostId: id(who.apprenant1) } })
  assert.deepEqual([changed.status, changed.json.title, changed.json.hostId], [200, 'Autre titre', id(who.apprenant1)], changed.text)
  const x = (await bob.event(k.topic, 'class:updated'))[4]
  assert.equal(x.class.title, 'Autre titre')
  await ada.done(k.topic, 'start', { opId: opId() })
  await host.refused(k.topic, 'end', { opId: opId() }, 'forbidden')
  assertProblem(await who.apprenant2.request('PUT', at, { json: { title: 'X' } }), 403)
  assertProblem(await who.apprenant3.get(at), 403)
  assertProblem(await who.formateur.request('PUT', at, { json: { endTime: '2020-01-01T00:00:00Z' } }), 422)
  assertProblem(await who.formateur.request('PUT', at, { json: { hostId: id(who.apprenant3) } }), 422)
  assertProblem(await who.apprenant1.post(`/api/study-groups/${group.id}/sessions`, { title: 'X', ...times }), 403)
  assertProblem(await who.formateur.post(`/api/study-groups/${group.id}/sessions`, { title: 'X', startTime: times.endTime, endTime: times.startTime }), 422)
  const list = (await who.apprenant2.get(`/api/study-groups/${group.id}/sessions`)).json
  assert.ok(list.some((s) => s.id === k.id))
  const other = await plan()
  assert.equal((await who.formateur.request('DELETE', `/api/study-sessions/${other.id}`)).json.status, 'cancelled')
  await close()
})

test('places: no more participants than there are, the host aside', async () => {
  const k = await plan({ maxParticipants: 1 })
  const host = await member(server, who.formateur, k.topic)
  const ada = await member(server, who.apprenant1, k.topic)
  const bob = await member(server, who.apprenant2, `user:${id(who.apprenant2)}`)
  const r = await bob.join(k.topic)
  assert.deepEqual([r.response.reason, r.response.errors], ['conflict', [{ field: 'class', code: 'full' }]])
  const second = await member(server, who.apprenant1, k.topic) // the same person takes no second place
  ada.send([ada.joinRefs.get(k.topic), 'bye', k.topic, 'phx_leave', {}])
  second.send([second.joinRefs.get(k.topic), 'bye', k.topic, 'phx_leave', {}])
  await until('the place to be free', async () => (await bob.join(k.topic)).status === 'ok')
  await Promise.all([host.close(), ada.close(), bob.close(), second.close()])
})

const stays = (k, person) => server.rows(`select id, is_open, status, joined_at, left_at, round(extract(epoch from left_at - joined_at)) as s
  from study_session_participants where session_id = ${lit(k.id)} and user_id = ${lit(id(person))} order by joined_at`)

test('attendance is written as it happens: one row an interval, read by the host, and by oneself', async () => {
  const { k, host, ada, bob, close } = await inClass()
  await until('ada is written down', async () => (await stays(k, who.apprenant1)).length === 1)
  assert.deepEqual((await stays(k, who.apprenant1)).map((s) => [s.is_open, s.status]), [[true, 'attended']])
  await host.done(k.topic, 'start', { opId: opId() })
  await sleep(1500)
  ada.send([ada.joinRefs.get(k.topic), 'bye', k.topic, 'phx_leave', {}])
  await until('her interval ended', async () => (await stays(k, who.apprenant1))[0].is_open === false)
  assert.ok((await stays(k, who.apprenant1))[0].s >= 1)
  await ada.enter(k.topic)
  await until('a second one', async () => (await stays(k, who.apprenant1)).length === 2)
  bob.cut() // and back within the grace: the same interval
  const again = await member(server, who.apprenant2, k.topic)
  await sleep(1500)
  assert.equal((await stays(k, who.apprenant2)).length, 1)
  assert.equal(await server.sql(`select current_participants from study_sessions where id = ${lit(k.id)}`), '2')
  const all = (await who.formateur.get(`/api/study-sessions/${k.id}/attendance`)).json
  assert.deepEqual(all.map((a) => [a.userId, a.isHost, a.present, a.intervals.length]).sort(), [
    [id(who.apprenant1), false, true, 2], [id(who.apprenant2), false, true, 1], [id(who.formateur), true, true, 1]].sort())
  const own = (await who.apprenant1.get(`/api/study-sessions/${k.id}/attendance`)).json
  assert.deepEqual(own.map((a) => a.userId), [id(who.apprenant1)])
  await host.done(k.topic, 'end', { opId: opId() })
  await until('all ended', async () => (await server.sql(`select count(*) from study_session_participants where session_id = ${lit(k.id)} and is_open`)) === '0')
  await Promise.all([close(), again.close()])
})

test('a crash and a restart cost no interval: who comes back goes on', async () => {
  const { k, ada } = await inClass()
  await until('written down', async () => (await stays(k, who.apprenant1)).length === 1 && (await stays(k, who.apprenant2)).length === 1)
  const [first] = await stays(k, who.apprenant1)
  await server.kill9()
  await server.start()
  const back = await member(server, who.apprenant1, k.topic)
  await sleep(2500)
  await server.restart() // a drain writes how long everybody was there
  const rows = await stays(k, who.apprenant1)
  assert.deepEqual(rows.map((r) => [r.id, r.is_open]), [[first.id, true]])
  assert.ok(rows[0].s >= 2, JSON.stringify(rows))
  assert.equal((await stays(k, who.apprenant2)).length, 1, 'who did not come back has what was written')
  await back.close()
})

test('who leaves the group is out of its classes at once', async () => {
  const { k, bob, close } = await inClass()
  await who.apprenant2.post(`/api/study-groups/${group.id}/join`, { action: 'leave' })
  await bob.event(k.topic, 'phx_error')
  assert.equal((await bob.join(k.topic)).response.reason, 'forbidden')
  assert.equal((await who.apprenant2.post(`/api/study-groups/${group.id}/join`, {})).status, 201)
  await until('in again', async () => (await bob.join(k.topic)).status === 'ok')
  await close()
})
