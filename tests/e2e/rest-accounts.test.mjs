// Signing in and out, registering, sessions: every answer, and what the database keeps of it.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import http from 'node:http'
import { createHash } from 'node:crypto'
import { lit, stacgate, startServer } from './lib/server.mjs'
import { Api, signIn, Wire } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { PASSWORD, unique, until } from './lib/util.mjs'

let server, anon, demo
before(async () => {
  server = await startServer({ args: ['--session-touch', '300ms'] })
  demo = server.demo
  anon = new Api(server)
})
after(() => server?.stop())

const moliere = () => demo.establishments.find((e) => e.slug === 'lycee-moliere')
const login = (email, password, options) => anon.request('POST', '/api/auth/login', { json: { email, password }, jar: false, ...options })
const sessionsOf = (userId) => server.rows(`select sid, sess, expire from sessions where sess ->> 'userId' = ${lit(userId)}`)

// Any loopback address is another address to the throttle.
function loginFrom(localAddress, email, password) {
  const body = JSON.stringify({ email, password })
  return new Promise((resolve, reject) => {
    const req = http.request({
      host: '127.0.0.1', port: server.port, localAddress, method: 'POST', path: '/api/auth/login',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (d) => (text += d)).on('end', () => resolve({ status: res.statusCode, headers: res.headers, text }))
    })
    req.on('error', reject)
    req.end(body)
  })
}

// ---- login

test('sign-in: the user without password, and a session cookie', async () => {
  const r = await login('apprenant1@moliere.test', PASSWORD)
  assert.equal(r.status, 200)
  assert.equal(r.json.email, 'apprenant1@moliere.test')
  assert.equal(r.json.role, 'apprenant')
  assert.equal(r.json.establishmentId, moliere().id)
  assert.ok(!/password|argon2|\$2[aby]\$/i.test(r.text), r.text)
  assert.equal(r.cookies.length, 1)
  const [pair, ...attributes] = r.cookies[0].split(/;\s*/)
  const names = attributes.map((a) => a.toLowerCase())
  assert.match(pair, /^stacgate\.sid=[A-Za-z0-9_-]{43}$/)
  assert.ok(names.includes('httponly') && names.includes('samesite=lax') && names.includes('path=/'), r.cookies[0])
  assert.ok(!names.includes('secure') && !names.some((a) => a.startsWith('domain')), r.cookies[0])
  assert.equal(r.headers['cache-control'], 'no-store')
})

test('sessions are stored hashed', async () => {
  const api = await signIn(server, 'apprenant2@moliere.test')
  const token = api.cookie.split('=')[1]
  const [row] = (await sessionsOf(api.user.id)).filter((s) => s.sid === createHash('sha256').update(token).digest('hex'))
  assert.ok(row, 'no row under the hash of the cookie')
  assert.ok(!JSON.stringify(await sessionsOf(api.user.id)).includes(token))
  const days = (Date.parse(`${row.expire}Z`) - Date.now()) / 86400000
  assert.ok(days > 6.9 && days < 7.1, `idle 7 days: ${days}`)
  const absolute = (Date.parse(row.sess.absoluteExpire) - Date.now()) / 86400000
  assert.ok(absolute > 29.9 && absolute < 30.1, `absolute 30 days: ${absolute}`)
})

test('a form works as JSON does; the address in any case', async () => {
  assert.equal((await anon.request('POST', '/api/auth/login', { form: { email: 'apprenant1@moliere.test', password: PASSWORD }, jar: false })).status, 200)
  assert.equal((await login('Apprenant1@Moliere.TEST', PASSWORD)).status, 200)
})

test('unknown address and wrong password: one answer', async () => {
  const strip = ({ json: { requestId, ...rest }, headers: { 'x-request-id': x, date, ...h } }) => [rest, Object.keys(h).sort()]
  const wrong = await login('apprenant3@moliere.test', 'not-the-password')
  const unknown = await login('personne@moliere.test', 'not-the-password')
  assertProblem(wrong, 401)
  assert.deepEqual(strip(wrong), strip(unknown))
  assert.equal(wrong.cookies.length + unknown.cookies.length, 0)
})

