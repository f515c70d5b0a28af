// Permissions over REST: the catalogue, roles, single people's grants and refusals; what each opens and closes, and how soon.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { startServer, lit } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup, member, uuid } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

const ROLES = ['apprenant', 'formateur', 'manager', 'admin', 'super_admin']
const catalogue = [...readFileSync(new URL('../../include/stacgate/permission.def', import.meta.url), 'utf8').matchAll(/^PERMISSION\("([^"]+)", [^"]+, "([^"]+)", "([^"]+)"\)/gm)].map(([, name, fr, en]) => ({ name, fr, en }))

let server, who, other, root, anon, guarded
before(async () => {
  server = await startServer({ args: ['--rate-limits', 'off'] })
  who = await people(server, 'moliere', ['admin', 'manager', 'formateur', 'apprenant1', 'apprenant2', 'apprenant3'])
  other = await people(server, 'turing', ['admin', 'apprenant1'])
  root = await signIn(server, 'superadmin@stacgate.test')
  anon = new Api(server)
  const doc = (await anon.get('/api/openapi.json')).json
  guarded = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({ ...op, path, method: method.toUpperCase() }))).filter((op) => op['x-permission'])
})
after(() => server?.stop())

const grant = (api, id, name, json = {}) => api.request('PUT', `/api/users/${id}/permissions/${name}`, { json })
const withdraw = (api, id, name) => api.request('DELETE', `/api/users/${id}/permissions/${name}`)
const setRole = (api, role, permissions) => api.request('PUT', `/api/roles/${role}/permissions`, { json: { permissions } })
const ok = (r) => (assert.equal(r.status, 200, r.text), r.json)
const call = (api, op) => api.request(op.method, op.path.replace(/\{\w+\}/g, uuid), op.requestBody ? { json: {} } : {})
const may = async (api) => (await api.get('/api/auth/user')).json.permissions

test('the catalogue: every permission, its roles, in French and English; only for who manages permissions', async () => {
  const list = ok(await who.admin.get('/api/permissions'))
  assert.deepEqual(list.map((p) => p.name), catalogue.map((c) => c.name))
  assert.deepEqual(list.map((p) => p.description), catalogue.map((c) => c.fr))
  const english = ok(await who.admin.get('/api/permissions', { headers: { 'accept-language': 'en' } }))
  assert.deepEqual(english.map((p) => p.description), catalogue.map((c) => c.en))
  const roles = ok(await who.admin.get('/api/roles'))
  assert.deepEqual(roles.map((r) => r.role).sort(), [...ROLES].sort())
  for (const { role, permissions } of roles) assert.deepEqual(permissions, list.filter((p) => p.roles.includes(role)).map((p) => p.name).sort(), role)
  for (const api of [who.manager, who.formateur, who.apprenant1]) for (const path of ['/api/permissions', '/api/roles']) assertProblem(await api.get(path), 403)
})

test('matrix: each permission opens exactly what names it to a learner, and closes it again; refused to an admin it is closed', async () => {
  const learner = who.apprenant3
  const admin = await signIn(server, await (async () => {
    const email = `${unique('adm')}@moliere.test`
    assert.equal((await root.post('/api/users', { email, password: 'une phrase de passage', role: 'admin', establishmentId: who.admin.user.establishmentId })).status, 201)
    return email
  })(), 'une phrase de passage')
  const forbidden = async (api, op) => {
    const r = await call(api, op)
    return r.status === 403 && r.json.type === '/problems/forbidden'
  }
  assert.ok(new Set(guarded.map((op) => op['x-permission'])).size >= 15)
  for (const { name } of catalogue) {
    const ops = guarded.filter((op) => op['x-permission'] === name)
    const had = (await may(learner)).includes(name)
    for (const op of ops) assert.equal(await forbidden(learner, op), !had, `before: ${op.method} ${op.path}`)
    ok(await grant(root, learner.user.id, name))
    for (const op of ops.filter((o) => o.operationId !== 'roles_set')) assert.equal(await forbidden(learner, op), false, `granted: ${op.method} ${op.path}`)
    const still = guarded.filter((op) => op['x-permission'] !== name).slice(0, 40)
    for (const op of still.slice(0, 3)) assert.equal(await forbidden(learner, op), !(await may(learner)).includes(op['x-permission']), `beside: ${op.method} ${op.path}`)
    ok(await withdraw(root, learner.user.id, name))
    for (const op of ops) assert.equal(await forbidden(learner, op), !had, `withdrawn: ${op.method} ${op.path}`)
    ok(await grant(root, admin.user.id, name, { granted: false, reason: 'essai' }))
    for (const op of ops) assert.equal(await forbidden(admin, op), true, `refused: ${op.method} ${op.path}`)
    ok(await withdraw(root, admin.user.id, name))
  }
})

