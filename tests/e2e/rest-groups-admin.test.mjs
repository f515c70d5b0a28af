// Running a group over REST: its members see changes live and in place, archiving makes it read-only, roles and removal follow the rules.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup, member, say } from './lib/school.mjs'

let server, who, stranger
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'manager'])
  stranger = await signIn(server, 'manager@turing.test')
  for (const api of Object.values(who)) api.id = (await api.get('/api/auth/user')).json.id
})
after(() => server?.stop())

const put = (api, path, json, headers) => api.request('PUT', path, { json, headers })

test('a change is seen by members, in the group, in REST and by who comes later; versions guard it', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const path = `/api/study-groups/${g.id}`
  const w = await member(server, who.apprenant2, g.topic)
  const before = await who.apprenant1.get(path)
  assert.equal(before.json.currentMembers, 2)
  assertProblem(await put(who.apprenant2, path, { name: 'Non' }), 403)
  assertProblem(await put(stranger, path, { name: 'Non' }), 404)
  assertProblem(await put(who.apprenant1, path, { settings: { shout: true } }), 422)
  assertProblem(await put(who.apprenant1, path, { colour: 'red' }), 422)
  const r = await put(who.apprenant1, path, { name: 'Neuf', maxMembers: 3, settings: { moderatorOnly: true } }, { 'if-match': before.headers.etag })
  assert.deepEqual([r.status, r.json.name, r.json.maxMembers, r.json.settings.moderatorOnly, r.json.settings.allowPolls], [200, 'Neuf', 3, true, true], r.text)
  const told = await w.event(g.topic, 'group:updated')
  assert.ok(JSON.stringify(told).includes('"name":"Neuf"'))
  assertProblem(await who.apprenant2.post(`${path}/messages`, { content: 'x' }), 403)
  assertProblem(await put(who.apprenant1, path, { name: 'Trop tard' }, { 'if-match': before.headers.etag }), 412)
  await w.close()
  const later = await member(server, who.apprenant2, g.topic)
  assert.deepEqual([later.joined.group.name, later.joined.group.maxMembers, later.joined.readOnly], ['Neuf', 3, true])
  await later.close()
  await who.apprenant3.post(`${path}/join`, {})
  assertProblem(await put(who.apprenant1, path, { maxMembers: 2 }), 422)
})

test('of many changes to one version, one is made', async () => {
  const g = await makeGroup(who.apprenant1)
  const path = `/api/study-groups/${g.id}`
  const { etag } = (await who.apprenant1.get(path)).headers
  const all = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => put(who.apprenant1, path, { name: `Nom ${i}` }, { 'if-match': etag })))
  const made = all.filter((r) => r.status === 200)
  assert.equal(made.length, 1, all.map((r) => r.status).join(' '))
  for (const r of all) if (r !== made[0]) assertProblem(r, 412)
  const now = await who.apprenant1.get(path)
  assert.equal(now.json.name, made[0].json.name)
  assert.equal((await put(who.apprenant1, path, { name: 'Puis' }, { 'if-match': now.headers.etag })).status, 200)
})

test('archived: nobody writes; opened again: they do', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const path = `/api/study-groups/${g.id}`
  assertProblem(await who.apprenant2.post(`${path}/archive`), 403)
  assert.equal((await who.apprenant1.post(`${path}/archive`)).json.status, 'archived')
  assertProblem(await who.apprenant2.post(`${path}/messages`, { content: 'x' }), 403)
  assert.equal((await who.manager.post(`${path}/archive`, { archived: false })).json.status, 'active')
  assert.equal((await who.apprenant2.post(`${path}/messages`, { content: 'x' })).status, 201)
})

test('members: listed to members, roles given, removed; unread counts', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const path = `/api/study-groups/${g.id}`
  const list = (await who.apprenant2.get(`${path}/members`)).json
  assert.deepEqual(list.map((m) => [m.firstName, m.role]), [['Léa', 'admin'], ['Noah', 'member'], ['Inès', 'member']])
  assertProblem(await stranger.get(`${path}/members`), 404)
  assertProblem(await put(who.apprenant2, `${path}/members/${who.apprenant3.id}`, { role: 'moderator' }), 403)
  assert.equal((await put(who.apprenant1, `${path}/members/${who.apprenant2.id}`, { role: 'moderator' })).status, 200)
  assert.equal((await who.apprenant1.get(`${path}/members`)).json[1].role, 'moderator')
  const w = await member(server, who.apprenant1, g.topic)
  for (let i = 0; i < 3; i++) await say(w, g.topic, `m${i}`)
  await w.close()
  assert.equal((await who.apprenant3.get(path)).json.unreadCount, 3)
  assert.equal((await who.apprenant2.request('DELETE', `${path}/members/${who.apprenant3.id}`)).json.currentMembers, 2)
  assertProblem(await who.apprenant3.post(`${path}/messages`, { content: 'x' }), 403)
})

test('who runs a group and leaves is followed by a moderator, else by a member; nobody follows alone', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const path = `/api/study-groups/${g.id}`
  const leave = async (api) => assert.equal((await api.post(`${path}/join`, { action: 'leave' })).status, 200)
  const mine = async (api) => (await api.get(path)).json.role
  assert.equal((await who.apprenant1.request('PUT', `${path}/members/${who.apprenant3.id}`, { json: { role: 'moderator' } })).status, 200)
  const wire = await member(server, who.apprenant2, g.topic)
  await leave(who.apprenant1)
  const [, , , , told] = await wire.event(g.topic, 'member:role')
  assert.deepEqual([told.userId, told.role, told.by], [who.apprenant3.id, 'admin', who.apprenant3.id])
  assert.deepEqual([await mine(who.apprenant3), await mine(who.apprenant2)], ['admin', 'member'])
  assert.equal((await who.apprenant3.request('PUT', path, { json: { description: 'à moi' } })).status, 200)
  await leave(who.apprenant3)
  await wire.event(g.topic, 'member:role', (p) => p.userId === who.apprenant2.id)
  assert.equal(await mine(who.apprenant2), 'admin')
  await wire.close()
  await leave(who.apprenant2)
  assert.equal((await who.apprenant1.post(`${path}/join`, {})).status, 201)
})

test('invitations open a private group to whom they name, once', async () => {
  const g = await makeGroup(who.apprenant1, [], { isPublic: false })
  const path = `/api/study-groups/${g.id}`
  const invite = (api, ...list) => api.post(`${path}/invitations`, { learnerIds: list.map((p) => p.id ?? p) })
  assertProblem(await who.apprenant2.post(`${path}/join`), 403)
  assertProblem(await invite(who.apprenant2, who.apprenant2), 404)
  assertProblem(await invite(stranger, who.apprenant2), 404)
  const r = await invite(who.apprenant1, who.apprenant2, who.apprenant1, 'nobody')
  assert.deepEqual(r.json.results.map((x) => x.result), ['invited', 'member', 'not_found'], r.text)
  assert.deepEqual((await invite(who.apprenant1, who.apprenant2)).json.results.map((x) => x.result), ['invited'])
  assert.equal((await who.apprenant2.get('/api/notifications')).json.filter((n) => n.data.studyGroupId === g.id).length, 1, 'told once')
  assert.equal((await who.apprenant2.get(path)).json.isMember, false)
  assertProblem(await who.apprenant3.post(`${path}/join`), 403)
  assert.equal((await who.apprenant2.post(`${path}/join`)).status, 201)
  assert.equal((await who.apprenant1.request('DELETE', `${path}/members/${who.apprenant2.id}`)).status, 200)
  assertProblem(await who.apprenant2.post(`${path}/join`), 403)
})
