// What others script against: the ready line, exit codes and sentences, every command beside a running server, the stop.
import { after, test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync, chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { alive, postmasterPid, prepareData, scratch, Server, binary, stacgate, startServer } from './lib/server.mjs'
import { freePort } from './lib/ports.mjs'
import { Postgres } from './lib/postgres.mjs'
import { Api, signIn, Wire } from './lib/client.mjs'
import { makeGroup, member, text } from './lib/school.mjs'
import { PASSWORD, sleep, until } from './lib/util.mjs'

const running = []
const start = async (options) => {
  const s = await startServer(options)
  running.push(s)
  return s
}
after(() => Promise.all(running.map((s) => (alive(s.pid) ? s.stop().catch(() => {}) : null))))

// A sentence for the operator on standard error, and nothing that looks like a crash.
function assertSaid(r, code, pattern) {
  assert.equal(r.code, code, `exit ${r.code} ${r.signal ?? ''}\n${r.err}${r.out}`)
  assert.match(r.err, /^stacgate: \S.*\S/m)
  if (pattern) assert.match(r.err, pattern)
  assert.ok(!/assert|backtrace|Segmentation|AddressSanitizer/i.test(r.err), r.err)
}

// ---- words

test('--version, --help, and --help of each command', async () => {
  assert.match((await stacgate(['--version'])).out, /^stacgate \d+\.\d+\.\d+\n$/)
  const help = await stacgate(['--help'])
  assert.equal(help.code, 0)
  for (const command of ['serve', 'migrate', 'demo', 'user', 'check']) {
    assert.match(help.out, new RegExp(`^\\s+${command}\\b`, 'm'))
    const r = await stacgate([command, '--help'])
    assert.equal(r.code, 0)
    assert.match(r.out, new RegExp(`stacgate ${command}`))
    assert.match(r.out, /--data/)
  }
  const [fr, en] = [await stacgate(['serve', '--help'], { env: { LC_ALL: 'fr_FR.UTF-8' } }), await stacgate(['serve', '--help'])]
  assert.notEqual(fr.out, en.out)
  const plain = await stacgate(['serve', '--help'], { env: { LC_ALL: '' } })
  assert.equal(plain.out, fr.out, 'French by default')
})

test('no command, an unknown command: exit 2 with the usage', async () => {
  for (const args of [[], ['dance'], ['--port', '5']]) {
    const r = await stacgate(args)
    assert.equal(r.code, 2)
    assert.match(r.err, /serve/)
  }
})

test('unknown options and bad values: exit 2 with a sentence, and nothing is started', async () => {
  const data = join(scratch(), 'd')
  for (const args of [
    ['serve', '--nonsense'], ['serve', '--port', '99999'], ['serve', '--port', 'x'], ['serve', '--port'], ['serve', '--port', '-1'], ['serve', '--loops', 'many'], ['serve', 'word'],
    ['serve', '--grace', '5 parsecs'], ['serve', '--host', 'not an address'], ['serve', '--config', '/nonexistent/stacgate.conf'], ['migrate', '--nonsense'], ['check', '--nonsense'],
    ['demo', '--learners', 'x'], ['user'], ['user', 'create'], ['user', 'create', '--email', 'x'], ['serve', '--tls-cert', '/nonexistent.pem'],
  ])
    assertSaid(await stacgate([...args, '--data', data]), 2)
  assert.ok(!existsSync(join(data, 'pg')), 'a cluster was made for a command line that was refused')
})

test('a bad environment and a bad configuration file: exit 2 naming what is wrong', async () => {
  const dir = scratch()
  assertSaid(await stacgate(['serve', '--data', join(dir, 'd')], { env: { STACGATE_LOOPS: 'many' } }), 2, /STACGATE_LOOPS|loops/)
  writeFileSync(join(dir, 'bad.conf'), 'port = 5000\nnonsense = 1\n')
  assertSaid(await stacgate(['serve', '--data', join(dir, 'd'), '--config', join(dir, 'bad.conf')]), 2, /nonsense/)
})

test('not on a public address in plain text', async () => {
  assertSaid(await stacgate(['serve', '--host', '0.0.0.0', '--port', '0', '--data', join(scratch(), 'd')]), 2, /tls|insecure/i)
})

// ---- serve

test('serve: the ready line on a line of its own, health, and the options of the environment', async () => {
  const port = await freePort()
  const s = await start({ template: 'empty', env: { STACGATE_LOOPS: '1' }, args: ['--port', String(port)] })
  assert.equal(s.port, port)
  assert.match(s.log(), new RegExp(`^stacgate: ready on http://127\\.0\\.0\\.1:${port}$`, 'm'))
  assert.equal((await new Api(s).get('/api/system/health')).status, 200)
  assert.equal((await new Api(s).post('/test/echo', { a: 1 })).status, 404, '--test-endpoints is off by default')
  const again = await start({ env: { PORT: String(await freePort()) } }).catch((e) => e)
  assert.ok(again.port, String(again))
  await again.stop()

  // Port in use, data directory in use: exit 2 at once.
  assertSaid(await stacgate(['serve', '--port', String(port), '--data', join(scratch(), 'd')]), 2, new RegExp(String(port)))
  assertSaid(await stacgate(['serve', '--port', '0', '--data', s.dataDir]), 2, /data|directory/i)
  assert.equal((await new Api(s).get('/api/system/health')).status, 200)

  const pg = postmasterPid(s.dataDir)
  assert.ok(pg)
  const exit = await s.stop()
  assert.equal(exit.code, 0)
  assert.ok(!alive(pg), 'the private cluster still runs')
})

test('serve: a port that only another program holds', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((r) => other.once('listening', r))
  assertSaid(await stacgate(['serve', '--port', String(other.address().port), '--data', join(scratch(), 'd')]), 2)
  other.close()
})

