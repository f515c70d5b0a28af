// What holds for the server as a whole rather than for one operation: what an erased person leaves behind, what a failure says, what every
// answer carries, that reading changes nothing, that nothing secret is in the log, and that what is too much or stuck is refused and stops nobody else.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { addressOf, contents, inParallel, needs, world } from './lib/generated.mjs'
import { startServer, lit } from './lib/server.mjs'
import { Api, Wire, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { codeIn, makeGroup, member, opId, say, uuid } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

let w, server, who, anon
before(async () => {
  w = await world({ args: ['--log-level', 'debug'] })
  server = w.server
  who = await people(server, 'moliere', ['admin', 'apprenant1'])
  anon = new Api(server)
})
after(() => server?.stop())

const SECRET = 'une phrase que nul ne devine'
const ok = (r) => (assert.ok(r.status < 300, `${r.status} ${r.text}`), r.json)
const put = (api, path, json) => api.request('PUT', path, { json })

// Every table and column where one of the words stands, in text, JSON or bytes.
async function whereIs(words) {
  const columns = await server.rows(`select c.oid::regclass::text as "table", quote_ident(a.attname) as "column", a.atttypid::regtype::text as type
    from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped`)
  const [plain, hex] = [words.join('|'), words.map((w) => Buffer.from(w).toString('hex')).join('|')].map(lit)
  const found = columns.map(({ table, column, type }) =>
    `select '${table}.${column}' as place, count(*)::int as n from ${table} where ${type === 'bytea' ? `encode(${column}, 'hex') ~ ${hex}` : `${column}::text ~* ${plain}`}`)
  return (await server.rows(found.join(' union all '))).filter((r) => r.n > 0).map((r) => r.place).sort()
}

test('who is erased stands nowhere any more: no table, no column, no event holds their name or address', async () => {
  const [first, last, mail, phone] = ['Zoéphine', 'Canarix', `${unique('canarix')}@moliere.test`, '0677889900']
  const made = ok(await who.admin.post('/api/users', { email: mail, password: SECRET, firstName: first, lastName: last, role: 'formateur', phoneNumber: phone, bio: `${first} enseigne` }, { headers: { 'idempotency-key': unique('key') } }))
  const api = await signIn(server, mail, SECRET)
  // Everything that writes a person down.
  ok(await api.post('/api/auth/tokens', { name: 'T' }))
  ok(await anon.post('/api/auth/forgot-password', { email: mail }))
  const g = await makeGroup(api, [who.apprenant1])
  const wire = await member(server, api, g.topic)
  const theirs = await member(server, who.apprenant1, g.topic)
  const said = await say(wire, g.topic, 'ce qui reste')
  await theirs.done(g.topic, 'reaction:add', { opId: opId(), messageId: said.id, emoji: '👍' })
  const board = ok(await api.post(`/api/study-groups/${g.id}/whiteboards`, { title: 'T' }))
  const b = await member(server, api, `whiteboard:${board.id}`)
  await b.done(`whiteboard:${board.id}`, 'ops', { opId: opId(), ops: [{ op: 'put', id: 'a', el: { id: 'a', type: 'rect', z: 'a', x: 1, y: 2, w: 30, h: 4 } }] })
  const times = { startTime: new Date().toISOString(), endTime: new Date(Date.now() + 3600e3).toISOString() }
  const session = ok(await api.post(`/api/study-groups/${g.id}/sessions`, { title: 'S', ...times }))
  const k = await member(server, api, `class:${session.id}`)
  await k.done(`class:${session.id}`, 'hand:raise', { opId: opId() })
  const course = ok(await api.post('/api/courses', { title: 'C', description: 'D', category: 'K' }))
  ok(await who.admin.post(`/api/courses/${course.id}/approve`))
  ok(await api.post(`/api/courses/${course.id}/enroll`, {}))
  ok(await who.admin.post(`/api/courses/${course.id}/complete`, { learnerId: made.id, finalGrade: '15' }))
  ok(await put(api, `/api/users/${made.id}`, { department: `Bureau ${last}` }))
  ok(await who.admin.request('PUT', `/api/users/${made.id}/permissions/help:manage`, { json: {} }))
  const job = ok(await api.post('/api/exports', { type: 'csv', config: { datasets: ['users'] } }))
  await until('the export', async () => ok(await api.get(`/api/exports/${job.id}`)).status === 'completed')
  const before = await whereIs([first, last, mail, phone])
  for (const place of ['users.first_name', 'users.department', 'outbox.recipient', 'idempotency_keys.answer']) assert.ok(before.includes(place), `the search finds what is in ${place}`)
  ok(await who.admin.request('DELETE', `/api/users/${made.id}`))
  assert.deepEqual(await whereIs([first, last, mail, phone]), [])
  for (const w of [wire, theirs, b, k]) await w.close()
})

// What every answer of the interface carries, whatever it answers.
function assertCarries(o, r) {
  const h = r.headers
  const what = `${o} ${r.status} ${JSON.stringify(h)}`
  if (r.raw.length) assert.match(h['content-type'], /^(application\/(problem\+)?json|text\/(html|csv)|image\/svg\+xml); charset=utf-8$/, what)
  assert.equal(h['x-content-type-options'], 'nosniff', what)
  assert.match(h['x-request-id'], /^[\w-]{8,}$/, what)
  assert.match(h.vary, /Origin/, what)
  assert.match(h['cache-control'], /^(no-store|(private, )?no-cache)$/, what)
  for (const name of ['server', 'x-powered-by', 'via', 'access-control-allow-origin']) assert.equal(h[name], undefined, what)
  if (/text\/html/.test(h['content-type'])) assert.match(h['content-security-policy'], /frame-ancestors 'none'/, what)
  if (/attachment/.test(h['content-disposition'])) assert.match(h['content-security-policy'], /sandbox/, what)
}

test('reading changes nothing, wherever it is asked from; what comes is not guessed at, is kept by nobody else, and names no program', async () => {
  // Two count or note by design: how often a help text is read, and that a session was ended by going there.
  const reads = w.operations.filter((o) => o.method === 'GET' && !['help_get', 'auth_leave_old'].includes(o.name))
  await w.a.fill(needs(reads, 3))
  const before = await contents(server)
  const answers = {}
  await inParallel(reads.flatMap((o) => ['admin', 'formateur', 'apprenant'].map((role) => [o, w.a.people[role]])), async ([o, person]) => {
    const r = await w.call(person, o, addressOf(o, w.a), undefined, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })
    assertCarries(o, r)
    answers[r.status] = (answers[r.status] ?? 0) + 1
  })
  assert.ok(answers[200] > 150, JSON.stringify(answers))
  assert.deepEqual(await contents(server), before)
})

