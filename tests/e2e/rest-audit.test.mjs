// The audit log: every act that matters for security has its row, with who, from where and to whom; refused acts have none; a school reads its own.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup, member, members, opId, say } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

let server, who, other, root, anon
const SECRET = 'une phrase que nul ne devine'
before(async () => {
  server = await startServer({ args: ['--rate-limits', 'off'] })
  who = await people(server, 'moliere', ['admin', 'manager', 'apprenant1', 'apprenant2'])
  other = await people(server, 'turing', ['admin'])
  root = await signIn(server, 'superadmin@stacgate.test')
  anon = new Api(server)
})
after(() => server?.stop())

const ok = (r) => (assert.ok(r.status < 300, r.text), r.json)
const school = () => who.admin.user.establishmentId
const log = async (api, query = '') => ok(await api.get(`/api/audit${query}`))
const newest = async (api, action, subject) => (await log(api, `?action=${action}${subject ? `&subjectId=${subject}` : ''}&limit=1`))[0]

// What is done, the action it leaves, whom it is about, what is told of it.
const acts = () => [
  ['a sign-in', async () => (await signIn(server, 'apprenant2@moliere.test')).user.id, 'signin.passed', { actor: who.apprenant2 }],
  ['a wrong password', async () => (await anon.post('/api/auth/login', { email: 'apprenant2@moliere.test', password: 'faux faux faux' }), who.apprenant2.user.id), 'signin.failed', { actor: null }],
  ['a new account', async () => ok(await who.admin.post('/api/users', { email: `${unique('a')}@moliere.test`, password: SECRET, role: 'formateur' })).id, 'user.created', { detail: { role: 'formateur' } }],
  ['another role', async () => ok(await who.admin.request('PUT', `/api/users/${who.apprenant1.user.id}`, { json: { role: 'formateur' } })).id, 'user.role', { detail: { from: 'apprenant', to: 'formateur' } }],
  ['an account off', async () => ok(await who.admin.request('PUT', `/api/users/${who.apprenant1.user.id}`, { json: { isActive: false } })).id, 'user.deactivated', {}],
  ['and on', async () => ok(await who.admin.request('PUT', `/api/users/${who.apprenant1.user.id}`, { json: { isActive: true, role: 'apprenant' } })).id, 'user.activated', {}],
  ['an erased account', async () => {
    const { id } = ok(await who.admin.post('/api/users', { email: `${unique('e')}@moliere.test`, password: SECRET }))
    ok(await who.admin.request('DELETE', `/api/users/${id}`))
    return id
  }, 'user.erased', {}],
  ['a grant', async () => (ok(await who.admin.request('PUT', `/api/users/${who.apprenant1.user.id}/permissions/courses:create`, { json: { reason: 'R' } })), who.apprenant1.user.id), 'permission.granted', { detail: { permission: 'courses:create', granted: true, reason: 'R', expiresAt: null } }],
  ['its end', async () => (ok(await who.admin.request('DELETE', `/api/users/${who.apprenant1.user.id}/permissions/courses:create`)), who.apprenant1.user.id), 'permission.removed', {}],
  ['a change of the school', async () => ok(await who.admin.request('PUT', `/api/establishments/${school()}`, { json: { description: 'Autre', settings: { selfRegistration: true } } })).id, 'establishment.changed', { detail: { fields: ['description', 'settings'] } }],
  ['an export', async () => ok(await who.admin.post('/api/exports', { type: 'csv', config: { datasets: ['users'] } })).id, 'export.created', { detail: { of: 'admin', type: 'csv', datasets: ['users'] } }],
  ['an API token', async () => (ok(await who.admin.post('/api/auth/tokens', { name: 'T' })), who.admin.user.id), 'token.created', {}],
  ['its revocation', async () => (ok(await who.admin.request('DELETE', `/api/auth/tokens/${ok(await who.admin.get('/api/auth/tokens'))[0].id}`)), who.admin.user.id), 'token.revoked', {}],
]

