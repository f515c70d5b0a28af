// Every field of every body, those inside objects and lists too, and every parameter of every query, with values that the document says are wrong: another type, too long, too
// short, too big, of no choice, of no form, missing, null, unknown. Each is refused as a problem that names the field, in French and in English,
// and nothing has changed afterwards. Values at the very limits, and null where a field may be absent, are never the server's mistake.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { addressOf, bodyOf, contents, inParallel, needs, valueOf, withValue, world } from './lib/generated.mjs'
import { INVALID, whoMay } from './lib/rules.mjs'
import { assertProblem } from './lib/problem.mjs'

const long = (n, c = 'é') => c.repeat(n)
const times = ['x', '2030-02-31', '2030-13-01', '2030-01-01T25:00Z', '20300101']
const links = ['javascript:alert(1)', '//ecole.test', 'x']

// What does not fit, by the field's schema. JSON values.
const wrong = {
  string: (f) => [
    ...(f.enum ? ['no-such-choice', ...(f['x-blank-is-absent'] ? [] : [''])] : []),
    ...(f.format === 'uri' ? ['ftp://ecole.test/x', ...links] : []),
    ...(f.format === 'email' ? ['x', 'a b@ecole.test', `${long(65, 'a')}@ecole.test`] : []),
    ...(f['x-time'] ? times : []),
    ...(f.pattern?.startsWith('^(#') ? links : []),
    ...(f.pattern?.endsWith('{1,64}$') ? ['a b', long(65, 'a'), 'é'] : []),
    ...(f.pattern?.includes('#%') ? ['red;}', 'url(<x>)'] : []),
    ...(f.pattern?.startsWith('^([^') ? ['a\nb', 'a\u0007', ' '] : []), // one line, not blank
    ...(f.maxLength ? [long(f.maxLength + 1)] : []),
    ...(f.minLength > 1 ? [long(f.minLength - 1, 'x')] : []),
    ...(f.minLength && !f['x-blank-is-absent'] ? [''] : []),
  ],
  integer: (f) => [1.5, ...(f.maximum !== undefined ? [f.maximum + 1] : []), (f.minimum ?? 0) - 1, 1e300],
  number: (f) => ['x', '1.2.3', '-', ...(f.maximum !== undefined ? [f.maximum + 1] : []), (f.minimum ?? 0) - 1],
  boolean: () => [],
  object: (f) => [{ x: long(f['x-max-bytes'], 'x') }],
  array: (f) => [
    ...(f.minItems ? [[]] : []),
    Array.from({ length: f.maxItems + 1 }, () => (f.items.type === 'object' ? {} : f.items.enum?.[0] ?? 'x')),
    ...(f.items.maxLength ? [[long(f.items.maxLength + 1)], ['a\nb'], ['']] : []),
    ...(f['x-id'] ? [['a b'], ['']] : []),
    ...(f.items.enum ? [['no-such-choice']] : []),
    ...[null, 1, [], f.items.type === 'object' ? 'x' : { x: 1 }].map((item) => [item]),
  ],
}
const otherTypes = {
  string: [1, ['x']],
  integer: ['1', true],
  number: [true, [1]],
  boolean: ['true', 1],
  object: ['x', [{}]],
  array: ['x', { 0: 'x' }],
}
const typeOf = (f) => [f.type].flat()[0]

const atLimits = {
  string: (f) => (f.enum ? f.enum : f.maxLength && !f.pattern && !f.format ? [long(f.maxLength, '😀'), long(f.maxLength, '\'')] : []),
  integer: (f) => [f.minimum ?? 0, f.maximum].filter((n) => n !== undefined),
  number: (f) => [f.minimum ?? 0, f.maximum, '0.005'].filter((n) => n !== undefined),
  boolean: () => [true, false],
  object: () => [{}, { a: [null, { b: ['\u0001', 1e300, -0] }] }],
  array: (f) => [Array.from({ length: f.maxItems }, (_, i) => (f.items.enum ? f.items.enum[i % f.items.enum.length] : valueOf(f.items, w.a)))],
}

