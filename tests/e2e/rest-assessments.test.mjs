// Assessments over REST: who sees them, approval by somebody else, draft versions, attempts on the server's clock, grading, and that
// answer keys never reach a taker.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { lit, startServer } from './lib/server.mjs'
import { Wire, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { unique, until } from './lib/util.mjs'

let server, who, stranger
before(async () => {
  server = await startServer({ env: { STACGATE_REMINDER_EVERY: '200' } })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'formateur', 'manager', 'admin'])
  stranger = await signIn(server, 'apprenant1@turing.test')
  for (const api of [...Object.values(who), stranger]) api.id = (await api.get('/api/auth/user')).json.id
})
after(() => server?.stop())

const options = ['a', 'b', 'c'].map((id) => ({ id, text: `Choix ${id}` }))
const questions = [
  { id: 'one', type: 'single', text: 'Un ?', points: 2, options, answer: 'b', explanation: 'KEYCANARY-explanation' },
  { id: 'many', type: 'multiple', text: 'Plusieurs ?', points: 2, options, answer: ['a', 'c'] },
  { id: 'num', type: 'numeric', text: 'Combien ?', answer: 918273.25, tolerance: 0.5 },
  { id: 'word', type: 'short-text', text: 'Qui ?', answer: ['KEYCANARY-word'] },
  { id: 'order', type: 'ordering', text: 'Ordre ?', options, answer: ['c', 'a', 'b'] },
  { id: 'pairs', type: 'matching', text: 'Paires ?', options, matches: options, answer: { a: 'c', b: 'a', c: 'b' } },
  { id: 'gaps', type: 'fill-in', text: 'Le ___ est ___', answer: [['KEYCANARY-gap'], ['x']] },
  { id: 'yes', type: 'true-false', text: 'Vrai ?', answer: true },
]
const right = { one: 'b', many: ['c', 'a'], num: '918273', word: 'keycanary-WORD', order: ['c', 'a', 'b'], pairs: { a: 'c', b: 'a', c: 'b' }, gaps: ['keycanary-gap', 'X'], yes: true }
// The right answers with the ids that this attempt has for what is put in order or matched.
function rightIn(attempt) {
  const part = (question, list, id) => attempt.questions.find((q) => q.id === question)[list].find((o) => o.text === `Choix ${id}`).id
  const pairs = Object.entries(right.pairs).map(([option, match]) => [part('pairs', 'options', option), part('pairs', 'matches', match)])
  return { ...right, order: right.order.map((id) => part('order', 'options', id)), pairs: Object.fromEntries(pairs) }
}
const put = (api, path, json, headers) => api.request('PUT', path, { json, headers })

async function draft(api, fields = {}) {
  const r = await api.post('/api/assessments', { title: unique('Contrôle'), assessmentType: 'quiz', questions, ...fields })
  assert.equal(r.status, 201, r.text)
  return r.json
}
async function approved(fields) {
  const a = await draft(who.formateur, fields)
  assert.equal((await who.formateur.post(`/api/assessments/${a.id}/submit`)).status, 200)
  const r = await who.manager.post(`/api/assessments/${a.id}/approve`)
  assert.equal(r.json.status, 'approved', r.text)
  return r.json
}
const start = async (api, id) => {
  const r = await api.post(`/api/assessments/${id}/attempts`)
  assert.equal(r.status, 201, r.text)
  return r.json
}

test('a draft is its author\'s and the staff\'s; approval is somebody else\'s', async () => {
  const a = await draft(who.formateur)
  assert.equal(a.status, 'draft')
  assertProblem(await who.apprenant1.get(`/api/assessments/${a.id}`), 404)
  assertProblem(await stranger.get(`/api/assessments/${a.id}`), 404)
  assertProblem(await who.apprenant1.get(`/api/assessments/${a.id}/attempts`), 404)
  const refusedAs = async (type, asked) => assert.equal(assertProblem(await asked, 409).type, `/problems/${type}`)
  await refusedAs('not-pending', who.manager.post(`/api/assessments/${a.id}/approve`))
  await who.formateur.post(`/api/assessments/${a.id}/submit`)
  await refusedAs('submitted', who.formateur.post(`/api/assessments/${a.id}/submit`))
  assertProblem(await who.formateur.post(`/api/assessments/${a.id}/approve`), 403)
  const r = await who.manager.post(`/api/assessments/${a.id}/reject`, { reason: 'Trop court' })
  assert.deepEqual([r.json.status, r.json.rejectionReason], ['rejected', 'Trop court'])
  const own = await draft(who.manager)
  await who.manager.post(`/api/assessments/${own.id}/submit`)
  const refused = assertProblem(await who.manager.post(`/api/assessments/${own.id}/approve`), 403)
  assert.equal(refused.type, '/problems/own-work')
  assert.equal((await who.admin.post(`/api/assessments/${own.id}/approve`)).status, 200)
  const told = await who.formateur.get('/api/notifications')
  assert.ok(told.json.some((n) => n.type === 'assessment_rejected' && n.message.includes('Trop court') && !n.isRead), told.text)
})

