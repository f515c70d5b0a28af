// Exports: jobs that make files, told on `user:`, downloaded whole and in part, cancelled, expired; formulas do not survive; who gets what.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lit, startServer } from './lib/server.mjs'
import { Wire, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { until } from './lib/util.mjs'

let server, who, stranger
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'formateur', 'manager', 'admin'])
  stranger = await signIn(server, 'manager@turing.test')
  for (const api of [...Object.values(who), stranger]) api.id = (await api.get('/api/auth/user')).json.id
})
after(() => server?.stop())

async function order(api, type, datasets, extra = {}) {
  const r = await api.post('/api/exports', { type, config: { datasets, ...extra } })
  assert.equal(r.status, 202, r.text)
  return r.json
}
const finished = (api, id) => until('the export', async () => {
  const job = (await api.get(`/api/exports/${id}`)).json
  return (job.status === 'completed' || job.status === 'failed') && job
})
const download = (api, id, headers) => api.request('GET', `/api/exports/${id}/download`, { headers })

test('CSV: a header, a row each, UTF-8 with its mark, progress on user:', async () => {
  const wire = await Wire.open(server, { cookie: who.manager.cookie })
  await wire.enter(`user:${who.manager.id}`)
  const job = await order(who.manager, 'csv', ['users'])
  assert.equal(job.status, 'pending')
  await wire.event(`user:${who.manager.id}`, 'export:progress', (p) => JSON.stringify(p).includes(job.id) && JSON.stringify(p).includes('completed'))
  await wire.close()
  const done = await finished(who.manager, job.id)
  assert.deepEqual([done.status, done.progress, done.rows], ['completed', 100, 9])
  const r = await download(who.manager, job.id, { accept: 'text/csv' })
  assert.equal(r.status, 200, r.text)
  assert.equal(r.raw.length, done.fileSize)
  assert.match(r.headers['content-disposition'], /^attachment; filename="export-users-[\d-]+\.csv"$/)
  assert.equal(r.headers['cache-control'], 'no-store')
  assert.match(r.headers['content-security-policy'], /sandbox/, 'opened all the same, it runs nothing')
  assert.deepEqual([...r.raw.subarray(0, 3)], [0xef, 0xbb, 0xbf])
  const rows = r.text.replace(/^\ufeff/, '').trim().split('\r\n')
  assert.match(rows[0], /^"id","email","username"/)
  assert.equal(rows.length, 10)
  assert.match(r.text, /"Léa","Martin"/)
  assert.ok(!/argon2|password/i.test(r.text))
  // Without a row the header is all there is, of one data set and of each of several.
  const datasets = ['users', 'courses', 'enrollments', 'assessments', 'results', 'content', 'groups']
  const never = { dateRange: { start: '2001-01-01', end: '2001-12-31' } }
  const [one, several, full] = await Promise.all([order(who.manager, 'csv', ['users'], never), order(who.manager, 'csv', datasets, never), order(who.manager, 'csv', datasets)])
  const csv = async ({ id }) => [(await finished(who.manager, id)).rows, (await download(who.manager, id)).text]
  assert.deepEqual(await csv(one), [0, `\ufeff${rows[0]}\r\n`])
  const heads = (text) => text.replace(/^\ufeff/, '').split('\r\n\r\n').map((part) => part.split('\r\n').slice(0, 2))
  const [none, empty] = await csv(several)
  assert.equal(none, 0)
  assert.deepEqual(heads(empty).map(([name]) => name), datasets.map((name) => `"${name}"`))
  assert.deepEqual(heads(empty), heads((await csv(full))[1]))
})

test('cells that a spreadsheet would run begin with an apostrophe', async () => {
  const evil = ['=1+1', '+cmd', '-cmd', '@SUM(A1)', '\tx', '＝1', '＠x', ' =2']
  for (const [i, title] of evil.entries()) await server.sql(`insert into courses (establishment_id, title, description, category, is_active) values ((select establishment_id from users where id = ${lit(who.admin.id)}), ${lit(title)}, 'd', 'evil${i}', true)`)
  const job = await order(who.admin, 'csv', ['courses'])
  await finished(who.admin, job.id)
  const { text } = await download(who.admin, job.id)
  for (const title of evil) assert.ok(text.includes(`"'${title}"`), title)
  assert.ok(text.includes('"Mathématiques : spécialité de Terminale"'))
})

