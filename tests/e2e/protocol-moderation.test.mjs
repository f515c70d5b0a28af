// Moderation and the personal topic: who may silence, remove, promote, lock; who hears of it; and what ends a membership or a
// session while its sockets are open.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people, signIn, Wire } from './lib/client.mjs'
import { assertEvent, makeGroup, member, members, opId, say, text, uuid } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'formateur', 'manager'])
})
after(() => server?.stop())

// A group of apprenant1 (its admin) with two members, all connected: {group, mod, ada, bob, close}.
async function scene() {
  const group = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const [mod, ada, bob] = await members(server, [who.apprenant1, who.apprenant2, who.apprenant3], group.topic)
  const all = [mod, ada, bob]
  return { group, topic: group.topic, mod, ada, bob, all, close: () => Promise.all(all.map((w) => w.close())) }
}

const adaId = () => who.apprenant2.user.id
const does = (payload = {}) => ({ opId: opId(), ...payload })

// Every given connection gets an event with the reply's seq; they are equal; returns [event name, payload].
async function everybody(wires, topic, seq) {
  const got = []
  for (const w of wires) got.push(await w.next(`seq ${seq}`, (m) => m[2] === topic && m[3] !== 'phx_reply' && m[4].seq === seq))
  for (const g of got) assert.deepEqual(g.slice(3), got[0].slice(3))
  assertEvent(got[0][4])
  return got[0].slice(3)
}

test('mute and unmute', async () => {
  const s = await scene()
  const { seq } = await s.mod.done(s.topic, 'member:mute', does({ userId: adaId(), minutes: 10 }))
  const [event, payload] = await everybody(s.all, s.topic, seq)
  assert.match(event, /^member:/)
  assert.equal(payload.userId, adaId())
  await s.ada.refused(s.topic, 'message:new', text('chut'), 'muted')
  const rest = await who.apprenant2.post(`/api/study-groups/${s.group.id}/messages`, { content: 'par derrière', type: 'text' })
  assert.equal(rest.status, 403)
  await say(s.bob, s.topic, 'je parle encore')
  // It outlives the connection.
  await s.ada.close()
  const back = await member(server, who.apprenant2, s.topic)
  await back.refused(s.topic, 'message:new', text('chut'), 'muted')
  const off = await s.mod.done(s.topic, 'member:unmute', does({ userId: adaId() }))
  assert.match((await everybody([s.mod, s.bob, back], s.topic, off.seq))[0], /^member:/)
  await say(back, s.topic, 'merci')
  await back.close()
  await s.close()
})

test('a mute outlives the server and ends at its time', async () => {
  const s = await scene()
  await s.mod.done(s.topic, 'member:mute', does({ userId: adaId(), minutes: 30 }))
  await s.close()
  await server.restart('SIGKILL')
  const muted = await member(server, who.apprenant2, s.topic)
  await muted.refused(s.topic, 'message:new', text('chut'), 'muted')
  await muted.close()
  // Half an hour later: the end of the mute moves, while nobody holds the channel in memory.
  await server.kill9()
  await server.sql(`update study_group_members set muted_until = muted_until - interval '31 minutes' where user_id = ${lit(adaId())} and muted_until is not null;`)
  await server.start()
  const free = await member(server, who.apprenant2, s.topic)
  await say(free, s.topic, 'de retour')
  await free.close()
})

test('kick: the member hears it, is out, and cannot come back by itself; the others go on', async () => {
  const s = await scene()
  const second = await member(server, who.apprenant2, s.topic)
  const ticket = second.joined.ticket
  const { seq } = await s.mod.done(s.topic, 'member:kick', does({ userId: adaId() }))
  const [event, payload] = await everybody([s.mod, s.bob], s.topic, seq)
  assert.match(event, /^member:/)
  assert.equal(payload.userId, adaId())
  for (const w of [s.ada, second]) {
    const bye = await w.next('the end of the membership', (m) => m[2] === s.topic && ['phx_error', 'phx_close'].includes(m[3]))
    assert.equal(bye[3], 'phx_error')
    assert.equal(bye[0], w.joinRefs.get(s.topic))
  }
  const later = await say(s.bob, s.topic, 'entre nous')
  for (const params of [{}, { epoch: second.joined.epoch, since: 0 }, ...(ticket ? [{ ticket, epoch: second.joined.epoch, since: 0 }] : [])]) {
    const r = await s.ada.join(s.topic, params)
    assert.equal(r.status, 'error', JSON.stringify(params))
    assert.ok(['forbidden', 'not_found'].includes(r.response.reason), JSON.stringify(r))
  }
  await s.ada.refused(s.topic, 'message:new', text('encore moi'), 'not_joined')
  for (const w of [s.ada, second]) {
    await w.settle()
    assert.ok(!w.log.some((m) => m[4]?.seq === later.seq && m[3] === 'message'), 'a kicked member still hears')
  }
  assert.notEqual((await who.apprenant2.get(`/api/study-groups/${s.group.id}/messages`)).status, 200)
  // What else the connection had joined stays.
  await s.ada.settle()
  await second.close()
  await s.close()
})

