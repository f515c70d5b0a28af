// The old client's calls are answered in its shapes, and bodies of every kind of nonsense are refused. Who may call what, and other schools' ids: generated-*.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { people } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup } from './lib/school.mjs'

let server, who, id
before(async () => {
  server = await startServer({ env: { STACGATE_RATE_LIMITS: 'off' } })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'formateur', 'manager', 'admin'])
  for (const api of Object.values(who)) api.me = (await api.get('/api/auth/user')).json
  const made = async (api, path, json) => {
    const r = await api.post(path, json)
    assert.ok(r.status < 300, `${path}: ${r.text}`)
    return r.json.id
  }
  const course = await made(who.manager, '/api/courses', { title: 'C', description: 'D', category: 'K' })
  const assessment = await made(who.formateur, '/api/assessments', { title: 'A', questions: [{ type: 'true-false', text: 'T', answer: true }] })
  await who.formateur.post(`/api/assessments/${assessment}/submit`)
  await who.manager.post(`/api/assessments/${assessment}/approve`)
  await who.manager.post(`/api/courses/${course}/enrollments`, { learnerIds: [who.apprenant1.me.id] })
  id = {
    course, assessment,
    attempt: await made(who.apprenant1, `/api/assessments/${assessment}/attempts`),
    help: await made(who.manager, '/api/help', { title: 'H', content: 'C', category: 'K' }),
    group: (await makeGroup(who.apprenant1)).id,
  }
})
after(() => server?.stop())

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
