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
  server = await startServer({ env: { STACGATE_ANALYTICS_EVERY: '200' } })
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

test('what was not counted yet has every figure that others have, and they are 0', async () => {
  const root = await signIn(server, 'superadmin@stacgate.test') // of no school, which is never counted
  const none = (await root.get('/api/analytics/overview')).json
  const names = (o) => Object.entries(o).flatMap(([k, v]) => (['users', 'courses', 'enrollments', 'activeUsers'].includes(k) ? Object.keys(v).map((n) => `${k}.${n}`) : [k])).sort()
  assert.deepEqual(names(none), names(await overview()))
  assert.equal((await root.get('/api/analytics/user-stats')).json?.role, 'super_admin', 'oneself, of no school too')
  assert.deepEqual([none.totalUsers, none.enrollments.completed, none.activeUsers.last30d, none.users.byRole], [0, 0, 0, {}])
})

// What the overview and the days of two weeks have to say, counted from the tables one by one.
async function truth() {
  const n = (what) => `(select count(*) from ${what})`
  const here = `establishment_id = ${lit(school)}`
  const people = `users where ${here} and email not like '%@deleted.invalid'`
  const followed = `user_courses where ${here} and status is distinct from 'dropped'`
  const seen = (since) => `(select count(distinct user_id) from user_activity where ${here} and last_at >= now() at time zone 'utc' - interval '${since}')`
  const [t] = await server.rows(`select ${n(people)} as total, ${n(`${people} and is_active`)} as active,
    ${n(`${people} and created_at >= date_trunc('month', now() at time zone 'utc')`)} as fresh,
    (select jsonb_object_agg(role, n) from (select role, count(*) as n from ${people} group by 1) r) as roles,
    ${n(`courses where ${here}`)} as courses, ${n(`courses where ${here} and is_active`)} as open, ${n(followed)} as enrolled,
    ${n(`${followed} and status = 'completed'`)} as completed, ${n(`${followed} and enrolled_at >= now() at time zone 'utc' - interval '7 days'`)} as week,
    ${n(`study_groups where ${here} and room_of is null`)} as groups, ${n(`certificates where ${here} and is_valid`)} as certificates,
    ${seen('5 minutes')} as now, ${seen('24 hours')} as day, ${seen('30 days')} as month,
    (select jsonb_agg(jsonb_build_array(to_char(d, 'YYYY-MM-DD'), ${n(`${followed} and enrolled_at::date = d`)}, ${n(`${followed} and status = 'completed' and completed_at::date = d`)},
       ${n(`user_activity where ${here} and day = d`)}, (select coalesce(sum(minutes), 0) from user_activity where ${here} and day = d)) order by d)
     from (select generate_series((now() at time zone 'utc')::date - 13, (now() at time zone 'utc')::date, interval '1 day')::date as d) x) as days`)
  return [t.days, t.total, t.active, t.fresh, t.roles, t.courses, t.open, t.enrolled, t.completed, t.week, t.groups, t.certificates, t.now, t.day, t.month,
    Number(((100 * t.completed) / t.enrolled).toFixed(2))]
}
const told = (o, series) => [series.map((d) => [d.date, d.enrollments, d.completions, d.activeUsers, d.sessionMinutes]), o.users.total, o.users.active, o.users.newThisMonth, o.users.byRole, o.courses.total, o.courses.active, o.enrollments.total,
  o.enrollments.completed, o.enrollments.thisWeek, o.studyGroups, o.certificatesIssued, o.activeUsers.now, o.activeUsers.last24h, o.activeUsers.last30d, o.completionRate]