test('role: a member becomes a moderator and may then moderate', async () => {
  const s = await scene()
  await s.ada.refused(s.topic, 'group:lock', does(), 'forbidden')
  const { seq } = await s.mod.done(s.topic, 'member:role', does({ userId: adaId(), role: 'moderator' }))
  const [event, payload] = await everybody(s.all, s.topic, seq)
  assert.match(event, /^member:/)
  assert.equal(payload.role, 'moderator')
  await s.ada.done(s.topic, 'group:lock', does())
  await s.ada.done(s.topic, 'group:unlock', does())
  await s.mod.refused(s.topic, 'member:role', does({ userId: adaId(), role: 'emperor' }), 'invalid')
  // A moderator does not depose the group's admin.
  await s.ada.refused(s.topic, 'member:kick', does({ userId: who.apprenant1.user.id }), 'forbidden')
  await s.close()
})

test('lock: members read, moderators write; unlock', async () => {
  const s = await scene()
  const { seq } = await s.mod.done(s.topic, 'group:lock', does())
  assert.equal((await everybody(s.all, s.topic, seq))[0], 'group:updated')
  await s.ada.refused(s.topic, 'message:new', text('fermé ?'), 'locked')
  assert.equal((await who.apprenant2.post(`/api/study-groups/${s.group.id}/messages`, { content: 'fermé ?', type: 'text' })).status, 403)
  await s.ada.done(s.topic, 'history', {})
  const again = await member(server, who.apprenant2, s.topic)
  await again.refused(s.topic, 'message:new', text('fermé ?'), 'locked')
  await s.mod.done(s.topic, 'group:unlock', does())
  await say(again, s.topic, 'ouvert')
  await again.close()
  await s.close()
})

test('members moderate nothing', async () => {
  const s = await scene()
  for (const [event, payload] of [
    ['member:mute', { userId: who.apprenant3.user.id }], ['member:unmute', { userId: who.apprenant3.user.id }],
    ['member:kick', { userId: who.apprenant3.user.id }], ['member:role', { userId: adaId(), role: 'admin' }], ['group:lock', {}], ['group:unlock', {}],
  ])
    await s.ada.refused(s.topic, event, does(payload), 'forbidden')
  await s.close()
})

test('moderating somebody who is not there', async () => {
  const s = await scene()
  for (const event of ['member:mute', 'member:kick', 'member:role'])
    for (const userId of [uuid, who.formateur.user.id]) await s.mod.refused(s.topic, event, does({ userId, role: 'moderator' }), 'not_found')
  await s.mod.refused(s.topic, 'member:mute', does({ userId: 7 }), 'invalid')
  await s.mod.refused(s.topic, 'member:mute', does({ userId: adaId(), minutes: -1 }), 'invalid')
  await s.close()
})

test("message:report reaches the moderators' own topics, unnumbered, and nobody else", async () => {
  const s = await scene()
  const tops = await Promise.all([who.apprenant1, who.apprenant3].map((p) => member(server, p, `user:${p.user.id}`)))
  const { id, seq } = await say(s.bob, s.topic, 'vilain mot')
  await s.ada.done(s.topic, 'message:report', { id, reason: 'injure' })
  const m = await tops[0].event(`user:${who.apprenant1.user.id}`, 'message:reported')
  assert.ok(JSON.stringify(m[4]).includes(id) && JSON.stringify(m[4]).includes('injure'), JSON.stringify(m))
  assert.equal(m[4].seq, undefined)
  await s.bob.settle()
  await tops[1].settle()
  for (const w of [s.bob, s.mod, tops[1]]) assert.ok(!w.log.some((x) => x[3] === 'message:reported'), 'told to somebody else')
  const { head } = (await member(server, who.apprenant2, s.topic)).joined
  assert.equal(head, seq, 'a report takes no number')
  await s.ada.refused(s.topic, 'message:report', { id: uuid, reason: 'x' }, 'not_found')
  await s.ada.refused(s.topic, 'message:report', { id, reason: '' }, 'invalid')
  await Promise.all(tops.map((w) => w.close()))
  await s.close()
})