test('one person: what holds, with reason, giver and end; seen by themselves and who manages permissions', async () => {
  const { id } = who.apprenant1.user
  const made = ok(await grant(who.admin, id, 'courses:create', { reason: 'Stage', expiresAt: '2999-01-01T00:00:00Z' }))
  assert.deepEqual({ ...made, createdAt: 0 }, { permission: 'courses:create', granted: true, reason: 'Stage', expiresAt: '2999-01-01T00:00:00.000Z', grantedBy: who.admin.user.id, createdAt: 0, holds: true })
  ok(await grant(who.admin, id, 'courses:create', { reason: 'Stage prolongé' }))
  for (const api of [who.apprenant1, who.admin, root]) {
    const seen = ok(await api.get(`/api/users/${id}/permissions`))
    assert.equal(seen.role, 'apprenant')
    assert.deepEqual(seen.permissions, await may(who.apprenant1))
    assert.deepEqual(seen.grants.map((g) => [g.permission, g.granted, g.reason, g.expiresAt]), [['courses:create', true, 'Stage prolongé', null]])
  }
  assertProblem(await who.manager.get(`/api/users/${id}/permissions`), 403)
  assertProblem(await other.admin.get(`/api/users/${id}/permissions`), 404)
  assert.equal((await who.apprenant1.post('/api/courses', { title: 'T', description: 'D', category: 'K' })).status, 201)
  ok(await withdraw(who.admin, id, 'courses:create'))
  assertProblem(await who.apprenant1.post('/api/courses', { title: 'T', description: 'D', category: 'K' }), 403)
  assertProblem(await withdraw(who.admin, id, 'courses:create'), 404)
  // A refusal takes away what the role gives.
  ok(await grant(who.admin, who.formateur.user.id, 'courses:create', { granted: false }))
  assertProblem(await who.formateur.post('/api/courses', { title: 'T', description: 'D', category: 'K' }), 403)
  ok(await withdraw(who.admin, who.formateur.user.id, 'courses:create'))
  assert.equal((await who.formateur.post('/api/courses', { title: 'T', description: 'D', category: 'K' })).status, 201)
})

