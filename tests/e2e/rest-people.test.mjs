// People, the establishment and the system over REST: who sees whom, who may change what, invitations, erasure, what open sockets notice.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { codeIn, makeGroup, member } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

let server, who, other, anon, root
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['admin', 'manager', 'formateur', 'apprenant1', 'apprenant2', 'apprenant6'])
  other = await people(server, 'turing', ['admin', 'apprenant1'])
  root = await signIn(server, 'superadmin@stacgate.test')
  anon = new Api(server)
})
after(() => server?.stop())

const put = (api, id, json, headers) => api.request('PUT', `/api/users/${id}`, { json, headers })
const del = (api, id) => api.request('DELETE', `/api/users/${id}`)
const address = () => `${unique('p')}@moliere.test`
const SECRET = 'une phrase que nul ne devine'

test('the list: staff see everybody, a teacher their learners, learners nobody; filters and pages', async () => {
  const all = (await who.manager.get('/api/users?limit=200')).json
  assert.ok(all.length >= 9)
  for (const key of ['id', 'email', 'firstName', 'lastName', 'role', 'isActive', 'establishmentId', 'avatar']) assert.ok(key in all[0], key)
  assert.ok(all.every((u) => !('password' in u) && u.establishmentId === who.admin.user.establishmentId))
  const learners = (await who.formateur.get('/api/users?limit=200')).json
  const [{ n }] = await server.rows(`select count(distinct e.user_id)::int as n from user_courses e join courses c on c.id = e.course_id where c.instructor_id = ${lit(who.formateur.user.id)} and e.status <> 'dropped'`)
  assert.equal(learners.length, n)
  assertProblem(await who.apprenant1.get('/api/users'), 403)
  assertProblem(await anon.get('/api/users'), 401)
  assert.ok((await who.admin.get('/api/users?role=admin')).json.every((u) => u.role === 'admin'))
  assert.deepEqual((await who.admin.get('/api/users?q=APPRENANT1')).json.map((u) => u.email), ['apprenant1@moliere.test'])
  assert.deepEqual((await who.admin.get('/api/users?q=%25')).json, [], 'a wildcard is a letter')
  const [off, elsewhere] = [address(), address()]
  for (const json of [{ email: off, isActive: false, department: 'Sciences' }, { email: elsewhere, department: 'Lettres' }]) assert.equal((await who.admin.post('/api/users', json)).status, 201)
  const found = async (q) => (await who.admin.get(`/api/users?${q}`)).json.map((u) => u.email).filter((email) => [off, elsewhere].includes(email))
  assert.deepEqual([await found('isActive=false'), await found('isActive=true'), await found('department=Sciences'), await found('department=sciences')], [[off], [elsewhere], [off], []])
  await server.sql(`delete from users where email in (${lit(off)}, ${lit(elsewhere)})`)
  const seen = []
  for (let path = '/api/users?limit=2'; path; ) {
    const page = await who.admin.get(path)
    seen.push(...page.json.map((u) => u.id))
    path = /<([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1]
  }
  assert.deepEqual([...new Set(seen)].sort(), all.map((u) => u.id).sort())
  assertProblem(await who.admin.get('/api/users?role=king'), 400)
})

test('one person: oneself and staff the account, who shares a group a card, others and other schools nothing', async () => {
  const me = await who.apprenant1.get(`/api/users/${who.apprenant1.user.id}`)
  assert.equal(me.json.email, 'apprenant1@moliere.test')
  assert.equal((await who.manager.get(`/api/users/${who.apprenant1.user.id}`)).json.email, 'apprenant1@moliere.test')
  await makeGroup(who.apprenant1, [who.apprenant6])
  const card = await who.apprenant6.get(`/api/users/${who.apprenant1.user.id}`)
  assert.deepEqual(Object.keys(card.json).sort(), ['firstName', 'id', 'lastName', 'profileImageUrl', 'role'])
  for (const api of [other.apprenant1, other.admin]) assertProblem(await api.get(`/api/users/${who.apprenant1.user.id}`), 404)
})

test('a super_admin, who is of no school, has an account too: reads it, keeps its profile, cannot end it', async () => {
  const { id } = root.user
  const me = await root.get(`/api/users/${id}`)
  assert.deepEqual([me.status, me.json?.email, me.json?.establishmentId], [200, 'superadmin@stacgate.test', null], me.text)
  const kept = await put(root, id, { bio: 'Veille sur tout', role: 'super_admin', isActive: true }, { 'if-match': me.headers.etag })
  assert.deepEqual([kept.status, kept.json.bio], [200, 'Veille sur tout'])
  assertProblem(await put(root, id, { bio: 'Deux fois' }, { 'if-match': me.headers.etag }), 412)
  for (const change of [{ role: 'admin' }, { isActive: false }]) assertProblem(await put(root, id, change), 403)
  assertProblem(await del(root, id), 404)
  assert.equal((await root.get(`/api/users/${id}/permissions`)).json.role, 'super_admin')
  for (const api of [who.admin, other.admin]) {
    assertProblem(await api.get(`/api/users/${id}`), 404)
    assertProblem(await put(api, id, { bio: 'x' }), 404)
  }
})

test('a new account: with a password it signs in; without one an invitation carries a code, good once', async () => {
  const email = address()
  const made = await who.manager.post('/api/users', { email, password: SECRET, firstName: 'Ana', lastName: 'Mora', role: 'formateur', establishmentId: who.manager.user.establishmentId, bio: '' })
  assert.equal(made.status, 201, made.text)
  assert.equal(made.json.role, 'formateur')
  assert.equal((await signIn(server, email, SECRET)).user.id, made.json.id)
  assertProblem(await who.manager.post('/api/users', { email, password: SECRET }), 409)
  assertProblem(await who.manager.post('/api/users', { email: address(), role: 'admin' }), 403)
  assertProblem(await who.manager.post('/api/users', { email: address(), establishmentId: other.admin.user.establishmentId }), 403)
  assertProblem(await who.apprenant1.post('/api/users', { email: address() }), 403)
  assertProblem(await who.admin.post('/api/users', { email: address(), password: 'password' }), 422)
  assertProblem(await who.admin.post('/api/users', { email: 'no address' }), 422)
  const guest = address()
  assert.equal((await who.admin.post('/api/users', { email: guest })).status, 201)
  const [mail] = await server.rows(`select body from outbox where recipient = ${lit(guest)} and template = 'invitation'`)
  const token = codeIn(mail)
  assertProblem(await anon.post('/api/auth/reset-password', { token: 'x'.repeat(43), password: SECRET }), 422)
  assert.equal((await anon.post('/api/auth/reset-password', { token, password: SECRET })).status, 200)
  await signIn(server, guest, SECRET)
  assertProblem(await anon.post('/api/auth/reset-password', { token, password: SECRET }), 422)
})

test('a refused invitation sends nothing to whoever has that address already', async () => {
  const { email, id } = who.apprenant2.user
  const sent = () => server.rows(`select (select count(*) from outbox where recipient = ${lit(email)}) as mails, (select count(*) from account_tokens where user_id = ${lit(id)}) as codes`)
  const before = await sent()
  assertProblem(await who.manager.post('/api/users', { email, role: 'admin' }), 403)
  assertProblem(await who.manager.post('/api/users', { email }), 409)
  assert.deepEqual(await sent(), before)
})

test('a forgotten password: one answer for whoever it is; the new one ends every sign-in and its sockets', async () => {
  const email = address()
  await who.admin.post('/api/users', { email, password: SECRET })
  const api = await signIn(server, email, SECRET)
  const { topic } = await makeGroup(who.apprenant1)
  const wire = await member(server, api, `user:${api.user.id}`)
  assert.ok(topic)
  const known = await anon.post('/api/auth/forgot-password', { email })
  const unknown = await anon.post('/api/auth/forgot-password', { email: address() })
  assert.deepEqual([known.status, known.text], [unknown.status, unknown.text])
  const [mail] = await server.rows(`select body from outbox where recipient = ${lit(email)} and template = 'reset-password'`)
  assert.equal((await anon.post('/api/auth/reset-password', { token: codeIn(mail), password: `${SECRET} 2` })).status, 200)
  assert.equal(await wire.closeCode(), 4001)
  assert.equal((await api.get('/api/auth/user')).status, 401)
  assert.equal((await anon.post('/api/auth/login', { email, password: SECRET })).status, 401)
  await signIn(server, email, `${SECRET} 2`)
})

test('changes: one\'s own profile; staff more, never above themselves; stale versions; the last admin stays', async () => {
  const mine = await put(who.apprenant1, who.apprenant1.user.id, { firstName: 'Léa', bio: 'Terminale', preferences: { language: 'fr' }, role: 'apprenant', isActive: true })
  assert.equal(mine.status, 200, mine.text)
  assert.equal(mine.json.bio, 'Terminale')
  assertProblem(await put(who.apprenant1, who.apprenant1.user.id, { role: 'admin' }), 403)
  assertProblem(await put(who.apprenant1, who.apprenant2.user.id, { bio: 'x' }), 403)
  assertProblem(await put(who.manager, who.admin.user.id, { bio: 'x' }), 403)
  assertProblem(await put(who.manager, who.apprenant2.user.id, { role: 'admin' }), 403)
  assertProblem(await put(other.admin, who.apprenant1.user.id, { bio: 'x' }), 404)
  assertProblem(await put(who.admin, who.admin.user.id, { role: 'manager' }), 409)
  assertProblem(await put(who.admin, who.admin.user.id, { isActive: false }), 409)
  assertProblem(await put(who.admin, who.apprenant2.user.id, { colour: 'red' }), 422)
  const read = await who.admin.get(`/api/users/${who.apprenant2.user.id}`)
  assert.equal((await put(who.admin, who.apprenant2.user.id, { department: 'Sciences' }, { 'if-match': read.headers.etag })).status, 200)
  assertProblem(await put(who.admin, who.apprenant2.user.id, { department: 'Lettres' }, { 'if-match': read.headers.etag }), 412)
})

test('a change of role or an account that is switched off reaches open sockets at once', async () => {
  const email = address()
  const { json } = await who.admin.post('/api/users', { email, password: SECRET })
  const api = await signIn(server, email, SECRET)
  const { topic } = await makeGroup(api, [])
  const wire = await member(server, api, topic)
  assert.equal((await put(who.admin, json.id, { role: 'manager' })).status, 200)
  await wire.event(topic, 'phx_error')
  await wire.enter(topic)
  assert.equal((await put(who.admin, json.id, { isActive: false })).status, 200)
  assert.equal(await wire.closeCode(), 4001)
  assert.ok([401, 403].includes((await api.get('/api/auth/user')).status))
})

test('erasing: personal data goes, what was written stays; only admins, never the last one', async () => {
  const email = address()
  const { json } = await who.admin.post('/api/users', { email, password: SECRET, firstName: 'Zoé', lastName: 'Canari', bio: 'canari', phoneNumber: '0102030405' })
  const api = await signIn(server, email, SECRET)
  const { id, topic } = await makeGroup(api, [who.apprenant1])
  await api.post(`/api/study-groups/${id}/messages`, { content: 'ce qui reste' })
  const wire = await member(server, api, topic)
  assertProblem(await del(who.manager, json.id), 403)
  assertProblem(await del(other.admin, json.id), 404)
  assertProblem(await del(who.admin, who.admin.user.id), 409)
  assert.equal((await del(who.admin, json.id)).status, 200)
  assert.equal(await wire.closeCode(), 4001)
  assertProblem(await anon.post('/api/auth/login', { email, password: SECRET }), 401)
  const kept = await who.apprenant1.get(`/api/study-groups/${id}/messages`)
  assert.equal(kept.json[0].content, 'ce qui reste')
  assert.equal(kept.json[0].sender.lastName, 'supprimé')
  const [{ row }] = await server.rows(`select to_jsonb(u)::text as row from users u where id = ${lit(json.id)}`)
  for (const word of ['Zoé', 'Canari', 'canari', '0102030405', email]) assert.ok(!row.includes(word), word)
  assert.equal((await server.rows(`select count(*)::int as n from sessions where sess ->> 'userId' = ${lit(json.id)}`))[0].n, 0)
  assertProblem(await del(who.admin, json.id), 404)
  assert.ok(!(await who.admin.get('/api/users?limit=100')).json.some((u) => u.id === json.id), 'in no list')
  assertProblem(await put(who.admin, json.id, { firstName: 'Zoé' }), 404)
})

test('the establishment: its admin changes it, settings key by key; others do not', async () => {
  const id = who.admin.user.establishmentId
  const change = (api, json, headers) => api.request('PUT', `/api/establishments/${id}`, { json, headers })
  const before = await who.admin.get(`/api/establishments/${id}`)
  const r = await change(who.admin, { description: 'Un lycée', settings: { motto: 'Castigat ridendo mores' } }, { 'if-match': before.headers.etag })
  assert.equal(r.status, 200, r.text)
  assert.deepEqual(r.json.settings, { ...before.json.settings, motto: 'Castigat ridendo mores' })
  assert.equal(r.json.name, before.json.name)
  assertProblem(await change(who.admin, { name: 'Autre' }, { 'if-match': before.headers.etag }), 412)
  assertProblem(await change(who.manager, { name: 'Autre' }), 403)
  assertProblem(await change(other.admin, { name: 'Autre' }), 404)
  assertProblem(await change(who.admin, { isActive: false }), 403)
  assertProblem(await change(who.admin, { databaseUrl: 'postgres://x' }), 422)
  assertProblem(await change(anon, { name: 'Autre' }), 401)
  for (const logo of ['javascript:alert(1)', 'data:text/html,x', '//evil.example/x.png']) assertProblem(await change(who.admin, { logo }), 422)
  assert.equal((await change(who.admin, { logo: '/logo.png' })).json.logo, '/logo.png')
  assert.equal((await change(root, { name: before.json.name })).status, 200)
})

test('the establishment: its settings have a size in all, whatever the number of changes', async () => {
  const id = who.admin.user.establishmentId
  const change = (settings) => who.admin.request('PUT', `/api/establishments/${id}`, { json: { settings } })
  const before = (await who.admin.get(`/api/establishments/${id}`)).json.settings
  const statuses = []
  for (let i = 0; i < 6; i++) statuses.push((await change({ [`k${i}`]: 'x'.repeat(15000) })).status)
  assert.deepEqual(statuses, [200, 200, 200, 200, 413, 413])
  assert.deepEqual(Object.keys((await who.admin.get(`/api/establishments/${id}`)).json.settings).sort(), [...Object.keys(before), 'k0', 'k1', 'k2', 'k3'].sort())
  await server.sql(`update establishments set settings = ${lit(JSON.stringify(before))} where id = ${lit(id)}`)
})

test('a school that is closed puts its people out at once, and no others; opened again, they come back', async () => {
  const id = other.admin.user.establishmentId
  const close = (isActive) => root.request('PUT', `/api/establishments/${id}`, { json: { isActive } })
  const theirs = await makeGroup(other.apprenant1, []), ours = await makeGroup(who.apprenant1, [])
  const out = await member(server, other.apprenant1, theirs.topic), stays = await member(server, who.apprenant1, ours.topic)
  assert.equal((await close(true)).status, 200, 'no change reaches nobody')
  assert.equal((await close(false)).status, 200)
  assert.equal(await out.closeCode(), 4001)
  assert.ok([401, 403].includes((await other.apprenant1.get('/api/auth/user')).status))
  assert.equal((await who.apprenant1.post(`/api/study-groups/${ours.id}/messages`, { content: 'toujours là' })).status, 201)
  await stays.event(ours.topic, 'message')
  assert.equal((await close(true)).status, 200)
  assert.equal((await signIn(server, 'apprenant1@turing.test').then((api) => api.get('/api/auth/user'))).status, 200)
})

test('the system: info for admins, caches for super_admins', async () => {
  const info = await who.admin.get('/api/system/info')
  assert.equal(info.status, 200, info.text)
  for (const key of ['version', 'uptimeSeconds', 'loops', 'connections', 'memoryBytes', 'database']) assert.ok(key in info.json, key)
  assertProblem(await who.manager.get('/api/system/info'), 403)
  const wire = await member(server, who.apprenant1, `user:${who.apprenant1.user.id}`)
  await wire.close()
  await until('the cut connection to be remembered', async () => {
    const r = await root.post('/api/system/clear-cache')
    assert.equal(r.status, 200, r.text)
    return r.json.cleared.find((c) => c.name === 'recentSignIns').entries > 0
  })
  assertProblem(await who.admin.post('/api/system/clear-cache'), 403)
})

test('two last admins who are erased at once: one stays', async () => {
  const school = other.admin.user.establishmentId
  const admins = async () => (await server.rows(`select id from users where establishment_id = ${lit(school)} and role = 'admin' and is_active`)).map((row) => row.id)
  const invite = () => root.post('/api/users', { email: `${unique('p')}@turing.test`, role: 'admin', establishmentId: school })
  for (let round = 0; round < 16; round++) {
    while ((await admins()).length < 2) assert.equal((await invite()).status, 201)
    const answers = await Promise.all((await admins()).map((id) => del(root, id)))
    assert.deepEqual(answers.map((r) => r.status).sort(), [200, 409])
    assert.equal((await admins()).length, 1)
  }
})
