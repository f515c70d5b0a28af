// The old clients' two sockets, spoken as that client speaks: a plain `ws` with a cookie, text frames, nothing more. They sit in the
// same rooms as clients of the envelope, who see them and are seen.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import WebSocket from 'ws'
import { startServer } from './lib/server.mjs'
import { Api, people, wsUrl } from './lib/client.mjs'
import { makeGroup, member, say, uuid } from './lib/school.mjs'
import { sleep, until, within } from './lib/util.mjs'

let server, who, other
before(async () => {
  server = await startServer({ args: ['--loops', '1', '--grace', '300', '--refusal-delay', '1500', '--push-rate', '20'] })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3'])
  other = await people(server, 'turing', ['apprenant1'])
})
after(() => server?.stop())

class Old {
  constructor(path, cookie, headers = {}) {
    this.frames = []
    this.began = Date.now()
    this.ws = new WebSocket(wsUrl(server, path), { headers: { ...(cookie ? { cookie } : {}), ...headers } })
    this.ws.on('message', (data, binary) => {
      assert.ok(!binary)
      this.frames.push(JSON.parse(data.toString()))
    })
    this.closed = new Promise((resolve) => this.ws.on('close', (code) => resolve(code)))
    this.opened = new Promise((resolve, reject) => {
      this.ws.on('open', () => resolve(this))
      this.ws.on('error', reject)
      this.ws.on('unexpected-response', (_, res) => {
        res.resume()
        reject(Object.assign(new Error(`refused: ${res.statusCode}`), { status: res.statusCode, ms: Date.now() - this.began }))
      })
    })
  }
  send(frame) {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }
  async next(type, fits = () => true) {
    let found
    await until(() => `${type}; there were ${JSON.stringify(this.frames)}`, () => {
      const i = this.frames.findIndex((f) => f.type === type && fits(f.data ?? f))
      if (i >= 0) [found] = this.frames.splice(i, 1)
      return i >= 0
    }, 8000, 5)
    return found
  }
  has(type) {
    return this.frames.some((f) => f.type === type)
  }
}

const COLLAB = '/ws/collaboration?userId=somebody-else&userName=Nobody&userRole=super_admin&establishmentId=elsewhere'
async function collab(person, room) {
  const c = await new Old(COLLAB, person.cookie).opened
  c.person = person
  await c.next('connected')
  if (room) await enter(c, room)
  return c
}
async function enter(c, { roomId, roomType, resourceId }) {
  c.send({ type: 'join_room', data: { roomId, roomType, resourceId } })
  c.joined = await c.next('room_joined', (d) => d.roomId === roomId)
  return c
}
const room = (g, roomId = `r-${g.id}`) => ({ roomId, roomType: 'studygroup', resourceId: g.id })
const refusedWith = (promise) => promise.then(() => assert.fail('it was let in'), (e) => e)
// Everything sent to c before now has come when this returns: an answer to a frame of its own follows it.
async function settle(c) {
  c.send({ type: 'no such frame', roomId: 'settle', data: {} })
  await c.next('error', () => true)
}
async function board(creator, g) {
  const r = await creator.post(`/api/study-groups/${g.id}/whiteboards`, { title: 'Tableau' })
  assert.equal(r.status, 201, r.text)
  return r.json
}