test('whoever changed one does not approve it: not an editor of a draft, not the author of one that somebody else changed', async () => {
  const own = async (api, id, verb) => assert.equal(assertProblem(await api.post(`/api/assessments/${id}/${verb}`, verb === 'reject' ? { reason: 'R' } : undefined), 403).type, '/problems/own-work')
  const a = await draft(who.formateur)
  assert.equal((await put(who.admin, `/api/assessments/${a.id}`, { title: 'Récrit' })).json.createdBy, who.formateur.id)
  await who.admin.post(`/api/assessments/${a.id}/submit`)
  for (const verb of ['approve', 'reject']) await own(who.admin, a.id, verb)
  assert.equal((await who.manager.post(`/api/assessments/${a.id}/approve`)).status, 200)
  const d = (await put(who.admin, `/api/assessments/${a.id}`, { title: 'Un' })).json
  await put(who.manager, `/api/assessments/${a.id}`, { title: 'Deux' })
  await who.manager.post(`/api/assessments/${d.id}/submit`)
  for (const api of [who.admin, who.manager]) await own(api, d.id, 'approve')
})

test('what old clients send makes a draft; wrong questions are named', async () => {
  const maths = (await who.formateur.get('/api/courses?q=mathematiques')).json[0]
  const r = await who.formateur.post('/api/assessments', { courseId: maths.id, title: 'Ancien', description: '', assessmentType: 'exam', maxScore: 20, passingScore: 10, timeLimit: 60, maxAttempts: 1, isPublic: true, dueDate: '', questions: [] })
  assert.equal(r.status, 201, r.text)
  assert.deepEqual([r.json.maxScore, r.json.passingScore, r.json.dueDate, r.json.questionCount], [20, 10, null, 0])
  assertProblem(await who.formateur.post(`/api/assessments/${r.json.id}/submit`), 422)
  const bad = assertProblem(await who.formateur.post('/api/assessments', { title: 'X', questions: [{ ...questions[0], answer: 'z' }] }), 422)
  assert.equal(bad.errors[0].field, 'questions.0.answer')
  assertProblem(await who.formateur.post('/api/assessments', { title: 'X', courseId: 'elsewhere' }), 404)
  assertProblem(await who.apprenant1.post('/api/assessments', { title: 'X' }), 403)
})

test('answer keys never leave for a taker', async () => {
  const a = await approved({ maxAttempts: 2 })
  const seen = []
  const look = async (path) => seen.push((await who.apprenant1.get(path)).text)
  await look('/api/assessments?limit=200')
  await look(`/api/assessments/${a.id}`)
  const attempt = await start(who.apprenant1, a.id)
  seen.push(JSON.stringify(attempt))
  await look(`/api/attempts/${attempt.id}`)
  seen.push((await put(who.apprenant1, `/api/attempts/${attempt.id}/answers`, { answers: { num: 1 } })).text)
  seen.push((await who.apprenant1.post(`/api/attempts/${attempt.id}/submit`)).text)
  for (const path of [`/api/attempts/${attempt.id}`, '/api/attempts', '/api/assessments/attempts', `/api/assessments/${a.id}/results`, `/api/assessments/${a.id}/attempts`]) await look(path)
  for (const text of seen) assert.ok(!/KEYCANARY|918273\.25|"answer"|tolerance|explanation/i.test(text), text.slice(0, 400))
  assert.equal(attempt.questions.length, questions.length)
  const parts = (list) => attempt.questions.filter((q) => ['order', 'pairs'].includes(q.id)).flatMap((q) => q[list] ?? [])
  assert.deepEqual(parts('options').map((o) => o.text).sort(), ['a', 'a', 'b', 'b', 'c', 'c'].map((id) => `Choix ${id}`))
  const ids = [...parts('options'), ...parts('matches')].map((o) => o.id) // an author's ids may say the order, or what belongs together
  assert.deepEqual([new Set(ids).size, ids.filter((id) => id.length < 12)], [9, []])
  assert.equal(attempt.questions.find((q) => q.id === 'gaps').blanks, 2)
  assert.match((await who.formateur.get(`/api/assessments/${a.id}`)).text, /KEYCANARY/)
})

