// Notifications: made by what happens, told on `user:`, read and counted exactly, wanted or not; announcements.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Wire, people, signIn } from './lib/client.mjs'
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