test('a new session at each sign-in; one that was brought is not adopted and ends', async () => {
  const api = await signIn(server, 'apprenant4@moliere.test')
  const old = api.cookie
  await api.signIn('apprenant4@moliere.test')
  assert.notEqual(api.cookie, old)
  assertProblem(await anon.get('/api/auth/user', { headers: { cookie: old }, jar: false }), 401)
  const fixed = `stacgate.sid=${'A'.repeat(43)}`
  const r = await login('apprenant4@moliere.test', PASSWORD, { headers: { cookie: fixed } })
  assert.ok(!r.cookies[0].startsWith(fixed))
  assertProblem(await anon.get('/api/auth/user', { headers: { cookie: fixed }, jar: false }), 401)
})

test('an inactive account or establishment: 403, and only who knows the password learns it', async () => {
  await server.sql(`update users set is_active = false where email = 'apprenant6@moliere.test';`)
  assertProblem(await login('apprenant6@moliere.test', PASSWORD), 403)
  assertProblem(await login('apprenant6@moliere.test', 'wrong-password'), 401)
  await server.sql(`update users set is_active = true where email = 'apprenant6@moliere.test'; update establishments set is_active = false where slug = 'campus-turing';`)
  assertProblem(await login('apprenant6@turing.test', PASSWORD), 403)
  await server.sql(`update establishments set is_active = true where slug = 'campus-turing';`)
})

test('bad sign-in requests', async () => {
  for (const json of [{}, { email: 'a@b.fr' }, { password: 'x' }, { email: 5, password: 'x' }, { email: 'a@b.fr', password: ['x'] }, { email: 'a@b.fr', password: 'x', admin: true }])
    assertProblem(await anon.request('POST', '/api/auth/login', { json, jar: false }), 422)
  assertProblem(await login('a\u0000@b.fr', 'x'), [400, 401, 422])
  assertProblem(await login('a@b.fr', 'x'.repeat(5000)), [401, 422])
})

// ---- adopted passwords

const bcrypt = '$2b$12$RAbjXQYUNbnHu3LnaIagF.r86SY3QBgvkf6fPgA1azTcC.qGPPmoi'
for (const variant of ['$2b$', '$2a$'])
  test(`a ${variant} hash of an adopted database verifies, and becomes argon2id at the next sign-in`, async () => {
    const email = `${unique('ancien')}@moliere.test`
    await server.sql(`insert into users (establishment_id, email, username, password, role) values (${lit(moliere().id)}, ${lit(email)}, ${lit(email)}, ${lit(bcrypt.replace('$2b$', variant))}, 'formateur');`)
    const stored = async () => (await server.rows(`select password from users where email = ${lit(email)}`))[0].password
    assertProblem(await login(email, 'ancien-mot-de-pass'), 401)
    assert.ok((await stored()).startsWith(variant))
    assert.equal((await login(email, 'ancien-mot-de-passe')).status, 200)
    await until('the new hash', async () => (await stored()).startsWith('$argon2id$v=19$m=19456,t=2,p=1$'))
    assert.equal((await login(email, 'ancien-mot-de-passe')).status, 200)
    assertProblem(await login(email, 'ancien-mot-de-pass'), 401)
  })

test('a broken hash in the database is a wrong password, not an error', async () => {
  for (const [i, hash] of ['', 'plain', '$2b$12$short', '$argon2id$v=19$m=1', '$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHQ$aGFzaA'].entries()) {
    const email = `${unique(`casse${i}`)}@moliere.test`
    await server.sql(`insert into users (establishment_id, email, username, password) values (${lit(moliere().id)}, ${lit(email)}, ${lit(email)}, ${lit(hash)});`)
    assertProblem(await login(email, 'plain'), 401)
  }
})

// ---- who am I, and the end of a session

test('GET /api/auth/user: the caller with establishment and permissions', async () => {
  const api = await signIn(server, 'formateur@moliere.test')
  const r = await api.get('/api/auth/user')
  assert.equal(r.status, 200)
  assert.equal(r.json.email, 'formateur@moliere.test')
  assert.equal(r.json.establishment.slug, 'lycee-moliere')
  assert.ok(Array.isArray(r.json.permissions) && r.json.permissions.includes('courses:create') && !r.json.permissions.includes('users:delete'))
  assert.ok(!/"password"|databaseUrl/.test(r.text))
  assert.match(r.headers['cache-control'], /private/)
  assertProblem(await anon.get('/api/auth/user', { jar: false }), 401)
})

