// What follows an enrolment: modules and their order, progress, completion, certificates; sessions, spaces, enrolments by the list.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { lit, startServer } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { unique } from './lib/util.mjs'

let server, who, stranger
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'formateur', 'manager', 'admin'])
  stranger = await signIn(server, 'manager@turing.test')
  for (const api of [...Object.values(who), stranger]) api.id = (await api.get('/api/auth/user')).json.id
})
after(() => server?.stop())

const put = (api, path, json, headers) => api.request('PUT', path, { json, headers })
async function course(fields = {}) {
  const r = await who.formateur.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C', ...fields })
  assert.equal((await who.manager.post(`/api/courses/${r.json.id}/approve`)).json.isActive, true)
  return r.json
}
const module = async (id, fields = {}) => {
  const r = await who.formateur.post(`/api/courses/${id}/modules`, { title: unique('Module'), ...fields })
  assert.equal(r.status, 201, r.text)
  return r.json
}

test('modules: made in order, reordered whole, changed by version, hidden ones hidden', async () => {
  const c = await course()
  const [a, b] = [await module(c.id), await module(c.id, { isActive: false })]
  const last = await module(c.id)
  assert.deepEqual([a.orderIndex, b.orderIndex, last.orderIndex], [1, 2, 3])
  assert.equal((await who.apprenant1.get(`/api/courses/${c.id}/modules`)).json.length, 2)
  const order = (ids, api = who.formateur) => put(api, `/api/courses/${c.id}/modules/order`, { ids })
  assert.deepEqual((await order([last.id, a.id, b.id])).json.map((m) => m.id), [last.id, a.id, b.id])
  assertProblem(await order([last.id, a.id]), 422)
  assertProblem(await order([last.id, a.id, 'elsewhere']), 404)
  assertProblem(await order([a.id, b.id, last.id], who.apprenant1), 403)
  assertProblem(await put(who.apprenant1, `/api/modules/${a.id}`, { title: 'X' }), 403)
  const tag = (await who.formateur.get(`/api/modules/${a.id}`)).headers.etag
  assert.equal((await put(who.formateur, `/api/modules/${a.id}`, { title: 'Neuf' }, { 'if-match': tag })).json.title, 'Neuf')
  assertProblem(await put(who.formateur, `/api/modules/${a.id}`, { title: 'Vieux' }, { 'if-match': tag }), 412)
  assertProblem(await stranger.get(`/api/modules/${a.id}`), 404)
  assert.equal((await who.formateur.request('DELETE', `/api/modules/${b.id}`)).status, 200)
  await who.formateur.post('/api/assessments', { title: 'A', courseId: c.id, moduleId: a.id })
  assert.equal(assertProblem(await who.formateur.request('DELETE', `/api/modules/${a.id}`), 409).type, '/problems/module-used')
})

test('a course without instructor, an assessment without author, as adopted ones may be, are the staff\'s alone', async () => {
  const c = await course()
  const m = await module(c.id)
  const s = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'S' })).json
  const a = (await who.formateur.post('/api/assessments', { title: 'A', maxAttempts: 2, questions: [{ id: 'e', type: 'essay', text: '?' }] })).json
  await who.formateur.post(`/api/assessments/${a.id}/submit`)
  await who.manager.post(`/api/assessments/${a.id}/approve`)
  await who.apprenant1.post(`/api/courses/${c.id}/enroll`)
  const { attemptId } = (await who.apprenant2.post(`/api/assessments/${a.id}/attempts`)).json
  await who.apprenant2.post(`/api/attempts/${attemptId}/submit`, { answers: { e: 'Mot' } })
  await server.sql(`update courses set instructor_id = null where id = ${lit(c.id)}; update assessments set created_by = null where id = ${lit(a.id)};
    update training_sessions set status = 'active' where id = ${lit(s.id)}`)
  const calls = [
    ['POST', `/api/courses/${c.id}/modules`, { title: 'M' }], ['PUT', `/api/courses/${c.id}/modules/order`, { ids: [m.id] }],
    ['PUT', `/api/modules/${m.id}`, { title: 'M' }], ['DELETE', `/api/modules/${m.id}`], ['POST', `/api/courses/${c.id}/sessions`, { name: 'S' }],
    ['PUT', `/api/training-sessions/${s.id}`, { name: 'S' }], ['POST', `/api/training-sessions/${s.id}/status`, { status: 'completed' }],
    ['DELETE', `/api/training-sessions/${s.id}`], ['POST', `/api/courses/${c.id}/enrollments`, { learnerIds: [who.apprenant3.id] }],
    ['POST', `/api/courses/${c.id}/complete`, { learnerId: who.apprenant1.id }], ['GET', `/api/analytics/course-progress?courseId=${c.id}`],
    ['PUT', `/api/assessments/${a.id}`, { title: 'X' }], ['POST', `/api/attempts/${attemptId}/grade`, { questions: [{ questionId: 'e', points: 1 }] }],
    ['PUT', `/api/assessments/${a.id}/accommodations`, { learnerId: who.apprenant1.id, extraAttempts: 9 }], ['DELETE', `/api/assessments/${a.id}`],
  ]
  for (const [method, path, json] of calls)
    for (const api of [who.apprenant3, who.formateur]) {
      const r = await api.request(method, path, { json })
      assert.equal(r.status, path.startsWith('/api/attempts/') ? 404 : 403, `${method} ${path}: ${r.status} ${r.text}`)
    }
  assert.equal((await put(who.manager, `/api/modules/${m.id}`, { title: 'À nous' })).status, 200)
})

