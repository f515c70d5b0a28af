// The learning operations against the wrong people: every id of another school answers 404 and changes nothing, nobody signed in gets 401
// (403 at old clients' addresses), learners do not do what staff does; and the old client's calls are answered in its shapes.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup } from './lib/school.mjs'

let server, who, stranger, id
before(async () => {
  server = await startServer({ env: { STACGATE_RATE_LIMITS: 'off' } })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'formateur', 'manager', 'admin'])
  stranger = await signIn(server, 'admin@turing.test')
  for (const api of [...Object.values(who), stranger]) api.me = (await api.get('/api/auth/user')).json
  const made = async (api, path, json) => {
    const r = await api.post(path, json)
    assert.ok(r.status < 300, `${path}: ${r.text}`)
    return r.json.id
  }
  const course = await made(who.manager, '/api/courses', { title: 'C', description: 'D', category: 'K' })
  const assessment = await made(who.formateur, '/api/assessments', { title: 'A', questions: [{ type: 'true-false', text: 'T', answer: true }] })
  await who.formateur.post(`/api/assessments/${assessment}/submit`)
  await who.manager.post(`/api/assessments/${assessment}/approve`)
  await who.manager.post('/api/announcements', { title: 'T', message: 'M' })
  await who.manager.post(`/api/courses/${course}/enrollments`, { learnerIds: [who.apprenant1.me.id] })
  await who.manager.post(`/api/courses/${course}/complete`, { learnerId: who.apprenant1.me.id })
  id = {
    course, assessment,
    module: await made(who.manager, `/api/courses/${course}/modules`, { title: 'M' }),
    session: await made(who.manager, `/api/courses/${course}/sessions`, { name: 'S' }),
    attempt: await made(who.apprenant1, `/api/assessments/${assessment}/attempts`),
    space: await made(who.formateur, '/api/trainer-spaces', { name: 'E' }),
    help: await made(who.manager, '/api/help', { title: 'H', content: 'C', category: 'K' }),
    export: await made(who.manager, '/api/exports', { type: 'csv', config: { datasets: ['users'] } }),
    group: (await makeGroup(who.apprenant1)).id,
    poll: '',
    notification: (await who.apprenant1.get('/api/notifications')).json[0].id,
    theme: await made(who.admin, '/api/themes', { name: 'T' }), content: await made(who.admin, '/api/contents', { blockKey: 'b', content: 'C' }),
    page: await made(who.admin, '/api/pages', { pageName: 'p', pageTitle: 'P' }), component: await made(who.admin, '/api/page-components', { componentName: 'C', componentType: 't' }),
    menu: await made(who.admin, '/api/menu-items', { label: 'M', url: '/' }),
    certificate: (await who.apprenant1.get('/api/certificates')).json[0].id,
  }
  id.section = await made(who.admin, `/api/pages/${id.page}/sections`, { sectionType: 's' })
  id.class = await made(who.apprenant1, `/api/study-groups/${id.group}/sessions`, { title: 'S', startTime: '2030-01-01T10:00Z', endTime: '2030-01-01T11:00Z' })
  id.poll = await made(who.apprenant1, `/api/study-groups/${id.group}/messages`, { type: 'poll', content: 'P', metadata: { question: 'Q', options: [{ id: 'a', text: 'A' }, { id: 'b', text: 'B' }] } })
})
after(() => server?.stop())