test('joining and leaving over REST are events; who leaves is removed from the topic', async () => {
  const s = await scene()
  assert.equal((await who.formateur.post(`/api/study-groups/${s.group.id}/join`, {})).status, 201)
  const came = await s.mod.event(s.topic, 'member:joined')
  assertEvent(came[4])
  assert.ok(JSON.stringify(came[4]).includes(who.formateur.user.id))
  const w = await member(server, who.formateur, s.topic)
  assert.equal((await who.formateur.post(`/api/study-groups/${s.group.id}/join`, { action: 'leave' })).status, 200)
  assert.ok(JSON.stringify((await s.mod.event(s.topic, 'member:left'))[4]).includes(who.formateur.user.id))
  await w.event(s.topic, 'phx_error')
  assert.equal((await w.join(s.topic)).status, 'error')
  await w.close()
  await s.close()
})

test("user: is one's own only", async () => {
  const w = await Wire.open(server, { cookie: who.apprenant1.cookie })
  for (const id of [who.apprenant2.user.id, uuid]) {
    const r = await w.join(`user:${id}`)
    assert.equal(r.status, 'error')
    assert.ok(['forbidden', 'not_found'].includes(r.response.reason))
  }
  assert.equal((await w.join(`user:${who.apprenant1.user.id}`)).status, 'ok')
  assert.equal((await w.push(`user:${who.apprenant1.user.id}`, 'message:new', text('à moi-même'))).status, 'error')
  await w.close()
})

test('group:unread tells the members who are elsewhere, with a count, at most once a second', async () => {
  const s = await scene()
  const p = who.apprenant2
  await s.ada.close()
  const elsewhere = await member(server, p, `user:${p.user.id}`)
  const sent = []
  const began = Date.now()
  for (let i = 0; i < 12; i++) sent.push(await say(s.mod, s.topic, `nouvelle ${i}`))
  const about = () => elsewhere.seen(`user:${p.user.id}`, 'group:unread').map((m) => m[4]).filter((x) => x.studyGroupId === s.group.id)
  await until('the last count', () => about().at(-1)?.seq === sent.at(-1).seq)
  assert.deepEqual(about().at(-1), { studyGroupId: s.group.id, seq: sent.at(-1).seq, unreadCount: 12 })
  const seconds = (Date.now() - began) / 1000
  assert.ok(about().length <= seconds + 2, `12 messages made ${about().length} events in ${seconds} s`)
  await elsewhere.close()
  await s.close()
})

test('logout: this session only hears session:revoked and is closed with 4001; others of the person stay', async () => {
  const [phone, desk] = await Promise.all([signIn(server, 'apprenant4@moliere.test'), signIn(server, 'apprenant4@moliere.test')])
  const topic = `user:${phone.user.id}`
  const tabs = [await member(server, phone, topic), await member(server, phone, topic)]
  const silent = await Wire.open(server, { cookie: phone.cookie }) // joined nothing
  const stays = await member(server, desk, topic)
  const cookie = phone.cookie
  assert.equal((await phone.post('/api/auth/logout', {})).status, 200)
  for (const w of tabs) {
    assert.equal(await w.closeCode(), 4001)
    const [m] = w.seen(topic, 'session:revoked')
    assert.ok(m, 'no session:revoked before the close')
    assert.equal(typeof m[4].sessionId, 'string')
    assert.ok(!cookie.includes(m[4].sessionId), 'the event must not tell the secret')
  }
  assert.equal(await silent.closeCode(), 4001)
  await stays.settle()
  assert.equal(stays.seen(topic, 'session:revoked').length, 0)
  await assert.rejects(Wire.open(server, { cookie }), { status: 401 })
  await stays.close()
})

test('a session that expires closes its sockets', async () => {
  const api = await signIn(server, 'apprenant5@moliere.test')
  const w = await Wire.open(server, { cookie: api.cookie })
  await w.settle()
  await server.sql(`delete from sessions where sess ->> 'userId' = ${lit(api.user.id)};`)
  await assert.rejects(async () => (await Wire.open(server, { cookie: api.cookie })).close(), { status: 401 })
  await w.close()
})