test('contents and the way into a meeting are for who is in the course, its instructor and staff', async () => {
  const c = await course({ isPublic: true })
  const m = await module(c.id, { contentUrl: 'https://example.org/film', contentData: { key: 42 } })
  const s = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'S', meetingUrl: 'https://example.org/m', meetingId: '7' })).json
  for (const status of ['pending_approval', 'approved']) await who.manager.post(`/api/training-sessions/${s.id}/status`, { status })
  const sees = async (api, signed = true) => {
    const whole = (await api.get(`/api/courses/${c.id}`)).json
    const parts = [whole.modules[0], whole.sessions[0]]
    if (signed) parts.push((await api.get(`/api/courses/${c.id}/modules`)).json[0], (await api.get(`/api/modules/${m.id}`)).json,
      (await api.get(`/api/courses/${c.id}/sessions`)).json[0], (await api.get(`/api/training-sessions/${s.id}`)).json)
    assert.ok(parts.every((p) => p.title === m.title || p.name === 'S'))
    return new Set(parts.map((p) => ('meetingUrl' in p ? p.meetingUrl !== null && p.meetingId === '7' : p.contentUrl !== null && p.contentData?.key === 42)))
  }
  const hidden = new Set([false]), shown = new Set([true])
  assert.deepEqual(await sees(new Api(server), false), hidden)
  assert.deepEqual(await sees(who.apprenant1), hidden)
  await who.apprenant1.post(`/api/courses/${c.id}/enroll`)
  for (const api of [who.apprenant1, who.formateur, who.manager]) assert.deepEqual(await sees(api), shown)
  await put(who.manager, `/api/courses/${c.id}`, { isActive: false })
  assert.deepEqual(await sees(who.apprenant1), shown) // closed, it stays theirs
  assertProblem(await who.apprenant2.get(`/api/modules/${m.id}`), 404)
  await put(who.manager, `/api/courses/${c.id}`, { isActive: true })
  await who.apprenant1.post(`/api/courses/${c.id}/enroll`, { action: 'unenroll' })
  assert.deepEqual(await sees(who.apprenant1), hidden)
})

test('modules that come, go or are switched off count at once; who has done all that is left is done; what is completed stays so', async () => {
  const c = await course()
  const [a, b] = [await module(c.id), await module(c.id)]
  for (const api of [who.apprenant1, who.apprenant2, who.apprenant3]) await api.post(`/api/courses/${c.id}/enroll`)
  const stands = async (api) => (({ progress, status }) => [progress, status])((await api.get(`/api/courses/${c.id}`)).json.enrollment)
  await put(who.apprenant1, `/api/modules/${a.id}/progress`, { status: 'completed' })
  await put(who.apprenant2, `/api/modules/${a.id}/progress`, { progressPercentage: 40 })
  const third = await module(c.id)
  assert.deepEqual(await stands(who.apprenant1), [33, 'in_progress'])
  await who.formateur.request('DELETE', `/api/modules/${third.id}`)
  assert.deepEqual(await stands(who.apprenant1), [50, 'in_progress'])
  await put(who.formateur, `/api/modules/${b.id}`, { isRequired: false })
  assert.deepEqual(await Promise.all([who.apprenant1, who.apprenant2, who.apprenant3].map(stands)), [[100, 'completed'], [40, 'in_progress'], [0, 'enrolled']])
  assert.equal((await who.apprenant1.get(`/api/certificates?courseId=${c.id}`)).json.length, 1)
  await put(who.formateur, `/api/modules/${b.id}`, { isRequired: true })
  await put(who.apprenant1, `/api/modules/${b.id}/progress`, { progressPercentage: 10 })
  assert.deepEqual(await stands(who.apprenant1), [100, 'completed'])
  await who.apprenant1.post(`/api/courses/${c.id}/enroll`, { action: 'unenroll' })
  await who.formateur.post(`/api/courses/${c.id}/enrollments`, { learnerIds: [who.apprenant1.id] })
  assert.deepEqual(await stands(who.apprenant1), [100, 'completed'])
})