let w, bodies
before(async () => {
  w = await world()
  bodies = w.operations.filter((o) => o.body)
  await w.a.fill(needs(w.operations, 150))
})
after(() => w?.server.stop())

// What an object without any of its fields means: no data set, no question of this attempt.
const MEANT = ['config.datasets', 'questions']
const spelled = (value) => JSON.stringify(value)?.slice(0, 60)
const told = (o, name, value, r) => `${o}, ${name} = ${spelled(value)}: ${r.status} ${r.text.slice(0, 260)}`

// What is refused before anything looks at ids can have the same ones each time.
const kept = new Map()
function rightly(o) {
  if (!kept.has(o.name)) kept.set(o.name, { path: addressOf(o, w.a), body: bodyOf(o, w.a), person: whoMay(w, o).person })
  return kept.get(o.name)
}

function send(o, at, value, headers) {
  const { path, body, person } = rightly(o)
  return w.call(person, o, path, withValue(o, w.a, body, at, value), headers)
}

function assertNames(r, o, name, value, code) {
  assert.equal(r.status, 422, told(o, name, value, r))
  const { errors } = assertProblem(r, 422)
  const mine = errors?.filter((e) => e.field === name) ?? []
  assert.ok(mine.length === 1 && (!code || mine[0].code === code), told(o, name, value, r))
  assert.ok(mine[0].message.length > 5)
}

async function changesNothing(work) {
  const all = async () => ({ ...(await contents(w.server)), channels: 'any' })
  const before = await all()
  await work()
  assert.deepEqual(await all(), before)
}

const fieldsOf = (o) => o.places.filter(({ field }) => !field['x-ignored']) // anything goes there

test('the document has fields inside objects and lists', () => {
  for (const name of ['settings.allowPolls', 'questions.0.points', 'config.dateRange.start', 'metadata.options.0.text']) assert.ok(bodies.some((o) => o.places.some((p) => p.name === name)), name)
})

test('bodies: what does not fit its field is 422 and names it', () =>
  changesNothing(() =>
    inParallel(bodies.flatMap((o) => fieldsOf(o).flatMap(({ at, name, field: f }) => [...wrong[typeOf(f)](f), ...otherTypes[typeOf(f)]].map((value) => [o, at, name, value]))), async ([o, at, name, value]) =>
      assertNames(await send(o, at, value), o, name, value),
    )))

// Where a body is closed: itself, and the objects in it that have fields.
const closed = (o) => [[], ...o.places.flatMap(({ at, field: f }) => (f.properties ? [at] : f.items?.properties ? [[...at, 0]] : []))]

test('bodies: what is required and missing or null, and what is unknown', () =>
  changesNothing(() =>
    inParallel(bodies.flatMap((o) => [
      ...o.places.filter((p) => p.required).flatMap(({ at }) => [[o, at, undefined, 'required'], [o, at, null, 'required']]),
      ...closed(o).flatMap((at) => [[o, [...at, 'no-such-field'], 1, 'unknown'], [o, [...at, 'constructor'], {}, 'unknown']]),
    ]), async ([o, at, value, code]) => assertNames(await send(o, at, value), o, at.join('.'), value, code))))

test('bodies: what is no object, no JSON, or holds what no text may', () =>
  changesNothing(() =>
    inParallel(bodies.flatMap((o) => ['[]', '"x"', '1', '{', '{"a":1}x', '', '{"a":"\\ud800"}', '{"a":"\\u0000"}', `${'['.repeat(200)}${']'.repeat(200)}`].map((body) => [o, body])), async ([o, body]) => {
      if (body === '' && o.required.length === 0) return
      const { path, person } = rightly(o)
      const r = await w.api.request(o.method, path, { body, jar: false, headers: { cookie: person.cookie, 'content-type': 'application/json' } })
      assert.ok([400, 422].includes(r.status), told(o, 'the body', body, r))
      assertProblem(r, r.status)
    })))

