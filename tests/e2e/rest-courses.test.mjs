// Courses over REST: the catalogue and who sees what of it, pages and sorts, changes, enrolment with exact counts under concurrency.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { lit, startServer } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { unique } from './lib/util.mjs'

let server, anon, who, root, moliere, stranger
before(async () => {
  server = await startServer({ template: { learners: 200, groups: 1 } })
  anon = new Api(server)
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'formateur', 'manager', 'admin'])
  stranger = await signIn(server, 'formateur@turing.test')
  root = await signIn(server, 'superadmin@stacgate.test')
  moliere = server.demo.establishments.find((e) => e.slug === 'lycee-moliere')
})
after(() => server?.stop())

const rel = (r) => /<([^>]+)>; ?rel="next"/.exec(r.headers.link ?? '')?.[1]
const course = (fields = {}) => ({ title: unique('Cours'), description: 'Texte', category: 'Essais', ...fields })
async function make(api, fields) {
  const r = await api.post('/api/courses', course(fields))
  assert.equal(r.status, 201, r.text)
  return r.json
}
const put = (api, id, json, headers) => api.request('PUT', `/api/courses/${id}`, { json, headers })
const del = (api, id, query = '') => api.request('DELETE', `/api/courses/${id}${query}`)

test('anonymous: public and active courses of the school they name; nothing without a school', async () => {
  assert.deepEqual((await anon.get('/api/courses')).json, [])
  const r = await anon.get(`/api/courses?establishmentId=${moliere.id}`)
  assert.ok(r.json.length >= 2 && r.json.every((c) => c.isPublic && c.isActive && c.establishmentId === moliere.id))
  const hidden = await make(who.manager, { isPublic: false })
  assert.equal((await anon.get(`/api/courses/${r.json[0].id}`)).status, 200)
  assertProblem(await anon.get(`/api/courses/${hidden.id}`), 404)
  assertProblem(await anon.request('POST', '/api/courses', { json: course() }), 401)
})

test('a trainer\'s course is inactive until staff approves it, and unseen by learners and other schools', async () => {
  const made = await make(who.formateur, { isActive: true, rating: '0.0', enrollmentCount: 0, tags: '', price: '49,90', level: 'débutant', type: 'cours', language: 'français' })
  assert.deepEqual([made.isActive, made.level, made.type, made.language, made.price, made.tags], [false, 'debutant', 'asynchrone', 'fr', '49.90', []])
  assertProblem(await who.apprenant1.get(`/api/courses/${made.id}`), 404)
  assertProblem(await stranger.get(`/api/courses/${made.id}`), 404)
  const module = (await who.formateur.post(`/api/courses/${made.id}/modules`, { title: 'M' })).json
  for (const r of [await who.apprenant1.post(`/api/courses/${made.id}/enroll`, { action: 'unenroll' }), await who.apprenant1.get(`/api/courses/${made.id}/enrollments`),
    await who.apprenant1.request('PUT', `/api/modules/${module.id}/progress`, { json: {} })]) assertProblem(r, 404)
  assert.equal((await who.formateur.get(`/api/courses/${made.id}`)).json.isActive, false)
  assert.equal((await put(who.formateur, made.id, { isActive: true })).json.isActive, false)
  for (let n = 0; n < 2; n++) assert.equal((await put(who.manager, made.id, { isActive: true })).json.isActive, true)
  for (let n = 0; n < 2; n++) assert.equal((await who.manager.post(`/api/courses/${made.id}/approve`)).status, 200)
  const told = (await who.formateur.get('/api/notifications')).json.filter((n) => n.data.courseId === made.id)
  assert.deepEqual(told.map((n) => [n.type, n.title]), [['course_published', 'Cours publié']]) // once, however it was opened
  assert.equal((await who.apprenant1.get(`/api/courses/${made.id}`)).status, 200)
  const given = await make(who.manager, { instructorId: who.formateur.user.id })
  assert.equal(given.isActive, true)
  assert.equal((await who.formateur.get('/api/notifications')).json.find((n) => n.data.courseId === given.id)?.type, 'course_published')
  assertProblem(await who.apprenant1.post('/api/courses', course()), 403)
})

test('identity comes from the session; unknown and wrong fields are refused', async () => {
  assertProblem(await who.formateur.post('/api/courses', course({ establishmentId: 'elsewhere' })), 403)
  assertProblem(await who.formateur.post('/api/courses', course({ colour: 'red' })), 422)
  assertProblem(await who.formateur.post('/api/courses', course({ price: 'gratuit' })), 422)
  assertProblem(await who.formateur.post('/api/courses', course({ imageUrl: 'javascript:alert(1)' })), 422)
  assertProblem(await who.manager.post('/api/courses', course({ instructorId: (await stranger.get('/api/auth/user')).json.id })), 404)
})