test('explanations: to takers of what is reviewable, once nobody can begin or be within an attempt; keys never', async () => {
  const work = async (api, id) => {
    const t = await start(api, id)
    const r = await api.post(`/api/attempts/${t.id}/submit`, { answers: { one: 'b', yes: false } })
    assert.equal(r.json.status, 'graded', r.text)
    return t.id
  }
  const review = async (api, attempt) => {
    const r = await api.get(`/api/attempts/${attempt}`)
    assert.ok(!/KEYCANARY-(word|gap)|918273\.25|"answer"|tolerance/.test(r.text), r.text.slice(0, 400))
    const of = (id) => r.json.results.find((x) => x.questionId === id).correct
    assert.deepEqual([of('one'), of('yes')], [true, false], 'right and wrong are told in any case')
    return r.json.questions.map((q) => q.explanation).filter(Boolean)
  }
  const shown = [questions[0].explanation]
  const plain = await approved({ maxAttempts: 1 })
  assert.deepEqual([plain.isReviewable, await review(who.apprenant1, await work(who.apprenant1, plain.id))], [false, []])

  const a = await approved({ maxAttempts: 2, isReviewable: true })
  assert.equal((await who.apprenant1.get(`/api/assessments/${a.id}`)).json.isReviewable, true)
  const first = await work(who.apprenant1, a.id)
  assert.deepEqual(await review(who.apprenant1, first), [], 'one attempt is left')
  const second = await work(who.apprenant1, a.id)
  assert.deepEqual([await review(who.apprenant1, first), await review(who.apprenant1, second)], [shown, shown])
  const other = await start(who.apprenant2, a.id)
  assert.deepEqual(await review(who.apprenant1, second), [], 'somebody is within an attempt')
  await who.apprenant2.post(`/api/attempts/${other.id}/submit`, { answers: { one: 'b', yes: false } })
  assert.deepEqual([await review(who.apprenant1, second), await review(who.apprenant2, other.id)], [shown, []])
  const later = { learnerId: who.apprenant3.id, dueDate: new Date(Date.now() + 86400000).toISOString() }
  assert.equal((await put(who.formateur, `/api/assessments/${a.id}/accommodations`, later)).status, 200)
  assert.deepEqual(await review(who.apprenant1, second), [], 'somebody has until tomorrow')
  for (const path of ['/api/attempts', `/api/assessments/${a.id}/results`, `/api/assessments/${a.id}/attempts`])
    assert.ok(!/KEYCANARY/.test((await who.apprenant1.get(path)).text), path)

  // Before the due date and after it.
  const dated = await approved({ maxAttempts: 1, isReviewable: true, dueDate: new Date(Date.now() + 86400000).toISOString() })
  const mine = await work(who.apprenant1, dated.id)
  assert.deepEqual(await review(who.apprenant1, mine), [])
  await server.sql(`update assessments set due_date = now() at time zone 'utc' - interval '1 minute' where id = ${lit(dated.id)}`)
  assert.deepEqual(await review(who.apprenant1, mine), shown)
  // A draft version decides when it is approved.
  const d = (await put(who.formateur, `/api/assessments/${dated.id}`, { isReviewable: false })).json
  assert.deepEqual([d.isReviewable, await review(who.apprenant1, mine)], [false, shown])
  await who.formateur.post(`/api/assessments/${d.id}/submit`)
  assert.equal((await who.manager.post(`/api/assessments/${d.id}/approve`)).json.isReviewable, false)
  assert.deepEqual(await review(who.apprenant1, mine), [])
})

