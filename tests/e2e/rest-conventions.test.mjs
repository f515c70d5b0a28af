// What holds for every operation: problem documents in two languages, the CSRF rule, media types, parameters, caching, HEAD,
// OPTIONS, 405, request ids, rates behind a proxy, health.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import http from 'node:http'
import { lit, startServer } from './lib/server.mjs'
import { Api, people, signIn, Wire } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { readMetrics } from './lib/metrics.mjs'
import { makeGroup, uuid } from './lib/school.mjs'
import { PASSWORD, unique, until } from './lib/util.mjs'

let server, anon, who
before(async () => {
  server = await startServer()
  anon = new Api(server)
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'admin'])
})
after(() => server?.stop())

// ---- problems

test('refusals are problem documents: French by default, English when asked, codes the same', async () => {
  const bad = (headers) => who.apprenant1.post('/api/study-groups', { nom: 'x' }, { headers })
  const fr = assertProblem(await bad({}), 422)
  const en = assertProblem(await bad({ 'accept-language': 'en-GB,en;q=0.9,fr;q=0.1' }), 422)
  const again = assertProblem(await bad({ 'accept-language': 'de, fr;q=0.5' }), 422)
  assert.equal(fr.type, en.type)
  assert.notEqual(fr.title, en.title)
  assert.notEqual(fr.message, en.message)
  assert.equal(again.message, fr.message)
  assert.deepEqual(fr.errors.map((e) => [e.field, e.code]).sort(), en.errors.map((e) => [e.field, e.code]).sort())
  assert.notDeepEqual(fr.errors.map((e) => e.message), en.errors.map((e) => e.message))
  assert.equal(fr.instance, '/api/study-groups')
})

test('unknown paths, and JSON even then', async () => {
  for (const path of ['/api/nothing', '/api/', '/api/study-groups/x/y/z', '/api/auth/login/', '/api//auth/user', '/api/auth/../auth/user', '/api/study-groups/%2e%2e/x'])
    assertProblem(await who.apprenant1.get(path), [400, 404])
})

test('path parameters that can name nothing are 404', async () => {
  for (const id of ['%00', 'a%00b', "'%20or%201=1--", 'x'.repeat(500), '%F0%9F%8E%93', '..%2f..%2fetc%2fpasswd'])
    assertProblem(await who.apprenant1.get(`/api/study-groups/${id}/messages`), [400, 404])
})

test('no server version anywhere; nosniff; a request id, ours or theirs', async () => {
  const r = await anon.get('/api/establishments')
  assert.equal(r.headers.server, undefined)
  assert.equal(r.headers['x-powered-by'], undefined)
  assert.equal(r.headers['x-content-type-options'], 'nosniff')
  assert.ok(r.headers['x-request-id'])
  assert.match(r.headers['content-type'], /application\/json; ?charset=utf-8/i)
  assert.equal((await anon.get('/api/establishments', { headers: { 'x-request-id': 'from-the-client-42' } })).headers['x-request-id'], 'from-the-client-42')
  assert.notEqual((await anon.get('/api/establishments', { headers: { 'x-request-id': 'a'.repeat(1000) } })).headers['x-request-id'], 'a'.repeat(1000))
})

// ---- CSRF: every unsafe request with or without a cookie

