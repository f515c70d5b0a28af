// An assessment's channel: takers on the server's clock, who see their own attempt; its author and staff, who see everybody's. Saving answers
// is REST's own act. Answer keys are in nothing that a taker ever received.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people, pushed, signIn } from './lib/client.mjs'
import { follow, member, members, uuid } from './lib/school.mjs'
import { unique, until } from './lib/util.mjs'

const EVENTS = ['time', 'attempt:started', 'attempt:saved', 'attempt:submitted']
const CANARY = 'KEYCANARY'
let server, who
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['formateur', 'apprenant1', 'apprenant2', 'apprenant3', 'manager'])
  who.stranger = await signIn(server, 'admin@turing.test')
  who.root = await signIn(server, 'superadmin@stacgate.test')
})
after(() => server?.stop())

const id = (person) => person.user.id
const ok = (r, status = 200) => (assert.equal(r.status, status, r.text), r.json)
const questions = [
  { id: 'q1', type: 'short-text', text: 'Qui ?', answer: [`${CANARY}-a`], explanation: `${CANARY}-b` },
  { id: 'q2', type: 'single', text: 'Un ?', options: [{ id: 'a', text: 'A' }, { id: 'b', text: 'B' }], answer: 'b' },
]
async function assessment(fields = {}) {
  const a = ok(await who.formateur.post('/api/assessments', { title: unique('Contrôle'), assessmentType: 'quiz', questions, maxAttempts: 3, ...fields }), 201)
  ok(await who.formateur.post(`/api/assessments/${a.id}/submit`))
  ok(await who.manager.post(`/api/assessments/${a.id}/approve`))
  return { id: a.id, topic: `assessment:${a.id}` }
}
const start = async (person, a) => ok(await person.post(`/api/assessments/${a.id}/attempts`), 201)
const endIn = (attempt, ms) => server.sql(`update assessment_attempts set deadline = now() at time zone 'utc' + interval '${ms} ms' where id = ${lit(attempt.id)}`)
const off = (...list) => list.forEach((x) => x.socket.disconnect())

test('who may come in, and what the join says: one\'s own attempt, the time, no log', async () => {
  const a = await assessment({ timeLimit: 30 })
  const attempt = await start(who.apprenant1, a)
  ok(await who.apprenant1.request('PUT', `/api/attempts/${attempt.id}/answers`, { json: { answers: { q2: 'a' } } }))
  const [ada, bob, author, manager, root] = await members(server, [who.apprenant1, who.apprenant2, who.formateur, who.manager, who.root], a.topic)
  const { role, now, attempt: mine, deadline, ticket, ...more } = ada.joined
  assert.deepEqual([role, deadline, mine.id, mine.userId, mine.status, mine.answers, typeof ticket, more],
    ['taker', attempt.deadline, attempt.id, id(who.apprenant1), 'in_progress', { q2: 'a' }, 'string', {}])
  assert.ok(Date.parse(now) < Date.parse(deadline) && Date.parse(now) > Date.parse(attempt.startedAt))
  assert.deepEqual([bob.joined.role, bob.joined.attempt, bob.joined.deadline], ['taker', undefined, undefined])
  assert.deepEqual([author.joined.role, manager.joined.role, root.joined.role], ['author', 'manager', 'super_admin'])
  const stranger = await member(server, who.stranger, `user:${id(who.stranger)}`)
  assert.equal((await stranger.join(a.topic)).response.reason, 'not_found')
  assert.equal((await ada.join(`assessment:${uuid}`)).response.reason, 'not_found')
  const draft = ok(await who.formateur.post('/api/assessments', { title: unique('Brouillon'), assessmentType: 'quiz', questions }), 201)
  assert.equal((await ada.join(`assessment:${draft.id}`)).response.reason, 'forbidden')
  assert.equal((await author.join(`assessment:${draft.id}`)).status, 'ok')
  assert.equal(await server.sql(`select count(*) from channels where topic like 'assessment:%'`), '0')
  await Promise.all([ada, bob, author, manager, root, stranger].map((w) => w.close()))
})

