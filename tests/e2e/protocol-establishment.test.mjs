// A school's channel: everybody of it is in and counted; announcements to all are numbered, those for some roles reach nobody else, in no
// log; staff follows what happens; maintenance is said in every school.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { Api, people, pushed, signIn } from './lib/client.mjs'
import { assertEvent, follow, member, members, opId, uuid } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

const EVENTS = ['announcement', 'activity', 'maintenance']
let server, who, moliere, turing, topic
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['formateur', 'apprenant1', 'apprenant2', 'manager', 'admin'])
  who.stranger = await signIn(server, 'admin@turing.test')
  who.root = await signIn(server, 'superadmin@stacgate.test')
  ;[moliere, turing] = ['moliere', 'turing'].map((s) => server.demo.establishments.find((e) => e.slug.includes(s)).id)
  topic = `establishment:${moliere}`
})
after(() => server?.stop())

const id = (person) => person.user.id
const ok = (r, status = 200) => (assert.equal(r.status, status, r.text), r.json)
const off = (...list) => list.forEach((x) => x.socket.disconnect())
const refusal = (x, payload) => pushed(x.channel, 'announce', { opId: opId(), ...payload }).then(() => 'taken', (e) => e.response.reason)
const words = (extra = {}) => ({ opId: opId(), title: unique('Titre'), body: 'Texte', ...extra })

test('everybody of the school is in, nobody of another; presence is a number', async () => {
  const [ada, manager, root] = await members(server, [who.apprenant1, who.manager, who.root], topic)
  assert.deepEqual([ada, manager, root].map((w) => [w.joined.role, w.joined.readOnly]),
    [['apprenant', true], ['manager', false], ['super_admin', false]])
  await ada.event(topic, 'presence_count', (p) => p.count === 3)
  await root.call(topic, 'phx_leave', {})
  await ada.event(topic, 'presence_count', (p) => p.count === 2)
  assert.deepEqual([ada.seen(topic, 'presence_state'), ada.seen(topic, 'presence_diff')], [[], []])
  const stranger = await member(server, who.stranger, `establishment:${turing}`)
  for (const [w, t] of [[stranger, topic], [ada, `establishment:${turing}`], [ada, `establishment:${uuid}`]])
    assert.equal((await w.join(t)).response.reason, 'not_found')
  await Promise.all([ada, manager, root, stranger].map((w) => w.close()))
})

test('to all: numbered, once for an opId, resumed across a cut and a crash; by staff alone', async () => {
  const ada = await follow(server, who.apprenant1, topic, EVENTS)
  const manager = await follow(server, who.manager, topic, EVENTS, { encoding: 'msgpack' })
  const first = words()
  const reply = await pushed(manager.channel, 'announce', first)
  assert.deepEqual(await pushed(manager.channel, 'announce', first), reply)
  const heard = await ada.next('announcement', (p) => p.seq === reply.seq)
  assertEvent(heard)
  assert.deepEqual([heard.title, heard.audience, heard.user.id], [first.title, 'all', id(who.manager)])
  ada.socket.cut()
  const missed = words({ audience: 'all' })
  await pushed(manager.channel, 'announce', missed)
  ok(await who.manager.post('/api/announcements', { title: 'Par REST', message: 'Aussi' }), 201)
  await ada.next('announcement', (p) => p.title === 'Par REST' && p.audience === 'all' && p.by === id(who.manager))
  await server.restart('SIGKILL')
  await pushed(manager.channel, 'announce', words())
  await until('all four', () => ada.seen.length === 4)
  const seqs = ada.seen.map(([, p]) => p.seq)
  assert.deepEqual(seqs, seqs.map((_, i) => reply.seq + i))
  assert.ok(ada.joins.length > 2 && ada.joins.slice(1).every((j) => j.recovered))
  const mine = ok(await who.apprenant2.get('/api/notifications?limit=200')).filter((n) => n.title === first.title)
  assert.deepEqual(mine.map((n) => [n.type, n.message]), [['new_announcement', 'Texte']])
  assert.equal(await refusal(ada, words()), 'forbidden')
  assert.equal(await refusal(ada, words({ audience: ['apprenant'] })), 'forbidden')
  for (const bad of [{ title: '' }, { body: undefined }, { audience: 'nobody' }, { audience: [] }, { audience: ['apprenant', 'dieu'] }, { audience: 7 }, { audience: ['apprenant'], title: 3 }])
    assert.equal(await refusal(manager, words(bad)), 'invalid', JSON.stringify(bad))
  off(ada, manager)
})