test('many who are done at once have a certificate each, with a number of its own, and hear so once, in their language, if they want to', async () => {
  const c = await course()
  const [a, b] = [await module(c.id), await module(c.id)]
  const other = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'S' })).json.id
  const id = (n) => `${c.id}-${n}`
  const [refuses, english, twice, has] = [1, 2, 3, 4].map(id)
  await server.sql(`
    insert into users (id, username, password, establishment_id, email, role, preferences)
      select ${lit(id(''))} || n, ${lit(id(''))} || n, '', ${lit(c.establishmentId)}, ${lit(id(''))} || n || '@many.test', 'apprenant', case n when 2 then '{"language": "en"}'::jsonb end
      from generate_series(1, 250) n;
    insert into user_courses (user_id, course_id, establishment_id, status, progress) select u.id, ${lit(c.id)}, u.establishment_id, 'in_progress', 50 from users u where u.email like '%@many.test';
    insert into user_courses (user_id, course_id, establishment_id, session_id, status) values (${lit(twice)}, ${lit(c.id)}, ${lit(c.establishmentId)}, ${lit(other)}, 'in_progress');
    insert into user_module_progress (user_id, module_id, status) select u.id, ${lit(a.id)}, 'completed' from users u where u.email like '%@many.test';
    insert into certificates (user_id, course_id, establishment_id, certificate_number, title) values (${lit(has)}, ${lit(c.id)}, ${lit(c.establishmentId)}, ${lit(id('before'))}, 'T');
    insert into notification_preferences (user_id, establishment_id, type, enabled) values (${lit(refuses)}, ${lit(c.establishmentId)}, 'system_update', false);`)
  assert.equal((await who.formateur.request('DELETE', `/api/modules/${b.id}`)).status, 200)
  const stands = () => server.rows(`select count(*) as certificates, count(distinct user_id) as people, count(distinct certificate_number) as numbers,
      count(*) filter (where certificate_number ~ '^SG-[0-9]{4}-[0-9A-F]{12}$') as made, count(distinct verification_code) as codes,
      (select count(*) from user_courses e where e.course_id = k.course_id and (e.status, e.progress) = ('completed', 100)) as completed,
      (select count(*) from notifications n where n.data ->> 'courseId' = k.course_id and n.data ? 'certificateId') as told, (select count(distinct n.data ->> 'verificationCode')
       from notifications n join certificates own on own.verification_code = n.data ->> 'verificationCode' and own.user_id = n.user_id where n.data ->> 'courseId' = k.course_id and n.data ? 'certificateId') as own,
      (select array_agg(user_id || ' ' || title) from notifications n where n.data ->> 'courseId' = k.course_id and n.data ? 'certificateId' and n.title <> 'Certificat obtenu') as english
    from certificates k where course_id = ${lit(c.id)} group by k.course_id`)
  const all = [{ certificates: 250, people: 250, numbers: 250, made: 249, codes: 249, completed: 251, told: 248, own: 248, english: [`${english} Certificate earned`] }]
  assert.deepEqual(await stands(), all)
  await module(c.id)
  for (const isRequired of [false, true, false]) await put(who.formateur, `/api/modules/${a.id}`, { isRequired })
  assert.deepEqual(await stands(), all)
})