test('each act leaves one row: who, from where, to whom', async () => {
  for (const [what, act, action, expected] of acts()) {
    const before = (await log(who.admin, `?action=${action}&limit=200`)).length
    const subject = await act()
    const rows = await log(who.admin, `?action=${action}&limit=200`)
    assert.equal(rows.length, before + 1, what)
    const row = rows[0]
    assert.equal(row.subjectId, subject, what)
    assert.equal(row.establishmentId, school(), what)
    assert.equal(row.address, '127.0.0.1', what)
    const actor = expected.actor === undefined ? who.admin : expected.actor
    assert.equal(row.actorId, actor ? actor.user.id : null, what)
    if (actor) assert.equal(row.actor.id, actor.user.id)
    if (expected.detail) assert.deepEqual({ ...row.detail, ...(row.detail.of ? { of: 'admin' } : {}) }, expected.detail, what)
    assert.ok(Math.abs(Date.parse(row.at) - Date.now()) < 60000)
  }
})

test('a downloaded and a deleted export; a sign-out', async () => {
  const { id } = ok(await who.admin.post('/api/exports', { type: 'json', config: { datasets: ['users'] } }))
  await until('the export', async () => ok(await who.admin.get(`/api/exports/${id}`)).status === 'completed')
  ok(await who.admin.get(`/api/exports/${id}/download`))
  assert.equal((await newest(who.admin, 'export.downloaded', id)).actorId, who.admin.user.id)
  ok(await who.admin.request('DELETE', `/api/exports/${id}`))
  assert.equal((await newest(who.admin, 'export.deleted', id)).actorId, who.admin.user.id)
  const api = await signIn(server, 'apprenant2@moliere.test')
  ok(await api.post('/api/auth/logout', {}))
  assert.equal((await newest(who.admin, 'session.ended')).subjectId, api.user.id)
})

test('what moderators do in a group and on its boards: a row each, in the act\'s own transaction; what one does to one\'s own leaves none', async () => {
  const { id, topic } = await makeGroup(who.manager, [who.apprenant1, who.apprenant2])
  const [mod, ada] = await members(server, [who.manager, who.apprenant1], topic)
  const [userId, about] = [who.apprenant1.user.id, { channel: topic }]
  const said = (wire) => say(wire, topic, 'à effacer')
  const row = async (action, subjectId, detail) => {
    const [r, ...more] = await log(who.admin, `?action=${action}&subjectId=${subjectId}`)
    assert.ok(r && more.length === 0, `${action}: ${JSON.stringify([r, ...more])}`)
    assert.equal(r.actorId, who.manager.user.id, action)
    assert.equal(r.establishmentId, school(), action)
    assert.deepEqual(r.detail, { ...about, ...detail }, action)
  }
  const does = (payload = {}) => ({ opId: opId(), ...payload })
  const theirs = await said(ada)
  await mod.done(topic, 'message:delete', does({ id: theirs.id }))
  await row('message.deleted', theirs.id, { of: userId })
  for (const wire of [ada, mod]) {
    const own = await said(wire)
    await wire.done(topic, 'message:delete', does({ id: own.id }))
    assert.deepEqual(await log(who.admin, `?action=message.deleted&subjectId=${own.id}`), [], 'one\'s own')
  }
  const muting = does({ userId, minutes: 10 })
  await mod.done(topic, 'member:mute', muting)
  await mod.done(topic, 'member:mute', muting)
  const [muted] = await log(who.admin, `?action=member.muted&subjectId=${userId}`)
  await row('member.muted', userId, { until: muted.detail.until })
  assert.ok(Date.parse(muted.detail.until) > Date.now())
  await mod.done(topic, 'member:unmute', does({ userId }))
  await row('member.unmuted', userId, {})
  await mod.done(topic, 'member:role', does({ userId, role: 'moderator' }))
  await row('member.role', userId, { role: 'moderator' })
  for (const [push, action] of [['group:lock', 'group.locked'], ['group:unlock', 'group.unlocked']]) {
    await mod.done(topic, push, does())
    await row(action, id, {})
  }
  ok(await who.manager.request('PUT', `/api/study-groups/${id}`, { json: { name: 'Autre nom' } }))
  assert.equal((await log(who.admin, `?subjectId=${id}`)).length, 2, 'a new name is no act of moderation')
  await mod.done(topic, 'member:kick', does({ userId }))
  await row('member.kicked', userId, {})
  ok(await who.apprenant2.post(`/api/study-groups/${id}/join`, { action: 'leave' }))
  assert.deepEqual(await log(who.admin, `?action=member.left&subjectId=${who.apprenant2.user.id}`), [])

  const board = ok(await who.manager.post(`/api/study-groups/${id}/whiteboards`, { title: 'T' }))
  about.channel = `whiteboard:${board.id}`
  const wire = await member(server, who.manager, about.channel)
  for (const [push, action] of [['lock', 'board.locked'], ['unlock', 'board.unlocked']]) {
    await wire.done(about.channel, push, does())
    await row(action, board.id, {})
  }
  ok(await who.manager.request('DELETE', `/api/whiteboards/${board.id}`))
  assert.deepEqual(await log(who.admin, `?action=board.deleted&subjectId=${board.id}`), [])
  assert.deepEqual(await log(other.admin, `?subjectId=${userId}`), [], 'another school reads nothing of it')
  for (const w of [mod, ada, wire]) await w.close()
})