// method, path, body, whether a learner of the school may not either
const operations = () => [
  ['GET', `/api/courses/${id.course}`], ['PUT', `/api/courses/${id.course}`, { title: 'X' }, true], ['DELETE', `/api/courses/${id.course}`, undefined, true],
  ['POST', `/api/courses/${id.course}/enroll`], ['POST', `/api/courses/${id.course}/approve`, undefined, true], ['GET', `/api/courses/${id.course}/modules`],
  ['POST', `/api/courses/${id.course}/modules`, { title: 'X' }, true], ['PUT', `/api/courses/${id.course}/modules/order`, { ids: ['x'] }, true],
  ['POST', `/api/courses/${id.course}/enrollments`, { learnerIds: ['x'] }, true], ['POST', `/api/courses/${id.course}/complete`, { learnerId: 'x' }, true],
  ['GET', `/api/courses/${id.course}/sessions`], ['POST', `/api/courses/${id.course}/sessions`, { name: 'X' }, true],
  ['GET', `/api/modules/${id.module}`], ['PUT', `/api/modules/${id.module}`, { title: 'X' }, true], ['DELETE', `/api/modules/${id.module}`, undefined, true],
  ['PUT', `/api/modules/${id.module}/progress`, { progressPercentage: 5 }], ['GET', `/api/training-sessions/${id.session}`],
  ['PUT', `/api/training-sessions/${id.session}`, { name: 'X' }, true], ['DELETE', `/api/training-sessions/${id.session}`, undefined, true],
  ['POST', `/api/training-sessions/${id.session}/status`, { status: 'pending_approval' }, true], ['POST', `/api/trainer-spaces/${id.space}/approve`, undefined, true],
  ['GET', `/api/assessments/${id.assessment}`], ['PUT', `/api/assessments/${id.assessment}`, { title: 'X' }, true], ['DELETE', `/api/assessments/${id.assessment}`, undefined, true],
  ['POST', `/api/assessments/${id.assessment}/submit`, undefined, true], ['POST', `/api/assessments/${id.assessment}/approve`, undefined, true],
  ['POST', `/api/assessments/${id.assessment}/reject`, { reason: 'R' }, true], ['GET', `/api/assessments/${id.assessment}/results`],
  ['PUT', `/api/assessments/${id.assessment}/accommodations`, { learnerId: 'x' }, true], ['POST', `/api/assessments/${id.assessment}/attempts`],
  ['GET', `/api/attempts/${id.attempt}`], ['PUT', `/api/attempts/${id.attempt}/answers`, { answers: { q1: false } }], ['POST', `/api/attempts/${id.attempt}/grade`, { questions: [] }, true],
  ['POST', `/api/attempts/${id.attempt}/submit`], ['POST', `/api/notifications/${id.notification}/read`], ['DELETE', `/api/notifications/${id.notification}`],
  ['GET', `/api/certificates/${id.certificate}`], ['POST', `/api/certificates/${id.certificate}/revoke`, { reason: 'R' }, true],
  ['GET', `/api/help/${id.help}`], ['PUT', `/api/help/${id.help}`, { title: 'X' }, true], ['DELETE', `/api/help/${id.help}`, undefined, true],
  ['GET', `/api/exports/${id.export}`, undefined, true], ['GET', `/api/exports/${id.export}/download`, undefined, true], ['DELETE', `/api/exports/${id.export}`, undefined, true],
  ['GET', `/api/study-groups/${id.group}`], ['PUT', `/api/study-groups/${id.group}`, { name: 'X' }, true], ['POST', `/api/study-groups/${id.group}/archive`, undefined, true],
  ['PUT', `/api/study-groups/${id.group}/members/x`, { role: 'admin' }, true], ['DELETE', `/api/study-groups/${id.group}/members/x`, undefined, true],
  ['POST', `/api/study-groups/${id.group}/invitations`, { learnerIds: ['x'] }, true],
  ['GET', `/api/themes/${id.theme}`], ['PUT', `/api/themes/${id.theme}`, { name: 'X' }, true], ['DELETE', `/api/themes/${id.theme}`, undefined, true],
  ['POST', `/api/themes/${id.theme}/activate`, undefined, true], ['GET', `/api/contents/${id.content}`], ['PUT', `/api/contents/${id.content}`, { content: 'X' }, true],
  ['DELETE', `/api/contents/${id.content}`, undefined, true], ['GET', `/api/pages/${id.page}`], ['PUT', `/api/pages/${id.page}`, { pageTitle: 'X' }, true],
  ['DELETE', `/api/pages/${id.page}`, undefined, true], ['GET', `/api/pages/${id.page}/sections`], ['POST', `/api/pages/${id.page}/sections`, { sectionType: 'X' }, true],
  ['GET', `/api/page-sections/${id.section}`], ['PUT', `/api/page-sections/${id.section}`, { sectionType: 'X' }, true], ['DELETE', `/api/page-sections/${id.section}`, undefined, true],
  ['GET', `/api/page-components/${id.component}`], ['PUT', `/api/page-components/${id.component}`, { componentName: 'X' }, true], ['DELETE', `/api/page-components/${id.component}`, undefined, true],
  ['GET', `/api/menu-items/${id.menu}`], ['PUT', `/api/menu-items/${id.menu}`, { label: 'X' }, true], ['DELETE', `/api/menu-items/${id.menu}`, undefined, true],
  ['GET', `/api/study-groups/${id.group}/sessions`, undefined, true], ['POST', `/api/study-groups/${id.group}/sessions`, { title: 'S', startTime: '2030-01-01T10:00Z', endTime: '2030-01-01T11:00Z' }, true],
  ['GET', `/api/study-sessions/${id.class}`, undefined, true], ['PUT', `/api/study-sessions/${id.class}`, { title: 'X' }, true], ['GET', `/api/study-sessions/${id.class}/attendance`, undefined, true],
  ['GET', `/api/study-sessions/${id.class}/polls`, undefined, true], ['DELETE', `/api/study-sessions/${id.class}`, undefined, true],
  ['GET', `/api/study-groups/${id.group}/messages/${id.poll}/poll`, undefined, true], ['POST', `/api/study-groups/${id.group}/messages/${id.poll}/votes`, { option: 'a' }, true],
  ['POST', `/api/study-groups/${id.group}/messages/${id.poll}/close`, undefined, true],
]

