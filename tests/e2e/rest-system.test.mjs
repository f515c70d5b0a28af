// The system for those who run it: caches that say how they do and can be emptied, versions of which one is in use.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { postmasterFamily, startServer } from './lib/server.mjs'
import { people, signIn, Wire } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'

let server, who, root
before(async () => {
  // Each loop has its own copy of the roles: one loop, so that what a request finds does not hang on where its connection landed.
  server = await startServer({ env: { STACGATE_RATE_LIMITS: 'off', STACGATE_LOOPS: '1' } })
  who = await people(server, 'moliere', ['admin', 'apprenant1'])
  root = await signIn(server, 'superadmin@stacgate.test')
})
after(() => server?.stop())

const caches = async () => Object.fromEntries((await who.admin.get('/api/system/caches')).json.map((c) => [c.name, c]))

test('caches: entries, hits and misses are those of what happened; the named one is emptied', async () => {
  assertProblem(await who.apprenant1.get('/api/system/caches'), 403)
  const before = await caches()
  assert.deepEqual(Object.keys(before).sort(), ['recentSignIns', 'rolePermissions'])
  for (let i = 0; i < 20; i++) await who.apprenant1.get('/api/auth/user')
  const after = await caches()
  assert.ok(after.rolePermissions.hits > before.rolePermissions.hits, 'roles are not read anew for every request')
  assert.equal(after.rolePermissions.misses, before.rolePermissions.misses)
  const { hits, misses, hitRate, entries } = after.rolePermissions
  assert.ok(Math.abs(hitRate - hits / (hits + misses)) < 1e-9)
  assert.equal(entries, 5)

  assertProblem(await who.admin.post('/api/system/clear-cache', {}), 403)
  assertProblem(await root.post('/api/system/clear-cache', { caches: ['no-such'] }), 422)
  assert.deepEqual((await root.post('/api/system/clear-cache', { caches: ['rolePermissions'] })).json, { cleared: [{ name: 'rolePermissions', entries: 5 }] })
  await who.apprenant1.get('/api/auth/user')
  assert.ok((await caches()).rolePermissions.misses > after.rolePermissions.misses, 'what was emptied is read again')
  // What somebody changed in the database by hand counts from then on, and not before: each request asked the cache once.
  const hits1 = (await caches()).rolePermissions.hits
  await server.sql("delete from role_permissions where role = 'manager' and permission_id = (select id from permissions where name = 'analytics:read')")
  const manager = await signIn(server, 'manager@moliere.test')
  assert.equal((await manager.get('/api/analytics/overview')).status, 200)
  const hits2 = (await caches()).rolePermissions.hits
  assert.equal(hits2 - hits1, 2)
  await root.post('/api/system/clear-cache', { caches: ['rolePermissions'] })
  assertProblem(await manager.get('/api/analytics/overview'), 403)

  // A connection that is cut is remembered, and counted when it comes back.
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie })
  wire.ws.terminate()
  for (let i = 0; (await caches()).recentSignIns.entries === 0; i++) {
    assert.ok(i < 200, 'the cut connection was never remembered')
    await new Promise((r) => setTimeout(r, 20))
  }
  const gone = (await root.post('/api/system/clear-cache', {})).json.cleared
  assert.ok(gone.find((c) => c.name === 'recentSignIns').entries >= 1)
  assert.equal((await caches()).recentSignIns.entries, 0)
})

test('versions: a super_admin records and chooses them; exactly one is in use however many choose at once', async () => {
  const own = await who.apprenant1.get('/api/system/versions/active')
  assert.match(own.json.version, /^\d+\.\d+\.\d+/)
  assertProblem(await who.admin.post('/api/system/versions', { version: '1.0.0', title: 'V' }), 403)
  const made = []
  for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
    const r = await root.post('/api/system/versions', { version, title: `V ${version}`, changelogMarkdown: '# Neuf', releaseDate: `2030-01-0${version[0]}T10:0${version[2]}:00+01:00` })
    assert.equal(r.status, 201, r.text)
    made.push(r.json)
  }
  assert.equal(made[0].releaseDate, '2030-01-01T09:00:00.000Z')
  assertProblem(await root.post('/api/system/versions', { version: '1.0.0', title: 'Encore' }), 409)
  assert.deepEqual((await who.apprenant1.get('/api/system/versions')).json.map((v) => v.version), ['2.0.0', '1.1.0', '1.0.0'])
  const page = await who.apprenant1.get('/api/system/versions?limit=2&count=exact')
  assert.equal(page.headers['x-total-count'], '3')
  assert.equal((await who.apprenant1.get(/<([^>]+)>/.exec(page.headers.link)[1])).json[0].version, '1.0.0')
  const answers = await Promise.all(made.map((v) => root.post(`/api/system/versions/${v.id}/activate`)))
  for (const r of answers) assert.equal(r.status, 200, r.text)
  const active = (await who.apprenant1.get('/api/system/versions')).json.filter((v) => v.isActive)
  assert.equal(active.length, 1)
  assert.equal((await who.apprenant1.get('/api/system/versions/active')).json.id, active[0].id)
  assertProblem(await root.post('/api/system/versions/no-such/activate'), 404)
  assertProblem(await who.admin.post(`/api/system/versions/${made[0].id}/activate`), 403)
})

test('readiness of a database that keeps silent: 503, and which check it is that fails', async () => {
  const family = postmasterFamily(server.dataDir)
  for (const pid of family) process.kill(pid, 'SIGSTOP')
  try {
    const r = await who.admin.get('/api/system/health?ready=1', { headers: { cookie: null } })
    assert.equal(r.status, 503)
    assert.deepEqual([r.json.status, r.json.checks.database, r.json.checks.disk, r.json.checks.accepting], ['not_ready', 'failed', 'ok', 'ok'])
    assert.ok(Number(r.headers['retry-after']) >= 1)
    assert.equal((await who.admin.get('/api/system/health', { headers: { cookie: null } })).status, 200)
  } finally {
    for (const pid of family) process.kill(pid, 'SIGCONT')
  }
})