test('who it is, the session says; rooms show who is in them', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await new Old(COLLAB, who.apprenant1.cookie).opened
  const hello = await a.next('connected')
  assert.equal(hello.data.user.id, who.apprenant1.user.id)
  assert.equal(hello.data.user.role, 'apprenant')
  assert.equal(hello.data.user.establishmentId, who.apprenant1.user.establishmentId)
  assert.ok(hello.data.sessionId && hello.data.message && hello.data.user.name)
  await enter(a, room(g))
  assert.deepEqual(a.joined.data.participants.map((p) => p.user.id), [who.apprenant1.user.id])
  assert.equal(a.joined.data.roomType, 'studygroup')
  assert.equal(a.joined.data.resourceId, g.id)

  const b = await collab(who.apprenant2, room(g))
  const came = await a.next('user_joined')
  assert.equal(came.data.user.id, who.apprenant2.user.id)
  assert.equal(came.data.totalParticipants, 2)
  assert.ok(!Number.isNaN(Date.parse(came.data.joinedAt)))
  assert.equal(came.roomId, `r-${g.id}`)
  await until('b to know a, by the list or by name', () => [...b.joined.data.participants.map((p) => p.user.id), ...b.frames.filter((f) => f.type === 'user_joined').map((f) => f.data.user.id)].includes(who.apprenant1.user.id))

  b.send({ type: 'leave_room', roomId: `r-${g.id}`, data: {} })
  const went = await a.next('user_left')
  assert.equal(went.data.user.id, who.apprenant2.user.id)
  assert.equal(went.data.totalParticipants, 1)
  await enter(b, room(g))
  await a.next('user_joined')
  b.ws.terminate()
  await a.next('user_left') // after the grace
  assert.ok(!a.has('user_joined'), 'nobody is told of himself')
  a.ws.close()
})

test('what is said reaches the others as it came, and not its sender', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const [a, b, c] = await Promise.all([who.apprenant1, who.apprenant2, who.apprenant3].map((p) => collab(p, room(g))))
  const said = { operation: { type: 'insert', at: 3, nested: [1.5, null, 'é'] }, content: 'un texte "entre guillemets"' }
  a.send({ type: 'text_change', roomId: `r-${g.id}`, data: { ...said, userId: 'a lie' }, timestamp: 1 })
  for (const x of [b, c]) {
    const f = await x.next('content_update')
    assert.deepEqual({ operation: f.data.operation, content: f.data.content }, said)
    assert.equal(f.data.userId, who.apprenant1.user.id)
    assert.ok(f.data.userName && !Number.isNaN(Date.parse(f.data.timestamp)))
  }
  b.send({ type: 'whiteboard_draw', roomId: `r-${g.id}`, data: { drawData: { points: [[1, 2]] } } })
  assert.deepEqual((await a.next('whiteboard_update')).data.drawData, { points: [[1, 2]] })
  a.send({ type: 'cursor_move', roomId: `r-${g.id}`, data: { position: { x: 4, y: 5.5 } } })
  assert.deepEqual((await b.next('cursor_update')).data.position, { x: 4, y: 5.5 })
  c.send({ type: 'typing_indicator', roomId: `r-${g.id}`, data: { isTyping: true } })
  assert.equal((await a.next('typing_update')).data.isTyping, true)
  // In order, each of them, from one sender.
  for (let i = 0; i < 50; i++) a.send({ type: 'text_change', roomId: `r-${g.id}`, data: { operation: i, content: null } })
  for (let i = 0; i < 50; i++) assert.equal((await b.next('content_update')).data.operation, i)
  await Promise.all([settle(a), settle(b), settle(c)])
  assert.ok(!a.has('content_update') && !a.has('cursor_update') && !b.has('whiteboard_update') && !c.has('typing_update'))
  for (const x of [a, b, c]) x.ws.close()
})