test('refusals speak French and English, and their words stay', () =>
  inParallel(bodies, async (o) => {
    const [fr, en] = await Promise.all(['fr', 'en'].map((language) => send(o, ['no-such-field'], 1, { 'accept-language': language })))
    assertNames(en, o, 'no-such-field', 1)
    for (const key of ['title', 'message']) assert.notEqual(fr.json[key], en.json[key], `${o}: ${key}`)
    assert.notEqual(fr.json.errors[0].message, en.json.errors[0].message)
    assert.deepEqual([fr.json.type, fr.json.errors[0].code], [en.json.type, en.json.errors[0].code])
  }))

test('queries: what does not fit, is unknown or is said twice is 400 and names it', () => {
  const spellable = (v) => typeof v !== 'object'
  const cases = w.operations.flatMap((o) => [
    ...o.inQuery.flatMap((p) => {
      const type = typeOf(p.schema)
      const values = [...wrong[type](p.schema), ...(type === 'boolean' || type === 'integer' ? ['x', ''] : [])].filter(spellable)
      return values.map((value) => [o, p.name, value])
    }),
    [o, 'no-such-parameter', '1'],
    [o, '', '1'],
    ...(o.query('cursor') && o.list ? ['AAAA', '%', 'é', 'fHw', 'eHx5'].map((value) => [o, 'cursor', value, true]) : []),
  ])
  return changesNothing(() =>
    inParallel(cases, async ([o, name, value, unnamed]) => {
      const { path, body, person } = rightly(o)
      const address = `${path}${path.includes('?') ? '&' : '?'}${encodeURIComponent(name)}=${encodeURIComponent(value)}`
      const r = await w.call(person, o, address, body)
      assert.equal(r.status, 400, told(o, name, value, r))
      const p = assertProblem(r, 400)
      if (!unnamed && !path.includes(`${name}=`)) assert.ok(p.errors?.some((e) => e.field === name || name === ''), told(o, name, value, r))
    }))
})

// Signing in ends the session that one had: nobody does. A super_admin says where.
function freely(o, change) {
  const person = o.who === 'anyone' ? null : whoMay(w, o).person
  const body = change(bodyOf(o, w.a))
  if (person === w.superAdmin && o.body.properties.establishmentId) body.establishmentId = w.a.ids.school
  return w.call(person, o, addressOf(o, w.a), body)
}

test('null where a field may be absent is absence', () =>
  inParallel(bodies.flatMap((o) => [null, ...closed(o).filter((at) => at.length)].map((at) => [o, at])), async ([o, at]) => {
    const absent = (body) => (at
      ? fieldsOf(o).filter((p) => !p.required && p.at.length === at.length + 1 && p.name.startsWith(`${at.join('.')}.`))
      : o.places.filter((p) => p.at.length === 1 && !(p.name in body))).reduce((b, p) => withValue(o, w.a, b, p.at, null), body)
    const r = await freely(o, absent)
    const meant = at && r.status === 422 && r.json.errors?.some((e) => MEANT.includes(e.field))
    assert.ok(r.status < 400 || [409, 410].includes(r.status) || INVALID.includes(o.name) || meant, told(o, 'null', at, r))
  }))

// A valid value may still be refused for what it means; it never makes the server stumble.
test('values at the very limits', () =>
  inParallel(bodies.filter((o) => !['maintenance_set', 'roles_set'].includes(o.name)).flatMap((o) => fieldsOf(o).filter(({ field: f }) => !f['x-id']).flatMap(({ at, name, field: f }) => atLimits[typeOf(f)](f).map((value) => [o, at, name, value]))), async ([o, at, name, value]) => {
    const r = await freely(o, (body) => withValue(o, w.a, body, at, value))
    assert.ok(r.status < 500 && (r.status !== 401 || o.who === 'anyone'), told(o, name, value, r))
  }))