test('JSON of several data sets parses; a date range; a trainer gets their own', async () => {
  const all = await order(who.manager, 'json', ['courses', 'enrollments', 'assessments', 'results', 'content', 'groups'])
  assert.equal((await finished(who.manager, all.id)).status, 'completed')
  const data = JSON.parse((await download(who.manager, all.id)).text)
  assert.ok(data.courses.length >= 3 && data.enrollments.length === 11 && data.content.length === 12, JSON.stringify(Object.entries(data).map(([k, v]) => [k, v.length])))
  assert.equal(data.enrollments.every((e) => e.email?.endsWith('@moliere.test')), true)
  const none = await order(who.manager, 'json', ['courses'], { dateRange: { start: '2001-01-01', end: '2001-12-31' } })
  await finished(who.manager, none.id)
  assert.deepEqual(JSON.parse((await download(who.manager, none.id)).text), { courses: [] })
  const some = async (datasets, extra) => {
    const job = await order(who.manager, 'json', datasets, extra)
    await finished(who.manager, job.id)
    return JSON.parse((await download(who.manager, job.id)).text)
  }
  const days = data.courses.map((c) => c.createdAt.slice(0, 10)).sort() // one, or two where the demo data was made before midnight
  assert.equal((await some(['courses'], { dateRange: { start: days[0], end: days.at(-1) } })).courses.length, data.courses.length, 'a last day that is a date is in it')
  // Filters choose rows: a value, or several; each in the data sets that have such a field.
  const chosen = await some(['users', 'enrollments'], { filters: { role: ['manager', 'formateur'], isActive: true, status: 'completed' } })
  assert.deepEqual(chosen.users.map((u) => u.role).sort(), ['formateur', 'manager'])
  assert.deepEqual(chosen.enrollments.map((e) => e.id), data.enrollments.filter((e) => e.status === 'completed').map((e) => e.id))
  assert.deepEqual(await some(['users'], { filters: { role: 'apprenant', department: 'X' } }), { users: [] })
  assert.equal((await some(['users'], { filters: { role: 'apprenant', department: null } })).users.length, 6)
  assert.equal((await some(['users'], { filters: null })).users.length, 9)
  const own = await order(who.formateur, 'json', ['users', 'courses'])
  await finished(who.formateur, own.id)
  const theirs = JSON.parse((await download(who.formateur, own.id)).text)
  assert.ok(theirs.courses.every((c) => c.instructorId === who.formateur.id) && theirs.users.every((u) => u.role === 'apprenant'))
})

test('more rows than a page: every one once, in an export that can be cancelled', async () => {
  await server.sql(`insert into user_courses (id, user_id, course_id, status) select '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'), u.id, c.id, 'dropped' from (select id from users where email = 'apprenant1@moliere.test') u, (select id from courses where category = 'evil0') c, generate_series(1, 3500) n`)
  const job = await order(who.manager, 'json', ['enrollments'])
  const done = await finished(who.manager, job.id)
  assert.equal(done.rows, 3511)
  const list = JSON.parse((await download(who.manager, job.id)).text).enrollments
  assert.equal(new Set(list.map((e) => e.id)).size, 3511)
  // What few rows are chosen from is gone through page by page too: the first one comes after pages that have none.
  const few = await order(who.manager, 'json', ['enrollments', 'users'], { filters: { status: ['completed', 'in_progress'] } })
  const kept = await finished(who.manager, few.id)
  const chosen = JSON.parse((await download(who.manager, few.id)).text)
  const wanted = list.filter((e) => ['completed', 'in_progress'].includes(e.status)).map((e) => e.id)
  assert.ok(wanted.length > 0 && wanted.length < 20)
  assert.deepEqual(chosen.enrollments.map((e) => e.id), wanted)
  assert.deepEqual([kept.status, kept.rows, chosen.users.length], ['completed', wanted.length + 9, 9])
  const sheet = await order(who.manager, 'csv', ['enrollments'], { filters: { status: ['completed', 'in_progress'] } })
  await finished(who.manager, sheet.id)
  const lines = (await download(who.manager, sheet.id)).text.replace(/^\ufeff/, '').trim().split('\r\n')
  assert.deepEqual(lines.map((line) => line.split(',')[0]), ['"id"', ...wanted.map((id) => `"${id}"`)], 'the header is the first line, and once')
  const doomed = await order(who.manager, 'csv', ['enrollments', 'users'])
  assert.equal((await who.manager.request('DELETE', `/api/exports/${doomed.id}`)).status, 200)
  assertProblem(await who.manager.get(`/api/exports/${doomed.id}`), 404)
  await until('no file of it', () => !readdirSync(join(server.dataDir, 'exports')).some((n) => n.startsWith(doomed.id)))
})