test('across protocols: chat is the durable message, cursors and typing are the ephemeral ones', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const old = await collab(who.apprenant1, room(g))
  const now = await member(server, who.apprenant2, g.topic)
  await until('the new client to see the old one', () => now.log.some((m) => /^presence/.test(m[3]) && JSON.stringify(m[4]).includes(who.apprenant1.user.id)))
  old.send({ type: 'chat_message', roomId: `r-${g.id}`, data: { message: 'bonjour' } })
  const e = await now.event(g.topic, 'message')
  assert.equal(e[4].content, 'bonjour')
  assert.equal(e[4].senderId, who.apprenant1.user.id)
  const kept = await who.apprenant2.get(`/api/study-groups/${g.id}/messages`)
  assert.equal(kept.json[0].content, 'bonjour')
  await say(now, g.topic, 'salut')
  const f = await old.next('chat_message')
  assert.equal(f.data.message, 'salut')
  assert.equal(f.data.userId, who.apprenant2.user.id)
  assert.ok(!old.has('chat_message'), 'the sender gets none of its own back')

  old.send({ type: 'typing_indicator', roomId: `r-${g.id}`, data: { isTyping: true } })
  await now.event(g.topic, 'ephemeral', (p) => p.typing?.[who.apprenant1.user.id]?.isTyping === true)
  now.send([now.joinRefs.get(g.topic), now.ref(), g.topic, 'typing', { isTyping: true }])
  assert.equal((await old.next('typing_update')).data.userId, who.apprenant2.user.id)

  const w = await board(who.apprenant1, g)
  await enter(old, { roomId: 'tableau', roomType: 'whiteboard', resourceId: w.id })
  await now.enter(`whiteboard:${w.id}`)
  old.send({ type: 'cursor_move', roomId: 'tableau', data: { position: { x: 1, y: 2 } } })
  await now.event(`whiteboard:${w.id}`, 'ephemeral', (p) => p.cursor?.[who.apprenant1.user.id]?.x === 1)
  now.send([now.joinRefs.get(`whiteboard:${w.id}`), now.ref(), `whiteboard:${w.id}`, 'cursor', { x: 7, y: 8 }])
  const moved = await old.next('cursor_update')
  assert.deepEqual([moved.roomId, moved.data.position.x], ['tableau', 7])
  old.ws.close()
  await now.close()
})

test("a room is its resource's topic, with that topic's permissions", async () => {
  const g = await makeGroup(who.apprenant1, [])
  const mine = await collab(who.apprenant1, room(g))
  const out = await collab(who.apprenant3)
  const err = async (frame, fits) => {
    out.send(frame)
    const e = await out.next('error', fits)
    assert.ok(e.data.error && e.data.timestamp)
    return e
  }
  assert.equal((await err({ type: 'join_room', data: room(g) })).data.reason, 'forbidden')
  assert.equal((await err({ type: 'join_room', data: { roomId: 'x', roomType: 'studygroup', resourceId: uuid } })).data.reason, 'not_found')
  assert.equal((await err({ type: 'join_room', data: { roomId: 'x', roomType: 'general', resourceId: 'default' } })).data.reason, 'unmatched_topic')
  assert.equal((await err({ type: 'join_room', data: { roomId: 5 } })).data.reason, 'invalid')
  assert.equal((await err({ type: 'text_change', roomId: `r-${g.id}`, data: { operation: 1 } })).data.reason, 'not_joined')
  for (const bad of ['not json', '[]', '7', '{"type":7}', '{"type":"text_change"', '{"type":"a\\u0000b"}']) await err(bad)
  const abroad = await collab(other.apprenant1)
  abroad.send({ type: 'join_room', data: room(g) })
  assert.equal((await abroad.next('error')).data.reason, 'not_found', 'another school cannot tell that it exists')
  await settle(mine)
  assert.ok(!mine.has('content_update') && !mine.has('user_joined'))

  // Who loses the group is out of the room, and cannot come back.
  const gone = await makeGroup(who.apprenant1, [who.apprenant2])
  const b = await collab(who.apprenant2, room(gone))
  await enter(mine, room(gone))
  const left = await who.apprenant1.request('DELETE', `/api/study-groups/${gone.id}/members/${who.apprenant2.user.id}`)
  assert.ok(left.status < 300, left.text)
  assert.equal((await b.next('error')).data.reason, 'forbidden')
  mine.send({ type: 'text_change', roomId: `r-${gone.id}`, data: { operation: 1 } })
  await settle(b)
  assert.ok(!b.has('content_update'))

  // Muted means silent here too, also for what is only passed on.
  const host = await member(server, who.apprenant1, g.topic)
  await who.apprenant2.post(`/api/study-groups/${g.id}/join`, {})
  await enter(b, room(g))
  await host.done(g.topic, 'member:mute', { userId: who.apprenant2.user.id, minutes: 5 })
  b.send({ type: 'text_change', roomId: `r-${g.id}`, data: { operation: 1 } })
  assert.equal((await b.next('error')).data.reason, 'muted')
  b.send({ type: 'chat_message', roomId: `r-${g.id}`, data: { message: 'quand même' } })
  assert.equal((await b.next('error')).data.reason, 'muted')
  for (const x of [mine, out, abroad, b]) x.ws.close()
  await host.close()
})

