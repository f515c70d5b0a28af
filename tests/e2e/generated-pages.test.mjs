// Every list of the document that pages, with a thousand rows whose keys come in ties of five, or are absent: by pages of 61 each row comes exactly once, in the
// order of other page sizes, as many as `count=exact` says, in every order that is offered, and also while rows come and go. A list that does
// not page says in BOUNDED what keeps it short.
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
const gone = new Set() // what was deleted since
before(async () => {
  w = await world()
  lists = w.operations.filter((o) => o.list && o.method === 'GET')
  school = await new School(w, 'pages').make()
  const kinds = [...new Set(lists.map((o) => KINDS[o.list]).filter(Boolean))]
  await school.fill(Object.fromEntries(kinds.map((kind) => [kind, ROWS])))
  await w.server.sql(`${timeless};
    update courses set enrollment_count = abs(hashtext(id)) % 9 where establishment_id = ${school.id};
    update audit_log set at = at - abs(hashtext(id)) % 200 * interval '1 s' where establishment_id = ${school.id};
    analyze`)
  assert.ok(Number(await w.server.sql('select count(*) from courses where created_at is null')) > 5)
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

const keyOf = (row) => row.id ?? row.userId ?? row.groupId ?? JSON.stringify(row)

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

// Not what everything else is in.
function remove(o, keys) {
  for (const k of keys) gone.add(k)
  return `set session_replication_role = replica; delete from ${TABLES[o.list]} where id in (${keys.map(lit).join(',')});`
}
const shared = () => new Set([...Object.values(school.ids), w.a.ids.school, w.b.ids.school])

test('rows that come and go while one pages make none of the others come twice, or not at all', async () => {
  const kept = shared()
  // A person who goes takes what they are in along, a course its enrolments: people last, one's own enrolments first.
  const late = ({ o }) => ({ EnrollmentMine: -1, User: 1 })[o.list] ?? 0
  const all = [...seen.values()].filter(({ o }) => !o.old).sort((x, y) => late(x) - late(y))
  for (const { o, person, query, keys } of all) {
    assert.ok(o.list in TABLES, `${o} lists ${o.list}: say in TABLES of tests/e2e/generated-pages.test.mjs where its rows are`)
    const stays = new Set(keys.filter((k) => !gone.has(k)))
    const ahead = []
    const during = await walk(o, person, { ...query, limit: '200' }, async (n, page) => {
      const come = makers[KINDS[o.list]](school, uuids(7))
      if (n !== 2) return
      if (!TABLES[o.list]) return void (await w.server.sql(come))
      // Those at the page's ends, which the cursor is made of, and two that are still to come.
      const next = keys.slice(keys.indexOf(page.findLast((k) => stays.has(k))) + 1).filter((k) => stays.has(k) && !kept.has(k))
      ahead.push(next[0], next[100])
      await w.server.sql(come + remove(o, [page[0], page.at(-1), ...ahead].filter((k) => !kept.has(k))))
    })
    const what = `while rows came and went${query.sort ? `, by ${query.sort}` : ''}`
    assertOnce(o, during.keys, what)
    const got = new Set(during.keys)
    const lost = [...stays].filter((k) => !got.has(k) && !ahead.includes(k))
    assert.equal(lost.length, 0, `${o}: ${lost.length} rows were lost ${what}`)
    assert.ok(!ahead.some((k) => got.has(k)), `${o}: a row came after it was deleted`)
    if (TABLES[o.list]) assert.equal(ahead.length, 2, `${o}: nothing was deleted`)
  }
})