test('serve: a data directory that cannot be one', async () => {
  const dir = scratch()
  writeFileSync(join(dir, 'file'), '')
  assertSaid(await stacgate(['serve', '--port', '0', '--data', join(dir, 'file')]), 2)
})

test('--test-endpoints: a warning, an echo, and a WebSocket echo', async () => {
  const s = await start({ args: ['--test-endpoints'] })
  assert.match(s.log(), /test/i)
  const api = new Api(s)
  for (const body of ['', 'x', 'é'.repeat(5000)]) {
    const r = await api.request('POST', '/test/echo', { body, headers: { 'content-type': 'application/octet-stream' } })
    assert.equal(r.status, 200)
    assert.equal(r.text, body)
  }
  for (const deflate of [false, { threshold: 0 }]) {
    const wire = await Wire.open(s, { path: '/test/ws', deflate })
    wire.ws.removeAllListeners('message')
    const got = []
    wire.ws.on('message', (d, binary) => got.push([d, binary]))
    const sent = [['texte é', false], [Buffer.from([0, 1, 2, 255]), true], ['x'.repeat(100000), false], ['', false]]
    for (const [d, binary] of sent) wire.ws.send(d, { binary })
    await until('the echoes', () => got.length === sent.length)
    for (const [i, [d, binary]] of got.entries()) {
      assert.equal(binary, sent[i][1])
      assert.deepEqual(d, Buffer.from(sent[i][0]))
    }
    await wire.close()
  }
  await s.stop()
})

test('SIGTERM: what was received is acknowledged, sockets are closed with 1012, exit 0 within 10 s, nothing left', async () => {
  const s = await start()
  const api = await signIn(s, 'apprenant1@moliere.test')
  const { topic } = await makeGroup(api)
  const wires = []
  for (let i = 0; i < 10; i++) wires.push(await member(s, api, topic))
  const w = wires[0]
  const refs = []
  for (let i = 0; i < 30; i++) {
    refs.push(w.ref())
    w.send([w.joinRefs.get(topic), refs.at(-1), topic, 'message:new', text(`juste avant ${i}`)])
  }
  // The first reply shows that the server is reading them.
  await w.reply(topic, refs[0])
  const pg = postmasterPid(s.dataDir)
  const exit = await s.stop()
  assert.equal(exit.code, 0)
  assert.ok(exit.ms <= 10500, `it took ${exit.ms} ms`)
  assert.ok(!alive(pg))
  for (const x of wires) {
    assert.equal(await x.closeCode(), 1012)
    assert.equal(x.seen(topic, 'phx_close').length, 0, 'phx_close tells a client never to come back')
  }
  const acked = w.seen(topic, 'phx_reply').filter((m) => refs.includes(m[1]) && m[4].status === 'ok').map((m) => m[4].response.id)
  await s.start()
  const stored = (await s.rows(`select id from study_group_messages where study_group_id = '${topic.slice(6)}'`)).map((r) => r.id)
  for (const id of acked) assert.ok(stored.includes(id), 'acknowledged and lost')
  assert.deepEqual(stored.length, acked.length, 'stored and not acknowledged')
  await s.stop()
})