const origins = () => ({
  own: server.url, evil: 'http://evil.example', lookalike: `${server.url}.evil.example`, port: `http://127.0.0.1:${server.port + 1}`,
  scheme: `https://127.0.0.1:${server.port}`, prefix: `http://127.0.0.1.nip.io:${server.port}`, user: `http://127.0.0.1:${server.port}@evil.example`,
})
const csrf = [
  ['neither header (no browser)', {}, true],
  ['Sec-Fetch-Site: same-origin', { 'sec-fetch-site': 'same-origin' }, true],
  ['Sec-Fetch-Site: none', { 'sec-fetch-site': 'none' }, true],
  ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }, false],
  ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }, false],
  ['Sec-Fetch-Site: nonsense', { 'sec-fetch-site': 'nonsense' }, false],
  ['Sec-Fetch-Site: cross-site with the Origin of another', { 'sec-fetch-site': 'cross-site', origin: 'evil' }, false],
  ['own Origin', { origin: 'own' }, true],
  ['Origin: null', { origin: 'null' }, false],
  ['Origin of another site', { origin: 'evil' }, false],
  ['Origin that starts like ours', { origin: 'lookalike' }, false],
  ['Origin of another port', { origin: 'port' }, false],
  ['Origin of another scheme', { origin: 'scheme' }, false],
  ['Origin with our address as a prefix', { origin: 'prefix' }, false],
  ['Origin with our address as the user', { origin: 'user' }, false],
  ['Referer only, of another site', { referer: 'http://evil.example/page' }, false],
  ['Referer only, our own', { referer: 'own' }, false],
]
for (const [name, headers, allowed] of csrf)
  test(`CSRF: ${name}: ${allowed ? 'allowed' : '403'}`, async () => {
    const h = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, origins()[v] ?? v]))
    const calls = {
      'with a cookie': () => who.apprenant1.post('/api/study-groups', { name: unique('CSRF') }, { headers: h }),
      'sign-in': () => anon.post('/api/auth/login', { email: 'apprenant1@moliere.test', password: PASSWORD }, { headers: h, jar: false }),
      registration: () => anon.post('/api/auth/register', { email: `${unique('csrf')}@e.fr`, password: 'une longue phrase', establishmentSlug: 'lycee-moliere' }, { headers: h, jar: false }),
    }
    for (const [what, call] of Object.entries(calls)) {
      const r = await call()
      if (allowed) assert.ok([200, 201].includes(r.status), `${what}: ${r.status} ${r.text}`)
      else {
        assertProblem(r, 403)
        assert.equal(r.cookies.length, 0)
      }
    }
  })