test('a super_admin, who is of no school, exports what a school\'s staff would', async () => {
  const root = await signIn(server, 'superadmin@stacgate.test')
  const establishmentId = who.admin.user.establishmentId
  const r = await root.post('/api/exports', { type: 'csv', config: { datasets: ['users'] }, establishmentId })
  assert.equal(r.status, 202, r.text)
  const done = await finished(root, r.json.id)
  const [{ n }] = await server.rows(`select count(*)::int as n from users where establishment_id = ${lit(establishmentId)}`)
  assert.deepEqual([done.status, done.rows], ['completed', n])
})

test('ranges', async () => {
  const job = await order(who.manager, 'csv', ['users'])
  const { fileSize } = await finished(who.manager, job.id)
  const whole = (await download(who.manager, job.id)).raw
  const part = async (range) => download(who.manager, job.id, { range })
  const first = await part('bytes=0-9')
  assert.deepEqual([first.status, first.headers['content-range']], [206, `bytes 0-9/${fileSize}`])
  assert.ok(first.raw.equals(whole.subarray(0, 10)))
  assert.ok((await part('bytes=10-')).raw.equals(whole.subarray(10)))
  assert.ok((await part('bytes=-5')).raw.equals(whole.subarray(-5)))
  assert.equal((await part(`bytes=${fileSize}-`)).status, 416)
  const far = await part('bytes=7-99999999999999999999')
  assert.deepEqual([far.status, far.headers['content-range']], [206, `bytes 7-${fileSize - 1}/${fileSize}`])
  assert.ok(far.raw.equals(whole.subarray(7)))
  assert.equal((await part('bytes=-0')).status, 416)
  assert.equal((await part('bytes=99999999999999999999-')).status, 416)
  // What is no range is as if it were not there.
  for (const none of ['bytes=5-2', 'bytes=--5', 'bytes=+1-2', 'bytes=1-+2', 'bytes= 1-2', 'bytes=1-2x', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=-', 'bytes=1'])
    assert.deepEqual([none, (await part(none)).raw.length], [none, fileSize])
  assert.equal((await download(who.manager, job.id, { range: 'bytes=0-1', 'if-range': '"other"' })).status, 200)
})

test('five of one person run at once, however they are ordered', async () => {
  const fake = `insert into export_jobs (user_id, establishment_id, type, status, filename, config) select id, establishment_id, 'csv', 'pending', 'five.csv', '{}' from users, generate_series(1, 4) where id = ${lit(who.admin.id)}`
  const held = await server.hold('lock table courses in access exclusive mode') // what is ordered runs until then
  try {
    await server.sql(fake)
    const one = () => who.admin.post('/api/exports', { type: 'csv', config: { dataset: 'courses' } })
    const school = `select from establishments where id = (select establishment_id from users where id = ${lit(who.admin.id)}) for update`
    const answers = await server.meet(school, one, one)
    assert.deepEqual(answers.map((r) => r.status).sort(), [202, 429], answers.map((r) => r.text).join())
  } finally {
    await held()
    await server.sql(`delete from export_jobs where filename = 'five.csv'`)
  }
})

test('HEAD looks and does not download; a file that is gone is 410', async () => {
  const job = await order(who.manager, 'csv', ['courses'])
  await finished(who.manager, job.id)
  const path = `/api/exports/${job.id}/download`
  const head = await who.manager.request('HEAD', path, { headers: { range: 'bytes=0-1' } })
  const told = async () => (await who.admin.get(`/api/audit?action=export.downloaded&subjectId=${job.id}`)).json.length
  assert.deepEqual([head.status, head.headers['content-range'], await told()], [200, undefined, 0])
  const r = await who.manager.get(path)
  assert.deepEqual([r.status, r.headers['content-length'], await told()], [200, head.headers['content-length'], 1])
  rmSync(join(server.dataDir, 'exports', `${job.id}.csv`))
  assert.equal(assertProblem(await who.manager.get(path), 410).detail, "Ce fichier n'est plus disponible : relancez l'export.")
})

test('who may not list people exports none, nor reads accounts', async () => {
  const right = `/api/users/${who.manager.id}/permissions/users:read`
  const post = (dataset) => who.manager.post('/api/exports', { type: 'json', config: { dataset } })
  assert.equal((await who.manager.get(`/api/users/${who.apprenant1.id}`)).json.email, 'apprenant1@moliere.test')
  assert.equal((await who.admin.request('PUT', right, { json: { granted: false } })).status, 200)
  try {
    assertProblem(await post('users'), 403)
    assert.equal((await post('courses')).status, 202)
    assertProblem(await who.manager.get('/api/users'), 403)
    assertProblem(await who.manager.get(`/api/users/${who.apprenant1.id}`), 404)
  } finally {
    await who.admin.request('DELETE', right)
  }
})

test('only the owner downloads; other schools see nothing; expired is 410 and the file goes', async () => {
  const job = await order(who.manager, 'csv', ['users'])
  await finished(who.manager, job.id)
  assertProblem(await download(who.admin, job.id), 403)
  assertProblem(await download(stranger, job.id), 404)
  assertProblem(await stranger.get(`/api/exports/${job.id}`), 404)
  assert.equal((await who.admin.get(`/api/exports/${job.id}`)).status, 200)
  assert.ok(!(await who.formateur.get('/api/exports?limit=200')).json.some((e) => e.id === job.id))
  await server.sql(`update export_jobs set expires_at = now() at time zone 'utc' - interval '1 minute' where id = ${lit(job.id)}`)
  assertProblem(await download(who.manager, job.id), 410)
  assert.equal((await who.manager.get(`/api/exports/${job.id}`)).json.status, 'expired')
})

test('what cannot be exported is refused', async () => {
  const post = (api, json) => api.post('/api/exports', json)
  assertProblem(await post(who.apprenant1, { type: 'csv', config: { datasets: ['users'] } }), 403)
  assertProblem(await post(who.manager, { type: 'csv', config: { datasets: ['passwords'] } }), 422)
  assertProblem(await post(who.manager, { type: 'csv', config: { datasets: [] } }), 422)
  for (const [field, code, config] of [
    ['config.filters', 'unknown', { datasets: ['users'], filters: { courseId: 'x' } }],
    ['config.filters', 'type', { datasets: ['users'], filters: { role: { a: 1 } } }],
    ['config.filters', 'type', { datasets: ['users'], filters: { role: [] } }],
    ['config.datasets', 'repeated', { datasets: ['users', 'users'] }],
    ['config.dataset', 'repeated', { dataset: 'users', datasets: ['courses'] }],
    ['config.dateRange', 'order', { dataset: 'users', dateRange: { start: '2026-02-02', end: '2026-02-01' } }],
  ]) {
    const refused = assertProblem(await post(who.manager, { type: 'json', config }), 422)
    assert.deepEqual(refused.errors.map((e) => [e.field, e.code]), [[field, code]])
  }
  assertProblem(await post(who.manager, { type: 'exe', config: { datasets: ['users'] } }), 422)
  assertProblem(await post(who.manager, { type: 'csv', config: { datasets: ['users'], dateRange: { start: 'hier' } } }), 422)
  assertProblem(await post(who.manager, { type: 'csv', config: { datasets: ['users'] }, userId: who.admin.id }), 403)
})

test('the old client\'s addresses; a job that a stopped server left is done by the next', async () => {
  const r = await who.manager.post('/api/export/create', { type: 'csv', dateRange: { start: '2020-01-01', end: '2099-01-01' }, includeData: { courses: true, users: true, assessments: false, results: false, content: false } })
  assert.equal(r.status, 202, r.text)
  const done = await finished(who.manager, r.json.id)
  const old = (await who.manager.get('/api/export/jobs')).json.find((j) => j.id === done.id)
  for (const field of ['id', 'type', 'status', 'progress', 'filename', 'createdAt']) assert.ok(old[field] !== undefined, field)
  assert.match((await who.manager.get(`/api/export/download/${done.id}`)).text, /"courses"\r\n"id".*\r\n\r\n"users"\r\n"id"/s)
  const id = await server.sql(`insert into export_jobs (user_id, establishment_id, type, status, filename, config) select id, establishment_id, 'csv', 'processing', 'x.csv', '{"datasets": ["users"]}' from users where id = ${lit(who.manager.id)} returning id`)
  // One that cannot be written is tried again, then its owner reads why, in their language.
  const blocked = async (person, language) => {
    await server.sql(`update users set preferences = '{"language": "${language}"}' where id = ${lit(person.id)}`)
    const job = await server.sql(`insert into export_jobs (user_id, establishment_id, type, status, filename, config) select id, establishment_id, 'csv', 'pending', 'y.csv', '{"datasets": ["users"]}' from users where id = ${lit(person.id)} returning id`)
    mkdirSync(join(server.dataDir, 'exports', `${job}.part`))
    return job
  }
  const [french, english] = [await blocked(who.manager, 'fr'), await blocked(who.admin, 'en')]
  await server.stop()
  await server.start()
  assert.equal((await finished(who.manager, id)).status, 'completed')
  assert.ok(existsSync(join(server.dataDir, 'exports', `${id}.csv`)))
  for (const [person, job, text] of [[who.manager, french, /^L'export n'a pas pu être fait\. Relancez-le/], [who.admin, english, /^The export could not be made\. Start it again/]]) {
    const over = await finished(person, job)
    assert.equal(over.status, 'failed')
    assert.match(over.error, text)
    assertProblem(await download(person, job), 409)
  }
})