test('SIGINT stops as SIGTERM does; a server killed outright leaves a cluster that the next one adopts', async () => {
  const s = await start()
  const pg = postmasterPid(s.dataDir)
  await s.kill9()
  assert.ok(alive(pg), 'the cluster ended with its server')
  // As when the database has not yet noticed the death: the lock of one server a database (LOCK_SPACE, LOCK_SERVER) is still taken.
  const release = await s.hold('select pg_advisory_lock(1400136035, 2)')
  setTimeout(release, 500)
  await s.start()
  assert.equal(postmasterPid(s.dataDir), pg, 'it was not adopted')
  assert.equal((await s.stop('SIGINT')).code, 0)
  // It is nobody's child any more: the server sees it go by its lock file, which leaves a moment before the process does.
  assert.equal(postmasterPid(s.dataDir), 0)
  await until('the adopted cluster to be gone', () => !alive(pg))
})

// ---- demo

test('demo: once, then it says so and changes nothing; --json; beside a running server', async () => {
  const s = await start()
  const counts = () => s.sql('select (select count(*) from users), (select count(*) from study_groups), (select count(*) from study_group_messages), (select count(*) from courses)')
  const before = await counts()
  const again = await stacgate(['demo', '--data', s.dataDir])
  assert.equal(again.code, 0, again.err)
  assert.ok((again.out + again.err).trim().length > 0, 'it says so')
  assert.equal(await counts(), before)
  assert.equal((await new Api(s).get('/api/system/health')).status, 200, 'the command took the cluster away from the server')

  const r = await stacgate(['demo', '--json', '--data', s.dataDir])
  const demo = JSON.parse(r.out)
  assert.deepEqual(Object.keys(demo).sort(), ['courses', 'establishments', 'studyGroups', 'users', 'whiteboards'])
  assert.deepEqual(demo.establishments.map((e) => e.slug).sort(), ['campus-turing', 'lycee-moliere'])
  const ids = Object.fromEntries(demo.establishments.map((e) => [e.slug, e.id]))
  const emails = demo.users.map((u) => u.email)
  assert.ok(emails.includes('superadmin@stacgate.test'))
  for (const [domain, slug] of [['moliere.test', 'lycee-moliere'], ['turing.test', 'campus-turing']])
    for (const name of ['admin', 'manager', 'formateur', ...[1, 2, 3, 4, 5, 6].map((n) => `apprenant${n}`)]) {
      const u = demo.users.find((x) => x.email === `${name}@${domain}`)
      assert.ok(u, `${name}@${domain}`)
      assert.equal(u.establishmentId, ids[slug])
      assert.equal(u.role, name.replace(/\d/, ''))
    }
  for (const [list, keys] of [['establishments', ['id', 'slug']], ['users', ['email', 'establishmentId', 'id', 'role']], ['courses', ['establishmentId', 'id', 'title']], ['studyGroups', ['establishmentId', 'id', 'members', 'name']], ['whiteboards', ['id', 'studyGroupId', 'title']]]) {
    assert.ok(demo[list].length > 0, list)
    for (const item of demo[list]) assert.deepEqual(Object.keys(item).sort(), keys)
  }
  for (const g of demo.studyGroups) assert.ok(g.members.length > 0 && g.members.every((m) => emails.includes(m)))
  assert.ok(Number((await s.sql('select count(*) from study_group_messages')).trim()) >= 100)
  for (const email of ['superadmin@stacgate.test', 'admin@moliere.test', 'apprenant6@turing.test']) (await signIn(s, email, PASSWORD)).close()
  await s.stop()
})