test('a personal permission counts until it expires', async () => {
  const api = await signIn(server, 'apprenant5@moliere.test')
  const grant = (expires) => server.sql(`delete from user_permissions where user_id = ${lit(api.user.id)};
    insert into user_permissions (user_id, permission_id, granted, expires_at, establishment_id) select ${lit(api.user.id)}, id, true, ${expires}, ${lit(moliere().id)} from permissions where name = 'exports:create';`)
  const has = async () => (await api.get('/api/auth/user')).json.permissions.includes('exports:create')
  assert.equal(await has(), false)
  await grant(`now() at time zone 'utc' + interval '1 day'`)
  await until('the grant to count', has)
  await grant(`now() at time zone 'utc' - interval '1 s'`)
  await until('the expired grant not to count', async () => !(await has()))
})

test('logout: a body, the cookie cleared, the session gone, again 401', async () => {
  const api = await signIn(server, 'apprenant1@turing.test')
  const { cookie } = api
  const r = await api.post('/api/auth/logout', {})
  assert.equal(r.status, 200)
  assert.equal(typeof r.json, 'object')
  assert.match(r.cookies[0] ?? '', /^stacgate\.sid=;/)
  assert.equal(api.cookie, '')
  assertProblem(await anon.get('/api/auth/user', { headers: { cookie }, jar: false }), 401)
  assert.equal((await sessionsOf(api.user.id)).length, 0)
  assertProblem(await anon.request('POST', '/api/auth/logout', { json: {}, headers: { cookie }, jar: false }), 401)
})