test('/ws: the old page hears of messages, and not of its own', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await new Old('/ws', who.apprenant1.cookie).opened
  const b = await new Old('/ws', who.apprenant2.cookie).opened
  a.send({ type: 'join_group', studyGroupId: g.id, userId: 'current_user_id' })
  await until('the first to be in', async () => (await who.apprenant1.get(`/api/collaboration/rooms/${g.topic}`)).json.connections === 1)
  b.send({ type: 'join_group', studyGroupId: g.id, userId: 'current_user_id' })
  assert.equal((await a.next('user_joined')).studyGroupId, g.id)
  const sent = await who.apprenant1.post(`/api/study-groups/${g.id}/messages`, { content: 'de la page', type: 'text' })
  assert.equal(sent.status, 201)
  const f = await b.next('new_message')
  assert.equal(f.studyGroupId, g.id)
  const listed = (await who.apprenant2.get(`/api/study-groups/${g.id}/messages`)).json[0]
  for (const key of ['id', 'content', 'createdAt', 'seq', 'type', 'senderId']) assert.deepEqual(f.message[key], listed[key], key)
  assert.deepEqual(f.message.sender, listed.sender)
  const now = await member(server, who.apprenant2, g.topic)
  now.send([now.joinRefs.get(g.topic), now.ref(), g.topic, 'typing', { isTyping: true }])
  assert.equal((await a.next('user_typing')).studyGroupId, g.id)
  await say(now, g.topic, 'du nouveau client')
  assert.equal((await a.next('new_message')).message.content, 'du nouveau client')
  assert.ok(!a.has('new_message'), 'its own message came by the list it fetched')
  assert.ok(!b.has('new_message'))
  await now.close()
  b.ws.close()
  assert.equal((await a.next('user_left')).studyGroupId, g.id)

  const out = await new Old('/ws', who.apprenant3.cookie).opened
  out.send({ type: 'join_group', studyGroupId: g.id })
  assert.equal((await out.next('error')).reason, 'forbidden')
  out.ws.close()
  a.ws.close()
})

test('too many frames are refused, far too many end it; a signed-out session is closed', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const b = await collab(who.apprenant2, room(g))
  for (let i = 0; i < 60; i++) b.send({ type: 'chat_message', roomId: `r-${g.id}`, data: { message: `${i}` } })
  assert.equal((await b.next('error')).data.reason, 'rate_limited')
  for (let i = 0; i < 600; i++) b.send({ type: 'nonsense' })
  assert.equal(await within(b.closed, 8000, 'the end'), 4029)

  const once = await new Api(server).signIn('apprenant3@moliere.test')
  const c = await collab(once, null)
  await once.post('/api/auth/logout', {})
  assert.equal(await within(c.closed, 8000, 'the end'), 4001)
})

test('a refused one that is back at once waits for its answer; the signed-in beside it do not', async () => {
  const knock = (cookie, path = COLLAB, headers) => refusedWith(new Old(path, cookie, headers).opened)
  const stale = `stacgate.sid=${'x'.repeat(43)}`
  const first = await knock(stale)
  assert.equal(first.status, 401)
  const second = await knock(stale)
  assert.equal(second.status, 401)
  assert.ok(second.ms >= 1000, `the repeat was answered after ${second.ms} ms`)
  const nobody = await knock(null)
  assert.equal(nobody.status, 401)
  const waits = knock(null, '/ws')
  const good = await collab(who.apprenant1)
  assert.ok(good.frames.length === 0)
  assert.ok((await waits).ms >= 500)
  assert.equal((await knock(who.apprenant1.cookie, COLLAB, { origin: 'https://evil.example' })).status, 403)
  good.ws.close()
})