test('demo --learners: N signed-in learners, learner i in group i mod G, cookies and rooms that work', async () => {
  const dir = scratch()
  const { dataDir } = await prepareData('demo')
  const [cookies, rooms] = [join(dir, 'cookies.txt'), join(dir, 'rooms.txt')]
  const r = await stacgate(['demo', '--learners', '30', '--groups', '4', '--cookies', cookies, '--rooms', rooms, '--data', dataDir])
  assert.equal(r.code, 0, r.err)
  const lines = (f) => readFileSync(f, 'utf8').trimEnd().split('\n')
  const [c, t] = [lines(cookies), lines(rooms)]
  assert.equal(c.length, 30)
  assert.equal(t.length, 30)
  for (const line of c) assert.match(line, /^Cookie: stacgate\.sid=\S+$/)
  for (const line of t) assert.match(line, /^group:\S+$/)
  assert.equal(new Set(t).size, 4)
  for (let i = 0; i < 30; i++) assert.equal(t[i], t[i % 4], `learner ${i}`)
  assert.equal(new Set(c).size, 30)
  const s = await start({ dataDir })
  for (const i of [0, 7, 29]) {
    const w = await Wire.open(s, { cookie: c[i].replace('Cookie: ', '') })
    await w.enter(t[i])
    await w.close()
  }
  // More of them later, more than a group's usual size.
  const more = await stacgate(['demo', '--learners', '60', '--groups', '1', '--cookies', cookies, '--rooms', rooms, '--data', dataDir])
  assert.equal(more.code, 0, more.err)
  assert.equal(new Set(lines(rooms)).size, 1)
  const w = await Wire.open(s, { cookie: lines(cookies)[59].replace('Cookie: ', '') })
  await w.enter(lines(rooms)[59])
  await w.close()
  await s.stop()
})

// ---- migrate, check, user

test('migrate: makes a database, again changes nothing; three at once wait for each other', async () => {
  const data = join(scratch(), 'd')
  const all = await Promise.all([1, 2, 3].map(() => stacgate(['migrate', '--data', data])))
  for (const r of all) assert.equal(r.code, 0, r.err)
  assert.equal((await stacgate(['migrate', '--data', data])).code, 0)
  assert.equal(postmasterPid(data), 0, 'a command left the cluster running')
  // Nobody is known to a new server: no account that one could guess, no school to register at.
  const s = await start({ dataDir: data })
  assert.deepEqual(await s.rows('select (select count(*)::int from users) as users, (select count(*)::int from establishments) as schools'), [{ users: 0, schools: 0 }])
  const login = await new Api(s).post('/api/auth/login', { email: 'superadmin@stacgate.test', password: 'stacgate-demo' })
  assert.equal(login.status, 401)
  await s.stop()
})

test('check: right and wrong', async () => {
  const { dataDir } = await prepareData('demo')
  const r = await stacgate(['check', '--data', dataDir])
  assert.equal(r.code, 0, r.err + r.out)
  const s = await start({ dataDir })
  assert.equal((await stacgate(['check', '--data', dataDir])).code, 0, 'beside a running server')
  await s.stop()
})