const everything = () => server.sql(`select md5(string_agg(t, '')) from (
  select c::text from courses c union all select m::text from course_modules m union all select s::text from training_sessions s union all
  select e::text from user_courses e union all select a::text from assessments a union all select t::text from assessment_attempts t union all
  select n::text from notifications n union all select k::text from certificates k union all select h::text from help_contents h union all
  select g::text from study_groups g union all select m::text from study_group_members m union all select p::text from trainer_spaces p union all
  select h::text from themes h union all select b::text from customizable_contents b union all select w::text from customizable_pages w union all
  select o::text from page_sections o union all select q::text from page_components q union all select u::text from menu_items u union all
  select x::text from study_group_invitations x union all select y::text from user_module_progress y order by 1) all_rows (t)`)

test('another school\'s admin finds nothing and changes nothing', async () => {
  const before = await everything()
  for (const [method, path, json] of operations()) {
    const r = await stranger.request(method, path, { json })
    assert.equal(r.status, 404, `${method} ${path}: ${r.status} ${r.text}`)
  }
  assert.equal(await everything(), before)
})

test('another school\'s ids in bodies and queries', async () => {
  const foreign = { course: id.course, person: who.apprenant1.me.id }
  assertProblem(await stranger.post('/api/assessments', { title: 'A', courseId: foreign.course }), 404)
  assertProblem(await stranger.post('/api/announcements', { title: 'A', message: 'M', courseId: foreign.course }), 404)
  assertProblem(await stranger.post('/api/study-groups', { name: 'G', courseId: foreign.course }), 404)
  assertProblem(await stranger.get(`/api/analytics/course-progress?courseId=${foreign.course}`), 404)
  assertProblem(await stranger.get(`/api/analytics/user-stats?userId=${foreign.person}`), 404)
  assert.deepEqual((await stranger.get(`/api/assessments?courseId=${foreign.course}`)).json, [])
  assertProblem(await stranger.get(`/api/courses/${foreign.course}/enrollments`), 404)
  assertProblem(await stranger.get(`/api/courses?establishmentId=${who.admin.me.establishmentId}`), [400, 403])
})

test('nobody signed in, and learners, are refused', async () => {
  const nobody = new Api(server)
  const before = await everything()
  for (const [method, path, json, staffOnly] of operations()) {
    const r = await nobody.request(method, path, { json })
    assert.ok(path === `/api/courses/${id.course}` && method === 'GET' ? r.status === 404 : r.status === 401, `${method} ${path}: ${r.status}`)
    if (!staffOnly) continue
    const l = await who.apprenant2.request(method, path, { json })
    assert.ok([403, 404].includes(l.status), `${method} ${path} by a learner: ${l.status} ${l.text}`)
  }
  assert.equal(await everything(), before)
  for (const path of ['/api/export/jobs', '/api/assessments/attempts', '/api/help/search/x', `/api/analytics/establishments/x/analytics`]) assertProblem(await nobody.get(path), 403)
})

test('the old client\'s forms: a course, an assessment, a group, a message, in its words', async () => {
  const me = who.formateur.me
  const c = await who.formateur.post('/api/courses', { title: 'T', description: 'D', shortDescription: '', category: 'web', type: 'cours', price: '0', isFree: true, duration: 60, level: 'débutant', language: 'français', tags: '', isPublic: true, isActive: true, establishmentId: me.establishmentId, instructorId: me.id, rating: '0.0', enrollmentCount: 0 })
  assert.equal(c.status, 201, c.text)
  for (const item of (await who.apprenant1.get('/api/courses')).json) {
    for (const field of ['id', 'title', 'description', 'level', 'type']) assert.equal(typeof item[field], 'string', field)
    assert.ok(item.category !== '')
    assert.equal(typeof item.isFree, 'boolean')
  }
  const g = await who.apprenant1.post('/api/study-groups', { name: 'G', description: '', maxMembers: 10, isPublic: true, tags: [] })
  assert.equal(g.status, 201, g.text)
  assert.equal((await who.apprenant2.request('POST', `/api/study-groups/${g.json.id}/join`)).status, 201)
  assert.equal((await who.apprenant2.post(`/api/study-groups/${g.json.id}/messages`, { content: 'Bonjour', type: 'text' })).status, 201)
  const attempt = await who.apprenant2.request('POST', `/api/assessments/${id.assessment}/start`)
  assert.equal(typeof attempt.json.attemptId, 'string', attempt.text)
  const gone = await who.manager.request('DELETE', `/api/help/${id.help}`)
  assert.equal(gone.status, 200)
  assert.equal((await who.admin.request('DELETE', `/api/courses/${c.json.id}`)).status, 200)
})

