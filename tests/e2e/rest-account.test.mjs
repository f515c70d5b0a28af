// One's own account: the sign-ins one has and their end, another password, a forgotten one, a proven address; what open sockets notice.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit, stacgate } from './lib/server.mjs'
import { Api, people, signIn, Wire } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { codeIn, member } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

let server, who, anon
before(async () => {
  server = await startServer({ args: ['--public-url', 'https://ecole.example'] })
  who = await people(server, 'moliere', ['admin', 'apprenant1'])
  anon = new Api(server)
})
after(() => server?.stop())

const SECRET = 'une phrase que nul ne devine'
const OTHER = 'une autre phrase, tout aussi longue'
const ok = (r) => (assert.ok(r.status < 300, r.text), r.json)
const address = () => `${unique('c')}@moliere.test`
async function account(password = SECRET) {
  const email = address()
  const { id } = ok(await who.admin.post('/api/users', { email, password }))
  return { email, id }
}
const change = (api, currentPassword, newPassword) => api.post('/api/auth/change-password', { currentPassword, newPassword })
const mails = (email, template) => server.rows(`select * from outbox where recipient = ${lit(email)} and template = ${lit(template)} order by created_at`)
const sessions = async (api) => ok(await api.get('/api/auth/sessions'))
const userSocket = async (api) => member(server, api, `user:${api.user.id}`)

test('the list of one\'s sign-ins: this one, the others, from where and with what; nobody else\'s', async () => {
  const { email } = await account()
  const first = new Api(server, { headers: { 'user-agent': 'Navigateur\t\u00e9\u00e9 1.0' } })
  await first.signIn(email, SECRET)
  const second = await signIn(server, email, SECRET)
  const list = await sessions(second)
  assert.equal(list.length, 2)
  assert.deepEqual(list.map((s) => s.current).sort(), [false, true])
  const other = list.find((s) => !s.current)
  assert.match(other.userAgent, /^Navigateur\?+ 1\.0$/)
  assert.equal(other.address, '127.0.0.1')
  for (const s of list) {
    assert.ok(Math.abs(Date.parse(s.createdAt) - Date.now()) < 60000)
    assert.ok(Math.abs(Date.parse(s.lastUsedAt) - Date.now()) < 120000)
    assert.ok(Date.parse(s.expiresAt) > Date.now() + 6 * 86400000)
    // The id opens nothing.
    assertProblem(await anon.get('/api/auth/user', { headers: { cookie: `stacgate.sid=${s.id.slice(0, 43)}` }, jar: false }), 401)
  }
  assert.ok(!(await sessions(who.apprenant1)).some((s) => list.some((l) => l.id === s.id)))
  const registered = new Api(server, { headers: { 'user-agent': 'Inscription' } })
  ok(await registered.post('/api/auth/register', { email: address(), password: SECRET, establishmentSlug: 'lycee-moliere' }))
  assert.deepEqual((await sessions(registered)).map((s) => [s.current, s.userAgent, s.address]), [[true, 'Inscription', '127.0.0.1']])
})

test('ending one: its requests are nobody\'s and its sockets close at once; not another person\'s', async () => {
  const { email } = await account()
  const [here, there] = [await signIn(server, email, SECRET), await signIn(server, email, SECRET)]
  const [mine, theirs] = [await userSocket(here), await userSocket(there)]
  const { id } = (await sessions(here)).find((s) => !s.current)
  assertProblem(await who.apprenant1.request('DELETE', `/api/auth/sessions/${id}`), 404)
  assertProblem(await here.request('DELETE', '/api/auth/sessions/nope'), 404)
  ok(await here.request('DELETE', `/api/auth/sessions/${id}`))
  assert.equal(await theirs.closeCode(), 4001)
  assertProblem(await there.get('/api/auth/user'), 401)
  await mine.settle()
  assertProblem(await here.request('DELETE', `/api/auth/sessions/${id}`), 404)
  // One's own: signed out, the cookie cleared.
  const last = (await sessions(here))[0].id
  ok(await here.request('DELETE', `/api/auth/sessions/${last}`))
  assert.equal(here.cookie, '')
  assert.equal(await mine.closeCode(), 4001)
})

