// A course's channel: who may come in and who must go, what REST's changes become in its log, announcements, resumes across a crash, and
// progress on `user:`.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people, pushed, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { assertEvent, follow, member, members, opId, uuid } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

const EVENTS = ['course:updated', 'module:published', 'module:removed', 'modules:ordered', 'session:scheduled', 'announcement']
let server, who
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['formateur', 'apprenant1', 'apprenant2', 'apprenant3', 'manager', 'admin'])
  who.stranger = await signIn(server, 'admin@turing.test')
  who.root = await signIn(server, 'superadmin@stacgate.test')
})
after(() => server?.stop())

const id = (person) => person.user.id
const ok = (r, status = 200) => (assert.equal(r.status, status, r.text), r.json)
const put = (api, path, json) => api.request('PUT', path, { json })
async function course(learners = [], fields = {}) {
  const made = ok(await who.manager.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C', instructorId: id(who.formateur), ...fields }), 201)
  for (const l of learners) ok(await l.post(`/api/courses/${made.id}/enroll`, {}), 201)
  return { id: made.id, topic: `course:${made.id}`, path: `/api/courses/${made.id}` }
}
const drop = (learner, c) => learner.post(`${c.path}/enroll`, { action: 'unenroll' })

test('who may come in, as what, and what they are told', async () => {
  const c = await course([who.apprenant1])
  const [ada, teacher, manager, root] = await members(server, [who.apprenant1, who.formateur, who.manager, who.root], c.topic)
  assert.deepEqual([ada, teacher, manager, root].map((w) => [w.joined.role, w.joined.readOnly]),
    [['learner', true], ['instructor', false], ['manager', false], ['super_admin', false]])
  const listed = (await who.apprenant1.get('/api/courses?limit=200')).json.find((x) => x.id === c.id)
  assert.deepEqual(ada.joined.course, listed)
  const presence = (await ada.event(c.topic, 'presence_state'))[4]
  assert.deepEqual(presence[id(who.apprenant1)].metas.map((m) => m.role), ['learner'])
  await ada.call(c.topic, 'phx_leave', {})
  await teacher.event(c.topic, 'presence_diff', (p) => p.leaves[id(who.apprenant1)])
  for (const [person, reason] of [[who.apprenant2, 'forbidden'], [who.stranger, 'not_found']]) {
    const w = await member(server, person, `user:${id(person)}`)
    assert.equal((await w.join(c.topic)).response.reason, reason)
    await w.close()
  }
  assert.equal((await teacher.join(`course:${uuid}`)).response.reason, 'not_found')
  await Promise.all([ada, teacher, manager, root].map((w) => w.close()))
})

test('what changes over REST comes as numbered events, in order, once; drafts and hidden modules do not', async () => {
  const c = await course([who.apprenant1])
  const ada = await follow(server, who.apprenant1, c.topic, EVENTS)
  const changed = ok(await put(who.formateur, c.path, { title: 'Neuf' }))
  const first = await ada.next('course:updated')
  assertEvent(first)
  assert.deepEqual([first.by, first.opId, first.course], [id(who.formateur), undefined, changed])
  const approved = ok(await who.manager.post(`${c.path}/approve`))
  assert.deepEqual((await ada.next('course:updated', (p) => p.by === id(who.manager))).course, approved)
  const hidden = ok(await who.formateur.post(`${c.path}/modules`, { title: 'Caché', isActive: false }), 201)
  const open = ok(await who.formateur.post(`${c.path}/modules`, { title: 'Ouvert', contentData: { long: 'texte' } }), 201)
  ok(await put(who.formateur, `/api/modules/${open.id}`, { title: 'Ouvert encore' }))
  ok(await put(who.formateur, `/api/modules/${hidden.id}`, { isActive: true }))
  const session = ok(await who.formateur.post(`${c.path}/sessions`, { name: 'Session' }), 201)
  const move = (api, status) => api.post(`/api/training-sessions/${session.id}/status`, { status })
  ok(await move(who.formateur, 'pending_approval'))
  ok(await put(who.formateur, `/api/training-sessions/${session.id}`, { name: 'Session 1' }))
  ok(await move(who.manager, 'approved'))
  ok(await put(who.formateur, `/api/training-sessions/${session.id}`, { name: 'Session 2' }))
  assertProblem(await put(who.apprenant1, c.path, { title: 'Non' }), 403)
  await ada.next('session:scheduled', (p) => p.session.name === 'Session 2')
  assert.deepEqual(ada.seen.map(([e, p]) => [e, p.seq, p.module?.title ?? p.session?.name ?? p.course.title]), [
    ['course:updated', first.seq, 'Neuf'], ['course:updated', first.seq + 1, 'Neuf'], ['module:published', first.seq + 2, 'Ouvert'],
    ['module:published', first.seq + 3, 'Caché'], ['session:scheduled', first.seq + 4, 'Session 1'], ['session:scheduled', first.seq + 5, 'Session 2']])
  const { contentData, ...shown } = open
  assert.deepEqual([contentData, ada.heard('module:published')[0].module], [{ long: 'texte' }, shown])
  assert.equal(await server.sql('select count(*) from channel_said'), '0')
  ada.socket.disconnect()
})

test('modules that are put in another order, hidden or deleted are told; those that nobody sees are in no event', async () => {
  const c = await course([who.apprenant1])
  const module = async (title, isActive = true) => ok(await who.formateur.post(`${c.path}/modules`, { title, isActive }), 201).id
  const [a, b, hidden, d] = [await module('A'), await module('B'), await module('Caché', false), await module('D')]
  const ada = await follow(server, who.apprenant1, c.topic, EVENTS)
  const remove = (x) => who.formateur.request('DELETE', `/api/modules/${x}`)
  ok(await put(who.formateur, `${c.path}/modules/order`, { ids: [d, hidden, b, a] }))
  assertProblem(await put(who.formateur, `${c.path}/modules/order`, { ids: [a, b] }), 422)
  assertProblem(await put(who.apprenant1, `${c.path}/modules/order`, { ids: [a, b, hidden, d] }), 403)
  ok(await put(who.formateur, `/api/modules/${a}`, { orderIndex: 0 }))
  ok(await put(who.formateur, `/api/modules/${hidden}`, { orderIndex: 9 }))
  ok(await put(who.formateur, `/api/modules/${b}`, { isActive: false }))
  ok(await remove(b))
  ok(await remove(hidden))
  ok(await remove(d))
  const last = await ada.next('module:removed', (p) => p.moduleId === d)
  const told = ada.seen.filter(([e]) => e !== 'module:published').map(([e, p]) => [e, p.seq, p.moduleIds ?? p.moduleId])
  assert.deepEqual(told, [
    ['modules:ordered', last.seq - 3, [d, b, a]], ['modules:ordered', last.seq - 2, [a, d, b]], ['module:removed', last.seq - 1, b], ['module:removed', last.seq, d]])
  assert.equal(last.by, id(who.formateur))
  assert.deepEqual((await who.apprenant1.get(`${c.path}/modules`)).json.map((m) => m.id), [a])
  for (const name of ['module:removed', 'modules:ordered'])
    assert.equal(await pushed(ada.channel, name, { moduleId: a }).then(() => 'taken', (e) => e.response.reason), 'invalid')
  ada.socket.disconnect()
})

test('announcements: by the instructor and staff, once for an opId, read later as a notification', async () => {
  const c = await course([who.apprenant1, who.apprenant2])
  const ada = await follow(server, who.apprenant1, c.topic, EVENTS, { encoding: 'msgpack' })
  const bob = await member(server, who.apprenant2, `user:${id(who.apprenant2)}`)
  const teacher = await follow(server, who.formateur, c.topic, EVENTS)
  const words = { opId: opId(), title: 'Demain', body: 'Pas de cours.' }
  const reply = await pushed(teacher.channel, 'announce', words)
  assert.deepEqual(await pushed(teacher.channel, 'announce', words), reply)
  const heard = await ada.next('announcement', (p) => p.seq === reply.seq)
  assert.deepEqual([heard.title, heard.body, heard.opId, heard.user.id, heard.user.lastName],
    ['Demain', 'Pas de cours.', words.opId, id(who.formateur), who.formateur.user.lastName])
  const told = (await bob.event(`user:${id(who.apprenant2)}`, 'notification', (p) => p.title === 'Demain'))[4]
  assert.deepEqual([told.type, told.message, told.data.courseId], ['new_announcement', 'Pas de cours.', c.id])
  assert.equal((await who.apprenant2.get('/api/notifications?limit=200')).json.filter((n) => n.data.courseId === c.id).length, 1)
  const refused = (channel, payload) => pushed(channel, 'announce', { opId: opId(), ...payload }).then(() => assert.fail('taken'), (e) => e.response.reason)
  assert.equal(await refused(ada.channel, { title: 'Moi', body: 'Aussi' }), 'forbidden')
  for (const bad of [{ title: 'T' }, { title: '', body: 'B' }, { title: 'T', body: 3 }, { title: 'x'.repeat(201), body: 'B' }])
    assert.equal(await refused(teacher.channel, bad), 'invalid')
  for (const name of ['announcement', 'course:updated'])
    assert.equal(await pushed(teacher.channel, name, { course: {} }).then(() => 'taken', (e) => e.response.reason), 'invalid')
  ok(await who.manager.post('/api/announcements', { title: 'Par REST', message: 'Aussi', courseId: c.id }), 201)
  const rest = await ada.next('announcement', (p) => p.title === 'Par REST')
  assert.deepEqual([rest.body, rest.by, rest.user.lastName], ['Aussi', id(who.manager), who.manager.user.lastName])
  for (const x of [ada, teacher]) x.socket.disconnect()
  await bob.close()
})

test('who leaves, whose course ends or who gives it to another is out at once', async () => {
  const c = await course([who.apprenant1, who.apprenant2])
  const [ada, bob, teacher, manager] = await members(server, [who.apprenant1, who.apprenant2, who.formateur, who.manager], c.topic)
  const out = async (w, act, reason) => {
    const gone = w.event(c.topic, 'phx_error')
    ok(await act())
    await gone
    assert.equal((await w.join(c.topic)).response.reason, reason)
  }
  await out(ada, () => drop(who.apprenant1, c), 'forbidden')
  assert.equal(bob.seen(c.topic, 'phx_error').length, 0)
  ok(await who.formateur.post(`${c.path}/enrollments`, { learnerIds: [id(who.apprenant1)] }))
  await ada.enter(c.topic)
  await out(teacher, () => put(who.manager, c.path, { instructorId: id(who.manager) }), 'forbidden')
  assert.equal((await ada.event(c.topic, 'course:updated'))[4].course.instructorId, id(who.manager))
  await out(bob, () => who.admin.request('DELETE', `${c.path}?force=true`), 'not_found')
  await ada.event(c.topic, 'phx_error')
  assert.equal((await manager.join(c.topic)).response.reason, 'not_found')
  assert.equal(await server.sql(`select count(*) from channel_events e join channels c on c.id = e.channel where c.topic = ${lit(c.topic)}`), '0')
  await Promise.all([ada, bob, teacher, manager].map((w) => w.close()))
})

test('a resume loses and repeats nothing: cuts, a crash between a change and its event, a restart', async () => {
  const c = await course([who.apprenant1])
  const ada = await follow(server, who.apprenant1, c.topic, EVENTS)
  const titles = () => ada.heard('course:updated').map((p) => p.course.title)
  const expected = []
  const whole = () => `the client to be whole; it has ${titles()}, of ${expected}`
  const change = async () => {
    expected.push(unique('Titre'))
    ok(await put(who.formateur, c.path, { title: expected.at(-1) }))
  }
  for (let round = 0; round < 3; round++) {
    await change()
    ada.socket.cut()
    await change()
    await change()
    await until(whole, () => titles().length === expected.length)
  }
  // What a statement said and no actor came to number before the process died: told by the next one.
  await server.sql(`insert into channel_said (topic, establishment_id, event, payload, actor_id)
    select ${lit(c.topic)}, establishment_id, 'announcement', '{"title":"Avant","body":"la panne"}', instructor_id from courses where id = ${lit(c.id)}`)
  await server.restart('SIGKILL')
  await ada.next('announcement')
  await change()
  await until(whole, () => titles().length === expected.length)
  assert.deepEqual(titles(), expected)
  const seqs = ada.seen.map(([, p]) => p.seq)
  assert.deepEqual(seqs, seqs.map((_, i) => seqs[0] + i))
  assert.ok(ada.joins.slice(1).every((j) => j.recovered))
  assert.equal(ada.joins.at(-1).course.title, expected.at(-2))
  ada.socket.disconnect()
})

test('progress goes to the learner, the instructor and staff, and to nobody else', async () => {
  const c = await course([who.apprenant1, who.apprenant2])
  const m = ok(await who.formateur.post(`${c.path}/modules`, { title: 'M' }), 201)
  const wires = await Promise.all([who.apprenant1, who.formateur, who.manager, who.apprenant2].map((p) => member(server, p, `user:${id(p)}`)))
  const saved = ok(await put(who.apprenant1, `/api/modules/${m.id}/progress`, { progressPercentage: 40 }))
  for (const w of wires.slice(0, 3)) {
    const p = (await w.event(`user:${id(w.person)}`, 'progress'))[4]
    assert.deepEqual(p, { userId: id(who.apprenant1), courseId: c.id, module: saved.module, courseProgress: 40, courseCompleted: false })
  }
  await wires[3].settle()
  assert.equal(wires[3].seen(`user:${id(who.apprenant2)}`, 'progress').length, 0)
  await Promise.all(wires.map((w) => w.close()))
})