test('no body makes the server stumble: wrong types, sizes, nulls and unknown fields are 4xx or harmless', async () => {
  const posts = [
    ['POST', '/api/courses', { title: 'T', description: 'D', category: 'K', price: 1, duration: 1, level: 'debutant', language: 'fr', tags: [], maxParticipants: 1, instructorId: who.formateur.me.id, imageUrl: 'https://x/y' }],
    ['PUT', `/api/courses/${id.course}`, { title: 'T', price: 1, tags: [], isActive: true }],
    ['POST', `/api/courses/${id.course}/modules`, { title: 'T', orderIndex: 1, contentData: {}, duration: 1 }],
    ['POST', `/api/courses/${id.course}/sessions`, { name: 'S', startDate: '2030-01-01', endDate: '2030-01-02', maxParticipants: 1 }],
    ['POST', `/api/courses/${id.course}/complete`, { learnerId: who.apprenant1.me.id, finalGrade: 1 }],
    ['POST', '/api/assessments', { title: 'T', maxScore: 1, passingScore: 1, timeLimit: 1, maxAttempts: 1, dueDate: '2030-01-01', questions: [{ type: 'essay', text: 'T' }] }],
    ['PUT', `/api/assessments/${id.assessment}`, { title: 'T', maxScore: 100, questions: [{ type: 'essay', text: 'T' }] }],
    ['PUT', `/api/assessments/${id.assessment}/accommodations`, { learnerId: who.apprenant1.me.id, extraTime: 1, dueDate: '2030-01-01' }],
    ['POST', `/api/attempts/${id.attempt}/grade`, { questions: [{ questionId: 'q1', points: 1 }], feedback: 'F' }],
    ['POST', '/api/announcements', { title: 'T', message: 'M', role: 'admin', courseId: id.course }],
    ['PUT', '/api/notifications/preferences', { preferences: [{ type: 'system_update', enabled: true }] }],
    ['POST', '/api/help', { title: 'T', content: 'C', category: 'K', tags: [], searchKeywords: [], sortOrder: 1, language: 'fr' }],
    ['POST', '/api/exports', { type: 'csv', config: { datasets: ['users'], dateRange: { start: '2020-01-01' } } }],
    ['POST', '/api/export/create', { type: 'csv', dateRange: { start: '2020-01-01' }, includeData: { users: true } }],
    ['PUT', `/api/study-groups/${id.group}`, { name: 'N', maxMembers: 10, settings: { allowPolls: true }, tags: [], scheduledDate: '2030-01-01' }],
    ['POST', '/api/trainer-spaces', { name: 'N', description: 'D' }],
  ]
  const values = [null, '', {}, [], [[]], [{}], [1], { a: { b: [] } }, true, 1.5, -1, 1e18, 'x', 'x'.repeat(30000), '\u0000', 'é|\'";--']
  for (const [method, path, good] of posts) {
    assertProblem(await who.manager.request(method, path, { json: { ...good, unknownField: 1 } }), 422)
    for (const field of Object.keys(good))
      for (const value of values) {
        const r = await who.manager.request(method, path, { json: { ...good, [field]: value } })
        assert.ok(r.status < 500, `${method} ${path} ${field}=${JSON.stringify(value).slice(0, 60)}: ${r.status} ${r.text}`)
      }
  }
  for (const path of ['/api/courses', '/api/assessments', '/api/attempts', '/api/notifications', '/api/help', '/api/exports', '/api/certificates', '/api/analytics/engagement', '/api/analytics/popular-courses', '/api/help/search'])
    for (const query of ['limit=0', 'limit=x', 'cursor=AAAA', 'nothing=1', 'sort=%00', 'q=%27%22%5C', 'from=x', 'count=all', 'status=x', 'type=%F0%9F%98%80']) {
      const r = await who.manager.get(`${path}?${query}`)
      assert.ok(r.status < 500, `${path}?${query}: ${r.status} ${r.text}`)
    }
})
