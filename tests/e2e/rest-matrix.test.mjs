// The old client's calls are answered in its shapes, and nonsense inside the fields of bodies is survived. The rest of the table: generated-*.
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

// What has no schema inside is the operation's own business; generated-fields has all that has one.
test('nothing inside a body makes the server stumble', async () => {
  const posts = [
    ['POST', `/api/courses/${id.course}/modules`, { title: 'T', contentData: { a: 1 } }],
    ['POST', '/api/assessments', { title: 'T', questions: [{ type: 'single', text: 'T', points: 1, options: [{ id: 'a', text: 'A' }], answer: 'a' }] }],
    ['PUT', `/api/assessments/${id.assessment}`, { questions: [{ type: 'numeric', text: 'T', answer: 1, tolerance: 1 }] }],
    ['PUT', `/api/attempts/${id.attempt}/answers`, { answers: { q1: true } }],
    ['POST', '/api/exports', { type: 'csv', config: { datasets: ['users'], filters: { role: 'apprenant' } } }],
    ['POST', '/api/pages', { pageName: 'n', pageTitle: 'T', layout: { sections: [{ components: [{ type: 't', data: {} }] }] } }],
    ['PUT', '/api/branding', { navigationConfig: { items: [{ url: '/' }] } }],
  ]
  const values = [null, '', {}, [], [[]], [{}], [1], { a: { b: [] } }, true, 1.5, -1, 1e18, 'x'.repeat(30000), '\u0000', 'é|\'";--']
  // Every place inside, with every value in it.
  const variants = (v, top = true) =>
    typeof v !== 'object' || v === null ? [] : Object.keys(v).flatMap((key) => [
      ...(top ? [] : values).map((value) => (Array.isArray(v) ? v.map((x, i) => (i === Number(key) ? value : x)) : { ...v, [key]: value })),
      ...variants(v[key], false).map((inner) => (Array.isArray(v) ? v.map((x, i) => (i === Number(key) ? inner : x)) : { ...v, [key]: inner })),
    ])
  for (const [method, path, good] of posts)
    for (const json of variants(good)) {
      const r = await who.manager.request(method, path, { json })
      assert.ok(r.status < 500, `${method} ${path} ${JSON.stringify(json).slice(0, 200)}: ${r.status} ${r.text}`)
    }
})
