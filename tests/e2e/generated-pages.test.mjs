// Every list of the document that pages, with a thousand rows whose keys come in ties of five, or are absent: by pages of 61 each row comes exactly once, in the
// order of other page sizes, as many as `count=exact` says, in every order that is offered. The same under every filter and search that a list
// takes, in each of its orders, through the part of the rows that it selects, and all of it also while rows come and go. A list that does not
// page says in BOUNDED what keeps it short, a filter in FILTERS which rows it selects.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { addressOf, inParallel, needs, School, world } from './lib/generated.mjs'
import { makers, uuids } from './lib/kinds.mjs'
import { lit } from './lib/server.mjs'
import { mayBy } from './lib/rules.mjs'

const ROWS = 1000
// What each list is of, by its answer (or by its operation): a kind of lib/kinds.mjs.
const KINDS = {
  Course: 'course', Assessment: 'assessment', Attempt: 'attempt', User: 'user', Establishment: 'establishment', EstablishmentStats: 'establishment',
  StudyGroup: 'group', StudyGroupMember: 'user', StudyGroupMessage: 'message', StudySession: 'class', Whiteboard: 'whiteboard', Notification: 'notification',
  Help: 'help', Export: 'export', AuditEntry: 'user', EnrollmentOf: 'user', EnrollmentMine: 'enrollment', AccommodationOf: 'user', TrainerSpace: 'trainer_space', Certificate: 'certificate', Theme: 'theme',
  Content: 'content', Page: 'page', PageComponent: 'component', MenuItem: 'menu_item', Version: 'version', Module: 'module', PageSection: 'section',
  TrainingSession: 'training_session', BreakoutRoom: 'room',
}
// Where its rows are, for what goes while one pages. The audit log is only added to, and accommodations have no id of their own.
const TABLES = {
  Course: 'courses', Assessment: 'assessments', Attempt: 'assessment_attempts', User: 'users', Establishment: 'establishments', StudyGroup: 'study_groups',
  StudyGroupMember: 'study_group_members', StudyGroupMessage: 'study_group_messages', StudySession: 'study_sessions', Whiteboard: 'whiteboards',
  Notification: 'notifications', Help: 'help_contents', Export: 'export_jobs', EnrollmentOf: 'user_courses', EnrollmentMine: 'user_courses', TrainerSpace: 'trainer_spaces',
  Certificate: 'certificates', Theme: 'themes', Content: 'customizable_contents', Page: 'customizable_pages', PageComponent: 'page_components',
  MenuItem: 'menu_items', Version: 'system_versions', Module: 'course_modules', PageSection: 'page_sections', TrainingSession: 'training_sessions',
  BreakoutRoom: 'study_groups', AuditEntry: null, AccommodationOf: null,
}
// What each list goes by: the newest first unless said ("-": falling).
const ORDER = {
  AccommodationOf: '-grantedAt', Attempt: '-startedAt', StudyGroupMember: 'joinedAt', StudyGroupMessage: '-seq', StudySession: '-startTime', AuditEntry: '-at',
  Help: 'sortOrder', Module: 'orderIndex', EnrollmentMine: '-enrolledAt', EnrollmentOf: '-enrolledAt', TrainingSession: 'startDate', Certificate: '-issueDate',
  PageSection: 'sectionOrder', MenuItem: 'sortOrder', Version: '-releaseDate',
}
const FALLING = ['createdAt', 'rating', 'enrollmentCount'] // by themselves; "-" turns an order round
const BOUNDED = {
  tokens_list: 'a person has at most so many', sign_ins_list: 'a person\'s own sessions', permissions_list: 'the catalogue', roles_list: 'five',
  notifications_preferences: 'the types', system_caches: 'the caches', classes_attendance: 'who was in one class', classes_polls: 'the polls of one class',
  help_search: 'the best `limit`', help_suggest: 'the best `limit`', help_faq: 'the most read `limit`', help_search_old: 'the best `limit`', manual_search: 'the best `limit`',
  manual: 'sections of one text', analytics_popular: 'the first `limit`', analytics_popular_old: 'the first `limit`',
  schools_list_old: 'the schools that one manages',
}

