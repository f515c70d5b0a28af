// Every id that an operation takes, in its path, its query and its body: another school's is 404 as if it did not exist, as is one that nobody
// has; what cannot be an id is 404 in a path, 400 in a query, 422 in a body. Fields that say who asks, or where, are 403. None of it changes
// anything, in either school. Which fields are ids, and of what, is in the document (x-id, x-identity).
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ROLES, addressOf, bodyOf, contents, inParallel, lending, needs, withValue, world } from './lib/generated.mjs'
import { EVERYBODYS, uuids } from './lib/kinds.mjs'
import { INVALID, mayBy, whoMay } from './lib/rules.mjs'
import { assertProblem } from './lib/problem.mjs'

// Another school's is for everybody to see (api.md: exceptions to foreign ids).
const PUBLIC = ['establishments_get', 'auth_register']
// Answer for each row what came of it, instead of refusing all.
const BY_ROW = ['enrollments_batch', 'groups_invite']
const ROOMS = ['group', 'whiteboard', 'class', 'course', 'assessment', 'establishment']
const MALFORMED = ["a'b", 'x'.repeat(65), '../admin', 'é', 'a b', '%']

let w, cases, own, other
before(async () => {
  w = await world()
  const taken = needs(w.operations, 4)
  for (const o of w.operations) for (const { field: f } of o.places) if (f['x-id'] && f['x-id'] !== 'establishment') taken[f['x-id']] ??= 0
  for (const o of w.operations) for (const p of o.inQuery) if (p.schema['x-id'] && p.schema['x-id'] !== 'establishment') taken[p.schema['x-id']] ??= 0
  await w.a.fill(Object.fromEntries(Object.entries(taken).map(([kind, n]) => [kind, n + 30])))
  await w.b.fill(Object.fromEntries(Object.keys(taken).map((kind) => [kind, 3])))
  own = lending(w.a)
  other = lending(w.b)
  cases = w.operations.flatMap((o) => [
    ...o.inPath.filter((p) => p.schema['x-id']).map((p) => ({ o, where: 'path', name: p.name, field: p.schema })),
    ...o.inQuery.filter((p) => p.schema['x-id']).map((p) => ({ o, where: 'query', name: p.name, field: p.schema })),
    ...o.places.filter(({ field }) => field['x-id']).map(({ at, name, field, as }) => ({ o, where: 'body', at, name, field, as })),
  ])
})
after(() => w?.server.stop())

const told = (c, r) => `${c.o}, ${c.where} ${c.name} (${c.field['x-id']}): ${r.status} ${r.text.slice(0, 200)}`
const shaped = (c, id) => (c.field.type === 'array' ? [id].flat() : id)

// The operation with this id in this place, everything else being right.
function send({ o, where, at, name, field, role, as }, id, school = own, ids = {}) {
  const right = { ...bodyOf(o, school), ...o.with }
  const body = where === 'body' ? withValue(o, school, right, at, shaped({ field }, id), as) : right
  const person = role ? w.a.people[role] : o.name === 'auth_register' ? null : whoMay(w, o).person
  return w.call(person, o, addressOf(o, school, { ids: where === 'path' ? { [name]: id } : ids, query: where === 'query' ? { [name]: id } : {} }), body)
}

function assertNotFound(c, r) {
  if (BY_ROW.includes(c.o.name) && c.where === 'body') {
    assert.equal(r.status, 200, told(c, r))
    return assert.deepEqual(r.json.results.map(({ learnerId, ...row }) => row), [{ result: 'not_found', status: 404 }], told(c, r))
  }
  const identity = c.field['x-identity'] && c.where !== 'path' && (c.role ?? whoMay(w, c.o).role) !== 'super_admin'
  const wanted = identity ? (c.where === 'query' ? [400, 403] : [403]) : [404]
  assert.ok(wanted.includes(r.status), told(c, r))
  assertProblem(r, r.status)
}

// Asking about a group opens its channel, which has a row.
async function changesNothing(work) {
  const all = async () => ({ ...(await contents(w.server)), channels: 'any' })
  const before = await all()
  await work()
  assert.deepEqual(await all(), before)
}

// By everybody who may, as what is found may depend on who asks. A super_admin works in every school.
const ofSchools = () => cases
  .filter((c) => !EVERYBODYS.includes(c.field['x-id']) && !PUBLIC.includes(c.o.name))
  .flatMap((c) => ROLES.slice(0, 4).filter((role) => mayBy(w, c.o, role)).map((role) => ({ ...c, role })))

