// Who works with whom right now: the figures of a school follow what its people do, exactly, and are shown to those who run it; a room is
// shown to who may join it, with the people in it, and is not woken by the question.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { lit, startServer } from './lib/server.mjs'
import { people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { readMetrics } from './lib/metrics.mjs'
import { deaf, fill, makeGroup, member, say, text, uuid } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who, stranger, root, school
before(async () => {
  server = await startServer({ env: { STACGATE_LOOPS: '2', STACGATE_PUSH_RATE: '1000', STACGATE_QUEUE_AGE: '60s', STACGATE_QUEUE_HARD: '600k', STACGATE_GRACE: '100ms' } })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'formateur', 'manager'])
  stranger = await signIn(server, 'manager@turing.test')
  root = await signIn(server, 'superadmin@stacgate.test')
  school = server.demo.establishments.find((e) => e.slug === 'lycee-moliere').id
})
after(() => server?.stop())

const stats = async (api, query = '') => {
  const r = await api.get(`/api/collaboration/stats${query}`)
  assert.equal(r.status, 200, r.text)
  return r.json
}
const rooms = (s, kind) => s.rooms.find((r) => r.kind === kind)
const room = async (api, id) => {
  const r = await api.get(`/api/collaboration/rooms/${encodeURIComponent(id)}`)
  assert.equal(r.status, 200, r.text)
  return r.json
}

test('the figures of a school: sockets, people, rooms and the last minute', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const before = await stats(who.manager)
  const other = await stats(stranger)
  const [a, again, b] = [await member(server, who.apprenant1, topic), await member(server, who.apprenant1, topic, { encoding: 'msgpack' }), await member(server, who.apprenant2, topic)]
  const slow = await deaf(server, who.apprenant3, topic)
  await say(a, topic, 'un')
  const { id } = await say(b, topic, 'deux')
  await b.done(topic, 'reaction:add', { opId: 'r1', messageId: id, emoji: '👍' })
  await fill(a, topic)
  a.send([a.joinRefs.get(topic), a.ref(), topic, 'typing', { isTyping: true }])
  await b.event(topic, 'ephemeral')
  const now = await stats(who.manager)
  assert.equal(now.establishmentId, school)
  assert.equal(now.connections - before.connections, 4)
  assert.equal(now.people - before.people, 3)
  const group = rooms(now, 'group')
  assert.deepEqual([group.rooms, group.connections, group.people], [rooms(before, 'group').rooms + 1, rooms(before, 'group').connections + 4, rooms(before, 'group').people + 3])
  const minute = (what, s = now) => s.lastMinute[what] - before.lastMinute[what]
  assert.equal(minute('messages'), 62)
  assert.equal(minute('operations'), 63)
  assert.ok(minute('ephemeralFrames') >= 1)
  await until('what the slow one is spared', async () => minute('droppedFrames', await stats(who.manager)) >= 1)
  assert.equal(minute('closedSlow'), 0)
  await fill(a, topic, 90)
  slow.socket.resume()
  await until('its end', () => slow.closeCode())
  slow.destroy()
  await until('its end to be counted', async () => minute('closedSlow', await stats(who.manager)) === 1)

  // Another school sees nothing of it; a super_admin all, or one.
  const theirs = await stats(stranger)
  assert.deepEqual([theirs.connections, theirs.people, theirs.rooms, theirs.lastMinute.messages], [other.connections, other.people, other.rooms, other.lastMinute.messages])
  const whole = await stats(root)
  const here = await stats(root, `?establishmentId=${school}`)
  assert.equal(whole.establishmentId, null)
  assert.equal(rooms(whole, 'group').connections, rooms(here, 'group').connections)
  assert.ok(whole.connections >= here.connections && here.connections === before.connections + 3)
  await Promise.all([a, again, b].map((w) => w.close()))
  await until('everybody to be gone', async () => {
    const s = await stats(who.manager)
    return s.connections === before.connections && s.people === before.people && rooms(s, 'group').rooms === rooms(before, 'group').rooms
  })
})

test('who may see the figures', async () => {
  for (const api of [who.apprenant1, who.formateur]) assertProblem(await api.get('/api/collaboration/stats'), 403)
  assertProblem(await who.manager.get(`/api/collaboration/stats?establishmentId=${stranger.user.establishmentId}`), 403)
})

