// Notifications: made by what happens, told on `user:`, read and counted exactly, wanted or not; announcements.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Wire, people, signIn } from './lib/client.mjs'
import { unique } from './lib/util.mjs'
import { assertProblem } from './lib/problem.mjs'

let server, who, stranger, root
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'formateur', 'manager'])
  stranger = await signIn(server, 'apprenant1@turing.test')
  root = await signIn(server, 'superadmin@stacgate.test')
  who.apprenant1.id = (await who.apprenant1.get('/api/auth/user')).json.id
})
after(() => server?.stop())

const unread = async (api) => (await api.get('/api/notifications/unread-count')).json.count

test('an announcement reaches everybody it concerns, live and in their list; nobody else', async () => {
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie })
  await wire.enter(`user:${who.apprenant1.id}`)
  const [mine, theirs] = [await unread(who.apprenant1), await unread(stranger)]
  assertProblem(await who.apprenant1.post('/api/announcements', { title: 'T', message: 'M' }), 403)
  assertProblem(await who.manager.post('/api/announcements', { title: 'T' }), 422)
  assertProblem(await root.post('/api/announcements', { title: 'T', message: 'M', establishmentId: 'nulle-part' }), 404)
  const r = await who.manager.post('/api/announcements', { title: 'Fermeture', message: 'Le lycée ferme à 16 h.', role: 'apprenant' })
  assert.deepEqual([r.status, r.json.recipients], [201, 6], r.text)
  await wire.event(`user:${who.apprenant1.id}`, 'notification', (p) => JSON.stringify(p).includes('Fermeture'))
  await wire.close()
  assert.equal(await unread(who.apprenant1), mine + 1)
  assert.equal(await unread(stranger), theirs)
  const item = (await who.apprenant1.get('/api/notifications')).json[0]
  assert.deepEqual([item.type, item.title, item.isRead], ['new_announcement', 'Fermeture', false])
  assertProblem(await who.apprenant2.post(`/api/notifications/${item.id}/read`), 404)
  assert.equal((await who.apprenant1.post(`/api/notifications/${item.id}/read`)).json.isRead, true)
  assert.equal(await unread(who.apprenant1), mine)
})

test('who approves hears what waits, who asked what came of it, who grades that there is something to grade, once', async () => {
  const titles = async (api, id) => (await api.get('/api/notifications?limit=200')).json.filter((n) => Object.values(n.data).includes(id)).map((n) => n.title)
  const done = (r) => (assert.ok(r.status < 300, r.text), r.json)
  const c = done(await who.formateur.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C' }))
  const s = done(await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'S' }))
  const move = async (api, status) => done(await api.post(`/api/training-sessions/${s.id}/status`, { status }))
  await move(who.formateur, 'pending_approval')
  await move(who.manager, 'draft')
  await move(who.formateur, 'pending_approval')
  await move(who.manager, 'approved')
  const space = done(await who.formateur.post('/api/trainer-spaces', { name: 'E' }))
  done(await who.manager.post(`/api/trainer-spaces/${space.id}/approve`))
  const a = done(await who.formateur.post('/api/assessments', { title: unique('Essai'), questions: [{ id: 'e', type: 'essay', text: '?' }] }))
  done(await who.formateur.post(`/api/assessments/${a.id}/submit`))
  done(await who.manager.post(`/api/assessments/${a.id}/approve`))
  for (const api of [who.apprenant1, who.apprenant2]) {
    const { attemptId } = done(await api.post(`/api/assessments/${a.id}/attempts`))
    done(await api.post(`/api/attempts/${attemptId}/submit`, { answers: { e: 'Un texte' } }))
  }
  assert.deepEqual(await Promise.all([c, s, space, a].map((x) => titles(who.manager, x.id))),
    [['Session à approuver', 'Session à approuver', 'Cours à approuver'], ['Session à approuver', 'Session à approuver'], ['Espace à approuver'], ['Évaluation à approuver']])
  assert.deepEqual(await Promise.all([s, space, a].map((x) => titles(who.formateur, x.id))),
    [['Session approuvée', 'Session renvoyée'], ['Espace approuvé'], ['Copies à corriger', 'Évaluation approuvée']])
  const made = done(await who.manager.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C' }))
  assert.deepEqual(await titles(who.manager, made.id), []) // staff's need nobody
})

test('what is not wanted does not come', async () => {
  const put = (json) => who.apprenant2.request('PUT', '/api/notifications/preferences', { json })
  assertProblem(await put({ preferences: [{ type: 'gossip', enabled: false }] }), 422)
  const r = await put({ preferences: [{ type: 'new_announcement', enabled: false }] })
  assert.equal(r.json.find((p) => p.type === 'new_announcement').enabled, false, r.text)
  const n = await unread(who.apprenant2)
  assert.equal((await who.manager.post('/api/announcements', { title: 'A', message: 'B', role: 'apprenant' })).json.recipients, 5)
  assert.equal(await unread(who.apprenant2), n)
  assert.equal((await who.apprenant1.post('/api/notifications/read')).status, 200)
  assert.equal(await unread(who.apprenant1), 0)
  assert.equal((await who.apprenant1.get('/api/notifications?unread=true')).json.length, 0)
})