test('a drain closes them with 1012, and they find the same room again', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await collab(who.apprenant1, room(g))
  const stopped = server.stop()
  assert.equal(await within(a.closed, 10000, 'the end'), 1012)
  await stopped
  await server.start()
  const again = await collab(who.apprenant1, room(g))
  again.send({ type: 'chat_message', roomId: `r-${g.id}`, data: { message: 'encore là' } })
  await until('it to be kept', async () => (await who.apprenant1.get(`/api/study-groups/${g.id}/messages`)).json[0]?.content === 'encore là')
  again.ws.close()
})

test('rooms of type course and assessment: those who may be there talk among themselves, strangers get an error', async () => {
  const staff = await people(server, 'moliere', ['formateur', 'manager'])
  const post = async (api, path, json, status = 201) => {
    const r = await api.post(path, json)
    assert.equal(r.status, status, r.text)
    return r.json
  }
  const course = await post(staff.manager, '/api/courses', { title: 'Cours', description: 'D', category: 'C' })
  for (const l of [who.apprenant1, who.apprenant2]) await post(l, `/api/courses/${course.id}/enroll`, {})
  const quiz = await post(staff.manager, '/api/assessments', { title: 'Contrôle', assessmentType: 'quiz', courseId: course.id, isPublic: false, questions: [{ type: 'true-false', text: 'Vrai ?', answer: true }] })
  await post(staff.manager, `/api/assessments/${quiz.id}/submit`, {}, 200)
  const admin = await people(server, 'moliere', ['admin'])
  await post(admin.admin, `/api/assessments/${quiz.id}/approve`, {}, 200)
  for (const [roomType, id] of [['course', course.id], ['assessment', quiz.id]]) {
    const place = { roomId: `r-${id}`, roomType, resourceId: id }
    const ada = await collab(who.apprenant1, place)
    assert.deepEqual([ada.joined.data.roomType, ada.joined.data.resourceId], [roomType, id])
    const bob = await collab(who.apprenant2, place)
    await ada.next('user_joined', (d) => d.user.id === who.apprenant2.user.id)
    const modern = await member(server, who.apprenant1, `${roomType}:${id}`)
    bob.send({ type: 'chat_message', roomId: place.roomId, data: { message: 'salut' } })
    const said = (await ada.next('chat_message')).data
    assert.deepEqual([said.message, said.userId], ['salut', who.apprenant2.user.id])
    ada.send({ type: 'typing_indicator', roomId: place.roomId, data: { isTyping: true } })
    assert.equal((await bob.next('typing_update')).data.userId, who.apprenant1.user.id)
    await Promise.all([settle(bob), modern.settle()])
    assert.ok(!bob.has('chat_message'), 'a sender gets none of its own')
    assert.deepEqual(modern.log.filter((m) => /chat|message/.test(m[3])), [])
    for (const [person, reason] of [[who.apprenant3, 'forbidden'], [other.apprenant1, 'not_found']]) {
      const c = await collab(person)
      c.send({ type: 'join_room', data: place })
      assert.equal((await c.next('error')).data.reason, reason)
      c.send({ type: 'chat_message', roomId: place.roomId, data: { message: 'moi aussi' } })
      await settle(c)
      c.ws.close()
    }
    await settle(ada)
    assert.ok(!ada.has('chat_message'))
    if (roomType === 'assessment') {
      await post(who.apprenant2, `/api/courses/${course.id}/enroll`, { action: 'unenroll' }, 200)
      assert.equal((await bob.next('error')).data.reason, 'forbidden')
    }
    for (const c of [ada, bob]) c.ws.close()
    await modern.close()
  }
})
