// Breakout rooms of a class: opened by the host, each a group channel with its board that only its people (and host and staff) enter; moving
// somebody, telling all, calling for help, closing by hand, by the clock and with the class; and the same after a crash.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { joined, people, pushed, signIn, stockSocket } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { enterClass, heardAt, makeGroup, member, members, opId, planClass, text, uuid } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who, group, ids
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['formateur', 'apprenant1', 'apprenant2', 'apprenant3', 'manager'])
  who.stranger = await signIn(server, 'admin@turing.test')
  group = await makeGroup(who.formateur, [who.apprenant1, who.apprenant2])
  ids = Object.fromEntries(Object.entries(who).map(([name, api]) => [name, api.user.id]))
})
after(() => server?.stop())

const plan = (fields) => planClass(who.formateur, group, fields)
const inClass = (fields) => enterClass(server, [who.formateur, who.apprenant1, who.apprenant2], group, fields)
// Ada in the first room, Bob in the second. Returns the two rooms as all are told of them.
async function opened({ k, host, ada }, extra = {}) {
  const rooms = [{ name: 'Rouge', userIds: [ids.apprenant1] }, { name: 'Bleu', userIds: [ids.apprenant2] }]
  const { seq } = await host.done(k.topic, 'breakout:open', { opId: opId(), rooms, ...extra })
  const { breakout } = await heardAt(ada, k.topic, 'breakout:opened', seq)
  return breakout.rooms.map((r) => ({ ...r, topic: `group:${r.groupId}`, board: `whiteboard:${r.whiteboardId}` }))
}
const stands = async (person, k) => {
  const w = await member(server, person, k.topic)
  await w.close()
  return w.joined.class.breakout
}
const put = (id) => ({ opId: opId(), ops: [{ op: 'put', el: { id, type: 'text', z: 'a' } }] })

test('rooms open with their chat and board, for their people, the host and staff; nobody else', async () => {
  const { k, host, ada, bob, close } = await inClass()
  const sockets = [stockSocket(server, { cookie: who.apprenant1.cookie }), stockSocket(server, { cookie: who.apprenant2.cookie, encoding: 'msgpack' })]
  sockets.forEach((s) => s.connect())
  const told = new Promise((resolve) => {
    const ch = sockets[0].channel(k.topic, {})
    ch.on('breakout:opened', resolve)
    joined(ch).then(() => opened({ k, host, ada }))
  })
  const event = await told
  assert.deepEqual(event.breakout.rooms.map((r) => [r.name, r.userIds]), [['Rouge', [ids.apprenant1]], ['Bleu', [ids.apprenant2]]])
  assert.equal(event.breakout.endsAt, null)
  assert.equal(event.by, ids.formateur)
  assert.deepEqual(await stands(who.apprenant2, k), event.breakout)
  const [red, blue] = event.breakout.rooms

  const chat = sockets[0].channel(`group:${red.groupId}`, {})
  assert.equal((await joined(chat)).role, 'member')
  const board = sockets[0].channel(`whiteboard:${red.whiteboardId}`, {})
  assert.equal((await joined(board)).whiteboard.studyGroupId, red.groupId)
  await pushed(board, 'ops', put('dessin'))
  await assert.rejects(joined(sockets[1].channel(`group:${red.groupId}`, {})), /forbidden/)
  await assert.rejects(joined(sockets[1].channel(`whiteboard:${red.whiteboardId}`, {})), /forbidden/)
  const said = new Promise((resolve) => chat.on('message', resolve))
  const visits = await member(server, who.formateur, `group:${red.groupId}`)
  assert.equal(visits.joined.role, 'moderator')
  await visits.done(`group:${red.groupId}`, 'message:new', text('je passe'))
  assert.equal((await said).content, 'je passe')
  await visits.enter(`group:${blue.groupId}`)
  await visits.enter(`whiteboard:${blue.whiteboardId}`)
  const staff = await member(server, who.manager, `group:${red.groupId}`)
  const others = await member(server, who.apprenant3, `user:${ids.apprenant3}`)
  assert.equal((await others.join(`group:${red.groupId}`)).response.reason, 'forbidden')
  const far = await member(server, who.stranger, `user:${ids.stranger}`)
  for (const topic of [`group:${red.groupId}`, `whiteboard:${red.whiteboardId}`]) assert.equal((await far.join(topic)).response.reason, 'not_found')

  sockets.forEach((s) => s.disconnect())
  await Promise.all([close(), visits.close(), staff.close(), others.close(), far.close()])
})