test('nobody gives above themselves: not to themselves, not upwards, not what they have not, not to another school', async () => {
  const learner = who.apprenant1.user.id
  const word = (r, status, type) => assert.deepEqual([r.status, r.json.type], [status, `/problems/${type}`], r.text)
  word(await grant(who.admin, learner, 'system:manage'), 403, 'beyond-own')
  word(await grant(who.admin, learner, 'system:manage', { granted: false }), 403, 'beyond-own')
  word(await grant(who.admin, who.admin.user.id, 'courses:create'), 403, 'own-rights')
  word(await grant(who.manager, learner, 'courses:create'), 403, 'forbidden')
  word(await grant(other.admin, learner, 'courses:create'), 404, 'not-found')
  word(await grant(who.admin, uuid, 'courses:create'), 404, 'not-found')
  word(await grant(who.admin, learner, 'courses:fly'), 404, 'not-found')
  word(await grant(who.admin, root.user.id, 'courses:create', { granted: false }), 404, 'not-found')
  word(await grant(anon, learner, 'courses:create'), 401, 'unauthenticated')
  word(await grant(who.admin, learner, 'courses:create', { expiresAt: '2001-01-01' }), 422, 'invalid')
  word(await grant(who.admin, learner, 'courses:create', { expiresAt: 'demain' }), 422, 'invalid')
  ok(await grant(who.admin, who.manager.user.id, 'permissions:manage'))
  word(await grant(who.manager, who.admin.user.id, 'courses:create', { granted: false }), 403, 'forbidden')
  word(await grant(who.manager, who.manager.user.id, 'audit:read'), 403, 'own-rights')
  word(await grant(who.manager, learner, 'users:delete'), 403, 'beyond-own')
  ok(await grant(who.manager, learner, 'courses:create'))
  ok(await withdraw(who.manager, learner, 'courses:create'))
  // What an admin refused, a manager who lacks it cannot give back.
  ok(await grant(who.admin, learner, 'users:delete', { granted: false }))
  word(await withdraw(who.manager, learner, 'users:delete'), 403, 'beyond-own')
  ok(await withdraw(who.admin, learner, 'users:delete'))
  ok(await withdraw(who.admin, who.manager.user.id, 'permissions:manage'))
  assert.equal((await server.rows(`select count(*)::int as n from user_permissions where user_id in (${lit(learner)}, ${lit(who.admin.user.id)})`))[0].n, 0)
})

test('a school always has an admin who manages permissions, also when two are refused it at once', async () => {
  const school = other.admin.user.establishmentId
  assertProblem(await grant(root, other.admin.user.id, 'permissions:manage', { granted: false }), 409)
  const second = (await root.post('/api/users', { email: `${unique('adm')}@turing.test`, role: 'admin', establishmentId: school })).json.id
  for (let round = 0; round < 8; round++) {
    const answers = await Promise.all([other.admin.user.id, second].map((id) => grant(root, id, 'permissions:manage', { granted: false })))
    assert.deepEqual(answers.map((r) => r.status).sort(), [200, 409])
    for (const id of [other.admin.user.id, second]) await withdraw(root, id, 'permissions:manage')
  }
  ok(await grant(root, second, 'courses:create', { granted: false }))
  ok(await grant(root, second, 'permissions:manage', { granted: false })) // an admin, but not one who could manage permissions alone
  const first = other.admin.user.id, put = (json) => root.request('PUT', `/api/users/${first}`, { json })
  for (const r of [await put({ role: 'manager' }), await put({ isActive: false }), await root.request('DELETE', `/api/users/${first}`)])
    assert.equal(assertProblem(r, 409).type, '/problems/last-admin')
  assert.equal((await other.admin.get('/api/auth/user')).status, 200) // nothing of them was erased
  ok(await root.request('PUT', `/api/users/${second}`, { json: { role: 'manager' } }))
})

test('two grants of one thing at once leave one row', async () => {
  const { id } = who.apprenant2.user
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => grant(who.admin, id, 'help:manage', { reason: `${i}` })))
  for (const r of answers) ok(r)
  assert.equal((await server.rows(`select count(*)::int as n from user_permissions where user_id = ${lit(id)}`))[0].n, 1)
  ok(await withdraw(who.admin, id, 'help:manage'))
})

test('a grant that ends is over, at the next request and, within a second, on an open socket', async () => {
  const { id } = who.apprenant2.user
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  ok(await grant(who.admin, id, 'study_groups:manage', { expiresAt: new Date(Date.now() + 4000).toISOString() }))
  const wire = await member(server, who.apprenant2, topic)
  assert.ok((await may(who.apprenant2)).includes('study_groups:manage'))
  await wire.event(topic, 'phx_error')
  assert.ok(!(await may(who.apprenant2)).includes('study_groups:manage'))
  const seen = ok(await who.admin.get(`/api/users/${id}/permissions`))
  assert.deepEqual(seen.grants.map((g) => g.holds), [false])
  assert.ok(!seen.permissions.includes('study_groups:manage'))
  await wire.enter(topic)
  await wire.close()
})