// A value for every filter, and which rows it selects: those that were `set` so (one in seven, another seventh for each), or `others` than
// those, or those of `where`.
const FILTERS = {
  'Course.category': { value: 'Zoologie', set: "category = 'Zoologie'" },
  'Course.level': { value: 'expert', set: "level = 'expert'" },
  'Course.type': { value: 'hybrid', set: "type = 'hybrid'" },
  'Course.language': { value: 'en', set: "language = 'en'" },
  'Course.instructorId': { value: (s) => s.ids.manager, set: (s) => `instructor_id = ${s.manager}` },
  'Course.tag': { value: 'rayé', set: "tags = '{rayé}'" },
  'Course.q': { value: 'ZEBRE', set: "description = 'Un zèbre, rayé'" },
  'Course.isActive': { value: 'false', set: 'is_active = false' },
  'Assessment.courseId': { value: (s) => s.stock.course[0], set: (s) => `course_id = ${lit(s.stock.course[0])}` },
  'Assessment.status': { value: 'draft', set: "status = 'draft'" },
  'Assessment.type': { value: 'exam', set: "assessment_type = 'exam'" },
  'Attempt.assessmentId': { value: (s) => s.stock.assessment[0], set: (s) => `assessment_id = ${lit(s.stock.assessment[0])}` },
  'Attempt.learnerId': { value: (s) => s.ids.apprenant, set: (s) => `user_id = ${s.manager}`, others: true },
  'Attempt.status': { value: 'graded', set: "status = 'graded'" },
  'User.role': { value: 'manager', set: "role = 'manager'" },
  'User.isActive': { value: 'false', set: 'is_active = false' },
  'User.department': { value: 'Lettres', set: "department = 'Lettres'" },
  'User.q': { value: 'zebre', set: "first_name = 'Zèbre'" },
  'AuditEntry.action': { value: 'zebra.seen', set: "action = 'zebra.seen'" },
  'AuditEntry.actorId': { value: (s) => s.ids.manager, set: (s) => `actor_id = ${s.manager}` },
  'AuditEntry.subjectId': { value: 'zebra', set: "subject_id = 'zebra'" },
  'AuditEntry.from': { value: () => half, where: () => `at >= ${lit(half)}::timestamptz at time zone 'utc'` },
  'AuditEntry.to': { value: () => half, where: () => `at < ${lit(half)}::timestamptz at time zone 'utc'` },
  'StudyGroup.courseId': { value: (s) => s.ids.course, set: (s) => `course_id = ${s.course}` },
  'StudyGroup.status': { value: 'archived', set: "status = 'archived'" },
  'StudyGroup.mine': { value: 'true', where: (s) => `id in (select study_group_id from study_group_members where user_id = ${s.admin})` },
  'StudyGroup.q': { value: 'zèbr', set: "description = 'Un ZÈBRE'" },
  'Notification.unread': { value: 'false', set: 'is_read = true' },
  'Notification.type': { value: 'deadline_reminder', set: "type = 'deadline_reminder'" },
  'Help.category': { value: 'Zoo', set: "category = 'Zoo'" },
  'Help.role': { value: 'manager', set: "role = 'formateur'", others: true }, // what is for all is for a manager too
  'Help.language': { value: 'en', set: "language = 'en'" },
  'Export.status': { value: 'completed', set: "status = 'completed'" },
  'Export.type': { value: 'json', set: "type = 'json'" },
  'EnrollmentMine.status': { value: 'completed', set: "status = 'completed'" },
  'EnrollmentOf.status': { value: 'completed', set: "status = 'completed'" },
  'EnrollmentOf.sessionId': { value: (s) => s.stock.training_session[0], set: (s) => `session_id = ${lit(s.stock.training_session[0])}` },
  'Certificate.courseId': { value: (s) => s.stock.course[0], set: (s) => `course_id = ${lit(s.stock.course[0])}` },
  // One of a kind, or few.
  'Content.blockKey': { value: (s) => `k${s.stock.content[5]}`, where: (s) => `id = ${lit(s.stock.content[5])}` },
  'Page.pageName': { value: (s) => `p${s.stock.page[5]}`, where: (s) => `id = ${lit(s.stock.page[5])}` },
}
const NO_FILTERS = ['limit', 'cursor', 'before', 'after', 'count', 'sort', 'establishmentId', 'all'] // `all`: whoSees asks with it
const filtersOf = (o) => o.inQuery.map((p) => p.name).filter((name) => !NO_FILTERS.includes(name))
const PART = 7
const said = (v) => (typeof v === 'function' ? v(school) : v)
const rowsOf = (list) => TABLES[list] ?? { AuditEntry: 'audit_log' }[list]
const chosen = (key) => `abs(hashtext(id::text || ${lit(key)})) % ${PART} = 0`
const ofSchool = () => `establishment_id = ${school.id} and id::text not in (${[...shared()].map(lit).join(',')})`
const setsOf = (key, which) => (FILTERS[key].set ? `update ${rowsOf(key.split('.')[0])} set ${said(FILTERS[key].set)} where ${which};` : '')
const selects = (key) => said(FILTERS[key].where) ?? `(${said(FILTERS[key].set)}) is ${FILTERS[key].others ? 'not ' : ''}true` // what was set, as a condition