const exact = (after) => until(`the figures after ${after}`, async () => {
  const from = new Date(Date.now() - 13 * 86400000).toISOString().slice(0, 10)
  try {
    assert.deepEqual(told(await overview(), (await who.manager.get(`/api/analytics/engagement?from=${from}`)).json.series), await truth())
    return true
  } catch {
    return false
  }
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
  const w = await member(server, who.apprenant2, g.topic)
  for (let i = 0; i < 25; i++) await say(w, g.topic, `message ${i}`)
  await w.close()
  const series = async (query = '') => (await who.manager.get(`/api/analytics/engagement${query}`)).json
  // Until the answer and the tables are of one moment: a day ends, and a minute's visits are written, whenever that is.
  await until('today\'s messages and people', async () => {
    const [day, today] = [(await series()).series.at(-1), new Date().toISOString().slice(0, 10)]
    return day.date === today && day.messages === await count(`study_group_messages where establishment_id = ${lit(school)} and created_at::date = ${lit(today)}`) &&
      day.activeUsers === await count(`user_activity where establishment_id = ${lit(school)} and day = ${lit(today)}`)
  })
  const r = await series('?from=2026-01-01&to=2026-01-31')
  assert.equal(r.series.length, 31)
  const all = await count(`study_group_messages where establishment_id = ${lit(school)}`)
  assert.equal((await series('?from=2018-01-01&bucket=month')).totals.messages, all)
  assertProblem(await who.manager.get('/api/analytics/engagement?from=2026-02-01&to=2026-01-01'), 422)
  assertProblem(await who.manager.get('/api/analytics/engagement?bucket=year'), 400)
  // Ten years at most; a day is UTC's, whichever zone it is asked in, also where clocks go back.
  assert.deepEqual(assertProblem(await who.manager.get('/api/analytics/engagement?from=2000-01-01'), 422).errors.map((e) => [e.field, e.code]), [['from', 'too_small']])
  const dates = (r) => r.series.map((d) => d.date)
  assert.deepEqual(dates(await series(`?from=${encodeURIComponent('2026-10-25T00:30:00+02:00')}&to=${encodeURIComponent('2026-10-26T00:30:00+01:00')}`)), ['2026-10-24', '2026-10-25'])
  const before = dates(await series('?to=2026-01-31'))
  assert.deepEqual([before.length, before[0], before.at(-1)], [30, '2026-01-02', '2026-01-31'], 'one end alone')
  assert.deepEqual(dates(await series('?from=2126-01-31')), ['2126-01-31'])
  assert.deepEqual(dates(await series('?from=2026-03-28&to=2026-03-30')), ['2026-03-28', '2026-03-29', '2026-03-30'])
  assert.deepEqual(dates(await series('?from=2026-01-31&to=2026-03-01&bucket=month')), ['2026-01-01', '2026-02-01', '2026-03-01'])
  assert.deepEqual(dates(await series('?from=2026-01-07&to=2026-01-12&bucket=week')), ['2026-01-05', '2026-01-12'])
})