test('ending all others keeps this one', async () => {
  const { email } = await account()
  const here = await signIn(server, email, SECRET)
  const others = [await signIn(server, email, SECRET), await signIn(server, email, SECRET)]
  const wires = await Promise.all([here, ...others].map(userSocket))
  assert.deepEqual(ok(await here.request('DELETE', '/api/auth/sessions')), { ended: 2 })
  for (const [i, api] of others.entries()) {
    assert.equal(await wires[i + 1].closeCode(), 4001)
    assertProblem(await api.get('/api/auth/user'), 401)
  }
  await wires[0].settle()
  assert.equal((await sessions(here)).length, 1)
  assert.deepEqual(ok(await here.request('DELETE', '/api/auth/sessions')), { ended: 0 })
  await wires[0].close()
})

test('another password: the old one is asked, the other sign-ins end, the new one holds', async () => {
  const { email } = await account()
  const [here, there] = [await signIn(server, email, SECRET), await signIn(server, email, SECRET)]
  const [mine, theirs] = [await userSocket(here), await userSocket(there)]
  const wrong = await change(here, 'pas celui-là', OTHER)
  assertProblem(wrong, 422)
  assert.deepEqual(wrong.json.errors.map((e) => [e.field, e.code]), [['currentPassword', 'wrong']])
  for (const [next, code] of [['court', 'too_short'], ['motdepasse', 'common'], [email, 'personal']]) {
    const r = await change(here, SECRET, next)
    assertProblem(r, 422)
    assert.deepEqual(r.json.errors.map((e) => [e.field, e.code]), [['newPassword', code]])
  }
  assertProblem(await here.post('/api/auth/change-password', { newPassword: OTHER }), 422)
  assertProblem(await anon.post('/api/auth/change-password', { currentPassword: SECRET, newPassword: OTHER }), 401)
  ok(await change(here, SECRET, OTHER))
  assert.equal(await theirs.closeCode(), 4001)
  assertProblem(await there.get('/api/auth/user'), 401)
  await mine.settle()
  assert.equal(ok(await here.get('/api/auth/user')).email, email)
  assertProblem(await anon.post('/api/auth/login', { email, password: SECRET }), 401)
  await signIn(server, email, OTHER)
  assert.equal((await mails(email, 'password-changed')).length, 1)
  const audit = ok(await who.admin.get(`/api/audit?subjectId=${here.user.id}&action=password.changed`))
  assert.equal(audit.length, 1)
  await mine.close()
})

test('of two changes at once one is made: the other\'s sign-in has ended by then', async () => {
  const { email } = await account()
  const [here, there] = [await signIn(server, email, SECRET), await signIn(server, email, SECRET)]
  // The first waits for its mail, the second behind it, with the old password looked at.
  const [first, second] = await server.meet('lock table outbox in exclusive mode', () => change(here, SECRET, OTHER), () => change(there, SECRET, 'une troisième phrase'))
  ok(first)
  assertProblem(second, 401)
  assert.deepEqual([(await here.get('/api/auth/user')).status, (await there.get('/api/auth/user')).status], [200, 401])
  await signIn(server, email, OTHER)
})

test('a session left open does not serve to guess the password', async () => {
  const { email } = await account()
  const here = await signIn(server, email, SECRET)
  for (let i = 0; i < 5; i++) assertProblem(await change(here, `faux ${i}`, OTHER), 422)
  const r = await change(here, SECRET, OTHER)
  assertProblem(r, 429)
  assert.ok(Number(r.headers['retry-after']) > 0)
  assert.equal((await here.get('/api/auth/user')).status, 200)
})

test('an API token manages no account', async () => {
  const { email } = await account()
  const here = await signIn(server, email, SECRET)
  const { token } = ok(await here.post('/api/auth/tokens', { name: 'T', scopes: ['read', 'write'] }))
  const bearer = new Api(server, { headers: { authorization: `Bearer ${token}` } })
  for (const [method, path, json] of [['GET', '/api/auth/sessions'], ['DELETE', '/api/auth/sessions'], ['POST', '/api/auth/change-password', { currentPassword: SECRET, newPassword: OTHER }], ['POST', '/api/auth/send-verification', {}]])
    assertProblem(await bearer.request(method, path, { json }), 403)
})