test('who comes back stands where the modules are by then, and is done when there is nothing left', async () => {
  const back = {
    self: (c, api) => api.post(`/api/courses/${c.id}/enroll`),
    list: (c, api) => who.formateur.post(`/api/courses/${c.id}/enrollments`, { learnerIds: [api.id] }),
  }
  for (const [way, comes] of Object.entries(back)) {
    const c = await course()
    const [a, b] = [await module(c.id), await module(c.id)]
    for (const api of [who.apprenant1, who.apprenant2]) await api.post(`/api/courses/${c.id}/enroll`)
    await put(who.apprenant1, `/api/modules/${a.id}/progress`, { status: 'completed' })
    const leaves = (api) => api.post(`/api/courses/${c.id}/enroll`, { action: 'unenroll' })
    const stands = async (api) => {
      assert.ok([200, 201].includes((await comes(c, api)).status))
      const { progress, status, completedAt } = (await api.get(`/api/courses/${c.id}`)).json.enrollment
      return [progress, status, completedAt !== null]
    }
    for (const api of [who.apprenant1, who.apprenant2]) await leaves(api)
    const third = await module(c.id)
    assert.deepEqual([await stands(who.apprenant1), await stands(who.apprenant2)], [[33, 'in_progress', false], [0, 'enrolled', false]], way)
    await leaves(who.apprenant1)
    for (const m of [b, third]) await put(who.formateur, `/api/modules/${m.id}`, { isRequired: false })
    assert.deepEqual(await stands(who.apprenant1), [100, 'completed', true], way)
    await leaves(who.apprenant1)
    assert.deepEqual(await stands(who.apprenant1), [100, 'completed', true], way)
    assert.equal((await who.apprenant1.get(`/api/certificates?courseId=${c.id}`)).json.length, 1, way)
  }
})