test('filters and search without accents; sorts page without gap or repeat', async () => {
  const category = unique('Rayon')
  for (let i = 0; i < 23; i++) await make(who.manager, { category, title: `Élan ${String.fromCharCode(97 + (i * 7) % 26)} ${i % 5}`, level: i % 2 ? 'avance' : 'debutant', tags: i % 3 ? [] : ['rouge'] })
  const all = (q) => `/api/courses?category=${encodeURIComponent(category)}&${q}`
  assert.equal((await who.apprenant1.get(all('q=elan'))).json.length, 23)
  assert.equal((await who.apprenant1.get(all('level=avance'))).json.length, 11)
  assert.equal((await who.apprenant1.get(all('tag=rouge'))).json.length, 8)
  for (const sort of ['createdAt', '-createdAt', 'title', '-title', 'rating', 'enrollmentCount']) {
    const seen = []
    for (let path = all(`sort=${sort}&limit=7&count=exact`); path; ) {
      const r = await who.apprenant1.get(path)
      assert.equal(r.headers['x-total-count'], '23')
      seen.push(...r.json)
      path = rel(r)
    }
    assert.equal(new Set(seen.map((c) => c.id)).size, 23, sort)
    assert.equal(seen.length, 23, sort)
    if (sort === 'title') assert.deepEqual(seen.map((c) => c.title), seen.map((c) => c.title).toSorted())
  }
  assertProblem(await who.apprenant1.get(all('sort=price')), 400)
})

test('every filter keeps what it names, every order is that order, turned round by a minus', async () => {
  const category = unique('Filtres')
  const of = (i) => ({ category, title: `${'eacbd'[i]} ${category}`, type: ['synchrone', 'asynchrone', 'mixte'][i % 3], language: i % 2 ? 'en' : 'fr',
    level: ['débutant', 'intermediaire', 'avance'][i % 3], instructorId: who[i < 2 ? 'formateur' : 'manager'].user.id, isActive: i !== 4, tags: i ? [] : ['été'] })
  const ids = []
  for (let i = 0; i < 5; i++) {
    ids.push((await make(who.manager, of(i))).id)
    await server.sql(`update courses set rating = ${[3, 1, 5, 2, 4][i]}, enrollment_count = ${[20, 9, 100, 0, 1][i]} where id = ${lit(ids[i])}`)
  }
  const places = async (q) => (await who.manager.get(`/api/courses?category=${category}&${q}`)).json.map((c) => ids.indexOf(c.id))
  const kept = { 'type=mixte': [2], 'type=cours': [1, 4], 'language=en': [1, 3], 'language=anglais': [1, 3], 'level=avance': [2], [`level=${encodeURIComponent('débutant')}`]: [0, 3],
    [`instructorId=${who.formateur.user.id}`]: [0, 1], 'isActive=false': [4], 'isActive=true': [0, 1, 2, 3], [`tag=${encodeURIComponent('été')}`]: [0], 'tag=ete': [], 'q=FILTRES': [0, 1, 2, 3, 4], 'q=%25': [] }
  for (const [q, expected] of Object.entries(kept)) assert.deepEqual((await places(q)).sort(), expected, q)
  const orders = { createdAt: [4, 3, 2, 1, 0], title: [1, 3, 2, 4, 0], rating: [2, 4, 0, 3, 1], enrollmentCount: [2, 0, 1, 4, 3] }
  for (const [by, expected] of Object.entries(orders)) {
    assert.deepEqual(await places(`sort=${by}`), expected, by)
    assert.deepEqual(await places(`sort=-${by}`), expected.toReversed(), `-${by}`)
  }
  assert.deepEqual((await who.apprenant1.get(`/api/courses?category=${category}&isActive=false`)).json, [])
})