test('a forgotten password: three codes an hour for an address, whether it has an account or not; only the newest is good', async () => {
  const { email, id } = await account()
  const forgot = (e) => anon.post('/api/auth/forgot-password', { email: e })
  for (let i = 0; i < 3; i++) ok(await forgot(i === 1 ? email.toUpperCase() : email))
  const late = await forgot(email)
  assertProblem(late, 429)
  assert.ok(Number(late.headers['retry-after']) > 3000 && Number(late.headers['retry-after']) <= 3600)
  const ghost = address()
  for (let i = 0; i < 3; i++) ok(await forgot(ghost))
  const strange = await forgot(ghost)
  assertProblem(strange, 429)
  const plain = (r) => ({ ...r.json, requestId: 0 })
  assert.deepEqual(plain(strange), plain(late))
  const sent = await mails(email, 'reset-password')
  assert.equal(sent.length, 3)
  assert.ok(sent[2].body.includes(`https://ecole.example/set-password?token=${codeIn(sent[2])}`))
  const reset = (token) => anon.post('/api/auth/reset-password', { token, password: OTHER })
  for (const old of sent.slice(0, 2)) assertProblem(await reset(codeIn(old)), 422)
  ok(await reset(codeIn(sent[2])))
  assertProblem(await reset(codeIn(sent[2])), 422)
  await signIn(server, email, OTHER)
  // The code came by mail: the address is proven. What was asked and done is in the log.
  assert.equal((await server.rows(`select is_email_verified as v from users where id = ${lit(id)}`))[0].v, true)
  for (const [action, n] of [['password.asked', 3], ['password.reset', 1]]) assert.equal(ok(await who.admin.get(`/api/audit?subjectId=${id}&action=${action}`)).length, n, action)
  await server.restart()
  assertProblem(await forgot(email), 429)
  await server.sql(`update signin_failures set since = since - interval '1 hour' where kind = 'r';`)
  ok(await forgot(email))
})

test('a reset revokes API tokens, and closes what uses them, unless the person keeps them', async () => {
  const { email, id } = await account()
  const use = (token) => anon.get('/api/auth/user', { headers: { authorization: `Bearer ${token}` }, jar: false })
  for (const keepTokens of [undefined, false, true]) {
    const api = await signIn(server, email, keepTokens === undefined ? SECRET : OTHER)
    const { token } = ok(await api.post('/api/auth/tokens', { name: 'T', scopes: ['read', 'realtime'] }))
    assert.equal((await use(token)).status, 200)
    ok(await anon.post('/api/auth/forgot-password', { email }))
    const code = codeIn((await mails(email, 'reset-password')).at(-1))
    ok(await anon.post('/api/auth/reset-password', { token: code, password: OTHER, ...(keepTokens === undefined ? {} : { keepTokens }) }))
    assert.equal((await use(token)).status, keepTokens ? 200 : 401, `keepTokens ${keepTokens}`)
    assertProblem(await api.get('/api/auth/user'), 401)
  }
  const [reset] = ok(await who.admin.get(`/api/audit?subjectId=${id}&action=password.reset&limit=3`)).slice(-1)
  assert.deepEqual(reset.detail, { tokens: 1 })
  const revoked = ok(await who.admin.get(`/api/audit?subjectId=${id}&action=token.revoked`))
  assert.deepEqual(revoked.map((a) => a.actorId), [id, id])
})