test('the installation\'s own acts: maintenance and roles, for super administrators alone', async () => {
  ok(await root.request('PUT', '/api/system/maintenance', { json: { isMaintenance: true, message: 'M' } }))
  ok(await root.request('PUT', '/api/system/maintenance', { json: { isMaintenance: false } }))
  const role = ok(await root.get('/api/roles')).find((r) => r.role === 'apprenant').permissions
  ok(await root.request('PUT', '/api/roles/apprenant/permissions', { json: { permissions: [...role, 'help:manage'] } }))
  ok(await root.request('PUT', '/api/roles/apprenant/permissions', { json: { permissions: role } }))
  for (const [action, subject, detail] of [['maintenance.on', null, { message: 'M' }], ['maintenance.off', null, { message: null }], ['role.added', 'apprenant', { permission: 'help:manage' }], ['role.removed', 'apprenant', { permission: 'help:manage' }]]) {
    const row = await newest(root, action)
    assert.deepEqual([row.actorId, row.establishmentId, row.subjectId, row.detail], [root.user.id, null, subject, detail], action)
    assert.deepEqual(await log(who.admin, `?action=${action}`), [])
  }
  // A failed sign-in of an address that nobody has.
  await anon.post('/api/auth/login', { email: 'fantome@nulle.part', password: 'faux faux faux' })
  assert.equal((await newest(root, 'signin.failed')).subjectId, null)
})

test('what was refused leaves no row', async () => {
  const count = async () => (await server.rows('select count(*)::int as n from audit_log'))[0].n
  const before = await count()
  assertProblem(await who.admin.request('PUT', `/api/users/${who.apprenant1.user.id}/permissions/system:manage`, { json: {} }), 403)
  assertProblem(await who.admin.request('PUT', `/api/users/${who.admin.user.id}`, { json: { role: 'manager' } }), 409)
  assertProblem(await who.manager.request('DELETE', `/api/users/${who.apprenant1.user.id}`), 403)
  assertProblem(await other.admin.request('PUT', `/api/establishments/${school()}`, { json: { name: 'X' } }), 404)
  assertProblem(await who.admin.post('/api/users', { email: 'apprenant2@moliere.test', password: SECRET }), 409)
  ok(await who.apprenant1.request('PUT', `/api/users/${who.apprenant1.user.id}`, { json: { bio: 'Rien de neuf' } }))
  assert.equal(await count(), before)
})