let half // a time in the middle of the audit log
let w, school, lists
// An adopted database has rows without a time: one in forty of these has none.
const timeless = `do $$ declare t text; begin
  for t in select c.table_name from information_schema.columns c join information_schema.columns o using (table_schema, table_name)
           where c.table_schema = 'public' and c.column_name = 'created_at' and c.is_nullable = 'YES' and o.column_name = 'establishment_id'
             and exists (select from information_schema.columns i where i.table_name = c.table_name and i.column_name = 'id') loop
    execute format('update %I set created_at = null where abs(hashtext(id::text)) %% 40 = 0 and establishment_id is not null', t);
  end loop; end $$`
const seen = new Map() // what the first walk of each saw, by list and order
let twice = 0 // lists that two people were shown
before(async () => {
  w = await world()
  lists = w.operations.filter((o) => o.list && o.method === 'GET')
  school = await new School(w, 'pages').make()
  const kinds = [...new Set(lists.map((o) => KINDS[o.list]).filter(Boolean))]
  await school.fill(Object.fromEntries(kinds.map((kind) => [kind, kind === 'attempt' ? ROWS * 1.5 : ROWS]))) // filters take some of them elsewhere
  const filters = Object.keys(FILTERS)
  await w.server.sql(`${timeless};
    ${filters.filter((key) => !key.startsWith('Audit')).map((key) => setsOf(key, `${chosen(key)} and ${ofSchool()}`)).join('\n')}
    insert into study_group_members (study_group_id, user_id, establishment_id) select id, ${school.admin}, ${school.id} from study_groups where ${chosen('mine')} and ${ofSchool()};
    ${filters.filter((key) => key.startsWith('Audit')).map((key) => setsOf(key, `${chosen(key)} and ${ofSchool()}`)).join('\n')}
    update courses set enrollment_count = abs(hashtext(id)) % 9 where establishment_id = ${school.id};
    update audit_log set at = at - abs(hashtext(id)) % 200 * interval '1 s' where establishment_id = ${school.id};
    analyze`)
  assert.ok(Number(await w.server.sql('select count(*) from courses where created_at is null')) > 5)
  half = await w.server.sql(`select to_char(percentile_disc(0.5) within group (order by at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from audit_log where establishment_id = ${school.id}`)
})
after(() => w?.server.stop())