test('to some roles: they hear it, without a number; nobody else can read it anywhere; an opId counts once', async () => {
  const [ada, teacher, manager] = await Promise.all([who.apprenant1, who.formateur, who.manager].map((p) => follow(server, p, topic, EVENTS)))
  const own = await member(server, who.formateur, `user:${id(who.formateur)}`)
  const secret = words({ audience: ['formateur', 'admin'] })
  const reply = await pushed(manager.channel, 'announce', secret)
  assert.deepEqual([reply.seq, typeof reply.id, typeof reply.createdAt], [undefined, 'string', 'string'])
  assert.deepEqual(await pushed(manager.channel, 'announce', secret), reply)
  const heard = await teacher.next('announcement')
  assert.deepEqual([heard.id, heard.seq, heard.title, heard.audience.toSorted(), heard.user.id], [reply.id, undefined, secret.title, ['admin', 'formateur'], id(who.manager)])
  await own.event(`user:${id(who.formateur)}`, 'notification', (p) => p.title === secret.title)
  assert.equal(ok(await who.formateur.get('/api/notifications?limit=200')).filter((n) => n.title === secret.title).length, 1)
  for (const other of [{ ...secret, body: 'Autre' }, { ...secret, audience: 'all' }])
    assert.equal(await refusal(manager, other), 'conflict')
  const open = words()
  await pushed(manager.channel, 'announce', open)
  assert.equal(await refusal(manager, { ...open, audience: 'formateur' }), 'conflict')
  ok(await who.manager.post('/api/announcements', { title: 'Aux formateurs', message: 'Seulement', role: 'formateur' }), 201)
  await teacher.next('announcement', (p) => p.title === 'Aux formateurs' && p.seq === undefined)
  await ada.next('announcement', (p) => p.title === open.title)
  assert.deepEqual(ada.seen.map(([, p]) => p.title), [open.title])
  const resumed = await member(server, who.apprenant1, topic, { params: { epoch: ada.reply.epoch, since: ada.reply.seq } })
  await resumed.settle()
  assert.deepEqual(resumed.seen(topic, 'announcement').map((m) => m[4].title), [open.title])
  assert.equal(ok(await who.apprenant1.get('/api/notifications?limit=200')).filter((n) => n.title === secret.title).length, 0)
  assert.equal(await server.sql(`select count(*) from channel_events where payload ->> 'title' in (${lit(secret.title)}, 'Aux formateurs')`), '0')
  off(ada, teacher, manager)
  await Promise.all([own.close(), resumed.close()])
})

test('activity: staff sees who registers, enrols, leaves and completes; learners do not', async () => {
  const [ada, manager] = await members(server, [who.apprenant1, who.manager], topic)
  const c = ok(await who.manager.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C' }), 201)
  const m = ok(await who.manager.post(`/api/courses/${c.id}/modules`, { title: 'M' }), 201)
  const seen = async (type, fields) => {
    const p = (await manager.event(topic, 'activity', (x) => x.type === type))[4]
    assert.match(p.at, /^\d{4}-.*Z$/)
    for (const [k, v] of Object.entries(fields)) assert.equal(p[k], v, k)
    assert.equal(p.seq, undefined)
  }
  const user = { userId: id(who.apprenant1), courseId: c.id }
  ok(await who.apprenant1.post(`/api/courses/${c.id}/enroll`, {}), 201)
  await seen('course_enrolled', user)
  ok(await who.apprenant1.request('PUT', `/api/modules/${m.id}/progress`, { json: { status: 'completed' } }))
  await seen('course_completed', user)
  ok(await who.apprenant1.post(`/api/courses/${c.id}/enroll`, { action: 'unenroll' }))
  await seen('course_left', user)
  const made = ok(await new Api(server).post('/api/auth/register', { email: `${unique('neuf')}@moliere.test`, password: 'un bon mot de passe', establishmentId: moliere }), 201)
  await seen('user_registered', { userId: (made.user ?? made).id })
  await ada.settle()
  assert.deepEqual(ada.seen(topic, 'activity'), [])
  await Promise.all([ada, manager].map((w) => w.close()))
})

test('an account that is switched off, and one that leaves the staff, are out at once', async () => {
  const password = 'un bon mot de passe'
  const email = `${unique('p')}@moliere.test`
  const made = ok(await who.admin.post('/api/users', { email, password, firstName: 'P', lastName: 'Q', role: 'manager' }), 201)
  const person = await signIn(server, email, password)
  const w = await member(server, person, topic)
  const change = (json) => who.admin.request('PUT', `/api/users/${made.id}`, { json })
  const gone = w.event(topic, 'phx_error')
  ok(await change({ role: 'apprenant' }))
  await gone
  assert.deepEqual([(await w.enter(topic)).readOnly, await w.refused(topic, 'announce', words(), 'forbidden').then(() => 'refused')], [true, 'refused'])
  ok(await change({ isActive: false }))
  assert.equal(await w.closeCode(), 4001)
})

test('maintenance is said in every school before its people have to go, and that it is over', async () => {
  const list = await Promise.all([[who.apprenant1, moliere], [who.stranger, turing]].map(([p, e]) => follow(server, p, `establishment:${e}`, EVENTS)))
  const set = (json) => who.root.request('PUT', '/api/system/maintenance', { json })
  ok(await set({ isMaintenance: true, message: 'Mise à jour' }))
  await list[1].next('maintenance', (p) => p.isMaintenance && p.message === 'Mise à jour') // an admin may stay
  ok(await set({ isMaintenance: false }))
  for (const x of list) {
    await x.next('maintenance', (p) => !p.isMaintenance)
    assert.deepEqual(x.heard('maintenance').map((p) => [p.isMaintenance, p.by]), [[true, id(who.root)], [false, id(who.root)]])
  }
  off(...list)
})