test('an attempt: begun once, saved, submitted, graded; a second submission finds it over', async () => {
  const a = await approved({ maxScore: 20, passingScore: 10, maxAttempts: 1, timeLimit: 30 })
  const attempt = await start(who.apprenant1, a.id)
  assert.ok(Math.abs(Date.parse(attempt.deadline) - Date.parse(attempt.now) - 30 * 60000) < 5)
  assert.equal(attempt.attemptsLeft, 0)
  const again = await who.apprenant1.post(`/api/assessments/${a.id}/start`)
  assert.deepEqual([again.status, again.json.attemptId], [200, attempt.id])
  const { one, ...rest } = rightIn(attempt)
  assert.equal((await put(who.apprenant1, `/api/attempts/${attempt.id}/answers`, { answers: rest })).status, 200)
  assertProblem(await put(who.apprenant2, `/api/attempts/${attempt.id}/answers`, { answers: rest }), 404)
  const done = await who.apprenant1.post(`/api/attempts/${attempt.id}/submit`, { answers: { one } })
  assert.deepEqual([done.status, done.json.status, done.json.score, done.json.maxScore], [200, 'graded', 20, 20], done.text)
  assertProblem(await who.apprenant1.post(`/api/attempts/${attempt.id}/submit`), 409)
  assertProblem(await put(who.apprenant1, `/api/attempts/${attempt.id}/answers`, { answers: {} }), 409)
  const read = (await who.formateur.get(`/api/attempts/${attempt.id}`)).json // its author's ids are the taker's, so that answers can be read
  assert.deepEqual(read.answers.order, read.questions.find((q) => q.id === 'order').answer)
  const used = assertProblem(await who.apprenant1.post(`/api/assessments/${a.id}/attempts`), 409)
  assert.equal(used.type, '/problems/attempts-used')
  const old = (await who.apprenant1.get('/api/assessments/attempts')).json.find((x) => x.id === attempt.id)
  assert.deepEqual([old.status, typeof old.completedAt, old.assessment.passingScore], ['graded', 'string', 10])
})

test('simultaneous starts make one attempt, simultaneous submissions one grade', async () => {
  const a = await approved({ maxAttempts: 5 })
  const starts = await Promise.all(Array.from({ length: 8 }, () => who.apprenant2.post(`/api/assessments/${a.id}/attempts`)))
  assert.equal(new Set(starts.map((r) => r.json.id)).size, 1)
  assert.equal(starts.filter((r) => r.status === 201).length, 1)
  const id = starts[0].json.id
  const ends = await Promise.all(Array.from({ length: 6 }, () => who.apprenant2.post(`/api/attempts/${id}/submit`, { answers: right })))
  assert.ok(ends.some((r) => r.status === 200) && ends.every((r) => [200, 409].includes(r.status)), ends.map((r) => r.status).join())
  assert.equal(await server.sql(`select count(*) from assessment_attempts where assessment_id = ${lit(a.id)}`), '1')
  assert.equal(await server.sql(`select count(*) from notifications where data ->> 'attemptId' = ${lit(id)}`), '1')
})

test('of submissions that wait for one another each has its own answer: a stranger\'s none, a late one\'s that it is over', async () => {
  const a = await approved({ maxAttempts: 5 })
  const { id } = await start(who.apprenant1, a.id)
  const submit = (api, answers) => api.post(`/api/attempts/${id}/submit`, { answers })
  const release = await server.hold(`select from assessment_attempts where id = ${lit(id)} for update`)
  const mine = submit(who.apprenant1, { yes: true })
  await server.waiting(1)
  const others = [submit(who.apprenant2, {}), submit(who.apprenant1, { yes: false })]
  await who.apprenant1.get(`/api/attempts/${id}`) // by then those have arrived
  await release()
  const [first, stranger, late] = await Promise.all([mine, ...others])
  assert.equal(first.json.status, 'graded')
  assertProblem(stranger, 404)
  assert.equal(assertProblem(late, 409).type, '/problems/attempt-over')
})

test('an assessment that somebody begins while it is deleted stays, and so does what they began', async () => {
  const a = await approved({ maxAttempts: 1 })
  // The attempt's transaction waits for its key, with the attempt in it.
  const key = `insert into idempotency_keys (user_id, key, body_hash, status, answer) values (${lit(who.apprenant1.id)}, 'begun', '', 1, '')`
  const [begun, gone] = await server.meet(key, () => who.apprenant1.request('POST', `/api/assessments/${a.id}/attempts`, { json: {}, headers: { 'idempotency-key': 'begun' } }),
    () => who.manager.request('DELETE', `/api/assessments/${a.id}`))
  assert.deepEqual([begun.status, gone.status, gone.json.type], [201, 409, '/problems/attempted'], gone.text)
  assert.equal(assertProblem(await who.manager.post(`/api/attempts/${begun.json.id}/grade`, {}), 409).type, '/problems/not-submitted')
  assert.equal((await who.apprenant1.get(`/api/attempts/${begun.json.id}`)).status, 200)
})