const pages = (o) => o.query('limit') && (o.query('cursor') || o.query('before'))

function address(o, query) {
  const shared = Object.fromEntries(o.inPath.filter((p) => p.schema['x-id']).map((p) => [p.name, school.shared[p.schema['x-id']] ?? school.ids.school]))
  return addressOf(o, school, { ids: shared, query })
}

async function page(o, person, path) {
  const r = await w.call(person, o, path)
  assert.equal(r.status, 200, `${o}, ${path}: ${r.status} ${r.text.slice(0, 200)}`)
  return { rows: r.json, next: /<([^>]+)>; rel="next"/.exec(r.headers.link ?? '')?.[1], total: Number(r.headers['x-total-count'] ?? NaN) }
}

const keyOf = (row) => row.id ?? row.userId ?? row.groupId ?? row.learnerId

// Everything, page by page: {keys, total}. `between` is called after each page.
async function walk(o, person, query, between = () => {}) {
  const keys = [], rows = []
  let total
  for (let path = address(o, query), n = 1; path; n++) {
    const p = await page(o, person, path)
    if (p.next) assert.equal(p.rows.length, Number(query.limit), `${o}: a page that is not the last is full`)
    keys.push(...p.rows.map(keyOf))
    rows.push(...p.rows)
    total ??= p.total
    assert.ok(n < 3000, `${o}: there is always a next page`)
    path = p.next
    await between(n, p.rows.map(keyOf))
  }
  return { keys, rows, total }
}

function assertOnce(o, keys, what) {
  const times = new Map()
  for (const k of keys) times.set(k, (times.get(k) ?? 0) + 1)
  const twice = [...times].filter(([, n]) => n > 1)
  assert.equal(twice.length, 0, `${o} ${what}: ${twice.length} rows came more than once, ${twice[0]}`)
}

// Schools' rows do not say to everybody when they began.
async function orderedBy(o, rows) {
  if (!o.list.startsWith('Establishment')) return rows
  const at = new Map((await w.server.rows('select id, created_at from establishments')).map((r) => [r.id, r.created_at]))
  return rows.map((r) => ({ createdAt: at.get(r.id) }))
}

function assertOrdered(o, rows, order, sort, what) {
  const field = (sort ?? order).replace('-', '')
  const falls = sort ? FALLING.includes(field) !== sort.startsWith('-') : order.startsWith('-')
  const values = rows.map((r) => r[field]).filter((v) => v !== null && v !== undefined)
  assert.ok(new Set(values).size > 5, `${o} ${what}: its rows do not show ${field}: say in ORDER of tests/e2e/generated-pages.test.mjs what it goes by`)
  const wrong = values.findIndex((v, i) => i > 0 && (falls ? v > values[i - 1] : v < values[i - 1]))
  assert.equal(wrong, -1, `${o} ${what}: ${values[wrong]} comes after ${values[wrong - 1]}`)
}

// Of those who may, whoever is shown the most: a personal list's owner, else staff.
async function whoSees(o) {
  const all = []
  for (const role of ['admin', 'apprenant', 'formateur', 'super_admin'].filter((r) => mayBy(w, o, r))) {
    const person = role === 'super_admin' ? w.superAdmin : school.people[role]
    const own = role === 'super_admin' && o.query('establishmentId') ? { establishmentId: school.ids.school } : {}
    for (const more of o.query('all') ? [{}, { all: 'true' }] : [{}]) {
      const query = { ...own, ...more }
      const { total, rows } = await page(o, person, address(o, { ...query, limit: '1', ...(o.query('count') ? { count: 'exact' } : {}) }))
      const n = Number.isNaN(total) ? rows.length : total
      all.push({ person, query, total: n })
    }
  }
  const best = all.reduce((a, b) => (b.total > a.total ? b : a))
  return { ...best, also: all.find((x) => x.person !== best.person && x.total === best.total) ?? best }
}