test('what cannot be opened is refused and says what to change; a repeat opens nothing', async () => {
  const { k, host, ada, bob, close } = await inClass()
  const wrong = async (payload, field, code) => {
    const { errors } = await host.refused(k.topic, 'breakout:open', { opId: opId(), ...payload }, 'invalid')
    assert.deepEqual(errors, [{ field, code }])
  }
  const a = { name: 'A', userIds: [ids.apprenant1] }
  await wrong({}, 'rooms', 'required')
  await wrong({ rooms: [] }, 'rooms', 'length')
  await wrong({ rooms: Array.from({ length: 51 }, (_, i) => ({ name: `S${i}`, userIds: [] })) }, 'rooms', 'length')
  await wrong({ rooms: ['A'] }, 'rooms.0', 'type')
  await wrong({ rooms: [a, { userIds: [] }] }, 'rooms.1.name', 'required')
  await wrong({ rooms: [a, { name: 'A', userIds: [] }] }, 'rooms.1.name', 'duplicate')
  await wrong({ rooms: [a, { name: 'B', userIds: [ids.apprenant2, ids.apprenant1] }] }, 'rooms.1.userIds.1', 'duplicate')
  await wrong({ rooms: [a, { name: 'B', userIds: [ids.apprenant3] }] }, 'rooms.1.userIds.0', 'not_found')
  await wrong({ rooms: [{ name: 'B', userIds: [7] }] }, 'rooms.0.userIds.0', 'type')
  await wrong({ rooms: [{ groupId: uuid, userIds: [] }] }, 'rooms.0.groupId', 'not_found')
  await wrong({ rooms: [{ groupId: group.id, userIds: [] }] }, 'rooms.0.groupId', 'not_found')
  await wrong({ rooms: [a], minutes: 0 }, 'minutes', 'range')
  await ada.refused(k.topic, 'breakout:open', { opId: opId(), rooms: [a] }, 'forbidden')
  for (const [event, payload] of [['breakout:move', { userId: ids.apprenant1, room: 'A' }], ['breakout:broadcast', { body: 'x' }]])
    await host.refused(k.topic, event, { opId: opId(), ...payload }, 'conflict')
  await ada.refused(k.topic, 'breakout:help', {}, 'conflict')

  const push = { opId: opId(), rooms: [a, { name: 'B' }] }
  const first = await host.done(k.topic, 'breakout:open', push)
  assert.deepEqual(await host.done(k.topic, 'breakout:open', push), first)
  assert.deepEqual((await host.refused(k.topic, 'breakout:open', { opId: opId(), rooms: [a] }, 'conflict')).errors, [{ field: 'breakout', code: 'open' }])
  const at = await stands(who.apprenant1, k)
  assert.equal(await server.sql(`select count(*) from study_groups where room_of = ${lit(group.id)} and status = 'active' and id in (${at.rooms.map((r) => lit(r.groupId))})`), '2')
  assert.equal(await server.sql(`select count(*) from channel_events e join channels c on c.id = e.channel where c.topic = ${lit(k.topic)} and event = 'breakout:opened'`), '1')
  const move = { opId: opId(), userId: ids.apprenant1, room: 'B' }
  const moved = await host.done(k.topic, 'breakout:move', move)
  await host.done(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant1, room: 'A' })
  assert.deepEqual(await host.done(k.topic, 'breakout:move', move), moved)
  assert.deepEqual((await stands(who.apprenant1, k)).rooms.map((r) => r.userIds), [[ids.apprenant1], []])
  const end = { opId: opId() }
  assert.deepEqual(await host.done(k.topic, 'breakout:close', end), await host.done(k.topic, 'breakout:close', end))
  assert.equal((await host.done(k.topic, 'breakout:close', {})).already, true)
  await close()
})