test('who names another school or person than their own is refused, and that stands in the log of their school', async () => {
  const elsewhere = other.admin.user.establishmentId
  const tries = [
    [() => who.admin.post('/api/users', { email: `${unique('n')}@x.test`, establishmentId: elsewhere, surprise: 1 }), who.admin, 'users_create', ['establishmentId']],
    [() => who.admin.get(`/api/users?establishmentId=${elsewhere}`), who.admin, 'users_list', ['establishmentId']],
    [() => who.apprenant1.post('/api/study-groups', { name: 'G', createdBy: who.admin.user.id, establishmentId: elsewhere }), who.apprenant1, 'groups_create', ['establishmentId', 'createdBy']],
  ]
  for (const [attempt, api, operation, fields] of tries) {
    const before = (await log(who.admin, '?action=identity.refused&limit=200')).length
    const problem = assertProblem(await attempt(), 403)
    assert.ok(fields.every((f) => problem.errors.some((e) => e.field === f && e.code === 'forbidden')), operation)
    const rows = await log(who.admin, '?action=identity.refused&limit=200')
    assert.equal(rows.length, before + 1, operation)
    assert.deepEqual([rows[0].actorId, rows[0].subjectId, [...rows[0].detail.fields].sort(), rows[0].address], [api.user.id, operation, [...fields].sort(), '127.0.0.1'])
  }
  assert.deepEqual(await log(other.admin, '?action=identity.refused'), [])
})

test('filters and pages; who may not, and another school', async () => {
  const all = await log(who.admin, '?limit=200')
  assert.ok(all.length > 15)
  assert.deepEqual(all.map((r) => r.at), all.map((r) => r.at).sort().reverse())
  const seen = []
  for (let path = '/api/audit?limit=3&count=exact'; path; ) {
    const page = await who.admin.get(path)
    assert.equal(Number(page.headers['x-total-count']), all.length)
    seen.push(...ok(page))
    path = /<([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1]
  }
  assert.deepEqual(seen.map((r) => r.id), all.map((r) => r.id))
  assert.ok((await log(who.admin, `?actorId=${who.admin.user.id}`)).every((r) => r.actorId === who.admin.user.id))
  const middle = all[7].at
  assert.ok((await log(who.admin, `?from=${middle}`)).every((r) => r.at >= middle))
  assert.ok((await log(who.admin, `?to=${middle}`)).every((r) => r.at < middle))
  for (const query of ['action=', 'from=hier', 'actorId=%27', 'cursor=AAAA', 'limit=0', 'what=1']) {
    const r = await who.admin.get(`/api/audit?${query}`)
    assert.equal(r.status, query === 'action=' ? 200 : 400, query)
  }
  for (const api of [who.manager, who.apprenant1]) assertProblem(await api.get('/api/audit'), 403)
  assertProblem(await anon.get('/api/audit'), 401)
  assertProblem(await other.admin.get(`/api/audit?establishmentId=${school()}`), 403)
  assert.ok((await log(other.admin, '?limit=200')).every((r) => r.establishmentId === other.admin.user.establishmentId))
  assert.deepEqual(await log(root, `?establishmentId=${school()}&limit=200`), await log(who.admin, '?limit=200'))
  assert.ok(new Set((await log(root, '?limit=200')).map((r) => r.establishmentId)).size >= 3)
  const pages = []
  for (let path = '/api/audit?limit=20'; path; ) {
    const page = await root.get(path)
    pages.push(...ok(page).map((r) => r.id))
    path = /<([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1]
  }
  assert.equal(new Set(pages).size, pages.length)
  assert.equal(pages.length, (await server.rows('select count(*)::int as n from audit_log'))[0].n)
})

test('an act whose row cannot be written does not happen', async () => {
  await server.sql(`alter table audit_log add constraint full_disk check (action <> 'user.role') not valid;`)
  const r = await who.admin.request('PUT', `/api/users/${who.apprenant2.user.id}`, { json: { role: 'formateur' } })
  assert.equal(r.status, 500)
  assert.equal((await server.rows(`select role from users where id = ${lit(who.apprenant2.user.id)}`))[0].role, 'apprenant')
  await server.sql('alter table audit_log drop constraint full_disk;')
  ok(await who.admin.request('PUT', `/api/users/${who.apprenant2.user.id}`, { json: { role: 'formateur' } }))
})

test('nothing personal stands in it', async () => {
  const [{ text }] = await server.rows(`select string_agg(a::text, ' ') as text from audit_log a`)
  for (const word of ['@moliere.test', '@nulle.part', SECRET, 'faux faux', 'argon2', who.admin.cookie.split('=')[1]]) assert.ok(!text.includes(word), word)
})