test('who is given approving, without being staff, sees what there is to approve, and only approves', async () => {
  const c = (await who.manager.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C', isActive: false })).json
  const s = (await who.manager.post(`/api/courses/${c.id}/sessions`, { name: 'S' })).json
  await who.manager.post(`/api/training-sessions/${s.id}/status`, { status: 'pending_approval' })
  const a = (await who.manager.post('/api/assessments', { title: 'A', questions: [{ id: 'e', type: 'essay', text: '?' }] })).json
  await who.manager.post(`/api/assessments/${a.id}/submit`)
  const paths = [`/api/courses/${c.id}`, `/api/training-sessions/${s.id}`, `/api/assessments/${a.id}`]
  for (const path of paths) assertProblem(await who.formateur.get(path), 404)
  const grant = (method, name) => who.admin.request(method, `/api/users/${who.formateur.id}/permissions/${name}:approve`, { json: method === 'PUT' ? {} : undefined })
  for (const name of ['courses', 'assessments']) assert.equal((await grant('PUT', name)).status, 200)
  for (const path of paths) assert.equal((await who.formateur.get(path)).status, 200, path)
  assert.equal((await who.formateur.get('/api/assessments?status=pending_approval')).json.some((x) => x.id === a.id), true)
  assertProblem(await put(who.formateur, `/api/training-sessions/${s.id}`, { name: 'X' }), 403)
  assert.equal((await who.formateur.post(`/api/training-sessions/${s.id}/status`, { status: 'approved' })).status, 200)
  assertProblem(await who.formateur.post(`/api/training-sessions/${s.id}/status`, { status: 'active' }), 403)
  assert.equal((await who.formateur.post(`/api/assessments/${a.id}/approve`)).status, 200)
  assert.equal((await who.formateur.post(`/api/courses/${c.id}/approve`)).status, 200)
  for (const name of ['courses', 'assessments']) await grant('DELETE', name)
})

test('progress to completion issues one certificate, which anybody verifies until it is revoked', async () => {
  const c = await course()
  const [a, b] = [await module(c.id), await module(c.id)]
  await module(c.id, { isRequired: false })
  const go = (m, json) => put(who.apprenant1, `/api/modules/${m.id}/progress`, json)
  assertProblem(await go(a, { status: 'completed' }), 403)
  await who.apprenant1.post(`/api/courses/${c.id}/enroll`)
  assert.equal((await go(a, { progressPercentage: 50, timeSpent: 10 })).json.courseProgress, 25)
  assert.equal((await go(a, { status: 'completed', timeSpent: 5 })).json.courseProgress, 50)
  assert.equal((await go(a, { progressPercentage: 10 })).json.module.status, 'completed')
  const end = (await go(b, { status: 'completed' })).json
  assert.deepEqual([end.courseProgress, end.courseCompleted], [100, true])
  assert.equal((await go(b, { status: 'completed' })).json.courseCompleted, false)
  const mine = (await who.apprenant1.get(`/api/certificates?courseId=${c.id}`)).json
  assert.equal(mine.length, 1)
  const verify = () => new Api(server).get(`/api/certificates/verify/${mine[0].verificationCode}`)
  const v = (await verify()).json
  assert.deepEqual([v.valid, v.holder, v.establishment, v.title], [true, 'Léa Martin', 'Lycée Molière', c.title])
  assertProblem(await new Api(server).get('/api/certificates/verify/00000000'), 404)
  assertProblem(await who.apprenant1.post(`/api/certificates/${mine[0].id}/revoke`, { reason: 'R' }), 403)
  assertProblem(await stranger.post(`/api/certificates/${mine[0].id}/revoke`, { reason: 'R' }), 404)
  assertProblem(await who.apprenant2.get(`/api/certificates/${mine[0].id}`), 404)
  assert.equal((await who.formateur.get(`/api/certificates/${mine[0].id}`)).status, 200) // its course's instructor
  const issued = async (api) => (await api.get(`/api/certificates?all=true&courseId=${c.id}`)).json.map((x) => x.userId)
  for (const [api, ids] of [[who.formateur, [who.apprenant1.id]], [who.manager, [who.apprenant1.id]], [who.apprenant2, []]]) assert.deepEqual(await issued(api), ids)
  await who.manager.post(`/api/certificates/${mine[0].id}/revoke`, { reason: 'Erreur' })
  assert.equal((await verify()).json.valid, false)
  await who.manager.post(`/api/certificates/${mine[0].id}/revoke`, { reason: 'Erreur' })
  const told = (await who.apprenant1.get('/api/notifications')).json.filter((n) => n.data.certificateId === mine[0].id).map((n) => [n.title, n.message])
  assert.deepEqual(told, [['Certificat retiré', `Votre certificat « ${c.title} » a été retiré : Erreur`], ['Certificat obtenu', `Votre certificat « ${c.title} » est disponible.`]])
  for (const [first, last, holder] of [['Léa', null, 'Léa'], [null, '', null], ['Léa', 'Martin', 'Léa Martin']]) {
    await server.sql(`update users set first_name = ${first === null ? 'null' : lit(first)}, last_name = ${last === null ? 'null' : lit(last)} where id = ${lit(who.apprenant1.id)}`)
    assert.equal((await verify()).json.holder, holder)
  }
  const again = async (api) => {
    assert.equal((await api.post(`/api/courses/${c.id}/complete`, { learnerId: who.apprenant1.id })).status, 200)
    return (await who.apprenant1.get(`/api/certificates?courseId=${c.id}`)).json.map((k) => k.isValid)
  }
  assert.deepEqual([await again(who.formateur), await again(who.manager)], [[false], [true, false]]) // who revokes issues anew
})

test('enrolments by a list: a result each, places in order; completion by the trainer', async () => {
  const c = await course({ maxParticipants: 2 })
  const batch = (api, learnerIds) => api.post(`/api/courses/${c.id}/enrollments`, { learnerIds })
  assertProblem(await batch(who.apprenant1, [who.apprenant1.id]), 403)
  const r = await batch(who.formateur, [who.apprenant1.id, stranger.id, 'nobody', who.apprenant2.id, who.apprenant3.id, who.apprenant1.id])
  assert.deepEqual(r.json.results.map((x) => x.result), ['enrolled', 'not_found', 'not_found', 'enrolled', 'full'], r.text)
  assert.equal(r.json.enrollmentCount, 2)
  assert.deepEqual((await batch(who.formateur, [who.apprenant1.id])).json.results[0].result, 'already')
  const list = (await who.formateur.get(`/api/courses/${c.id}/enrollments`)).json
  assert.deepEqual(list.map((e) => e.user.firstName).sort(), ['Léa', 'Noah'])
  assertProblem(await who.apprenant1.get(`/api/courses/${c.id}/enrollments`), 403)
  const done = await who.formateur.post(`/api/courses/${c.id}/complete`, { learnerId: who.apprenant2.id, finalGrade: '15,5' })
  assert.deepEqual([done.json.status, done.json.progress, done.json.finalGrade], ['completed', 100, '15.50'], done.text)
  assertProblem(await who.apprenant1.post(`/api/courses/${c.id}/complete`, { learnerId: who.apprenant1.id }), 403)
  await put(who.manager, `/api/courses/${c.id}`, { maxParticipants: null })
  await who.formateur.post(`/api/courses/${c.id}/enroll`)
  assert.equal(assertProblem(await who.formateur.post(`/api/courses/${c.id}/complete`, { learnerId: who.formateur.id }), 403).type, '/problems/own-work')
  assert.equal((await who.apprenant2.get(`/api/certificates?courseId=${c.id}`)).json.length, 1)
})

test('of what happens at once to one place in a course, nothing is lost and nobody is counted twice', async () => {
  const c = await course()
  const [a, b] = [await module(c.id), await module(c.id)]
  const place = `select from user_courses where course_id = ${lit(c.id)} for update`
  const enroll = (json) => who.apprenant1.post(`/api/courses/${c.id}/enroll`, json)
  await enroll()
  const finish = (m) => () => put(who.apprenant1, `/api/modules/${m.id}/progress`, { status: 'completed' })
  const ends = await server.meet(place, finish(a), finish(b))
  assert.deepEqual(ends.map((r) => r.json.courseCompleted).sort(), [false, true], ends.map((r) => r.text).join())
  const mine = (await who.apprenant1.get(`/api/courses/${c.id}`)).json.enrollment
  assert.deepEqual([mine.status, mine.progress], ['completed', 100])
  assert.equal((await who.apprenant1.get(`/api/certificates?courseId=${c.id}`)).json.length, 1)
  // Who leaves while the trainer certifies has left, or is certified: the number of places is right.
  await server.sql(`update user_courses set status = 'in_progress' where course_id = ${lit(c.id)}`)
  const answers = await server.meet(place, () => enroll({ action: 'unenroll' }), () => who.formateur.post(`/api/courses/${c.id}/complete`, { learnerId: who.apprenant1.id }))
  assert.deepEqual(answers.map((r) => r.status), [200, 404])
  assert.equal(await server.sql(`select enrollment_count || ' ' || (select count(*) from user_courses where course_id = c.id and status <> 'dropped') from courses c where id = ${lit(c.id)}`), '0 0')
})

test('who left a session comes back by the list into the course, not into the session\'s place that another has', async () => {
  const c = await course()
  const s = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'S', maxParticipants: 1 })).json
  await server.sql(`update training_sessions set status = 'active' where id = ${lit(s.id)}`)
  const enroll = (api, json) => api.post(`/api/courses/${c.id}/enroll`, json)
  assert.equal((await enroll(who.apprenant1, { sessionId: s.id })).status, 201)
  await enroll(who.apprenant1, { action: 'unenroll' })
  assert.equal((await enroll(who.apprenant2, { sessionId: s.id })).status, 201)
  const back = await who.formateur.post(`/api/courses/${c.id}/enrollments`, { learnerIds: [who.apprenant1.id] })
  assert.equal(back.json.results[0].result, 'enrolled')
  const inside = (await who.formateur.get(`/api/courses/${c.id}/enrollments?sessionId=${s.id}`)).json
  assert.deepEqual(inside.map((e) => e.userId), [who.apprenant2.id])
})