test('user create: an account that can sign in; a password from standard input or invented; refusals', async () => {
  const s = await start()
  const made = await stacgate(['user', 'create', '--email', 'directrice@moliere.test', '--role', 'admin', '--establishment', 'lycee-moliere', '--data', s.dataDir])
  assert.equal(made.code, 0, made.err)
  const password = made.out.trim().split(/\s+/).at(-1)
  const api = await signIn(s, 'directrice@moliere.test', password)
  assert.equal(api.user.role, 'admin')
  const given = await stacgate(['user', 'create', '--email', 'chef@moliere.test', '--role', 'super_admin', '--password-stdin', '--data', s.dataDir], { input: 'une longue phrase\n' })
  assert.equal(given.code, 0, given.err)
  assert.ok(!(given.out + given.err).includes('une longue phrase'))
  assert.equal((await signIn(s, 'chef@moliere.test', 'une longue phrase')).user.role, 'super_admin')
  assertSaid(await stacgate(['user', 'create', '--email', 'chef@moliere.test', '--role', 'super_admin', '--data', s.dataDir]), 1)
  assertSaid(await stacgate(['user', 'create', '--email', 'x@y.fr', '--role', 'admin', '--establishment', 'nulle-part', '--data', s.dataDir]), 1)
  assertSaid(await stacgate(['user', 'create', '--email', 'x@y.fr', '--role', 'roi', '--establishment', 'lycee-moliere', '--data', s.dataDir]), 2)
  assertSaid(await stacgate(['user', 'create', '--email', 'x@y.fr', '--role', 'admin', '--establishment', 'lycee-moliere', '--password-stdin', '--data', s.dataDir], { input: 'court\n' }), 2)
  await s.stop()
})

// ---- an external database

let pg
const directory = () => {
  const data = join(scratch(), 'd')
  mkdirSync(data)
  chmodSync(data, 0o700)
  return data
}
after(() => pg?.stop('SIGKILL').catch(() => {}))

test('a database that cannot be reached: migrate and check exit 1; serve waits for it: health 200, the rest 503, the ready line later', async () => {
  pg = await Postgres.create()
  const env = { DATABASE_URL: pg.url }
  const data = directory()
  for (const command of ['migrate', 'check']) assertSaid(await stacgate([command, '--data', data], { env }), 1)

  const port = await freePort()
  const s = await start({ dataDir: data, env, args: ['--port', String(port)], ready: false })
  Object.assign(s, { port, url: `http://127.0.0.1:${port}` })
  const api = new Api(s)
  await until('the port to be open', () => api.get('/api/system/health').then((r) => r.status === 200, () => false), 20000, 50)
  assert.ok(!/ready on/.test(s.log()))
  for (const path of ['/api/establishments', '/api/study-groups', '/api/auth/user']) {
    const r = await api.get(path, { headers: { cookie: `stacgate.sid=${'A'.repeat(43)}` } })
    assert.equal(r.status, 503, `${path}: ${r.status}`)
    assert.ok(r.headers['retry-after'])
  }
  assert.equal((await api.get('/api/system/health?ready=1')).status, 503)
  await assert.rejects(Wire.open(s, { cookie: `stacgate.sid=${'A'.repeat(43)}` }), { status: 503 })
  assert.ok(alive(s.pid))

  await pg.start()
  await s.ready()
  assert.equal((await api.get('/api/system/health?ready=1')).status, 200)
  assert.equal((await api.get('/api/establishments')).status, 200)

  // A second server on the same database, from another data directory, refuses.
  assertSaid(await stacgate(['serve', '--port', '0', '--data', join(scratch(), 'd')], { env, ms: 20000 }), 2)

  // It goes away for a while, and comes back.
  await stacgate(['demo', '--data', data], { env })
  const person = await signIn(s, 'apprenant1@moliere.test')
  const { topic } = await makeGroup(person)
  const w = await member(s, person, topic)
  await pg.stop()
  const refused = await w.push(topic, 'message:new', text('sans base'))
  assert.equal(refused.status, 'error')
  assert.equal(refused.response.reason, 'unavailable')
  const r = await person.get('/api/study-groups')
  assert.equal(r.status, 503)
  assert.equal((await api.get('/api/system/health')).status, 200)
  await pg.start()
  await until('pushes to work again', async () => {
    const again = await w.push(topic, 'message:new', text('avec base'))
    if (again.status !== 'ok') await sleep(100)
    return again.status === 'ok'
  }, 30000)
  assert.ok(!w.end, 'the socket did not stay up')
  await w.close()
  assert.equal((await s.stop()).code, 0)
})