test('a course whose assessments were attempted is closed, not removed: the attempts are people\'s', async () => {
  const c = (await who.manager.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C', instructorId: who.formateur.id })).json
  const a = await approved({ courseId: c.id, isPublic: false })
  await who.apprenant1.post(`/api/courses/${c.id}/enroll`)
  const attempt = await start(who.apprenant1, a.id)
  await who.apprenant1.post(`/api/courses/${c.id}/enroll`, { action: 'unenroll' })
  const r = await who.manager.request('DELETE', `/api/courses/${c.id}`)
  assert.deepEqual([r.status, r.json.deleted, r.json.closed], [200, false, true], r.text)
  assert.equal((await who.apprenant1.get(`/api/attempts/${attempt.id}`)).status, 200)
})

test('an assessment of a course that is not open, or is so no more, is for who is in the course; results stay their takers\'', async () => {
  const c = (await who.formateur.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C' })).json
  const a = await approved({ courseId: c.id, maxAttempts: 3 })
  const sees = async (api) => {
    const all = [(await api.get(`/api/assessments?courseId=${c.id}`)).json.length, (await api.get(`/api/assessments/${a.id}`)).status, (await api.post(`/api/assessments/${a.id}/attempts`)).status]
    return [all, (await api.get(`/api/assessments/${a.id}/results`)).status]
  }
  assert.deepEqual(await sees(who.apprenant1), [[0, 404, 404], 404])
  await who.manager.post(`/api/courses/${c.id}/approve`)
  const wire = await Wire.open(server, { cookie: who.apprenant2.cookie })
  await wire.enter(`assessment:${a.id}`)
  assert.deepEqual(await sees(who.apprenant1), [[1, 200, 201], 200])
  await who.apprenant3.post(`/api/courses/${c.id}/enroll`)
  await put(who.manager, `/api/courses/${c.id}`, { isActive: false })
  assert.deepEqual(await sees(who.apprenant1), [[0, 403, 403], 200])
  assert.deepEqual(await sees(who.apprenant3), [[1, 200, 201], 200])
  await wire.event(`assessment:${a.id}`, 'phx_error')
  await wire.close()
})

test('the clock submits at the limit, with what was saved, and tells the learner; also after a restart', async () => {
  const a = await approved({ maxAttempts: 5, timeLimit: 1 })
  const socket = await Wire.open(server, { cookie: who.apprenant3.cookie })
  await socket.enter(`user:${who.apprenant3.id}`)
  const first = await start(who.apprenant3, a.id)
  await put(who.apprenant3, `/api/attempts/${first.id}/answers`, { answers: { one: 'b', yes: true } })
  await server.sql(`update assessment_attempts set deadline = now() at time zone 'utc' + interval '300 milliseconds' where id = ${lit(first.id)}`)
  const ended = async (id) => until('the clock', async () => {
    const r = await who.apprenant3.get(`/api/attempts/${id}`)
    return r.json.status === 'graded' && r.json
  })
  const done = await ended(first.id)
  assert.equal(done.score, 30)
  await socket.event(`user:${who.apprenant3.id}`, 'notification', (p) => (p.payload ?? p).data?.attemptId === first.id || JSON.stringify(p).includes(first.id))
  await socket.close()

  const second = await start(who.apprenant3, a.id)
  await server.stop()
  await server.start()
  await server.sql(`update assessment_attempts set deadline = now() at time zone 'utc' - interval '1 minute' where id = ${lit(second.id)}`)
  assert.equal((await ended(second.id)).score, 0)
})

test('due dates and accommodations', async () => {
  const a = await approved({ dueDate: '2020-01-01T00:00', timeLimit: 10, maxAttempts: 1 })
  assert.equal(assertProblem(await who.apprenant1.post(`/api/assessments/${a.id}/attempts`), 409).type, '/problems/overdue')
  const d = (await put(who.formateur, `/api/assessments/${a.id}`, { dueDate: null })).json // a date is taken away as it is set: with approval
  assert.deepEqual([d.draftOf, d.dueDate, (await put(who.formateur, `/api/assessments/${a.id}`, { dueDate: '2031-01-01' })).json.dueDate], [a.id, null, '2031-01-01T00:00:00.000Z'])
  assert.equal((await put(who.formateur, `/api/assessments/${d.id}`, { dueDate: null })).json.dueDate, null)
  const due = new Date(Date.now() + 86400000).toISOString()
  assertProblem(await put(who.apprenant1, `/api/assessments/${a.id}/accommodations`, { learnerId: who.apprenant1.id, dueDate: due }), 403)
  assertProblem(await put(who.formateur, `/api/assessments/${a.id}/accommodations`, { learnerId: stranger.id, dueDate: due }), 404)
  const r = await put(who.formateur, `/api/assessments/${a.id}/accommodations`, { learnerId: who.apprenant1.id, dueDate: due, extraTime: 50, extraAttempts: 1 })
  assert.equal(r.status, 200, r.text)
  const attempt = await start(who.apprenant1, a.id)
  assert.ok(Math.abs(Date.parse(attempt.deadline) - Date.parse(attempt.now) - 15 * 60000) < 5)
  assert.equal(attempt.attemptsLeft, 1)
  const listed = await who.manager.get(`/api/assessments/${a.id}/accommodations`)
  assert.deepEqual(listed.json.map((x) => [x.learner.id, x.extraTime, x.extraAttempts, x.dueDate, x.grantedBy]), [[who.apprenant1.id, 50, 1, due, who.formateur.id]])
  assert.deepEqual((await who.formateur.get(`/api/assessments/${a.id}/accommodations?count=exact`)).headers['x-total-count'], '1')
  assertProblem(await who.apprenant1.get(`/api/assessments/${a.id}/accommodations`), 403)
  assertProblem(await stranger.get(`/api/assessments/${a.id}/accommodations`), 404)
})

test('essays wait for a person, who is not their author; results and statistics', async () => {
  const a = await approved({ maxScore: 10, passingScore: 5, questions: [{ id: 'e', type: 'essay', text: 'Racontez', points: 4 }, { id: 'v', type: 'true-false', text: 'Vrai ?', answer: true }] })
  const one = await start(who.apprenant1, a.id)
  const sent = await who.apprenant1.post(`/api/attempts/${one.id}/submit`, { answers: { e: 'Il était une fois', v: true } })
  assert.deepEqual([sent.json.status, sent.json.results[0].points], ['submitted', null])
  const grade = (api, json) => api.post(`/api/attempts/${one.id}/grade`, json)
  assertProblem(await grade(who.apprenant1, { questions: [{ questionId: 'e', points: 4 }] }), 403)
  assertProblem(await grade(who.formateur, { questions: [{ questionId: 'e', points: 5 }] }), 422)
  const twice = assertProblem(await grade(who.formateur, { questions: [{ questionId: 'e', points: 1 }, { questionId: 'e', points: 2 }] }), 422)
  assert.deepEqual(twice.errors.map((e) => [e.field, e.code]), [['questions', 'repeated']])
  assert.equal((await grade(who.formateur, { questions: [{ questionId: 'e', points: '2,5' }] })).json.results[0].points, 2.5)
  const done = await grade(who.formateur, { questions: [{ questionId: 'e', points: 3, feedback: 'Bien' }], feedback: 'Continuez' })
  assert.deepEqual([done.json.status, done.json.score, done.json.feedback], ['graded', 8, 'Continuez'], done.text)
  assert.equal((await grade(who.formateur, { questions: [{ questionId: 'e', points: 3 }] })).json.score, 8) // nothing new: nothing is told
  const told = (await who.apprenant1.get('/api/notifications')).json.filter((n) => n.data.attemptId === one.id)
  assert.deepEqual(told.map((n) => n.data.score), [8, 7])
  const two = await start(who.apprenant2, a.id)
  await who.apprenant2.post(`/api/attempts/${two.id}/submit`, { answers: { v: false } })
  const results = (await who.formateur.get(`/api/assessments/${a.id}/results`)).json
  assert.equal(results.attempts.length, 2)
  assert.deepEqual([results.statistics.graded, results.statistics.mean, results.statistics.passRate], [2, 4, 50])
  assert.deepEqual([results.distribution[0].count, results.distribution[8].count], [1, 1])
  assert.equal(results.questions.find((q) => q.questionId === 'v').correctRate, 50)
  const own = (await who.apprenant2.get(`/api/assessments/${a.id}/results`)).json
  assert.deepEqual([own.attempts.map((x) => x.userId), own.statistics, own.questions], [[who.apprenant2.id], null, null])
})

test('changing an approved one makes a draft version; running attempts keep their questions', async () => {
  const a = await approved({ maxScore: 10, questions: [{ id: 'v', type: 'true-false', text: 'Avant ?', answer: true }] })
  const running = await start(who.apprenant1, a.id)
  const d = await put(who.formateur, `/api/assessments/${a.id}`, { questions: [{ id: 'v', type: 'true-false', text: 'Après ?', answer: false }] })
  assert.deepEqual([d.status, d.json.status, d.json.draftOf], [200, 'draft', a.id], d.text)
  assert.equal((await put(who.formateur, `/api/assessments/${a.id}`, { title: 'Mieux' })).json.id, d.json.id)
  assert.equal((await who.apprenant2.get(`/api/assessments/${a.id}`)).json.title, a.title)
  await who.formateur.post(`/api/assessments/${d.json.id}/submit`)
  const merged = await who.manager.post(`/api/assessments/${d.json.id}/approve`)
  assert.deepEqual([merged.json.id, merged.json.version, merged.json.title], [a.id, 2, 'Mieux'], merged.text)
  assert.equal((await who.apprenant1.post(`/api/attempts/${running.id}/submit`, { answers: { v: true } })).json.score, 10)
  const second = await start(who.apprenant2, a.id)
  assert.equal(second.questions[0].text, 'Après ?')
  const tag = (await who.formateur.get(`/api/assessments/${a.id}`)).headers.etag
  assert.match(tag, /^"4-/) // each change and the approval moved it
  assertProblem(await put(who.formateur, `/api/assessments/${a.id}`, { title: 'X' }, { 'if-match': '"1-0"' }), 412)
})

test('the answers of an attempt have a size in all, whatever the number of saves', async () => {
  const a = await approved({ maxAttempts: 1 })
  const { id } = await start(who.apprenant1, a.id)
  const save = (n) => put(who.apprenant1, `/api/attempts/${id}/answers`, { answers: { [`x${n}`]: 'é'.repeat(125000) } })
  for (let n = 0; n < 4; n++) assert.equal((await save(n)).status, 200)
  assertProblem(await save(4), 413)
  assertProblem(await who.apprenant1.post(`/api/attempts/${id}/submit`, { answers: { more: 'é'.repeat(125000) } }), 413)
  assert.equal((await save(0)).status, 200) // what is there can be changed
  assert.equal((await who.apprenant1.post(`/api/attempts/${id}/submit`, { answers: { one: 'b' } })).json.status, 'graded')
})

test('another version has another pass mark and other points: who was judged by the old ones stays judged', async () => {
  const questions = ['u', 'v'].map((id) => ({ id, type: 'true-false', text: 'Vrai ?', answer: true }))
  const a = await approved({ maxScore: 10, passingScore: 8, questions })
  const first = await start(who.apprenant1, a.id)
  assert.equal((await who.apprenant1.post(`/api/attempts/${first.id}/submit`, { answers: { u: true } })).json.score, 5)
  const d = (await put(who.formateur, `/api/assessments/${a.id}`, { maxScore: 20, passingScore: 4 })).json
  await who.formateur.post(`/api/assessments/${d.id}/submit`)
  await who.manager.post(`/api/assessments/${d.id}/approve`)
  const second = await start(who.apprenant2, a.id)
  await who.apprenant2.post(`/api/attempts/${second.id}/submit`, { answers: { u: true, v: true } })
  await start(who.apprenant3, a.id)
  const { attempts, statistics, distribution } = (await who.formateur.get(`/api/assessments/${a.id}/results`)).json
  assert.deepEqual(attempts.map((x) => [x.score, x.maxScore, x.passed]), [[0, 20, null], [20, 20, true], [5, 10, false]])
  assert.deepEqual(statistics, { attempts: 3, graded: 2, learners: 2, mean: 15, median: 15, lowest: 10, highest: 20, passRate: 50 })
  assert.deepEqual(distribution.map((x) => x.count), [0, 0, 0, 0, 0, 1, 0, 0, 0, 1])
})

test('who has not handed in is reminded before it is due, once, in their language, by their own date, if they want to; another date, another reminder', async () => {
  const course = (await who.formateur.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C' })).json.id
  await who.manager.post(`/api/courses/${course}/approve`)
  const learners = [who.apprenant1, who.apprenant2, who.apprenant3, who.admin]
  assert.equal((await who.formateur.post(`/api/courses/${course}/enrollments`, { learnerIds: learners.map((api) => api.id) })).json.enrolled, 4)
  await put(who.admin, '/api/notifications/preferences', { preferences: [{ type: 'deadline_reminder', enabled: false }] })
  await server.sql(`update users set preferences = coalesce(preferences, '{}') || '{"language": "en"}' where id = ${lit(who.apprenant1.id)}`)
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie })
  await wire.enter(`user:${who.apprenant1.id}`)

  // The clock is moved by what is due.
  const due = (id, hours, table = 'assessments', key = 'id') => server.sql(`update ${table} set due_date = now() at time zone 'utc' + interval '1 hour' * ${hours} where ${key} = ${lit(id)}`)
  const asked = async () => (await approved({ courseId: course })).id
  const turn = async () => { // all that was due before this one has been looked at when it comes
    const last = await asked()
    await due(last, 23.9)
    await wire.event(`user:${who.apprenant1.id}`, 'notification', (p) => p.type === 'deadline_reminder' && p.data.assessmentId === last)
  }
  const told = async (id) => (await server.rows(`select u.id, n.title from notifications n join users u on u.id = n.user_id where n.type = 'deadline_reminder' and n.data ->> 'assessmentId' = ${lit(id)}`))
    .map((n) => `${learners.findIndex((api) => api.id === n.id) + 1} ${n.title}`).sort()

  const a = await asked()
  const { attemptId } = await start(who.apprenant2, a)
  await who.apprenant2.post(`/api/attempts/${attemptId}/submit`, { answers: right })
  await put(who.formateur, `/api/assessments/${a}/accommodations`, { learnerId: who.apprenant3.id, dueDate: new Date(Date.now() + 2 * 86400000).toISOString() })
  await start(who.apprenant1, a) // begun is not handed in
  await due(a, 25)
  await turn()
  assert.deepEqual(await told(a), [])
  await due(a, 23)
  await turn()
  assert.deepEqual(await told(a), ['1 Due soon'])
  const one = (await who.apprenant1.get('/api/notifications?type=deadline_reminder')).json.find((n) => n.data.assessmentId === a)
  assert.match(one.message, /^"Contrôle-.*" is due by \d{4}-\d\d-\d\d \d\d:\d\d \(UTC\)\.$/)
  assert.deepEqual([one.data.courseId, one.data.dueDate], [course, (await who.apprenant1.get(`/api/assessments/${a}`)).json.dueDate])
  await due(a, 22, 'assessment_accommodations', 'assessment_id')
  await turn()
  assert.deepEqual(await told(a), ['1 Due soon', '3 Échéance proche'])
  await due(a, 20)
  await turn()
  assert.deepEqual(await told(a), ['1 Due soon', '1 Due soon', '3 Échéance proche'])
  await due(a, -1)
  await turn()
  assert.equal((await told(a)).length, 3)

  // Another server does the same at the same time, and stays or dies in the middle.
  const statement = readFileSync(new URL('../../src/store/sql/assessments/remind.sql', import.meta.url), 'utf8')
  const school = (await who.formateur.get('/api/auth/user')).json.establishmentId
  for (const end of ['commit', 'rollback']) {
    const b = await asked()
    const values = [school, b, '86400', '500']
    process.kill(server.pid, 'SIGSTOP') // until the other one is in the middle
    await due(b, 23)
    const over = await server.hold(`select set_config('stacgate.establishment_id', ${lit(school)}, true); ${statement.replace(/\$(\d)/g, (_, n) => lit(values[n - 1]))}`, end)
    process.kill(server.pid, 'SIGCONT')
    await server.waiting(1)
    await over()
    await turn()
    assert.deepEqual(await told(b), ['1 Due soon', '2 Échéance proche', '3 Échéance proche'], end)
  }
  await wire.close()
})