test('two accounts whose addresses differ by capitals only: each by its own spelling, and no third account', async () => {
  const name = unique('Ana').toLowerCase().replace(/[^a-z0-9]/g, '')
  const [small, large, other] = [`${name}@moliere.test`, `${name.replace('a', 'A')}@moliere.test`, `${name.toUpperCase()}@moliere.test`]
  ok(await who.admin.post('/api/users', { email: small, password: SECRET }))
  ok(await who.admin.post('/api/users', { email: `x${small}`, password: OTHER }))
  // As an adopted database has it.
  await server.sql(`begin; set local session_replication_role = replica; update users set email = ${lit(large)} where email = ${lit(`x${small}`)}; commit;`)
  const [a, b] = [await signIn(server, small, SECRET), await signIn(server, large, OTHER)]
  assert.notEqual(a.user.id, b.user.id)
  for (const [email, password] of [[small, OTHER], [large, SECRET], [other, SECRET], [other, OTHER]]) assertProblem(await anon.post('/api/auth/login', { email, password }), 401)
  assertProblem(await who.admin.post('/api/users', { email: other, password: SECRET }), 409)
  assertProblem(await new Api(server).post('/api/auth/register', { email: other, password: SECRET, establishmentSlug: 'lycee-moliere' }), 409)
  // A profile that is saved whole keeps its address.
  ok(await b.request('PUT', `/api/users/${b.user.id}`, { json: { email: large, firstName: 'Ana' } }))
  assert.equal(ok(await b.get('/api/auth/user')).email, large)
  ok(await anon.post('/api/auth/forgot-password', { email: large }))
  assert.equal((await mails(large, 'reset-password')).length, 1)
  assert.equal((await mails(small, 'reset-password')).length, 0)
  ok(await anon.post('/api/auth/forgot-password', { email: other }))
  for (const email of [small, large]) {
    const [mail] = await mails(email, 'which-account')
    assert.ok(mail.body.includes(small) && mail.body.includes(large), mail.body)
    assert.equal(/\S{40,}/.test(mail.body.replaceAll(small, '').replaceAll(large, '')), false, 'it holds no code')
  }
  for (const args of [['check', '--data', server.dataDir], ['migrate', '--data', server.dataDir]]) {
    const r = await stacgate(args)
    assert.equal(r.code, 0, r.err)
    const [line] = r.out.split('\n').filter((l) => l.includes('one address for several accounts'))
    for (const email of [small, large]) assert.ok(line.includes(`${email} (lycee-moliere)`), r.out)
  }
  // Another address for one of them, and all is as ever.
  ok(await who.admin.request('PUT', `/api/users/${b.user.id}`, { json: { email: `autre-${small}` } }))
  await signIn(server, other, SECRET)
  assert.ok(!(await stacgate(['check', '--data', server.dataDir])).out.includes('one address'))
})

test('a changed password ends codes that were asked for before', async () => {
  const { email } = await account()
  const here = await signIn(server, email, SECRET)
  ok(await anon.post('/api/auth/forgot-password', { email }))
  const [mail] = await mails(email, 'reset-password')
  ok(await change(here, SECRET, OTHER))
  assertProblem(await anon.post('/api/auth/reset-password', { token: codeIn(mail), password: SECRET }), 422)
})

test('an address is proven by the code that went to it; another address is not', async () => {
  const email = address()
  const api = new Api(server)
  ok(await api.post('/api/auth/register', { email, password: SECRET, establishmentSlug: 'lycee-moliere' }))
  const verified = async () => ok(await api.get('/api/auth/user')).isEmailVerified
  const verify = (token) => anon.post('/api/auth/verify-email', { token })
  assert.equal(await verified(), false)
  const [first] = await mails(email, 'verify-email')
  assert.ok(first.body.includes('https://ecole.example/verify-email?token='))
  assertProblem(await verify('x'.repeat(43)), 422)
  assertProblem(await anon.post('/api/auth/reset-password', { token: codeIn(first), password: OTHER }), 422)
  ok(await api.post('/api/auth/send-verification', {}))
  const [, second] = await mails(email, 'verify-email')
  assertProblem(await verify(codeIn(first)), 422)
  ok(await verify(codeIn(second)))
  assert.equal(await verified(), true)
  assertProblem(await verify(codeIn(second)), 422)
  // Nothing is left to prove: nothing is sent.
  ok(await api.post('/api/auth/send-verification', {}))
  assert.equal((await mails(email, 'verify-email')).length, 2)
  const { id } = ok(await api.get('/api/auth/user'))
  const moved = address()
  ok(await who.admin.request('PUT', `/api/users/${id}`, { json: { email: moved } }))
  assert.equal(await verified(), false)
  for (let i = 0; i < 3; i++) ok(await api.post('/api/auth/send-verification', {}))
  assertProblem(await api.post('/api/auth/send-verification', {}), 429)
  assert.equal((await mails(moved, 'verify-email')).length, 3)
  await server.sql(`update account_tokens set expires_at = now() at time zone 'utc' - interval '1 s' where user_id = ${lit(id)};`)
  assertProblem(await verify(codeIn((await mails(moved, 'verify-email'))[2])), 422)
})