test('old clients go to the logout: only from a page of ours, and always on to /', async () => {
  const api = await signIn(server, 'apprenant1@turing.test')
  const leave = (headers, method = 'GET') => api.request(method, '/api/auth/logout', { headers: { accept: 'text/html', ...headers } })
  const ours = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' }
  const others = [{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-mode': 'navigate' }, { ...ours, 'sec-fetch-mode': 'no-cors' }, { ...ours, 'sec-fetch-mode': 'cors' }]
  for (const site of ['cross-site', 'same-site', 'none', 'same-origin, cross-site']) others.push({ ...ours, 'sec-fetch-site': site })
  for (const headers of others) {
    const r = await leave(headers)
    assert.equal(r.status, 303)
    assert.equal(r.headers.location, '/')
    assert.deepEqual(r.cookies, [])
  }
  await leave(ours, 'HEAD')
  assert.equal((await api.get('/api/auth/user')).status, 200, 'it was ended by something else')
  const wire = await Wire.open(server, { cookie: api.cookie })
  const { cookie } = api
  const r = await leave(ours)
  assert.equal(r.status, 303)
  assert.equal(r.headers.location, '/')
  assert.match(r.headers['cache-control'], /no-store/)
  assert.equal(api.cookie, '')
  assert.equal(await wire.closeCode(), 4001)
  assertProblem(await anon.get('/api/auth/user', { headers: { cookie }, jar: false }), 401)
  assert.equal((await leave(ours)).status, 303, 'nobody is led on too')
})

for (const [name, set] of [
  ['idle', `expire = now() at time zone 'utc' - interval '1 s'`],
  ['absolute', `sess = jsonb_set(sess, '{absoluteExpire}', to_jsonb(to_char(now() at time zone 'utc' - interval '1 s', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))`],
])
  test(`${name} expiry ends a session`, async () => {
    const api = await signIn(server, 'apprenant2@turing.test')
    await server.sql(`update sessions set ${set} where sess ->> 'userId' = ${lit(api.user.id)};`)
    // What is remembered of a session may be a moment old, not more.
    await until('401', async () => (await api.get('/api/auth/user')).status === 401, 30000, 200)
  })

test('use renews a session, never beyond its absolute end', async () => {
  const api = await signIn(server, 'apprenant3@turing.test')
  const mine = `where sess ->> 'userId' = ${lit(api.user.id)}`
  const soon = (more = '') => server.sql(`update sessions set expire = now() at time zone 'utc' + interval '1 hour' ${more} ${mine};`)
  const days = async () => (Date.parse(`${(await sessionsOf(api.user.id))[0].expire}Z`) - Date.now()) / 86400000
  await soon()
  await api.get('/api/auth/user')
  await until('the renewal by a request', async () => (await days()) > 6.9)
  assert.ok((await days()) < 7.01)
  // Absolute end in two hours: use moves the idle end there, not further.
  await soon(`, sess = jsonb_set(sess, '{absoluteExpire}', to_jsonb(to_char(now() at time zone 'utc' + interval '2 hours', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))`)
  await until('the renewal up to the absolute end', async () => (await api.get('/api/auth/user')) && (await days()) > 1.5 / 24)
  assert.ok((await days()) < 2.1 / 24)
})

test('a cookie of connect.sid, of another name, twice, or damaged signs nobody in', async () => {
  const api = await signIn(server, 'apprenant4@turing.test')
  const token = api.cookie.split('=')[1]
  for (const cookie of [`connect.sid=${token}`, `__Host-stacgate=${token}`, `stacgate.sid=${token}x`, `stacgate.sid=${token.slice(1)}`, `stacgate.sid="${token}`, `xstacgate.sid=${token}`])
    assertProblem(await anon.get('/api/auth/user', { headers: { cookie }, jar: false }), 401)
})

// ---- register

const register = (fields, options) => new Api(server).request('POST', '/api/auth/register', { json: { password: 'une longue phrase', ...fields }, ...options })
const fresh = () => `${unique('nouveau')}@exemple.fr`

test('register by slug or id: a learner, signed in, and a verification mail in the outbox', async () => {
  for (const where of [{ establishmentSlug: 'lycee-moliere' }, { establishmentId: moliere().id }]) {
    const email = fresh()
    const api = new Api(server)
    const r = await api.post('/api/auth/register', { email, password: 'une longue phrase', firstName: 'Zoé', lastName: "d'Été", ...where })
    assert.equal(r.status, 201, r.text)
    assert.equal(r.json.role, 'apprenant')
    assert.equal(r.json.firstName, 'Zoé')
    assert.equal(r.json.establishmentId, moliere().id)
    assert.ok(!/argon2|"password"/.test(r.text))
    assert.equal((await api.get('/api/auth/user')).json.email, email)
    const box = await stacgate(['outbox', '--data', server.dataDir])
    assert.equal(box.code, 0, box.err)
    assert.ok(box.out.includes(email), 'no mail to the new account')
    assert.equal((await login(email, 'une longue phrase')).status, 200)
  }
})

test('register: passwords', async () => {
  const base = { establishmentSlug: 'lycee-moliere' }
  for (const [password, ok] of [['1234567', false], ['password', false], ['motdepasse', false], ['azertyuiop', false], ['éàùç漢字👋!', true], ['correct horse battery staple '.repeat(4), true], ['', false]]) {
    const r = await register({ ...base, email: fresh(), password })
    if (ok) assert.equal(r.status, 201, `${password}: ${r.text}`)
    else {
      assertProblem(r, 422)
      assert.equal(r.json.errors[0].field, 'password')
    }
  }
  // No truncation: a password that differs after its 72nd byte is another one.
  const email = fresh()
  assert.equal((await register({ ...base, email, password: `${'x'.repeat(80)}1` })).status, 201)
  assertProblem(await login(email, `${'x'.repeat(80)}2`), 401)
  assert.equal((await login(email, `${'x'.repeat(80)}1`)).status, 200)
})

test('register: refusals', async () => {
  const ok = { establishmentSlug: 'lycee-moliere' }
  for (const email of ['apprenant1@moliere.test', 'APPRENANT1@moliere.test']) assertProblem(await register({ ...ok, email }), 409)
  for (const email of ['', 'x', '@x.fr', 'a@', 'a b@c.fr', 'a@b@c.fr', 5, `${'x'.repeat(300)}@e.fr`, 'a\u0000@b.fr']) assertProblem(await register({ ...ok, email }), [400, 422])
  assertProblem(await register({ email: fresh() }), 422)
  for (const where of [{ establishmentSlug: 'nowhere' }, { establishmentId: 'nowhere' }]) assertProblem(await register({ email: fresh(), ...where }), [404, 422])
  assertProblem(await register({ ...ok, email: fresh(), isSuperUser: true }), 422)
  for (const role of ['admin', 'super_admin']) {
    const r = await register({ ...ok, email: fresh(), role })
    if (r.status === 201) assert.equal(r.json.role, 'apprenant')
    else assertProblem(r, [403, 422])
  }
})

test('register: a school that takes no registrations answers 403; absent means it does', async () => {
  await server.sql(`update establishments set settings = coalesce(settings, '{}') || '{"selfRegistration": false}' where slug = 'campus-turing';`)
  assertProblem(await register({ email: fresh(), establishmentSlug: 'campus-turing' }), 403)
  await server.sql(`update establishments set settings = settings - 'selfRegistration' where slug = 'campus-turing';`)
  assert.equal((await register({ email: fresh(), establishmentSlug: 'campus-turing' })).status, 201)
})

test('the same address eight times at once: one account', async () => {
  const email = fresh()
  const all = await Promise.all(Array.from({ length: 8 }, () => register({ email, establishmentSlug: 'lycee-moliere' })))
  assert.deepEqual(all.map((r) => r.status).filter((s) => s === 201).length, 1, all.map((r) => r.status).join())
  for (const r of all) assert.ok([201, 409, 429, 503].includes(r.status), r.text)
  const [{ n }] = await server.rows(`select count(*)::int as n from users where email = ${lit(email)}`)
  assert.equal(n, 1)
})

// ---- throttle (last: it leaves counters behind)

test('five failures from one address: then 429 with Retry-After, also for the right password; another address may try', async () => {
  const email = 'manager@turing.test'
  for (let i = 0; i < 5; i++) assert.equal((await loginFrom('127.0.0.21', email, `wrong ${i}`)).status, 401)
  const r = await loginFrom('127.0.0.21', email, PASSWORD)
  assert.equal(r.status, 429)
  assert.ok(Number(r.headers['retry-after']) > 0 && Number(r.headers['retry-after']) <= 900)
  assert.equal((await loginFrom('127.0.0.22', email, PASSWORD)).status, 200)
  assert.equal((await loginFrom('127.0.0.21', 'admin@turing.test', PASSWORD)).status, 200, 'another account from that address')
})

test('failures of an unknown account are throttled as those of a known one', async () => {
  for (let i = 0; i < 5; i++) assert.equal((await loginFrom('127.0.0.23', 'fantome@moliere.test', `wrong ${i}`)).status, 401)
  assert.equal((await loginFrom('127.0.0.23', 'fantome@moliere.test', 'wrong')).status, 429)
})

test('thirty failures of one account in an hour: only addresses that signed in to it before may try', async () => {
  const email = 'formateur@turing.test'
  assert.equal((await loginFrom('127.0.0.40', email, PASSWORD)).status, 200)
  const tries = []
  for (let a = 41; a <= 46; a++) for (let i = 0; i < 5; i++) tries.push(() => loginFrom(`127.0.0.${a}`, email, `wrong ${i}`))
  for (let i = 0; i < tries.length; i += 6) await Promise.all(tries.slice(i, i + 6).map((t) => t()))
  assert.equal((await loginFrom('127.0.0.47', email, PASSWORD)).status, 429)
  assert.equal((await loginFrom('127.0.0.40', email, PASSWORD)).status, 200, 'a stranger locked the account out')
})

test('a forged X-Forwarded-For dodges nothing', async () => {
  const email = 'apprenant6@turing.test'
  const results = []
  for (let i = 0; i < 6; i++) results.push((await login(email, `wrong ${i}`, { headers: { 'x-forwarded-for': `203.0.113.${i}`, forwarded: `for=203.0.113.${i}` } })).status)
  assert.deepEqual(results, [401, 401, 401, 401, 401, 429])
})

test('nothing secret is in the log', async () => {
  const api = await signIn(server, 'apprenant5@turing.test')
  await Wire.open(server, { cookie: api.cookie }).then((w) => w.close())
  const token = api.cookie.split('=')[1]
  for (const secret of [token, 'une longue phrase', 'ancien-mot-de-passe', '$argon2id$']) assert.ok(!server.log().includes(secret), `the log holds ${secret}`)
  await login('evil\r\n{"level":"fake","status":200}\u001b[2J\u202e@x.fr', 'x')
  assert.ok(!/^\{"level":"fake"/m.test(server.log()) && !server.log().includes('\u001b') && !server.log().includes('\u202e'))
})

test('the counters of failures survive a restart, sessions too', async () => {
  const { cookie } = await signIn(server, 'admin@moliere.test')
  assert.equal((await loginFrom('127.0.0.21', 'manager@turing.test', PASSWORD)).status, 429)
  await server.restart()
  assert.equal((await loginFrom('127.0.0.21', 'manager@turing.test', PASSWORD)).status, 429)
  assert.equal((await anon.get('/api/auth/user', { headers: { cookie }, jar: false })).status, 200)
})