test('answers:save keeps what REST would, and refuses what it would', async () => {
  const a = await assessment({ timeLimit: 30 })
  const other = await assessment()
  const [attempt, elsewhere, theirs] = [await start(who.apprenant1, a), await start(who.apprenant1, other), await start(who.apprenant2, a)]
  const ada = await follow(server, who.apprenant1, a.topic, EVENTS, { encoding: 'msgpack' })
  const saves = (payload) => pushed(ada.channel, 'answers:save', payload).then((r) => r, (e) => e.response.reason)
  const { savedAt, ...more } = await saves({ attemptId: attempt.id, answers: { q1: 'moi', q2: 'a' } })
  assert.deepEqual([Object.keys(more), new Date(savedAt).toISOString()], [[], savedAt])
  await saves({ attemptId: attempt.id, answers: { q2: 'b' } })
  assert.deepEqual(ok(await who.apprenant1.get(`/api/attempts/${attempt.id}`)).answers, { q1: 'moi', q2: 'b' })
  for (const [payload, reason] of [[{ attemptId: theirs.id, answers: {} }, 'not_found'], [{ attemptId: uuid, answers: {} }, 'not_found'],
    [{ attemptId: elsewhere.id, answers: { q2: 'b' } }, 'not_found'], [{ attemptId: attempt.id }, 'invalid'], [{ attemptId: attempt.id, answers: [] }, 'invalid'],
    [{ answers: {} }, 'invalid']])
    assert.equal(await saves(payload), reason, JSON.stringify(payload))
  ok(await who.apprenant1.post(`/api/attempts/${attempt.id}/submit`, {}))
  assert.equal(await saves({ attemptId: attempt.id, answers: { q2: 'a' } }), 'conflict')
  assert.deepEqual(ok(await who.apprenant1.get(`/api/attempts/${attempt.id}`)).answers, { q1: 'moi', q2: 'b' })
  assert.deepEqual(ok(await who.apprenant2.get(`/api/attempts/${theirs.id}`)).answers, {})
  off(ada)
})

test('its author and staff see everybody\'s attempts begin, be saved and end; takers their own end alone; no key leaves', async () => {
  const a = await assessment({ timeLimit: 30 })
  const [ada, bob, author, manager] = await members(server, [who.apprenant1, who.apprenant2, who.formateur, who.manager], a.topic)
  const school = await member(server, who.manager, `establishment:${who.manager.user.establishmentId}`)
  const attempt = await start(who.apprenant1, a)
  await ada.done(a.topic, 'answers:save', { attemptId: attempt.id, answers: { q2: 'b' } })
  const submitted = ok(await who.apprenant1.post(`/api/attempts/${attempt.id}/submit`, { answers: { q1: 'non' } }))
  for (const w of [author, manager]) {
    const begun = (await w.event(a.topic, 'attempt:started'))[4]
    assert.deepEqual([begun.attempt.id, begun.attempt.userId, begun.attempt.questions, begun.seq], [attempt.id, id(who.apprenant1), undefined, undefined])
    const kept = (await w.event(a.topic, 'attempt:saved'))[4]
    assert.deepEqual([kept.attemptId, kept.userId, kept.answered, kept.answers], [attempt.id, id(who.apprenant1), 1, undefined])
    assert.deepEqual((await w.event(a.topic, 'attempt:submitted'))[4], { attempt: submitted, byClock: false })
  }
  assert.deepEqual((await ada.event(a.topic, 'attempt:submitted'))[4], { attempt: submitted, byClock: false })
  const p = (await school.event(`establishment:${who.manager.user.establishmentId}`, 'activity', (x) => x.type === 'assessment_submitted'))[4]
  assert.deepEqual([p.userId, p.assessmentId, p.attemptId], [id(who.apprenant1), a.id, attempt.id])
  await bob.settle()
  assert.deepEqual(EVENTS.flatMap((e) => bob.seen(a.topic, e)), [])
  assert.deepEqual([ada.seen(a.topic, 'attempt:started'), ada.seen(a.topic, 'attempt:saved'), ada.seen(a.topic, 'presence_state')], [[], [], []])
  const back = await member(server, who.apprenant1, a.topic)
  assert.deepEqual([back.joined.attempt.status, back.joined.deadline], ['graded', undefined])
  for (const w of [ada, bob, back]) assert.ok(!JSON.stringify(w.log).includes(CANARY))
  await Promise.all([ada, bob, author, manager, school, back].map((w) => w.close()))
})