test('a role: set by super administrators alone; counts at the next request and on open sockets', async () => {
  const before = ok(await who.admin.get('/api/roles')).find((r) => r.role === 'formateur').permissions
  const { topic } = await makeGroup(who.apprenant1, [who.formateur])
  const [teacher, learner] = [await member(server, who.formateur, topic), await member(server, who.apprenant1, topic)]
  const without = before.filter((p) => p !== 'courses:create')
  assert.deepEqual(ok(await setRole(root, 'formateur', without)), { role: 'formateur', permissions: without })
  assertProblem(await who.formateur.post('/api/courses', { title: 'T', description: 'D', category: 'K' }), 403)
  assert.deepEqual(await may(who.formateur), without)
  await teacher.event(topic, 'phx_error')
  await learner.settle()
  assert.equal(learner.seen(topic, 'phx_error').length, 0, 'another role was disturbed')
  ok(await setRole(root, 'formateur', before))
  assert.equal((await who.formateur.post('/api/courses', { title: 'T', description: 'D', category: 'K' })).status, 201)
  // The same list again changes nothing, and tells nobody.
  await teacher.enter(topic)
  await until('the role to be back on the socket', async () => (await may(who.formateur)).includes('courses:create'))
  await teacher.settle()
  const told = teacher.seen(topic, 'phx_error').length
  ok(await setRole(root, 'formateur', before))
  await teacher.settle()
  assert.equal(teacher.seen(topic, 'phx_error').length, told)
  for (const api of [who.admin, who.manager, who.apprenant1]) assertProblem(await setRole(api, 'apprenant', []), 403)
  assertProblem(await setRole(root, 'super_admin', before), 409)
  assertProblem(await setRole(root, 'roi', before), 404)
  assertProblem(await setRole(root, 'formateur', ['courses:fly']), 422)
  assertProblem(await root.request('PUT', '/api/roles/formateur/permissions', { json: {} }), 422)
  await Promise.all([teacher.close(), learner.close()])
})

test('two lists for one role at once: one of them stands whole', async () => {
  const before = ok(await root.get('/api/roles')).find((r) => r.role === 'apprenant').permissions
  const lists = [['study_groups:create'], ['exports:create', 'help:manage'], [], ['courses:create']]
  for (const r of await Promise.all(lists.map((l) => setRole(root, 'apprenant', l)))) ok(r)
  const stands = ok(await root.get('/api/roles')).find((r) => r.role === 'apprenant').permissions
  assert.ok(lists.some((l) => JSON.stringify(l) === JSON.stringify(stands)), JSON.stringify(stands))
  ok(await setRole(root, 'apprenant', before))
})

test('changing people needs the permission to, not only the role', async () => {
  const change = (api, json) => api.request('PUT', `/api/users/${who.apprenant2.user.id}`, { json })
  ok(await grant(who.admin, who.manager.user.id, 'users:update', { granted: false }))
  assertProblem(await change(who.manager, { department: 'Lettres' }), 403)
  ok(await withdraw(who.admin, who.manager.user.id, 'users:update'))
  ok(await change(who.manager, { department: 'Lettres' }))
})

test('the old client\'s question: what I may do', async () => {
  for (const api of [root, who.admin, who.apprenant1]) {
    const r = ok(await api.get('/api/auth/permissions'))
    assert.equal(r.canManageAllEstablishments, api === root)
    assert.deepEqual(r.permissions, await may(api))
  }
  assertProblem(await anon.get('/api/auth/permissions'), 403)
})