test('CSRF does not concern reading', async () => {
  assert.equal((await who.apprenant1.get('/api/auth/user', { headers: { 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' } })).status, 200)
})

test('CORS: no origin is reflected that is not listed', async () => {
  for (const origin of ['http://evil.example', 'null']) {
    const r = await anon.get('/api/establishments', { headers: { origin } })
    assert.equal(r.headers['access-control-allow-origin'], undefined)
    assert.match(r.headers.vary ?? '', /origin/i)
  }
  const other = await startServer({ template: 'empty', args: ['--allowed-origins', 'https://lms.example,https://b.example'] })
  try {
    const api = new Api(other)
    const r = await api.get('/api/establishments', { headers: { origin: 'https://lms.example' } })
    assert.equal(r.headers['access-control-allow-origin'], 'https://lms.example')
    assert.equal(r.headers['access-control-allow-credentials'], 'true')
    const pre = await api.request('OPTIONS', '/api/auth/login', { headers: { origin: 'https://lms.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } })
    assert.ok([200, 204].includes(pre.status))
    assert.match(pre.headers['access-control-allow-methods'], /POST/)
    assert.equal((await api.get('/api/establishments', { headers: { origin: 'https://lms.example.evil.test' } })).headers['access-control-allow-origin'], undefined)
    api.close()
  } finally {
    await other.stop()
  }
})

// ---- bodies and parameters

test('media types', async () => {
  const send = (type, body, path = '/api/study-groups') => who.apprenant1.request('POST', path, { body, headers: { 'content-type': type } })
  assertProblem(await send('text/plain', '{"name":"x"}'), 415)
  assertProblem(await send('multipart/form-data; boundary=b', '--b\r\n\r\n--b--'), 415)
  assertProblem(await send('application/xml', '<x/>'), 415)
  assertProblem(await send(null, '{"name":"x"}'), 415)
  assertProblem(await send('text/plain', '{"email":"a@b.fr","password":"x"}', '/api/auth/login'), 415)
  assert.equal((await send('application/json; charset=utf-8', JSON.stringify({ name: unique('charset') }))).status, 201)
  assertProblem(await send('application/json; charset=iso-8859-1', '{"name":"x"}'), [400, 415])
})

test('bodies that are no JSON object', async () => {
  const send = (body) => who.apprenant1.request('POST', '/api/study-groups', { body, headers: { 'content-type': 'application/json' } })
  for (const body of ['', '{', '{"name":}', "{'name':'x'}", '{"name":"x"} x', 'undefined', '{"name":"\u0001"}', '{"name":NaN}', '{"name":"x",}', Buffer.from('7b226e616d65223a22ff227d', 'hex'), '{"name":"\\ud800"}', `${'['.repeat(100000)}`])
    assertProblem(await send(body), 400)
  for (const body of ['[]', '5', '"x"', 'null', 'true', '[{"name":"x"}]']) assertProblem(await send(body), [400, 422])
  for (const body of ['{"name":"x","name":"y"}']) assertProblem(await send(body), [400, 422])
  assertProblem(await send(`{"name":"${'x'.repeat(1 << 20)}"}`), 413)
  assertProblem(await send('{"name":"a\\u0000b"}'), [400, 422])
})

test('unknown fields 422, unknown or wrong query parameters 400', async () => {
  const p = assertProblem(await who.apprenant1.post('/api/study-groups', { name: 'x', surprise: 1 }), 422)
  assert.ok(p.errors.some((e) => e.field === 'surprise' && e.code === 'unknown'))
  const said = async (query, language) => assertProblem(await who.apprenant1.get(`/api/study-groups?${query}`, { headers: { 'accept-language': language } }), 400).errors[0]
  assert.deepEqual(await said('limit=5&status=active&status=archived', 'fr'), { field: 'status', code: 'repeated', message: 'est donné plusieurs fois' })
  assert.equal((await said('status=flying', 'fr')).message, "n'est pas une des valeurs possibles : active, archived, scheduled")
  assert.equal((await said('status=flying', 'en')).message, 'is not one of the possible values: active, archived, scheduled')
  assert.equal((await said('limit=x', 'fr')).message, 'doit être un nombre entier')
  for (const query of ['surprise=1', 'limit=0', 'limit=201', 'limit=x', 'limit=-5', 'limit=1e3', 'cursor=nonsense', 'status=flying', 'mine=perhaps', 'limit=5&limit=6', 'count=all', 'q=%', 'q=%ff'])
    assertProblem(await who.apprenant1.get(`/api/study-groups?${query}`), 400)
})

test('a cursor is of its list, so filtered and sorted', async () => {
  for (let i = 0; i < 2; i++) await makeGroup(who.apprenant1)
  const { headers } = await who.apprenant1.get('/api/study-groups?limit=1&mine=true')
  const next = /<([^>]+)>/.exec(headers.link)[1]
  const cursor = new URL(next, server.url).searchParams.get('cursor')
  for (const path of [next, `/api/study-groups?cursor=${cursor}&mine=true&count=exact`]) assert.equal((await who.apprenant1.get(path)).status, 200, path)
  for (const path of ['/api/study-groups?', '/api/study-groups?mine=false&', '/api/study-groups?mine=true&q=a&', '/api/notifications?', '/api/courses?sort=title&']) {
    const [error] = assertProblem(await who.apprenant1.get(`${path}cursor=${cursor}`), 400).errors
    assert.deepEqual([error.field, error.code], ['cursor', 'format'])
    assert.match(error.message, /reprenez au début/)
  }
})

test('what cannot be read is told what it should be', async () => {
  const detail = async (language, options) => (await who.apprenant1.request('POST', '/api/study-groups', { ...options, headers: { 'content-type': 'application/json', 'accept-language': language, ...options.headers } })).json.detail
  for (const [options, fr, en] of [
    [{ body: '{"name":"a","name":"b"}' }, /JSON valable en UTF-8.*deux fois/, /valid JSON in UTF-8.*twice/],
    [{ body: '[]' }, /objet JSON/, /JSON object/],
    [{ json: { name: 'x' }, headers: { 'idempotency-key': 'a b' } }, /1 à 128 caractères/, /1 to 128 visible/],
  ]) {
    assert.match(await detail('fr', options), fr)
    assert.match(await detail('en', options), en)
  }
  const zone = assertProblem(await who.apprenant1.post('/api/study-groups', { name: 'x', scheduledDate: '2030-01-01T00:00:00+23:59' }), 422)
  assert.deepEqual(zone.errors, [{ field: 'scheduledDate', code: 'format', message: "n'est pas une date comme 2026-09-01 ou 2026-09-01T08:30:00Z" }])
  const before = assertProblem(await who.apprenant1.post('/api/study-groups', { name: 'x', scheduledDate: '2030-01-02', endDate: '2030-01-01' }), 422)
  assert.deepEqual(before.errors.map((e) => [e.field, e.code]), [['endDate', 'order']])
})

test('what is not JSON is not to be had: 406', async () => {
  for (const accept of ['text/html', 'application/json;q=0', 'image/*']) assertProblem(await who.apprenant1.get('/api/auth/user', { headers: { accept } }), 406)
  for (const accept of ['*/*', 'application/*', 'text/html, application/json;q=0.5', 'application/problem+json, application/json'])
    assert.equal((await who.apprenant1.get('/api/auth/user', { headers: { accept } })).status, 200)
})

// ---- methods

test('405 with Allow; unknown methods; override headers are ignored', async () => {
  const r = await who.apprenant1.request('DELETE', '/api/auth/user')
  assertProblem(r, 405)
  assert.match(r.headers.allow, /GET/)
  assert.match(r.headers.allow, /HEAD/)
  assert.doesNotMatch(r.headers.allow, /DELETE|POST/)
  for (const method of ['PUT', 'PATCH', 'DELETE']) assertProblem(await anon.request(method, '/api/auth/login'), 405)
  assert.equal((await who.apprenant1.get('/api/auth/logout', { headers: { 'x-http-method-override': 'POST' } })).status, 303)
  assert.equal((await who.apprenant1.get('/api/auth/user')).status, 200, 'a GET ended the session')
  for (const method of ['TRACE', 'PROPFIND']) assert.ok([400, 405, 501].includes((await anon.request(method, '/api/establishments')).status), method)
})

test('HEAD is GET without its body', async () => {
  for (const path of ['/api/auth/user', '/api/establishments', '/api/study-groups', '/api/system/health', '/api/nothing']) {
    const get = await who.apprenant1.get(path)
    const head = await who.apprenant1.request('HEAD', path)
    assert.equal(head.status, get.status)
    assert.equal(head.raw.length, 0)
    assert.equal(head.headers['content-type'], get.headers['content-type'])
    if (get.headers.etag) assert.equal(head.headers.etag, get.headers.etag)
  }
})

test('OPTIONS tells the methods', async () => {
  const r = await anon.request('OPTIONS', '/api/study-groups')
  assert.ok([200, 204].includes(r.status), String(r.status))
  assert.match(r.headers.allow ?? r.headers['access-control-allow-methods'], /GET.*POST|POST.*GET/)
})

// ---- caching and compression

test('ETag and 304, the whole tag compared', async () => {
  for (const path of ['/api/auth/user', '/api/establishments', '/api/study-groups']) {
    const first = await who.apprenant2.get(path)
    const { etag } = first.headers
    assert.match(etag ?? '', /^(W\/)?"[^"]+"$/, path)
    assert.match(first.headers['cache-control'], /private/)
    assert.match(first.headers['cache-control'], /no-cache/)
    for (const tags of [etag, `"other", ${etag}`, etag.replace(/"$/, '-gzip"')]) {
      const r = await who.apprenant2.get(path, { headers: { 'if-none-match': tags } })
      assert.equal(r.status, 304, `${path} ${tags}`)
      assert.equal(r.raw.length, 0)
    }
    assert.equal((await who.apprenant2.get(path, { headers: { 'if-none-match': '"other"' } })).status, 200)
  }
  // What changed has another tag.
  const before = (await who.apprenant2.get('/api/study-groups')).headers.etag
  await makeGroup(who.apprenant2)
  assert.equal((await who.apprenant2.get('/api/study-groups', { headers: { 'if-none-match': before } })).status, 200)
})

test("another person's tag is not mine", async () => {
  const mine = (await who.apprenant1.get('/api/auth/user')).headers.etag
  assert.equal((await who.apprenant2.get('/api/auth/user', { headers: { 'if-none-match': mine } })).status, 200)
})

test('gzip for bodies over 1 KiB, when taken', async () => {
  for (let i = 0; i < 5; i++) await makeGroup(who.apprenant1, [], { description: 'Une description. '.repeat(20) })
  const path = '/api/study-groups?limit=50'
  const plain = await who.apprenant1.get(path)
  assert.equal(plain.headers['content-encoding'], undefined)
  const packed = await who.apprenant1.get(path, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.deepEqual(JSON.parse(gunzipSync(packed.raw)), plain.json)
  assert.equal((await who.apprenant1.get(path, { headers: { 'accept-encoding': 'gzip;q=0' } })).headers['content-encoding'], undefined)
})

// ---- idempotency

test('Idempotency-Key: the first response again; another body 422; another person\'s key is another key', async () => {
  const key = unique('key')
  const post = (api, name) => api.post('/api/study-groups', { name }, { headers: { 'idempotency-key': key } })
  const first = await post(who.apprenant1, 'Une fois')
  assert.equal(first.status, 201)
  const again = await post(who.apprenant1, 'Une fois')
  assert.equal(again.status, 201)
  assert.deepEqual(again.json, first.json)
  assertProblem(await post(who.apprenant1, 'Autre chose'), 422)
  assert.notEqual((await post(who.apprenant2, 'Une fois')).json.id, first.json.id)
})

test('Idempotency-Key: of a body with a password only its own sign-in is known again', async () => {
  const other = await signIn(server, 'admin@moliere.test')
  const post = (api, key, json) => api.post('/api/users', json, { headers: { 'idempotency-key': key } })
  const [plain, secret] = [unique('key'), unique('key')]
  const invited = { email: `${unique('i')}@e.fr`, role: 'apprenant' }
  const made = { email: `${unique('m')}@e.fr`, role: 'apprenant', password: 'une longue phrase' }
  const first = await post(who.admin, plain, invited)
  assert.equal((await post(other, plain, invited)).text, first.text)
  const account = await post(who.admin, secret, made)
  assert.equal(account.status, 201, account.text)
  assert.equal((await post(who.admin, secret, made)).text, account.text)
  assertProblem(await post(other, secret, made), 422)
  other.close()
})

// Requests that wait for a lock when whoever sent them hangs up; the server knows when this returns.
async function hangUp(...requests) {
  const open = async () => (await readMetrics(server))('connections', { state: 'http' })
  const sent = requests.map(([api, path, json, headers]) => {
    const body = JSON.stringify(json)
    const req = http.request({ host: '127.0.0.1', port: server.port, method: 'POST', path, agent: false, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), cookie: api.cookie, ...headers } })
    return req.on('error', () => {}).end(body)
  })
  await server.waiting(sent.length)
  const before = await open()
  for (const req of sent) req.socket.resetAndDestroy()
  await until('the server to notice', async () => (await open()) <= before - sent.length)
}
const theirSchool = async (api) => `select from establishments where id = ${lit((await api.get('/api/auth/user')).json.establishmentId)} for update`

test('who hangs up has done what they asked: their key is running, then has its answer, and an export begins', async () => {
  const [name, headers] = [unique('Raccroché'), { 'idempotency-key': unique('key') }]
  const again = () => who.apprenant1.post('/api/study-groups', { name }, { headers })
  const release = await server.hold(await theirSchool(who.apprenant1))
  try {
    await hangUp([who.apprenant1, '/api/study-groups', { name }, headers], [who.admin, '/api/exports', { type: 'json', config: { dataset: 'courses' } }])
    assert.equal(assertProblem(await again(), 409).type, '/problems/running')
  } finally {
    await release()
  }
  const answer = await until('the answer', async () => { const r = await again(); return r.status === 201 && r })
  assert.deepEqual((await server.rows(`select id from study_groups where name = ${lit(name)}`)).map((g) => g.id), [answer.json.id])
  await until('the export', async () => (await who.admin.get('/api/exports')).json[0]?.status === 'completed')
})

test('a key that has its answer by the time of a second effect undoes that one, and gives the answer', async () => {
  const [name, one, two] = [unique('Deux fois'), unique('key'), unique('key')]
  const post = (key) => who.apprenant1.post('/api/study-groups', { name }, { headers: { 'idempotency-key': key } })
  const first = await post(one)
  const release = await server.hold(await theirSchool(who.apprenant1))
  const second = post(two)
  await server.waiting(1)
  await server.sql(`update idempotency_keys set key = ${lit(two)} where key = ${lit(one)}`)
  await release()
  assert.equal((await second).text, first.text)
  assert.equal(await server.sql(`select count(*) from study_groups where name = ${lit(name)}`), '1')
})

// ---- health

test('health', async () => {
  const r = await anon.get('/api/system/health', { jar: false })
  assert.equal(r.status, 200)
  assert.equal((await anon.get('/api/system/health?ready=1', { jar: false })).status, 200)
  assertProblem(await anon.get('/api/system/health?x=1', { jar: false }), 400)
})

test('readiness says 503 while the database is away, liveness stays 200, reads say 503, then all comes back', async () => {
  const other = await startServer()
  try {
    const api = await signIn(other, 'apprenant1@moliere.test')
    const wire = await Wire.open(other, { cookie: api.cookie })
    await other.pgKill()
    assert.equal((await api.get('/api/system/health')).status, 200)
    const r = await api.get('/api/study-groups')
    if (r.status !== 200) assertProblem(r, 503)
    await other.pgStart()
    await until('reads to work again', async () => (await api.get('/api/study-groups')).status === 200)
    await until('readiness', async () => (await api.get('/api/system/health?ready=1')).status === 200)
    await wire.settle()
    await wire.close()
    api.close()
  } finally {
    await other.stop()
  }
})

// ---- behind a proxy

test('behind a configured proxy: its word on address and scheme counts; __Host- cookie; rates per user and address; demo accounts stay at home', async () => {
  const other = await startServer({ args: ['--proxies', '127.0.0.1', '--demo-public'] })
  try {
    const via = (address, more = {}) => new Api(other, { headers: { host: 'lms.example', 'x-forwarded-for': address, 'x-forwarded-proto': 'https', ...more } })
    const api = via('198.51.100.7')
    const r = await api.post('/api/auth/login', { email: 'apprenant1@moliere.test', password: PASSWORD })
    assert.equal(r.status, 200, r.text)
    assert.match(r.cookies[0], /^__Host-stacgate=[A-Za-z0-9_-]{43};/)
    assert.match(r.cookies[0], /; ?Secure/i)
    assert.match(r.headers['strict-transport-security'] ?? '', /max-age=\d{8}/)
    const plain = await via('198.51.100.8', { 'x-forwarded-proto': 'http' }).post('/api/auth/login', { email: 'apprenant1@moliere.test', password: PASSWORD })
    assert.ok([403, 426].includes(plain.status), `plain text through a proxy: ${plain.status}`)
    assert.equal(plain.cookies.length, 0)
    const english = await via('198.51.100.8', { 'x-forwarded-proto': 'http', 'accept-language': 'en' }).get('/api/establishments')
    assert.match(assertProblem(plain, 403).detail, /^HTTP sans chiffrement n'est servi qu'à cette machine/)
    assert.match(assertProblem(english, 403).detail, /^plain HTTP is served to this machine only/)

    const all = []
    for (let i = 0; i < 16 || (i < 200 && all.every((x) => x.status === 200)); i++) all.push(...(await Promise.all(Array.from({ length: 20 }, () => api.get('/api/auth/user')))))
    const good = all.filter((x) => x.status === 200)
    const bad = all.filter((x) => x.status === 429)
    assert.equal(good.length + bad.length, all.length)
    assert.ok(good.length >= 200, `the burst of 200 is granted (${good.length})`)
    assert.ok(bad.length > 0, 'nothing was refused')
    assertProblem(bad[0], 429)
    assert.ok(Number(bad[0].headers['retry-after']) >= 1)
    assert.ok(good[0].headers.ratelimit && good[0].headers['ratelimit-policy'], 'RateLimit headers')
    // The same school address, another person: not concerned.
    const mate = via('198.51.100.7')
    assert.equal((await mate.post('/api/auth/login', { email: 'apprenant2@moliere.test', password: PASSWORD })).status, 200)
    assert.equal((await mate.get('/api/auth/user')).status, 200)
    assert.equal((await api.get('/api/system/health')).status, 200, 'liveness is never limited')
  } finally {
    await other.stop()
  }
})

test('demo accounts sign in from loopback only', async () => {
  const other = await startServer({ args: ['--proxies', '127.0.0.1'] })
  try {
    const api = new Api(other, { headers: { host: 'lms.example', 'x-forwarded-for': '198.51.100.7', 'x-forwarded-proto': 'https' } })
    assertProblem(await api.post('/api/auth/login', { email: 'apprenant1@moliere.test', password: PASSWORD }), 403)
  } finally {
    await other.stop()
  }
})

test('a missing id and a bad one read alike', async () => {
  const strip = ({ json: { requestId, instance, ...rest } }) => rest
  assert.deepEqual(strip(await who.apprenant1.get(`/api/study-groups/${uuid}/messages`)), strip(await who.apprenant1.get('/api/study-groups/nothing/messages')))
})