test('a room: who is in it, where its log stands, what waits', async () => {
  const { id, topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [a, again, b] = [await member(server, who.apprenant1, topic), await member(server, who.apprenant1, topic), await member(server, who.apprenant2, topic)]
  b.send([b.joinRefs.get(topic), b.ref(), topic, 'presence:update', { status: 'away' }])
  await b.settle()
  const { seq } = await say(a, topic, 'un')
  const r = await room(who.apprenant2, topic)
  assert.deepEqual([r.topic, r.kind, r.resourceId, r.active, r.headSeq, r.epoch, r.locks], [topic, 'group', id, true, seq, a.joined.epoch, null])
  assert.deepEqual([r.connections, r.people, r.pending], [3, 2, { queued: 0, committing: 0 }])
  const card = r.members.find((m) => m.id === who.apprenant1.user.id)
  assert.deepEqual([card.connections, card.status], [2, 'online'])
  assert.equal(r.members.find((m) => m.id === who.apprenant2.user.id).status, 'away')
  assert.equal(card.role, 'admin')
  assert.equal(card.name, `${who.apprenant1.user.firstName} ${who.apprenant1.user.lastName}`)
  assert.ok(Math.abs(Date.parse(card.onlineSince) - Date.now()) < 60000)
  assert.deepEqual(await room(who.manager, id), { ...r }) // by its resource, to staff

  const release = await server.hold(`select 1 from channels where topic = ${lit(topic)} for update`)
  const refs = [a.ref(), b.ref(), b.ref()]
  a.send([a.joinRefs.get(topic), refs[0], topic, 'message:new', text('en route')])
  await until('a commit under way', async () => (await room(who.manager, id)).pending.committing === 1)
  for (const ref of refs.slice(1)) b.send([b.joinRefs.get(topic), ref, topic, 'message:new', text('en attente')])
  await until('two that wait', async () => (await room(who.manager, id)).pending.queued === 2)
  await release()
  await b.reply(topic, refs[2])
  assert.equal((await room(who.manager, id)).headSeq, seq + 3)

  // Cut, it is not there; its grace is nobody's business.
  again.cut()
  await until('one connection less', async () => (await room(who.manager, id)).connections === 2)
  assert.equal((await room(who.manager, id)).people, 2)
  await Promise.all([a.close(), b.close()])
  await until('nobody', async () => (await room(who.manager, id)).people === 0)
})

test('who may see a room: who may join it, and staff; other schools find nothing', async () => {
  const { id, topic } = await makeGroup(who.apprenant1)
  for (const name of [id, topic]) {
    assertProblem(await who.apprenant2.get(`/api/collaboration/rooms/${name}`), 403)
    assertProblem(await stranger.get(`/api/collaboration/rooms/${name}`), 404)
    assert.equal((await room(root, name)).resourceId, id)
  }
  for (const name of [uuid, `group:${uuid}`, `whiteboard:${id}`, `nothing:${id}`, 'x'.repeat(300), ':', 'group:'])
    assertProblem(await who.manager.get(`/api/collaboration/rooms/${encodeURIComponent(name)}`), 404)
})

test('a board with its locks; a school whose people only staff sees by name', async () => {
  const { id } = await makeGroup(who.apprenant1, [who.apprenant2])
  const board = (await who.apprenant1.post(`/api/study-groups/${id}/whiteboards`, { title: 'T' })).json.id
  const topic = `whiteboard:${board}`
  const a = await member(server, who.apprenant1, topic)
  await a.done(topic, 'ops', { opId: 'o1', ops: [{ op: 'put', el: { id: 'e1', type: 'rect', z: 'a', x: 0, y: 0, w: 1, h: 1 } }] })
  await a.done(topic, 'lock', { opId: 'l1', ids: ['e1'] })
  const r = await room(who.apprenant2, board)
  assert.deepEqual([r.kind, r.locks, r.people], ['whiteboard', { locked: false, elementIds: ['e1'] }, 1])
  await a.done(topic, 'lock', { opId: 'l2' })
  assert.equal((await room(who.apprenant2, board)).locks.locked, true)
  assertProblem(await who.apprenant3.get(`/api/collaboration/rooms/${board}`), 403)

  const all = await member(server, who.apprenant1, `establishment:${school}`)
  const seen = await room(who.apprenant2, `establishment:${school}`)
  assert.deepEqual([seen.people, seen.members], [1, []])
  assert.deepEqual((await room(who.manager, `establishment:${school}`)).members.map((m) => m.id), [who.apprenant1.user.id])
  await Promise.all([a.close(), all.close()])
})

test('an assessment: who supervises it sees who is there, takers do not', async () => {
  const made = (await who.formateur.post('/api/assessments', { title: 'Contrôle', assessmentType: 'quiz', questions: [{ id: 'q', type: 'essay', text: 'Qui ?' }] })).json
  await who.formateur.post(`/api/assessments/${made.id}/submit`)
  await who.manager.post(`/api/assessments/${made.id}/approve`)
  const topic = `assessment:${made.id}`
  const taker = await member(server, who.apprenant1, topic)
  for (const person of [who.manager, who.formateur, root]) {
    const r = await room(person, person === root ? made.id : topic)
    assert.deepEqual([r.kind, r.title, r.active, r.epoch, r.headSeq], ['assessment', 'Contrôle', true, null, 0])
    assert.deepEqual(r.members.map((m) => m.id), [who.apprenant1.user.id])
  }
  for (const person of [who.apprenant1, who.apprenant2]) assertProblem(await person.get(`/api/collaboration/rooms/${topic}`), 403)
  assertProblem(await stranger.get(`/api/collaboration/rooms/${topic}`), 404)
  await taker.close()
})

test('asking wakes no channel: what is not in memory answers from its row', async (t) => {
  const own = await startServer({ env: { STACGATE_CHANNEL_IDLE: '200ms', STACGATE_GRACE: '50ms' } })
  t.after(() => own.stop())
  const { apprenant1, manager } = await people(own, 'moliere', ['apprenant1', 'manager'])
  const { id, topic } = await makeGroup(apprenant1)
  const a = await member(own, apprenant1, topic)
  const { seq } = await say(a, topic, 'un')
  await a.close()
  const active = async () => (await readMetrics(own))('channels', { kind: 'group' })
  await until('it to be asleep', async () => (await active()) === 0, 15000)
  const r = (await manager.get(`/api/collaboration/rooms/${id}`)).json
  assert.deepEqual([r.active, r.headSeq, r.epoch, r.connections, r.people, r.members, r.pending], [false, seq, a.joined.epoch, 0, 0, [], { queued: 0, committing: 0 }])
  await manager.get('/api/collaboration/stats')
  assert.equal(await active(), 0)
})