test('who is moved leaves the old room and its board at once, and enters the new one', async () => {
  const c = await inClass()
  const { k, host, ada, bob, close } = c
  const [red, blue] = await opened(c)
  await ada.enter(red.topic)
  await ada.enter(red.board)
  await bob.enter(blue.topic)
  await host.refused(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant3, room: blue.groupId }, 'not_found')
  await host.refused(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant1, room: 'Vert' }, 'not_found')
  await host.refused(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant1 }, 'invalid')
  await ada.refused(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant1, room: blue.groupId }, 'forbidden')
  const { seq } = await host.done(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant1, room: blue.groupId })
  await Promise.all([ada.event(red.topic, 'phx_error'), ada.event(red.board, 'phx_error')])
  const event = await heardAt(bob, k.topic, 'breakout:updated', seq)
  assert.deepEqual([event.userId, event.from, event.room], [ids.apprenant1, red.groupId, blue.groupId])
  for (const topic of [red.topic, red.board]) assert.equal((await ada.join(topic)).response.reason, 'forbidden')
  await ada.enter(blue.topic)
  await ada.enter(blue.board)
  await ada.done(blue.topic, 'message:new', text('me voici'))
  await bob.event(blue.topic, 'message')
  await host.enter(red.topic) // the host keeps every room
  assert.deepEqual((await stands(who.manager, k)).rooms.map((r) => r.userIds), [[], [ids.apprenant2, ids.apprenant1]])
  assert.equal((await heardAt(ada, k.topic, 'breakout:updated', (await host.done(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant1, room: 'Bleu' })).seq)).unchanged, true)

  await host.done(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant1, room: null }) // back among all
  await ada.event(blue.topic, 'phx_error')
  // Nobody joins, leaves, is removed or renamed behind the class's back.
  await host.refused(red.topic, 'member:kick', { opId: opId(), userId: ids.apprenant2 }, 'not_found')
  await host.enter(blue.topic)
  await host.refused(blue.topic, 'member:kick', { opId: opId(), userId: ids.apprenant2 }, 'forbidden')
  assertProblem(await who.apprenant2.post(`/api/study-groups/${blue.groupId}/join`, { action: 'leave' }), 403)
  assertProblem(await who.manager.request('PUT', `/api/study-groups/${blue.groupId}`, { json: { name: 'Autre' } }), 403)
  assertProblem(await who.formateur.post(`/api/study-groups/${blue.groupId}/sessions`, { title: 'X', startTime: '2030-01-01T10:00Z', endTime: '2030-01-01T11:00Z' }), 403)

  // Who leaves the class's group is out of the room as well.
  await bob.enter(blue.board)
  await who.apprenant2.post(`/api/study-groups/${group.id}/join`, { action: 'leave' })
  await Promise.all([blue.topic, blue.board, k.topic].map((t) => bob.event(t, 'phx_error')))
  await ada.event(k.topic, 'breakout:updated', (p) => p.userId === ids.apprenant2 && p.room === null)
  assert.equal((await bob.join(blue.topic)).response.reason, 'forbidden')
  assert.equal((await who.apprenant2.post(`/api/study-groups/${group.id}/join`, {})).status, 201)
  assert.equal((await bob.join(blue.topic)).response.reason, 'forbidden')
  await close()
})

test('a word to all rooms, and a call for help that only the host hears', async () => {
  const c = await inClass()
  const { k, host, ada, bob, close } = c
  const [red] = await opened(c)
  const { seq } = await host.done(k.topic, 'breakout:broadcast', { opId: opId(), body: 'Plus que cinq minutes' })
  assert.equal((await heardAt(bob, k.topic, 'breakout:message', seq)).body, 'Plus que cinq minutes')
  await host.refused(k.topic, 'breakout:broadcast', { opId: opId(), body: '' }, 'invalid')
  await ada.refused(k.topic, 'breakout:broadcast', { opId: opId(), body: 'moi' }, 'forbidden')
  await Promise.all([[host, 'formateur'], [bob, 'apprenant2']].map(([w, name]) => w.enter(`user:${ids[name]}`)))
  const call = { opId: opId(), body: 'Nous sommes perdus' }
  await ada.done(k.topic, 'breakout:help', call)
  await ada.done(k.topic, 'breakout:help', call)
  const help = (await host.event(`user:${ids.formateur}`, 'breakout:help'))[4]
  assert.deepEqual([help.studySessionId, help.userId, help.user.id, help.room, help.roomName, help.body, help.seq],
    [k.id, ids.apprenant1, ids.apprenant1, red.groupId, 'Rouge', call.body, undefined])
  await ada.done(k.topic, 'breakout:help', {})
  assert.equal((await host.event(`user:${ids.formateur}`, 'breakout:help'))[4].body, null)
  assert.equal(host.seen(`user:${ids.formateur}`, 'breakout:help').length, 2)
  await bob.settle()
  assert.equal(bob.seen(`user:${ids.apprenant2}`, 'breakout:help').length, 0)
  await close()
})