test('every list pages, or says what keeps it short', () => {
  for (const o of lists) assert.ok(pages(o) || BOUNDED[o.name], `${o} has no limit and cursor: give it LIST_FIELDS, or say in BOUNDED of tests/e2e/generated-pages.test.mjs what keeps it short`)
  for (const o of lists.filter(pages)) assert.ok(KINDS[o.list], `${o} lists ${o.list}: say in KINDS of tests/e2e/generated-pages.test.mjs what that is of`)
})

test('a thousand rows, each once, in its order, whatever the page, in every order offered', async (t) => {
  const paging = lists.filter(pages).filter((o) => !BOUNDED[o.name])
  await inParallel(paging, async (o) => {
    const { person, query, also } = await whoSees(o)
    if (also.person !== person) twice++
    for (const sort of [null, ...(o.query('sort')?.schema.enum ?? [])]) {
      const asked = { ...query, ...(sort ? { sort } : {}) }
      const small = await walk(o, person, { ...asked, limit: '61', ...(o.query('count') ? { count: 'exact' } : {}) })
      const what = sort ? `by ${sort}` : ''
      assertOrdered(o, await orderedBy(o, small.rows), ORDER[o.list] ?? '-createdAt', sort, what)
      assertOnce(o, small.keys, what)
      assert.ok(small.keys.length >= ROWS, `${o} ${what}: ${small.keys.length} rows came of at least ${ROWS}`)
      if (o.query('count')) assert.equal(small.total, small.keys.length, `${o} ${what}: the count`)
      seen.set(`${o.name} ${sort}`, { o, person, query: asked, keys: small.keys })
      if (o.query('after')) {
        const onward = await walk(o, person, { ...asked, after: '0', limit: '200' })
        assert.deepEqual(onward.keys, [...small.keys].reverse(), `${o}: from the first on`)
      }
      if (o.old) continue // the same statements as the newer address
      const large = await walk(o, also.person, { ...also.query, ...(sort ? { sort } : {}), limit: '200' }) // by somebody else who sees as much, where there is one
      assert.deepEqual(large.keys, small.keys, `${o} ${what}: another order in larger pages`)
    }
  }, 6)
  t.diagnostic(`${lists.length} lists, ${paging.length} page and ${lists.length - paging.length} are short; ${seen.size} orders; ${twice} lists by two people`)
})

const shared = () => new Set([...Object.values(school.ids), ...['course', 'assessment', 'training_session', 'content', 'page'].flatMap((kind) => [school.stock[kind]?.[0], school.stock[kind]?.[5]]).filter(Boolean), w.a.ids.school, w.b.ids.school])

// {filter: the ids that it selects}
async function selected() {
  const keys = [...new Set([...seen.values()].flatMap(({ o }) => filtersOf(o).map((name) => `${o.list}.${name}`)))]
  for (const key of keys) assert.ok(FILTERS[key], `${key} is a filter: say in FILTERS of tests/e2e/generated-pages.test.mjs which rows it selects`)
  for (const key of Object.keys(FILTERS)) assert.ok(keys.includes(key), `FILTERS has ${key}, which is no filter of a list`)
  const rows = await w.server.rows(keys.map((key) => `select ${lit(key)} as key, id::text as id from ${rowsOf(key.split('.')[0])} where ${selects(key)}`).join(' union all '))
  const of = new Map(keys.map((key) => [key, new Set()]))
  for (const { key, id } of rows) of.get(key).add(id)
  return of
}