test('the clock: minutes, the last seconds, the end; across a cut and a restart; an accommodation is told at once', async () => {
  const a = await assessment({ timeLimit: 30 })
  const [attempt, long] = [await start(who.apprenant1, a), await start(who.apprenant2, a)]
  await endIn(long, 62000)
  const bob = await follow(server, who.apprenant2, a.topic, EVENTS)
  const minute = await bob.next('time')
  assert.deepEqual([minute.attemptId, minute.deadline], [long.id, bob.reply.deadline])
  const left = Date.parse(minute.deadline) - Date.parse(minute.now)
  assert.ok(left <= 60000 && left > 50000 && Math.abs(minute.remaining * 1000 - left) <= 500, JSON.stringify(minute))
  ok(await who.formateur.request('PUT', `/api/assessments/${a.id}/accommodations`, { json: { learnerId: id(who.apprenant2), extraTime: 50, reason: 'PAP' } }))
  assert.ok((await bob.next('time', (t) => t.deadline !== minute.deadline)).remaining > 40 * 60)
  await endIn(attempt, 5200)
  const ada = await follow(server, who.apprenant1, a.topic, EVENTS)
  const author = await follow(server, who.formateur, a.topic, EVENTS)
  await ada.next('time')
  ada.socket.cut()
  const over = await ada.next('attempt:submitted')
  assert.deepEqual([over.byClock, over.attempt.id, over.attempt.submittedAt], [true, attempt.id, ada.reply.deadline])
  assert.deepEqual((await author.next('attempt:submitted')).attempt.id, attempt.id)
  const told = ada.heard('time').map((t) => t.remaining)
  assert.ok(told.length >= 2 && told.every((n, i) => n >= 0 && n <= 5 && (i === 0 || n < told[i - 1])), `${told}`)
  assert.ok(told.at(-1) <= 1)
  assert.deepEqual(author.heard('time'), [])
  assert.ok(ada.joins.length > 1 && bob.heard('attempt:submitted').length === 0)
  await server.kill9()
  await endIn(long, 6000)
  await server.start()
  await until('the clock after a restart', () => bob.heard('time').some((t) => t.remaining <= 3))
  assert.equal((await bob.next('attempt:submitted')).byClock, true)
  off(ada, bob, author)
})

test('who loses the course is out at once; whoever gets it comes in', async () => {
  const course = ok(await who.manager.post('/api/courses', { title: unique('Cours'), description: 'D', category: 'C', instructorId: id(who.formateur) }), 201)
  const a = await assessment({ courseId: course.id, isPublic: false })
  const ada = await member(server, who.apprenant1, `user:${id(who.apprenant1)}`)
  assert.equal((await ada.join(a.topic)).response.reason, 'forbidden')
  const enrol = (json) => who.apprenant1.post(`/api/courses/${course.id}/enroll`, json)
  ok(await enrol({}), 201)
  await ada.enter(a.topic)
  const gone = ada.event(a.topic, 'phx_error')
  ok(await enrol({ action: 'unenroll' }))
  await gone
  assert.equal((await ada.join(a.topic)).response.reason, 'forbidden')
  await ada.close()
})