test('closed rooms are read only, stay readable with their board, in no list but their own; and open again with others', async () => {
  const c = await inClass()
  const { k, host, ada, bob, close } = c
  const [red, blue] = await opened(c)
  await ada.enter(red.topic)
  await ada.enter(red.board)
  await ada.done(red.topic, 'message:new', text('à garder'))
  await ada.done(red.board, 'ops', put('croquis'))
  await ada.refused(k.topic, 'breakout:close', { opId: opId() }, 'forbidden')
  const { seq } = await host.done(k.topic, 'breakout:close', { opId: opId() })
  assert.equal((await heardAt(bob, k.topic, 'breakout:closed', seq)).breakout, null)
  await ada.event(red.topic, 'group:updated', (p) => p.group.status === 'archived')
  await ada.refused(red.topic, 'message:new', text('trop tard'), 'read_only')
  await until('the board to be closed too', async () => (await ada.push(red.board, 'ops', put('trop-tard'))).response.reason === 'read_only')
  assert.equal(await stands(who.apprenant1, k), null)
  await host.refused(red.board, 'ops', put('hôte'), 'not_joined')

  await server.restart()
  const again = await member(server, who.apprenant1, red.topic, { params: { last: 10 } })
  assert.equal(again.joined.readOnly, true)
  await again.event(red.topic, 'message', (p) => p.content === 'à garder')
  await again.enter(red.board)
  assert.deepEqual((await again.event(red.board, 'snapshot'))[4].elements.map((e) => e.id), ['croquis'])
  assert.equal((await again.join(blue.topic)).response.reason, 'forbidden')

  const roomsOf = async (person) => (await person.get(`/api/study-groups/${group.id}/rooms?limit=100`)).json
  assert.ok((await roomsOf(who.apprenant1)).some((r) => r.groupId === red.groupId && r.open === false && r.whiteboardId === red.whiteboardId))
  assert.ok(!(await roomsOf(who.apprenant1)).some((r) => r.groupId === blue.groupId))
  assert.ok((await roomsOf(who.manager)).some((r) => r.groupId === blue.groupId))
  assertProblem(await who.apprenant3.get(`/api/study-groups/${group.id}/rooms`), 403)
  assertProblem(await who.stranger.get(`/api/study-groups/${group.id}/rooms`), 404)
  for (const person of [who.apprenant1, who.formateur, who.manager])
    assert.ok(!(await person.get('/api/study-groups?limit=100')).json.some((g) => [red.groupId, blue.groupId].includes(g.id)))
  assert.equal((await who.apprenant1.get(`/api/study-groups/${red.groupId}`)).json.status, 'archived')
  assertProblem(await who.apprenant2.get(`/api/study-groups/${red.groupId}`), 404)
  assert.equal((await who.apprenant1.get(`/api/study-groups/${red.groupId}/messages`)).json.length, 1)

  // The same room in another class, for somebody else: what was drawn is there, who sat in it is not.
  const next = await inClass()
  await again.enter(red.topic)
  const { seq: s } = await next.host.done(next.k.topic, 'breakout:open', { opId: opId(), rooms: [{ groupId: red.groupId, userIds: [ids.apprenant2] }] })
  const room = (await heardAt(next.bob, next.k.topic, 'breakout:opened', s)).breakout.rooms[0]
  assert.deepEqual([room.groupId, room.whiteboardId, room.name], [red.groupId, red.whiteboardId, 'Rouge'])
  await Promise.all([again.event(red.topic, 'phx_error'), again.event(red.board, 'phx_error')])
  for (const topic of [red.topic, red.board]) assert.equal((await again.join(topic)).response.reason, 'forbidden')
  await next.bob.enter(red.topic)
  await next.bob.done(red.topic, 'message:new', text('à mon tour'))
  await next.bob.enter(red.board)
  await next.bob.done(red.board, 'ops', put('suite'))
  const twice = await next.host.refused(next.k.topic, 'breakout:open', { opId: opId(), rooms: [{ groupId: red.groupId }] }, 'conflict')
  assert.equal(twice.errors[0].code, 'open')
  const [other] = await members(server, [who.formateur], k.topic)
  assert.deepEqual((await other.refused(k.topic, 'breakout:open', { opId: opId(), rooms: [{ groupId: red.groupId }] }, 'invalid')).errors,
    [{ field: 'rooms.0.groupId', code: 'open' }])
  await Promise.all([close(), again.close(), next.close(), other.close()])
})