test('training sessions go step by step; approval is the staff\'s; places are counted', async () => {
  const c = await course()
  const s = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'Automne', startDate: '2030-01-01', endDate: '2030-02-01', maxParticipants: 1 })).json
  const move = (api, status) => api.post(`/api/training-sessions/${s.id}/status`, { status })
  const enroll = (api) => api.post(`/api/courses/${c.id}/enroll`, { sessionId: s.id })
  const { etag } = (await who.formateur.get(`/api/training-sessions/${s.id}`)).headers
  assert.equal(s.status, 'draft')
  assertProblem(await who.apprenant1.get(`/api/training-sessions/${s.id}`), 404)
  assert.equal(assertProblem(await move(who.formateur, 'active'), 409).type, '/problems/next-step')
  assert.equal((await move(who.formateur, 'pending_approval')).json.status, 'pending_approval')
  assertProblem(await move(who.formateur, 'approved'), 403)
  assertProblem(await enroll(who.apprenant1), 409)
  assert.equal((await move(who.manager, 'approved')).json.status, 'approved')
  // Its steps are nothing that PUT sets: its tag stands.
  assert.equal((await put(who.formateur, `/api/training-sessions/${s.id}`, { name: 'Automne, le soir' }, { 'if-match': etag })).status, 200)
  assert.equal((await enroll(who.apprenant1)).status, 201)
  assertProblem(await enroll(who.apprenant2), 409)
  assertProblem(await who.formateur.request('DELETE', `/api/training-sessions/${s.id}`), 409)
  const second = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'Hiver', startDate: '2030-03-01', endDate: '2030-04-01', maxParticipants: 1, meetingUrl: 'https://example.org/m' })).json
  for (const status of ['pending_approval', 'approved']) await who.manager.post(`/api/training-sessions/${second.id}/status`, { status })
  await who.apprenant2.post(`/api/courses/${c.id}/enroll`, { sessionId: second.id })
  await put(who.formateur, `/api/training-sessions/${second.id}`, { name: 'Hiver', description: 'Le soir' })
  const told = async (api) => (await api.get('/api/notifications')).json.filter((n) => n.data.sessionId === second.id).map((n) => n.message)
  assert.deepEqual(await told(who.apprenant2), [])
  const bare = await put(who.formateur, `/api/training-sessions/${second.id}`, { startDate: null, endDate: null, maxParticipants: null, meetingUrl: null })
  assert.deepEqual([bare.json.startDate, bare.json.endDate, bare.json.maxParticipants, bare.json.meetingUrl, bare.json.name], [null, null, null, null, 'Hiver'])
  assert.deepEqual([await told(who.apprenant2), await told(who.apprenant1)], [['Les dates ou le lien de « Hiver » ont changé.'], []])
  await who.apprenant2.post(`/api/courses/${c.id}/enroll`, { action: 'unenroll' })
  assert.equal((await who.formateur.request('DELETE', `/api/training-sessions/${second.id}`)).status, 200) // nobody is in it any more
  for (const status of ['active', 'completed', 'archived']) assert.equal((await move(who.formateur, status)).json.status, status)
  assert.equal(assertProblem(await put(who.formateur, `/api/training-sessions/${s.id}`, { name: 'X' }), 409).type, '/problems/archived')
  assertProblem(await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'À rebours', startDate: '2030-02-01', endDate: '2030-01-01' }), 422)
})