test('one course brings modules, sessions, instructor and the caller\'s enrolment', async () => {
  const maths = (await who.apprenant1.get('/api/courses?q=mathematiques')).json.find((c) => /Terminale/.test(c.title))
  const r = await who.apprenant1.get(`/api/courses/${maths.id}`)
  assert.equal(r.json.modules.length, 5)
  assert.ok(Array.isArray(r.json.sessions))
  assert.equal(r.json.instructor.firstName, 'Camille')
  assert.equal(r.json.enrollment.progress, 80)
  assert.match(r.headers.etag, /^"1-/)
})

test('If-Match: a stale version changes nothing', async () => {
  const made = await make(who.formateur)
  const tag = (await who.formateur.get(`/api/courses/${made.id}`)).headers.etag
  assert.equal((await put(who.formateur, made.id, { title: 'Un' }, { 'if-match': tag })).status, 200)
  assertProblem(await put(who.formateur, made.id, { title: 'Deux' }, { 'if-match': tag }), 412)
  assert.equal((await who.formateur.get(`/api/courses/${made.id}`)).json.title, 'Un')
  assertProblem(await put(who.apprenant1, (await make(who.manager)).id, { title: 'Non' }), 403)
})

test('deletion: 409 while learners are enrolled, force is for admins', async () => {
  const made = await make(who.manager)
  assert.equal((await who.apprenant1.post(`/api/courses/${made.id}/enroll`)).status, 201)
  assertProblem(await del(who.manager, made.id), 409)
  assertProblem(await del(who.manager, made.id, '?force=true'), 403)
  assertProblem(await del(who.formateur, made.id), 403)
  const r = await del(who.admin, made.id, '?force=true')
  assert.equal(r.status, 200)
  assert.equal(typeof r.json.message, 'string')
  assertProblem(await who.admin.get(`/api/courses/${made.id}`), 404)
})

test('enrolling twice is one place; dropping and coming back; counts are exact', async () => {
  const made = await make(who.manager, { maxParticipants: 1 })
  const enroll = (api, json) => api.post(`/api/courses/${made.id}/enroll`, json)
  assert.equal((await enroll(who.apprenant1)).status, 201)
  assert.equal((await enroll(who.apprenant1)).status, 200)
  assertProblem(await enroll(who.apprenant2), 409)
  assert.equal((await enroll(who.apprenant1, { action: 'unenroll' })).json.enrollmentCount, 0)
  assert.equal((await enroll(who.apprenant1, { action: 'unenroll' })).status, 200)
  assert.equal((await enroll(who.apprenant2)).status, 201)
  assertProblem(await enroll(who.apprenant1), 409)
  assertProblem(await enroll(stranger), 404)
  assert.equal(await server.sql(`select count(*) from user_courses where course_id = ${lit(made.id)}`), '2')
  await put(who.manager, made.id, { isActive: false, maxParticipants: 5 })
  assertProblem(await enroll(who.formateur), 404)
  assertProblem(await enroll(who.admin), 409)
})

test('a capacity is not below who is in the course, and null takes it away', async () => {
  const made = await make(who.manager, { maxParticipants: 3 })
  const enroll = (api, json) => api.post(`/api/courses/${made.id}/enroll`, json)
  for (const api of [who.apprenant1, who.apprenant2]) assert.equal((await enroll(api)).status, 201)
  assert.deepEqual(assertProblem(await put(who.manager, made.id, { maxParticipants: 1 }), 422).errors.map((e) => [e.field, e.code]), [['maxParticipants', 'too_small']])
  assert.equal((await put(who.manager, made.id, { maxParticipants: 2 })).json.maxParticipants, 2)
  assertProblem(await enroll(who.formateur), 409)
  assert.equal((await put(who.manager, made.id, { maxParticipants: null })).json.maxParticipants, null)
  assert.equal((await enroll(who.formateur)).status, 201)
})

test('200 concurrent enrolments in a course of 150 places: 150 get one, the count is 150', async () => {
  const first = new Api(server, { headers: { cookie: server.learners[0].cookie } })
  const school = (await first.get('/api/auth/user')).json.establishmentId
  const id = await server.sql(`insert into courses (establishment_id, title, description, category, is_active, max_participants) values ('${school}', 'Foule', 'F', 'F', true, 150) returning id`)
  const crowd = server.learners.slice(0, 200).map((l) => new Api(server, { headers: { cookie: l.cookie } }))
  const answers = await Promise.all(crowd.map((a) => a.post(`/api/courses/${id}/enroll`, {})))
  const count = (status) => answers.filter((r) => r.status === status).length
  assert.deepEqual([count(201), count(409)], [150, 50])
  assert.equal(await server.sql(`select enrollment_count || ' ' || (select count(*) from user_courses where course_id = c.id) from courses c where id = '${id}'`), '150 150')
  await Promise.all(crowd.slice(0, 200).map((a) => a.post(`/api/courses/${id}/enroll`, { action: 'unenroll' })))
  assert.equal(await server.sql(`select enrollment_count from courses where id = '${id}'`), '0')
})

test('an Idempotency-Key gives the first answer again, status included', async () => {
  const made = await make(who.manager)
  const enroll = (key) => who.apprenant1.request('POST', `/api/courses/${made.id}/enroll`, { json: {}, headers: { 'idempotency-key': key } })
  const first = await enroll('k-first')
  assert.equal(first.status, 201)
  assert.deepEqual([(await enroll('k-first')).status, (await enroll('k-first')).text], [201, first.text])
  assert.equal((await enroll('k-second')).status, 200)
  assert.equal((await enroll('k-second')).status, 200)
})

test('a super_admin, who is of no school, says where something is to be made', async () => {
  for (const [path, json] of [['/api/courses', course()], ['/api/assessments', { title: 'A' }], ['/api/trainer-spaces', { name: 'E' }]]) {
    assert.deepEqual(assertProblem(await root.post(path, json), 422).errors.map((e) => [e.field, e.code]), [['establishmentId', 'required']], path)
    const r = await root.post(path, { ...json, establishmentId: moliere.id })
    assert.equal(r.status, 201, r.text)
  }
})

test('a super_admin works in the course\'s school', async () => {
  const made = await make(who.manager)
  assert.equal((await root.get(`/api/courses/${made.id}`)).status, 200)
  assert.equal((await put(root, made.id, { title: 'Par le haut' })).json.title, 'Par le haut')
})