// Every list, in every order, whole and under each of its filters: {o, person, query, key: of the filter, wanted: what must come}.
async function walks() {
  const ids = await selected()
  return [...seen.values()].flatMap(({ o, person, query, keys }) => [
    ...(o.old ? [] : [{ o, person, query: { ...query, limit: '200' }, key: null, wanted: keys }]),
    ...filtersOf(o).map((name) => `${o.list}.${name}`).map((key) => {
      const wanted = keys.filter((k) => ids.get(key).has(k))
      assert.ok(wanted.length > 0 && wanted.length < keys.length, `${o}, ${key}: ${wanted.length} of ${keys.length} rows, which is no part`)
      return { o, person, query: { ...query, [key.split('.')[1]]: said(FILTERS[key].value), limit: String(Math.min(Math.ceil(wanted.length / 5), 100)) }, key, wanted }
    }),
  ])
}

// The rows that the first page begins and ends with, of which the cursor is made, and two that are still to come.
function goes({ o, wanted, first }) {
  const kept = shared()
  const next = wanted.slice(first.rows.length)
  return TABLES[o.list] ? [...[first.rows[0], first.rows.at(-1)].map(keyOf), next[0], next[10]].filter((k) => k && !kept.has(k) && !k.startsWith('e-')) : [] // e-: a course that is an enrolment's
}

const what = ({ o, query, key }) => `${o}${key ? `, ${key}=${query[key.split('.')[1]]}` : ''}${query.sort ? `, by ${query.sort}` : ''}`

test('under every filter, in every order, while rows come and go: each row that it selects once, and no other', async (t) => {
  const all = await walks()
  await inParallel(all, async (x) => {
    x.first = await page(x.o, x.person, address(x.o, { ...x.query, ...(x.o.query('count') ? { count: 'exact' } : {}) }))
    assert.deepEqual(x.first.rows.map(keyOf), x.wanted.slice(0, Number(x.query.limit)), `${what(x)}: the first page`)
    if (x.o.query('count')) assert.equal(x.first.total, x.wanted.length, `${what(x)}: the count`)
  })
  // One of each kind comes as each filter selects it, one as none does.
  const come = [...new Set(all.map(({ o }) => o.list))].map((list) => ({ list, ids: uuids(14) }))
  const deleted = all.map((x) => [x.o.list, goes(x)])
  const dead = new Set(deleted.flatMap(([list, keys]) => keys.map((k) => `${TABLES[list]} ${k}`)))
  await w.server.sql(`${come.map(({ list, ids }) => makers[KINDS[list]](school, ids)).join('\n')}
    ${come.flatMap(({ list, ids }) => Object.keys(FILTERS).filter((key) => key.startsWith(`${list}.`) && TABLES[list]).map((key, i) => setsOf(key, `id = ${lit(ids[i])}`))).join('\n')}
    set session_replication_role = replica;
    ${deleted.filter(([, keys]) => keys.length).map(([list, keys]) => `delete from ${TABLES[list]} where id in (${keys.map(lit).join(',')});`).join('\n')}`)
  await inParallel(all, async (x) => {
    const { o, person, wanted, first } = x
    const keys = first.rows.map(keyOf), before = new Set(keys), old = new Set(wanted)
    for (let path = first.next, n = 0; path; n++) {
      const p = await page(o, person, path)
      keys.push(...p.rows.map(keyOf))
      assert.ok(n < 100, `${what(x)}: there is always a next page`)
      path = p.next
    }
    assertOnce(o, keys, what(x))
    assert.deepEqual(keys.filter((k) => old.has(k)), wanted.filter((k) => before.has(k) || !dead.has(`${TABLES[o.list]} ${k}`)), `${what(x)}: a row was lost, or came after it was deleted, or out of its order`)
    x.more = keys.filter((k) => !old.has(k))
  })
  // Of what came late, only what it selects.
  const ids = await selected()
  await inParallel(all.filter(({ key }) => key), async (x) => assert.deepEqual(x.more.filter((k) => !ids.get(x.key).has(k)), [], `${what(x)}: rows that it does not select`))
  t.diagnostic(`${all.length} walks, ${all.filter((x) => x.key).length} of them under ${new Set(all.map((x) => x.key).filter(Boolean)).size} filters; ${dead.size} rows went`)
})