test('a session\'s places are lowered, or it goes, while people enter: never below who is in it', async () => {
  const c = await course()
  for (let round = 0; round < 12; round++) {
    const s = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'S', maxParticipants: 3 })).json
    await server.sql(`update training_sessions set status = 'active' where id = ${lit(s.id)}`)
    const session = `/api/training-sessions/${s.id}`
    const enter = [who.apprenant1, who.apprenant2, who.apprenant3].map((api) => api.post(`/api/courses/${c.id}/enroll`, { sessionId: s.id }))
    const change = round % 2 ? who.formateur.request('DELETE', session) : put(who.formateur, session, { maxParticipants: 1 })
    const answers = (await Promise.all([change, ...enter])).map((r) => r.status)
    const [{ places, there }] = await server.rows(`select (select max_participants from training_sessions where id = ${lit(s.id)}) as places,
      (select count(*)::int from user_courses where session_id = ${lit(s.id)}) as there`)
    assert.ok(places === null ? there === 0 : there <= places, `${answers}: ${there} of ${places}`)
    assert.ok(answers.every((status) => [200, 201, 404, 409, 422].includes(status)), `${answers}`)
  }
})

test('a learner lists their own courses and how far they are, dropped ones when asked for', async () => {
  const [a, b] = [await course(), await course()]
  for (const c of [a, b]) await who.apprenant3.post(`/api/courses/${c.id}/enroll`)
  const m = await module(a.id)
  await put(who.apprenant3, `/api/modules/${m.id}/progress`, { progressPercentage: 30 })
  await who.apprenant3.post(`/api/courses/${b.id}/enroll`, { action: 'unenroll' })
  const mine = async (api, q = '') => (await api.get(`/api/enrollments?${q}`)).json.filter((e) => [a.id, b.id].includes(e.courseId)).map((e) => [e.course.title, e.status, e.progress])
  assert.deepEqual([await mine(who.apprenant3), await mine(who.apprenant3, 'status=dropped'), await mine(who.apprenant3, 'status=completed'), await mine(who.apprenant2)],
    [[[a.title, 'in_progress', 30]], [[b.title, 'dropped', 0]], [], []])
})

test('a session takes one step of its life at a time, and no other', async () => {
  const steps = { draft: ['pending_approval'], pending_approval: ['draft', 'approved'], approved: ['active'], active: ['completed'], completed: ['archived'], archived: [] }
  const c = await course()
  const s = (await who.formateur.post(`/api/courses/${c.id}/sessions`, { name: 'S' })).json
  const move = async (status) => (await who.manager.post(`/api/training-sessions/${s.id}/status`, { status })).status
  for (const [at, open] of Object.entries(steps)) {
    for (const status of Object.keys(steps)) if (!open.includes(status)) assert.equal(await move(status), 409, `${at} → ${status}`)
    for (const status of open) {
      assert.equal(await move(status), 200, `${at} → ${status}`)
      if (status === 'draft') await move(at)
    }
  }
})