test('every refusal carries the same', () =>
  inParallel(w.operations.flatMap((o) => [[o, null], [o, w.a.people.apprenant]]), async ([o, person]) => {
    assertCarries(o, await w.call(person, o, o.path.replaceAll(/\{[^}]+\}/g, uuid), { surprise: 1 }, { accept: '*/*' }))
  }))

test('a failure says that it is one, under its number, and nothing of what failed; the log has both', async () => {
  await server.sql(`alter table study_groups add constraint canary_of_the_schema check (name <> 'casse') not valid;`)
  const r = await who.apprenant1.post('/api/study-groups', { name: 'casse' })
  await server.sql('alter table study_groups drop constraint canary_of_the_schema;')
  const problem = assertProblem(r, 500)
  assert.ok(!/canary|constraint|study_groups|casse/.test(r.text), r.text)
  const line = await until('the line of the log', () => server.log().split('\n').find((l) => l.includes(`"${problem.requestId}"`) && l.includes('"status":500')))
  assert.match(line, /"step":"groups_create".*canary_of_the_schema/)
})

test('nothing secret or personal is in the log, also where it says most', async () => {
  const api = await signIn(server, 'apprenant1@moliere.test')
  const { token } = ok(await api.post('/api/auth/tokens', { name: 'Journal', scopes: ['read'] }))
  ok(await anon.get('/api/auth/user', { headers: { authorization: `Bearer ${token}` } }))
  const socket = ok(await api.post('/api/auth/socket-token', {})).token
  const opened = await Wire.open(server, { query: `&token=${socket}` })
  const g = await makeGroup(api, [], { name: 'Groupe du journal', description: 'canari-description' })
  const wire = await member(server, api, g.topic)
  await say(wire, g.topic, 'canari-message')
  ok(await api.post(`/api/study-groups/${g.id}/messages`, { content: 'canari-lettre' }))
  await Promise.all([wire.close(), opened.close()])
  ok(await anon.post('/api/auth/forgot-password', { email: 'apprenant1@moliere.test' }))
  const [mail] = await server.rows("select body from outbox where recipient = 'apprenant1@moliere.test' order by created_at desc limit 1")
  const code = codeIn(mail)
  await anon.post('/api/auth/reset-password', { token: code, password: 'court' })
  await anon.post('/api/auth/login', { email: 'apprenant1@moliere.test', password: 'canari-mot-de-passe' })
  assert.ok(server.log().includes('"level":"debug"') || server.log().split('\n').length > 100)
  for (const [what, secret] of Object.entries({
    cookie: api.cookie.split('=')[1], token, socket, code, 'a password': 'canari-mot-de-passe', 'the password': SECRET, 'a message': 'canari-message', 'a letter': 'canari-lettre',
    'a description': 'canari-description', 'a hash': '$argon2id$', 'an address': 'apprenant1@moliere.test', 'a name': 'Léa',
  }))
    assert.ok(!server.log().includes(secret), `the log holds ${what}`)
})