// What could run in a page, as people wrote it into an old installation (old_install.sql).
const RUNS = 'url\\(|<script|<svg|<iframe|<img|<style|onclick|onerror|onx=|javascript:|data:text'
const SHOWS = ['establishments', 'themes', 'customizable_contents', 'customizable_pages', 'page_sections', 'page_components', 'menu_items', 'establishment_branding', 'help_contents', 'courses', 'course_modules', 'training_sessions']
const READS = ['/api/help?limit=200', '/api/help/h0', '/api/help/search?q=aide', '/api/help/faq', '/api/documentation/help/apprenant', '/api/themes', '/api/themes/th1', '/api/contents', '/api/pages', '/api/pages/pa1',
  '/api/pages/pa1/sections', '/api/page-components', '/api/menu-items', '/api/branding', '/api/establishments/e1', '/api/establishments', '/api/establishments/slug/ancien', '/api/portal?slug=ancien',
  '/api/portal/pages/home?slug=ancien', '/api/establishment-content/ancien/home', '/api/admin/pages/home', '/api/wysiwyg/pages', '/api/admin/establishments',
  '/api/courses', '/api/courses/c1', '/api/courses/c1/modules', '/api/courses/c1/sessions', '/api/auth/user']

test('an old installation is adopted: its HTML never leaves uncleaned, and is cleaned where it stands, also by a server that was killed in the middle', async (t) => {
  await pg.sql('create database ancien', 'postgres')
  const env = { DATABASE_URL: pg.url.replace('/school', '/ancien') }
  const data = directory()
  const s = new Server({ args: [], env, bin: binary(), dataDir: data })
  running.push(s)
  await s.sql(readFileSync(new URL('../integration/fixtures/old_install.sql', import.meta.url), 'utf8'))
  await s.sql(`insert into help_contents (id, establishment_id, title, content, category)
    select 'k-' || lpad(n::text, 4, '0'), 'e1', 'T', '<p onclick="x()">' || repeat('mot ', 200) || '</p>', 'base' from generate_series(1, 700) n;
    update courses set video_trailer_url = 'javascript:alert(1)' where id = 'c1'; update themes set primary_color = 'url(//evil.test)'; update course_modules set content_url = 'javascript:alert(1)' where id = 'm1';
    update training_sessions set meeting_url = 'javascript:alert(1)' where id = 't1';
    update users set password = (select password from users where email = 'admin@ancien.test') where id = 'u2';
    insert into courses (id, establishment_id, title, description, category, is_active) values ('p1', 'e1', 'Suivi', '-', '-', true), ('p2', 'e1', 'Fini', '-', '-', true), ('p3', 'e1', 'Quitté', '-', '-', true);
    insert into course_modules (id, course_id, title, order_index) select c.id || '-' || n, c.id, 'Module', n from courses c, generate_series(1, 5) n where c.id like 'p_';
    insert into user_courses (id, user_id, course_id, progress, status) values ('e1', 'u2', 'p1', 60, 'in_progress'), ('e2', 'u2', 'p2', 80, 'completed'), ('e3', 'u2', 'p3', 30, 'dropped')`)
  assert.equal((await stacgate(['migrate', '--data', data], { env })).code, 0)
  const dirty = async () => (await s.sql(SHOWS.map((t) => `select '${t}', id from ${t} x where to_jsonb(x)::text ~* '${RUNS}'`).join(' union all '))).split('\n').filter(Boolean)
  const passes = () => s.rows('select name, cleaner, after from html_passes order by name')
  const help = async () => (await passes()).find((p) => p.name === 'help_contents')
  assert.equal((await dirty()).length, 700 + 12, 'migrating leaves it to the server')

  // Somebody has a row in the middle: the server cleans up to it and no further.
  let held = await s.hold("select from help_contents where id = 'k-0600' for update")
  const release = async () => {
    const end = held
    held = null
    await end?.()
  }
  t.after(release)
  await s.start()
  await until('some of the help to be cleaned', async () => (await help()).after)
  const admin = await signIn(s, 'admin@ancien.test', 'ancien-mot-de-passe')
  const read = async () => {
    for (const path of READS) {
      const r = await admin.get(path)
      assert.equal(r.status, 200, `${path} ${r.text}`)
      assert.doesNotMatch(r.text, new RegExp(RUNS, 'i'), path)
      const tag = r.headers.etag
      if (tag && !/faq|help\/h0/.test(path)) assert.equal((await admin.get(path, { headers: { 'if-none-match': tag } })).status, 304, path)
    }
    const [page] = (await admin.get('/api/pages')).json
    assert.deepEqual(page.layout.sections[0].components[0].data, { html: '<i>a</i>', n: 1e30 })
    const one = (await admin.get('/api/help/h0')).json
    assert.deepEqual([one.title, one.content], ['Écrire <b> en HTML', '<p>Aide</p>'], 'a title is text')
    assert.equal((await admin.get('/api/portal?slug=ancien')).json.contents.find((c) => c.blockKey === 'plain').content, '2 < 3 & 4 > 1')
  }
  await read()
  await s.kill9()
  const { cleaner, after } = await help()
  assert.equal(cleaner, 0)
  assert.ok(after > 'h1' && after < 'k-0600', after)
  const left = await dirty()
  assert.ok(left.length < 700 && left.includes('themes|th1') && left.includes('help_contents|k-0600'), left.join())

  // The next one goes on from there: what somebody else writes behind it stays in the table, and leaves clean all the same.
  await s.sql(`update help_contents set content = '<p onclick="x()">Aide</p>' where id = 'h0'`)
  await release()
  await s.start()

  // What it says of a learner's progress has no modules behind it: it is the least, until they say as much.
  const learner = await signIn(s, 'Eleve.Un@ancien.test', 'ancien-mot-de-passe')
  const finish = (id, done = 'completed') => learner.request('PUT', `/api/modules/${id}/progress`, { json: { status: done } })
  const stands = async () => (await s.rows("select course_id, progress, progress_before as before, status from user_courses where course_id like 'p_' order by 1"))
    .map((e) => Object.values(e).join(' '))
  const enroll = (id, json) => learner.post(`/api/courses/${id}/enroll`, json)
  const was = await stands()
  assert.deepEqual(was, ['p1 60 60 in_progress', 'p2 80 100 completed', 'p3 30 30 dropped'])
  for (const id of ['p1-1', 'p1-2']) assert.equal((await finish(id)).json.courseProgress, 60)
  assert.equal((await admin.request('DELETE', '/api/modules/p1-5')).status, 200)
  assert.equal((await finish('p2-1')).json.courseProgress, 100)
  await enroll('p2', { action: 'unenroll' })
  for (const id of ['p2', 'p3']) assert.equal((await enroll(id)).status, 201)
  assert.equal((await finish('p3-1')).json.courseProgress, 30)
  assert.deepEqual(await stands(), ['p1 60 60 in_progress', 'p2 100 100 completed', 'p3 30 30 in_progress'])
  for (const [id, progress] of [['p1-3', 75], ['p3-2', 40]]) assert.equal((await finish(id)).json.courseProgress, progress)
  await admin.post('/api/courses/p1/modules', { title: 'M' })
  assert.deepEqual(await stands(), ['p1 60  in_progress', 'p2 100 100 completed', 'p3 40  in_progress'], 'from then on the modules alone count')
  for (const id of ['p1-4', (await learner.get('/api/courses/p1/modules')).json.at(-1).id]) await finish(id)
  assert.equal((await learner.get('/api/courses/p1')).json.enrollment.status, 'completed')
  assert.equal(await s.sql("select count(*) from certificates where user_id = 'u2'"), '1')

  await until('everything to be cleaned', async () => (await passes()).every((p) => p.cleaner === 2))
  assert.deepEqual(await dirty(), ['help_contents|h0'])
  await read()
  assert.equal(await s.sql('select count(*) from help_contents where row_version <> 1'), '0', 'nobody changed what was written')
  assert.match(s.log(), /themes: 1 texts looked through, 1 cleaned/)
  assert.equal((await s.stop()).code, 0)
})

test('a DATABASE_URL that is no address: exit 2', async () => {
  assertSaid(await stacgate(['migrate', '--data', join(scratch(), 'd')], { env: { DATABASE_URL: 'not a url' } }), 2)
})