test('popular courses, a course\'s progress, a person\'s figures: who sees what', async () => {
  const top = (await who.apprenant1.get('/api/analytics/popular-courses?limit=2')).json
  assert.equal(top.length, 2)
  assert.ok(top[0].enrollmentCount >= top[1].enrollmentCount)
  assert.ok((await who.apprenant1.get('/api/analytics/popular-courses?period=month')).json.length >= 1)
  // Both orders are what the tables say: of all time, and of what was begun in a period.
  await server.sql(`update user_courses set enrolled_at = now() at time zone 'utc' - interval '20 days' where id in (select id from user_courses where establishment_id = ${lit(school)} order by id limit 4)`)
  for (const [period, since] of [['all', 'infinity'], ['month', '30 days'], ['week', '7 days'], ['day', '1 day']]) {
    const rows = await server.rows(`select c.id, count(*) filter (where ${since === 'infinity' ? 'true' : `e.enrolled_at >= now() at time zone 'utc' - interval '${since}'`}) as n,
      count(*) filter (where e.status = 'completed') as done, count(*) as every from user_courses e join courses c on c.id = e.course_id and c.is_active
      where e.establishment_id = ${lit(school)} and e.status <> 'dropped' group by 1 order by 2 desc, 1 desc`)
    const list = (await who.apprenant1.get(`/api/analytics/popular-courses?period=${period}&limit=100`)).json.filter((c) => c.enrollmentCount > 0)
    assert.deepEqual(list.map((c) => [c.id, c.enrollmentCount, c.completedCount, c.completionRate]), rows.filter((c) => c.n > 0).map((c) => [c.id, c.n, c.done, Number(((100 * c.done) / c.every).toFixed(2))]), period)
  }
  const person = async () => {
    const stats = (await who.manager.get(`/api/analytics/user-stats?userId=${who.apprenant1.id}`)).json
    return [stats.courses.enrolled, stats.courses.inProgress, stats.courses.completed, stats.courses.averageProgress, stats.studyGroups, stats.activity.minutes30]
  }
  const counted = async () => Object.values((await server.rows(`select count(*) as enrolled, count(*) filter (where status = 'in_progress') as running, count(*) filter (where status = 'completed') as done, round(avg(progress), 2) as average,
    (select count(*) from study_group_members m join study_groups g on g.id = m.study_group_id where m.user_id = ${lit(who.apprenant1.id)} and m.is_active and g.room_of is null) as groups,
    (select sum(minutes) from user_activity where user_id = ${lit(who.apprenant1.id)}) as minutes from user_courses where user_id = ${lit(who.apprenant1.id)} and status <> 'dropped'`))[0])
  let told
  await until(() => `the person's figures: ${told}`, async () => String(told = await person()) === String(await counted())) // a minute of theirs may be written between the two
  const maths = (await who.formateur.get('/api/courses?q=mathematiques')).json[0]
  const path = `/api/analytics/course-progress?courseId=${maths.id}`
  const full = (await who.formateur.get(path)).json
  assert.deepEqual([full.learners.length, full.modules.length, full.averageProgress], [5, 5, 48])
  // A module's figures are of who is enrolled, all of them; what is switched off learners do not see.
  const [first, second] = full.modules
  const pair = (m) => [m.completed, m.averageProgress]
  assert.deepEqual(full.modules.map(pair), [[4, 80], [4, 80], [3, 60], [1, 20], [0, 0]])
  await server.sql(`insert into user_module_progress (user_id, module_id, establishment_id, status, progress_percentage)
    select id, ${lit(first.moduleId)}, establishment_id, 'completed', 100 from users where id = ${lit(who.manager.id)};
    update course_modules set is_active = false where id = ${lit(second.moduleId)}`)
  assert.deepEqual((await who.formateur.get(path)).json.modules.map(pair), full.modules.map(pair))
  assert.deepEqual((await who.apprenant1.get(path)).json.modules.map(pair), [[1, 100], [1, 100], [1, 100], [0, 0]])
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
  assert.ok(flat.recentActivity.length > 0 && /s'est inscrit\(e\) à « .+ »$/.test(flat.recentActivity[0].description))
  // In English for who reads that; by the account's name when the person has none.
  await server.sql(`update users set first_name = null, last_name = null where email like 'apprenant%@moliere.test'`)
  const english = (await who.manager.get(`/api/analytics/establishments/${school}/analytics`, { headers: { 'accept-language': 'en' } })).json
  for (const a of english.recentActivity) assert.match(a.description, /^\S+ enrolled in “.+”$/)
  assertProblem(await stranger.get(`/api/analytics/establishments/${school}/analytics`), 404)
  const list = (await who.manager.get(`/api/analytics/establishments/${school}/popular-courses`)).json
  assert.equal(typeof list[0].completionRate, 'number')
  assert.equal((await who.manager.get('/api/analytics/dashboard/stats')).status, 200)
})

test('every figure follows every kind of change, by whichever way it came, and the clock', async () => {
  const utc = "now() at time zone 'utc'"
  const pupil = `(select id from users where email = 'apprenant3@moliere.test')`
  const one = `id = (select id from user_courses where establishment_id = ${lit(school)} and status <> 'dropped' order by id limit 1)`
  await exact('nothing')
  const person = await who.manager.post('/api/users', { email: 'nouvelle@moliere.test', role: 'formateur', firstName: 'N', lastName: 'N' })
  const group = await makeGroup(who.apprenant1, [])
  let moment
  for (const [what, change] of [
    ['a person and a group', 'select 1'],
    ['an enrolment of ten days ago', `update user_courses set enrolled_at = ${utc} - interval '10 days' where ${one}`],
    ['its completion', `update user_courses set status = 'completed', completed_at = ${utc} - interval '9 days' where ${one}`],
    ['its being dropped', `update user_courses set status = 'dropped' where ${one.replace("status <> 'dropped'", 'true')}`],
    ['a course that closed', `update courses set is_active = false where id = (select id from courses where establishment_id = ${lit(school)} limit 1)`],
    ['a certificate', `insert into certificates (establishment_id, user_id, course_id, certificate_number, verification_code, title) select c.establishment_id, ${pupil}, c.id, 'n1', 'v1', 'T' from courses c where c.establishment_id = ${lit(school)} limit 1`],
    ['its end', "update certificates set is_valid = false where certificate_number = 'n1'"],
    ['a breakout room', `insert into study_groups (name, establishment_id, created_by, room_of) select 'Salle', ${lit(school)}, ${pupil}, id from study_sessions where establishment_id = ${lit(school)} limit 1`],
    ['somebody who comes back after two months', `insert into user_activity values (${pupil}, (${utc})::date - 60, ${lit(school)}, 3, ${utc} - interval '60 days')`],
    ['and the day before yesterday', `insert into user_activity values (${pupil}, (${utc})::date - 2, ${lit(school)}, 5, ${utc} - interval '2 days')`],
    // These two end by the clock alone, a moment from now.
    ['an enrolment that is a week old in a moment', `update user_courses set enrolled_at = ${utc} - interval '7 days' + interval '700 ms' where id = (select max(id) from user_courses where establishment_id = ${lit(school)} and status <> 'dropped')`],
    ['a last visit thirty days ago in a moment', `insert into user_activity values ((select id from users where email = 'apprenant4@moliere.test'), (${utc})::date - 30, ${lit(school)}, 1, ${utc} - interval '30 days' + interval '700 ms')`],
  ]) {
    await server.sql(change)
    moment = Date.now()
    await exact(what)
  }
  await until('the moment to be over', () => Date.now() > moment + 800)
  await exact('the clock')
  const admin = await signIn(server, 'admin@moliere.test')
  assert.equal((await admin.request('DELETE', `/api/users/${person.json.id}`)).status, 200)
  await exact('an erasure')
  const root = await signIn(server, 'superadmin@stacgate.test')
  assert.ok(!(await root.get('/api/super-admin/users')).json.some((u) => u.id === person.json.id), 'nor is who is erased in a list')
  const listed = (await root.get('/api/super-admin/establishments')).json.find((e) => e.id === school)
  assert.equal(listed.stats.users, (await overview()).users.total)
  await who.apprenant1.post(`/api/study-groups/${group.id}/archive`, {})
  // A server that stood still for two days: what its last turn did not see of that day is counted after all.
  await server.sql(`update analytics_totals set at = ${utc} - interval '2 days'; update user_activity set minutes = 50 where user_id = ${pupil} and day = (${utc})::date - 2`)
  await exact('two days without a server')
})