test('the document says what every id is', (t) => {
  const of = (place) => cases.filter((c) => c.where === place)
  assert.ok(cases.length > 150, `${cases.length}`)
  for (const place of ['path', 'query', 'body']) assert.ok(of(place).length)
  assert.ok(cases.some((c) => c.at?.length > 1), 'none is inside an object')
  const escaped = cases.filter((c) => !ofSchools().some((x) => x.o === c.o && x.name === c.name && x.where === c.where))
  t.diagnostic(`${cases.length} ids: ${['path', 'query', 'body'].map((p) => `${of(p).length} in ${p}`).join(', ')}; ${ofSchools().length} with who may; not another school's: ${escaped.map((c) => `${c.o.name} ${c.name}`).join(', ')}`)
})

test('another school\'s ids', () => changesNothing(() => inParallel(ofSchools(), async (c) => assertNotFound(c, await send(c, other.take(c.field['x-id']))))))

test('another school\'s ids among one\'s own, where all go together', () =>
  changesNothing(() => inParallel(ofSchools().filter((c) => c.field.type === 'array' && !BY_ROW.includes(c.o.name)), async (c) => {
    const kind = c.field['x-id']
    assertNotFound(c, await send(c, [w.a.stock[kind][0], other.take(kind), w.a.stock[kind][1]]))
  })))

// A room goes by its topic, or by the id of what it is the room of.
test('another school\'s rooms', () =>
  changesNothing(() => inParallel(w.operations.filter((o) => o.inPath.some((p) => p.schema['x-word'] === 'room')).flatMap((o) => ROOMS.map((kind) => [o, kind])), async ([o, kind]) => {
    const { name } = o.inPath.find((p) => p.schema['x-word'] === 'room')
    const id = kind === 'establishment' ? w.b.ids.school : other.take(kind)
    for (const room of [id, `${kind}:${id}`]) assertProblem(await w.call(whoMay(w, o).person, o, addressOf(o, own, { ids: { [name]: room } }), bodyOf(o, own)), 404)
  })))

test('ids that nobody has', () =>
  changesNothing(() => inParallel(cases.filter((c) => c.o.name !== 'auth_register'), async (c) => assertNotFound(c, await send(c, uuids(1)[0])))))

test('among others, in operations that answer by row: theirs is done, and another school\'s is as one that nobody has', async () => {
  const rows = cases.filter((c) => BY_ROW.includes(c.o.name) && c.where === 'body')
  assert.equal(rows.length, BY_ROW.length)
  const before = await contents(w.server, w.b)
  for (const c of rows) {
    const [learner, foreign, nobodys] = [w.a.take('user'), other.take('user'), uuids(1)[0]]
    const r = await send(c, [foreign, learner, nobodys])
    assert.deepEqual(r.json.results.map((row) => row.learnerId), [foreign, learner, nobodys], told(c, r))
    const [a, b, d] = r.json.results.map(({ learnerId, ...row }) => row)
    assert.deepEqual([a, d], Array(2).fill({ result: 'not_found', status: 404 }), told(c, r))
    assert.ok(b.status < 300, told(c, r))
  }
  assert.deepEqual(await contents(w.server, w.b), before)
})

test('what is no id', () =>
  changesNothing(() =>
    inParallel(cases.flatMap((c) => MALFORMED.map((id) => [c, id])), async ([c, id]) => {
      const r = await send(c, id)
      assert.equal(r.status, { path: 404, query: 400, body: 422 }[c.where], `${id}: ${told(c, r)}`)
      assertProblem(r, r.status)
    })))

// What is refused above is refused for the id: with one's own school's in the same place it is done. What goes together is the school's shared
// course, group and so on, in which its things are.
const GOES_WITH = { moduleId: (s) => ({ courseId: s.shared.course }) }
test('one\'s own school\'s ids', () =>
  inParallel(cases.filter((c) => !(c.field['x-identity'] && c.where !== 'path')), async (c) => {
    const [first] = c.o.inPath, shared = w.a.shared[first?.schema['x-id']]
    const together = c.o.inPath.length > 1 || c.o.required.some((name) => c.o.body.properties[name]['x-id'])
    const id = c.where === 'path' && c.name === first.name && shared && together ? shared : w.a.take(c.field['x-id'])
    const more = GOES_WITH[c.name]?.(w.a)
    const r = await send(more ? { ...c, o: Object.assign(Object.create(c.o), { with: more }) } : c, id, w.a, shared && c.where !== 'path' ? { [first.name]: shared } : {})
    assert.ok(r.status < 400 || [409, 410].includes(r.status) || INVALID.includes(c.o.name), told(c, r))
  }))
