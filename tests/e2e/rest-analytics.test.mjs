// Analytics: figures equal what a count of the tables says, follow what happens, and are shown to whom they concern.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { lit, startServer } from './lib/server.mjs'
import { Wire, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup, member, say } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who, stranger, school
before(async () => {
  server = await startServer({ env: { STACGATE_ANALYTICS_EVERY: '300' } })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'formateur', 'manager'])
  stranger = await signIn(server, 'manager@turing.test')
  for (const api of Object.values(who)) api.id = (await api.get('/api/auth/user')).json.id
  school = server.demo.establishments.find((e) => e.slug === 'lycee-moliere').id
})
after(() => server?.stop())

const overview = async () => (await who.manager.get('/api/analytics/overview')).json
const count = async (query) => Number(await server.sql(`select count(*) from ${query}`))
const shows = (what, wanted) => until(what, async () => JSON.stringify(await wanted(await overview())) === 'true')

test('the overview equals the tables, and follows them', async () => {
  const learners = await count(`users where establishment_id = ${lit(school)} and role = 'apprenant'`)
  await shows('users', (o) => o.users.byRole.apprenant === learners && o.users.total === 9)
  const enrolled = await count(`user_courses where establishment_id = ${lit(school)} and status <> 'dropped'`)
  await shows('enrolments', (o) => o.enrollments.total === enrolled && o.totalEnrollments === enrolled)
  const before = await overview()
  assert.equal(before.courses.byCategory.reduce((n, c) => n + c.count, 0), before.courses.total)
  await shows('who is active now', (o) => o.activeUsers.now === 4)
  const made = await who.manager.post('/api/courses', { title: 'Nouveau', description: 'D', category: 'Chiffres' })
  await who.apprenant1.post(`/api/courses/${made.json.id}/enroll`)
  await shows('one more of each', (o) => o.enrollments.total === enrolled + 1 && o.courses.byCategory.some((c) => c.category === 'Chiffres' && c.count === 1))
  const done = await count(`user_courses where establishment_id = ${lit(school)} and status = 'completed'`)
  assert.equal((await overview()).completionRate, Number(((100 * done) / (enrolled + 1)).toFixed(2)))
})

test('live connections are the school\'s own sockets, known at once', async () => {
  const was = (await overview()).liveConnections
  const [a, b] = [await Wire.open(server, { cookie: who.apprenant1.cookie }), await Wire.open(server, { cookie: stranger.cookie })]
  await a.enter(`user:${who.apprenant1.id}`)
  assert.equal((await overview()).liveConnections, was + 1)
  await Promise.all([a.close(), b.close()])
  await until('it left', async () => (await overview()).liveConnections === was)
})

test('engagement: messages exactly, every day of the range, weeks and months', async () => {
  const g = await makeGroup(who.apprenant1, [who.apprenant2])
  const today = new Date().toISOString().slice(0, 10)
  const total = () => count(`study_group_messages where establishment_id = ${lit(school)} and created_at::date = ${lit(today)}`)
  const w = await member(server, who.apprenant2, g.topic)
  for (let i = 0; i < 25; i++) await say(w, g.topic, `message ${i}`)
  await w.close()
  const series = async (query = '') => (await who.manager.get(`/api/analytics/engagement${query}`)).json
  const wanted = await total()
  const last = async () => (await series()).series.at(-1)
  await until('today\'s messages', async () => (await last()).messages === wanted)
  const r = await series('?from=2026-01-01&to=2026-01-31')
  assert.equal(r.series.length, 31)
  assert.equal((await last()).date, today)
  assert.equal((await last()).activeUsers, await count(`user_activity where establishment_id = ${lit(school)} and day = ${lit(today)}`))
  const all = await count(`study_group_messages where establishment_id = ${lit(school)}`)
  assert.equal((await series('?from=2018-01-01&bucket=month')).totals.messages, all)
  assertProblem(await who.manager.get('/api/analytics/engagement?from=2026-02-01&to=2026-01-01'), 422)
  assertProblem(await who.manager.get('/api/analytics/engagement?bucket=year'), 400)
})

test('popular courses, a course\'s progress, a person\'s figures: who sees what', async () => {
  const top = (await who.apprenant1.get('/api/analytics/popular-courses?limit=2')).json
  assert.equal(top.length, 2)
  assert.ok(top[0].enrollmentCount >= top[1].enrollmentCount)
  assert.ok((await who.apprenant1.get('/api/analytics/popular-courses?period=month')).json.length >= 1)
  const maths = (await who.formateur.get('/api/courses?q=mathematiques')).json[0]
  const path = `/api/analytics/course-progress?courseId=${maths.id}`
  const full = (await who.formateur.get(path)).json
  assert.deepEqual([full.learners.length, full.modules.length, full.averageProgress], [5, 5, 48])
  const own = (await who.apprenant1.get(path)).json
  assert.deepEqual(own.learners.map((l) => [l.userId, l.progress]), [[who.apprenant1.id, 80]])
  assertProblem(await stranger.get(path), 404)
  assert.ok((await who.apprenant1.get('/api/analytics/course-progress')).json.courses.length >= 3)
  assert.ok((await who.apprenant1.get('/api/analytics/user-stats')).json.courses.enrolled >= 3)
  assertProblem(await who.apprenant1.get(`/api/analytics/user-stats?userId=${who.apprenant2.id}`), 403)
  assert.equal((await who.manager.get(`/api/analytics/user-stats?userId=${who.apprenant2.id}`)).json.userId, who.apprenant2.id)
  assertProblem(await stranger.get(`/api/analytics/user-stats?userId=${who.apprenant2.id}`), 404)
  for (const p of ['overview', 'engagement']) assertProblem(await who.formateur.get(`/api/analytics/${p}`), 403)
})

test('the old client\'s addresses', async () => {
  const flat = (await who.manager.get(`/api/analytics/establishments/${school}/analytics`)).json
  for (const field of ['totalUsers', 'newUsersThisMonth', 'activeCourses', 'courseCompletionRate', 'totalEnrollments', 'enrollmentsThisWeek', 'certificatesIssued']) assert.equal(typeof flat[field], 'number', field)
  assert.ok(flat.recentActivity.length > 0 && flat.recentActivity[0].description)
  assertProblem(await stranger.get(`/api/analytics/establishments/${school}/analytics`), 404)
  const list = (await who.manager.get(`/api/analytics/establishments/${school}/popular-courses`)).json
  assert.equal(typeof list[0].completionRate, 'number')
  assert.equal((await who.manager.get('/api/analytics/dashboard/stats')).status, 200)
})