test('trainer spaces: asked for, approved by somebody else', async () => {
  assertProblem(await who.apprenant1.post('/api/trainer-spaces', { name: 'X' }), 403)
  const s = (await who.formateur.post('/api/trainer-spaces', { name: 'Atelier' })).json
  assert.equal(s.isActive, false)
  assert.ok(!(await who.apprenant1.get('/api/trainer-spaces')).json.some((x) => x.id === s.id))
  assertProblem(await who.formateur.post(`/api/trainer-spaces/${s.id}/approve`), 403)
  assertProblem(await stranger.post(`/api/trainer-spaces/${s.id}/approve`), 404)
  assert.equal((await who.manager.post(`/api/trainer-spaces/${s.id}/approve`)).json.isActive, true)
  assert.equal(assertProblem(await who.manager.post(`/api/trainer-spaces/${s.id}/approve`), 409).type, '/problems/not-pending')
  assert.ok((await who.apprenant1.get('/api/trainer-spaces')).json.some((x) => x.id === s.id))
})

test('every list pages through a thousand rows without gap or repeat, rows without a time among them', async () => {
  const [school, course, user] = await Promise.all([
    server.sql(`select establishment_id from users where id = '${who.manager.id}'`),
    server.sql(`insert into courses (establishment_id, title, description, category, is_active) select establishment_id, 'Mille', 'D', 'Pages', true from users where id = '${who.manager.id}' returning id`),
    who.manager.id,
  ])
  await server.sql(`
    set session_replication_role = replica;
    insert into courses (establishment_id, title, description, category, is_active, created_at) select '${school}', 'P' || n, 'D', 'Pages', true, case when n % 7 > 0 then now() - n / 10 * interval '1 hour' end from generate_series(1, 999) n;
    insert into user_courses (establishment_id, user_id, course_id, status, enrolled_at) select '${school}', 'x' || n, '${course}', 'enrolled', case when n % 7 > 0 then now() - n / 10 * interval '1 hour' end from generate_series(1, 1000) n;
    insert into assessments (id, establishment_id, title, assessment_type, status, created_at) select 'pages' || n, '${school}', 'P' || n, 'project', 'approved', case when n % 7 > 0 then now() - n / 10 * interval '1 hour' end from generate_series(1, 1000) n;
    insert into assessment_attempts (establishment_id, assessment_id, user_id, status, started_at) select '${school}', 'pages1', '${user}', 'failed', case when n % 7 > 0 then now() - n / 10 * interval '1 hour' end from generate_series(1, 1000) n;
    insert into notifications (establishment_id, user_id, type, title, message, created_at) select '${school}', '${user}', 'deadline_reminder', 'T', 'M', case when n % 7 > 0 then now() - n / 10 * interval '1 hour' end from generate_series(1, 1000) n;
    insert into export_jobs (establishment_id, user_id, type, status, filename, created_at) select '${school}', '${user}', 'sql', 'failed', 'f', case when n % 7 > 0 then now() - n / 10 * interval '1 hour' end from generate_series(1, 1000) n;
    insert into certificates (establishment_id, user_id, course_id, certificate_number, title, issue_date) select '${school}', '${user}', '${course}', 'P' || n, 'T', case when n % 7 > 0 then now() - n / 10 * interval '1 hour' end from generate_series(1, 1000) n;
    insert into help_contents (id, establishment_id, title, content, category, sort_order) select 'pages' || n, '${school}', 'T', 'C', 'Pages', n / 10 from generate_series(1, 1000) n;
    analyze;`)
  const lists = ['/api/courses?category=Pages', `/api/courses/${course}/enrollments?status=enrolled`, '/api/assessments?type=project', '/api/attempts?status=failed', '/api/assessments/pages1/attempts?status=failed', '/api/notifications?type=deadline_reminder', '/api/exports?type=sql', `/api/certificates?courseId=${course}`, '/api/help?category=Pages']
  for (const list of lists) {
    const seen = []
    for (let path = `${list}&limit=170&count=exact`; path; ) {
      const r = await who.manager.get(path)
      assert.equal(r.status, 200, r.text)
      assert.equal(r.headers['x-total-count'], '1000', list)
      seen.push(...r.json.map((x) => x.id))
      path = /<([^>]+)>; ?rel="next"/.exec(r.headers.link ?? '')?.[1]
    }
    assert.deepEqual([seen.length, new Set(seen).size], [1000, 1000], list)
  }
})