test('more sign-ins than may wait: 503 with a time to come back, and everything else is answered', async () => {
  const other = await startServer({ args: ['--signin-workers', '1', '--signin-queue', '2'] })
  try {
    const crowd = new Api(other)
    crowd.agent.maxSockets = 30
    const tries = Array.from({ length: 30 }, (_, i) => crowd.post('/api/auth/login', { email: `personne${i}@moliere.test`, password: 'faux faux faux' }, { jar: false }))
    assert.equal((await new Api(other).get('/api/establishments')).status, 200)
    const all = await Promise.all(tries)
    const busy = all.filter((r) => r.status === 503)
    assert.ok(busy.length > 0 && busy.length < 30, all.map((r) => r.status).join(' '))
    assert.ok(Number(assertProblem(busy[0], 503) && busy[0].headers['retry-after']) >= 1)
    assert.ok(all.every((r) => [401, 503].includes(r.status)))
    assert.equal((await signIn(other, 'apprenant1@moliere.test')).user.role, 'apprenant')
    crowd.close()
  } finally {
    await other.stop()
  }
})

test('a row that somebody else holds makes its own writers wait, with an end, and nobody else', async () => {
  const other = await startServer({ args: ['--statement-timeout', '2s'] })
  let release = () => {}
  try {
    const admin = await signIn(other, 'admin@moliere.test')
    const [one, two] = ok(await admin.get('/api/courses?limit=2'))
    const rename = (course, title) => put(admin, `/api/courses/${course.id}`, { title })
    release = await other.hold(`select from courses where id = ${lit(one.id)} for update`)
    const held = rename(one, 'Attendu')
    for (let i = 0; i < 10; i++) ok(await rename(two, `Libre ${i}`))
    assertProblem(await held, 503)
    await release()
    assert.equal(ok(await rename(one, 'Enfin')).title, 'Enfin')
  } finally {
    await release()
    await other.stop()
  }
})