test('a crash keeps rooms, seats and what was said; the clock closes them after it, with somebody there or nobody', async () => {
  const c = await inClass()
  const { k, host, ada } = c
  const [red, blue] = await opened(c, { minutes: 30 })
  await ada.enter(red.topic)
  await ada.done(red.topic, 'message:new', text('avant'))
  await host.done(k.topic, 'breakout:move', { opId: opId(), userId: ids.apprenant2, room: red.groupId })
  const before = await stands(who.manager, k)
  assert.ok(Math.abs(Date.parse(before.endsAt) - Date.now() - 30 * 60e3) < 10e3, before.endsAt)
  const empty = await inClass()
  const [third] = await opened(empty, { minutes: 30 })
  await server.kill9()
  await server.start()
  assert.deepEqual(await stands(who.apprenant2, k), before)
  const bob = await member(server, who.apprenant2, red.topic, { params: { last: 5 } })
  await bob.event(red.topic, 'message', (p) => p.content === 'avant')
  assert.equal((await bob.join(blue.topic)).response.reason, 'forbidden')
  await bob.close()

  await server.kill9()
  const ends = new Date(Date.now() + 4000).toISOString()
  await server.sql(`update study_sessions set live = jsonb_set(live, '{breakout,endsAt}', ${lit(JSON.stringify(ends))}::jsonb) where id in (${lit(k.id)}, ${lit(empty.k.id)})`)
  await server.start()
  const [stays, chats] = await members(server, [who.apprenant1, who.apprenant1], k.topic)
  await chats.enter(red.topic)
  await chats.done(red.topic, 'message:new', text('encore'))
  const closed = (await stays.event(k.topic, 'breakout:closed'))[4]
  assert.deepEqual([closed.reason, closed.breakout, closed.by], ['time', null, ids.formateur])
  const late = Date.parse(closed.at) - Date.parse(ends)
  assert.ok(late >= 0, `closed ${-late} ms before its time`)
  await chats.event(red.topic, 'group:updated', (p) => p.group.status === 'archived')
  await chats.refused(red.topic, 'message:new', text('fini'), 'read_only')
  await until('the rooms of a class that nobody is in', async () => (await server.sql(`select status from study_groups where id = ${lit(third.groupId)}`)) === 'archived')
  await Promise.all([stays.close(), chats.close()])
})

test('the end of the class closes its rooms; another host gets them all', async () => {
  const c = await inClass()
  const { k, host, ada, bob, close } = c
  const [red, blue] = await opened(c)
  await host.enter(blue.topic)
  await ada.enter(red.topic)
  const changed = await who.formateur.request('PUT', `/api/study-sessions/${k.id}`, { json: { hostId: ids.apprenant1 } })
  assert.equal(changed.status, 200, changed.text)
  await host.event(blue.topic, 'phx_error')
  assert.equal((await host.join(blue.topic)).response.reason, 'forbidden')
  assert.equal((await ada.enter(blue.topic)).role, 'moderator')
  await ada.done(k.topic, 'start', { opId: opId() })
  const { seq } = await ada.done(k.topic, 'end', { opId: opId() })
  await heardAt(bob, k.topic, 'class:ended', seq)
  assert.deepEqual([(await bob.event(k.topic, 'breakout:closed'))[4].reason, await stands(who.apprenant2, k)], ['ended', null])
  await ada.event(red.topic, 'group:updated', (p) => p.group.status === 'archived')
  await ada.refused(red.topic, 'message:new', text('fini'), 'read_only')
  await ada.refused(k.topic, 'breakout:open', { opId: opId(), rooms: [{ name: 'A', userIds: [] }] }, 'read_only')
  assert.equal(await server.sql(`select count(*) from study_groups where id in (${lit(red.groupId)}, ${lit(blue.groupId)}) and status = 'archived'`), '2')
  await close()
})
