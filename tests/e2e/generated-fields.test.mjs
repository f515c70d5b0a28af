// Every field of every body, those inside objects and lists too, and every parameter of every query, with values that the document says are wrong: another type, too long, too
// short, too big, of no choice, of no form, missing, null, unknown. Each is refused as a problem that names the field, in French and in English,
// and nothing has changed afterwards. Values at the very limits, and null where a field may be absent, are never the server's mistake.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { addressOf, bodyOf, contents, inParallel, needs, valueOf, withValue, withValues, world } from './lib/generated.mjs'
import { INVALID, whoMay } from './lib/rules.mjs'
import { assertProblem } from './lib/problem.mjs'

const long = (n, c = 'é') => c.repeat(Math.max(n, 0))
const times = ['x', '2030-02-31', '2030-13-01', '2030-01-01T25:00Z', '20300101']
const links = ['javascript:alert(1)', '//ecole.test', 'x']
const typeOf = (f) => [f.type].flat()[0]

// The kinds of text: how one is known, a right one of n characters, and what has not its form.
const texts = [
  { of: (f) => f.enum, wrong: ['no-such-choice'], code: 'choice' },
  { of: (f) => f['x-time'], wrong: times },
  { of: (f) => f.format === 'uri', right: (n) => `https://ecole.test/${long(n - 19, 'x')}`, wrong: ['ftp://ecole.test/x', ...links] },
  { of: (f) => f.format === 'email', right: (n) => `a@${long(n - 2, 'b')}`, wrong: ['x', 'a b@ecole.test', `${long(65, 'a')}@ecole.test`, `a@${long(253, 'b')}`], most: 254 },
  { of: (f) => f.pattern?.endsWith('{1,64}$'), right: (n) => long(n, 'x'), wrong: ['a b', long(65, 'a'), 'é'], most: 64 },
  { of: (f) => f.pattern?.startsWith('^(#'), right: (n) => `/${long(n - 1, 'x')}`, wrong: links },
  { of: (f) => f.pattern?.includes('#%'), right: (n) => long(n, 'x'), wrong: ['red;}', 'url(<x>)', 'é'] },
  { of: (f) => f.pattern?.startsWith('^([^'), right: (n) => long(n), wrong: ['a\nb', 'a\u0007', ' '] }, // one line, not blank
  { of: (f) => !f.pattern && !f.format, right: (n, c) => long(n, c), wrong: [] },
]
const textOf = (f) => texts.find((t) => t.of(f))

// What does not fit, by the field's schema: [JSON value, the code that it is refused with].
const wrong = {
  string: (f) => [
    ...textOf(f).wrong.map((v) => [v, textOf(f).code ?? 'format']),
    ...(f.enum && !f['x-blank-is-absent'] ? [['', 'choice']] : []),
    ...(f.maxLength && f.format !== 'email' ? [[textOf(f).right(f.maxLength + 1), 'too_long']] : []),
    ...(f.minLength > 1 ? [[long(f.minLength - 1, 'x'), 'too_short']] : []),
    ...(f.minLength && !f['x-blank-is-absent'] ? [['', f.minLength > 1 ? 'too_short' : 'required']] : []),
  ],
  integer: (f) => [[1.5, 'type'], [1e300, 'type'], [f.minimum - 1, 'too_small'], ...(f.maximum !== undefined ? [[f.maximum + 1, 'too_big']] : [])],
  number: (f) => [...(f.type === 'number' ? [] : ['x', '1.2.3', '-', '', long(20, '1')].filter((v) => v || !f['x-blank-is-absent'])).map((v) => [v, 'format']), [f.minimum - 1, 'too_small'],
    ...(f.maximum !== undefined ? [[f.maximum + 1, 'too_big'], ...(f.type === 'number' ? [] : [[`${f.maximum + 1}`, 'too_big']])] : [])],
  boolean: () => [],
  object: (f) => [[{ x: long(f['x-max-bytes'], 'x') }, 'too_long']],
  array: (f) => [
    ...(f.minItems ? [[[], 'required']] : []),
    [Array.from({ length: f.maxItems + 1 }, () => goodItem(f)), 'too_many'],
    ...(f.items.maxLength ? [[long(f.items.maxLength + 1), 'too_long'], ['a\nb', 'format'], ['', 'format']].map(amongGood(f)) : []),
    ...(f['x-id'] ? [['a b', 'format'], ['', 'format']].map(amongGood(f)) : []),
    ...(f.items.enum ? [amongGood(f)(['no-such-choice', 'choice'])] : []),
    ...[null, 1, [], f.items.type === 'object' ? 'x' : { x: 1 }].map((item) => amongGood(f)([item, 'type'])),
  ],
}
const goodItem = (f) => (f.items.type === 'object' ? {} : f.items.enum?.[0] ?? 'x')
const amongGood = (f) => ([item, code]) => [[goodItem(f), item], code] // each is looked at, not only the first
const otherTypes = {
  string: [1, true, {}, ['x']],
  integer: ['1', true, {}, [1]],
  number: [true, {}, [1]],
  boolean: ['true', 1, {}, []],
  object: ['x', 1, true, [{}]],
  array: ['x', 1, true, { 0: 'x' }],
}
const wrongOf = (f) => [...wrong[typeOf(f)](f), ...otherTypes[typeOf(f)].map((v) => [v, 'type'])]

const atLimits = {
  string: (f) => {
    const { right, most = f.maxLength } = textOf(f)
    return f.enum ?? (right && most ? [right(most, '😀'), right(most, '\'')] : [])
  },
  integer: (f) => [f.minimum ?? 0, f.maximum].filter((n) => n !== undefined),
  number: (f) => [f.minimum ?? 0, f.maximum, ...(f.type === 'number' ? [0.005] : ['0.005'])].filter((n) => n !== undefined),
  boolean: () => [true, false],
  object: () => [{}, { a: [null, { b: ['\u0001', 1e300, -0] }] }],
  array: (f) => [Array.from({ length: f.maxItems }, (_, i) => (f.items.enum ? f.items.enum[i % f.items.enum.length] : valueOf(f.items, w.a)))],
}

let w, bodies
before(async () => {
  w = await world()
  bodies = w.operations.filter((o) => o.body)
  await w.a.fill(needs(w.operations, 60))
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
  assert.ok(mine.length === 1 && (!code || mine[0].code === code), `${told(o, name, value, r)}, wanted ${code}`)
  assert.ok(mine[0].message.length > 5)
}

// The server names up to sixteen fields that do not fit: cases of different places go in one request, and each must be named.
const AT_ONCE = 12
const inside = (a, b) => a.every((key, i) => key === b[i])
function together(cases, most = AT_ONCE) {
  const requests = [], ofOne = new Map()
  for (const c of cases) {
    if (!ofOne.has(c.o)) ofOne.set(c.o, [])
    const room = ofOne.get(c.o).find((r) => r.cases.length < most && !r.cases.some((x) => inside(x.at, c.at) || inside(c.at, x.at)) && !r.cases.some((x) => tells(x, c) || tells(c, x)) && !(r.elements.has(listOf(c)) && r.elements.get(listOf(c)) !== elementOf(c)))
    const r = room ?? { o: c.o, cases: [], elements: new Map() }
    if (!room) requests.push(r), ofOne.get(c.o).push(r)
    r.cases.push(c)
    r.elements.set(listOf(c), elementOf(c))
  }
  return requests
}
const tells = (x, c) => x.as?.beside && c.name === 'type' // of which kind the other's map is
const inList = (c) => c.at.findIndex((key) => typeof key === 'number')
const listOf = (c) => (c.as ?? inList(c) >= 0 ? c.at[0] : '')
const elementOf = (c) => `${c.at[inList(c)]} ${c.as?.kind ?? ''}`

async function changesNothing(work) {
  const all = async () => ({ ...(await contents(w.server)), channels: 'any' })
  const before = await all()
  await work()
  assert.deepEqual(await all(), before)
}

const fieldsOf = (o) => o.places.filter(({ field, later }) => !field['x-ignored'] && !later) // anything goes there, or it goes by its kind

const queried = () => w.operations.flatMap((o) => o.inQuery.map((p) => ({ o, name: p.name, field: p.schema })))
const fielded = () => bodies.flatMap((o) => fieldsOf(o).map(({ at, name, field, required, as }) => ({ o, at, name, field, required, as })))

test('the document has fields inside objects and lists, and says of each how much it takes', (t) => {
  for (const name of ['settings.allowPolls', 'questions.0.points', 'config.dateRange.start', 'metadata.options.0.text']) assert.ok(bodies.some((o) => o.places.some((p) => p.name === name)), name)
  const limited = {
    string: (f) => f.maxLength || f.enum || f['x-time'] || f.pattern?.endsWith('{1,64}$'),
    integer: (f) => f.minimum !== undefined, // at most what 64 bits hold
    number: (f) => f.minimum !== undefined && (f.type === 'number' || (f.maximum !== undefined && f.maxLength)),
    boolean: () => true,
    object: (f) => f['x-max-bytes'],
    array: (f) => f.maxItems && f.items && (f.items.type === 'object' || limited.string(f.items)),
  }
  const all = [...fielded(), ...queried()]
  for (const { o, name, field: f } of all) {
    assert.ok(limited[typeOf(f)]?.(f), `${o}: ${name} has no limit: ${JSON.stringify(f)}`)
    const values = wrongOf(f).map(([v]) => v)
    const form = new RegExp(f.pattern ?? '', 'u')
    if (typeOf(f) === 'string') assert.ok(!f.pattern || values.some((v) => typeof v === 'string' && v && !form.test(v)), `${o}: ${name}: say in \`texts\` of this file what has not the form ${f.pattern}`)
  }
  t.diagnostic(`${bodies.length} bodies of ${fielded().length} fields, ${fielded().filter((c) => c.at.length > 1).length} of them inside; ${queried().length} parameters`)
})

// The same field of a list's second thing, where the first is right.
const ofSecond = ({ at, ...c }) => (at.includes(0) ? [{ ...c, at: at.map((key) => (key === 0 ? 1 : key)) }].map((x) => ({ ...x, name: x.at.join('.') })) : [])
const casesOf = (c) => wrongOf(c.field).map(([value, code]) => ({ ...c, value, code }))

function bodyCases() {
  const required = (c) => (c.required ? [{ ...c, value: undefined, code: 'required' }, { ...c, value: null, code: 'required' }] : [])
  return fielded().flatMap((c) => [...casesOf(c), ...required(c), ...ofSecond(c).flatMap((x) => [...casesOf(x).slice(-1), ...required(x)])])
}

test('bodies: what does not fit its field, or is required and missing or null, is 422 and named', (t) => {
  const cases = bodyCases(), requests = together(cases)
  t.diagnostic(`${cases.length} values in ${requests.length} requests`)
  return changesNothing(() =>
    inParallel(requests, async ({ o, cases: all }) => {
      const { path, body, person } = rightly(o)
      const r = await w.call(person, o, path, withValues(o, w.a, body, all))
      for (const { name, value, code } of all) assertNames(r, o, name, value, code)
      assert.equal(r.json.errors.length, all.length, told(o, all.map((c) => c.name).join(), all.map((c) => c.value), r))
    }))
})

// What the kinds of question and message have, and must have; the last's form is the operation's own to check.
test('bodies: kinds of map, each right as the document shows it, wrong without what it must have, with what another has, and of another form', async (t) => {
  const kinds = bodies.flatMap((o) => o.kinds.map((k) => ({ o, k })))
  const put = ({ o, k }, change) => {
    const { path, body, person } = rightly(o)
    const map = structuredClone(k.example)
    change(map)
    return w.call(person, o, path, { ...withValue(o, w.a, body, k.at, map), ...(k.beside ? { type: k.kind } : {}) })
  }
  const cases = kinds.flatMap(({ o, k }) => {
    const field = (name) => [...k.at, name].join('.')
    const others = o.kinds.filter((x) => String(x.at) === String(k.at)).flatMap((x) => Object.entries(x.example)).filter(([name]) => !k.names.includes(name))
    const later = o.places.filter((p) => p.later && p.as === k)
    return [
      ...k.required.flatMap((name) => [[field(name), 'required', (m) => delete m[name]], [field(name), 'required', (m) => (m[name] = null)]]),
      ...Object.entries(Object.fromEntries(others)).map(([name, v]) => [field(name), 'unknown', (m) => (m[name] = v)]),
      ...later.flatMap((p) => [...otherTypes[typeOf(p.field)], ...(p.field.maxLength ? [long(p.field.maxLength + 1)] : []), ...(p.field.items ? [[], [1], Array(61).fill('x'), [null]] : [])].map((v) => [p.name, null, (m) => (m[p.at.at(-1)] = v)])),
    ].map(([name, code, change]) => ({ o, k, name, code, change }))
  })
  t.diagnostic(`${kinds.length} kinds, ${cases.length} wrong ones`)
  assert.ok(kinds.length > 20 && cases.length > 150)
  await changesNothing(() => inParallel(cases, async (c) => assertNames(await put(c, c.change), c.o, c.name, c.k.kind, c.code)))
  await inParallel(kinds, async (c) => {
    const whiteboard = c.k.names.includes('whiteboardId') // a thing of the school
    const r = await put(c, (m) => whiteboard && (m.whiteboardId = w.a.take('whiteboard')))
    assert.ok(r.status < 400, told(c.o, c.k.kind, c.k.example, r))
  })
})

// Where a body is closed: itself, and the objects in it that have fields.
const closed = (o) => [[], ...o.places.flatMap(({ at, field: f }) => (f.properties ? [at] : f.items?.properties ? [[...at, 0], [...at, 1]] : []))]

test('bodies: what is unknown', () =>
  changesNothing(() =>
    inParallel(bodies.flatMap((o) => closed(o).flatMap((at) => [[o, [...at, 'no-such-field'], 1], [o, [...at, 'constructor'], {}]])), async ([o, at, value]) =>
      assertNames(await send(o, at, value), o, at.join('.'), value, 'unknown'))))

// A form says everything as text.
const spellable = (v) => typeof v !== 'object' && v !== undefined
const asForm = (body) => Object.entries(body).flatMap(([name, v]) => [v].flat().map((x) => [name, String(x)]))
const flat = (o) => o.required.every((name) => !['object'].includes(typeOf(o.body.properties[name])) && o.body.properties[name].items?.type !== 'object')
const bare = { string: [], integer: [['x', 'type'], ['', 'type'], ['1.5', 'type']], number: [], boolean: [['x', 'type'], ['TRUE', 'type']], object: [['x', 'type']], array: [] }

test('bodies as forms: the same fields, and the same is wrong', async (t) => {
  const top = fielded().filter((c) => c.at.length === 1)
  const words = ({ field: f }) => [...wrong[typeOf(f)](f).filter(([v, code]) => spellable(v) && code !== 'type' && typeOf(f) !== 'integer'), ...bare[typeOf(f)].filter(([v]) => v || !f['x-blank-is-absent'])]
  const requests = together(top.flatMap((c) => words(c).map(([value, code]) => ({ ...c, value, code }))))
  const form = (o, body) => {
    const { path, person } = rightly(o)
    return w.api.request(o.method, path, { form: asForm(body), jar: false, headers: { cookie: person.cookie } })
  }
  await changesNothing(() => inParallel(requests.filter(({ o }) => flat(o)), async ({ o, cases }) => {
    const r = await form(o, Object.assign({ ...rightly(o).body }, Object.fromEntries(cases.map((c) => [c.name, c.value]))))
    for (const { name, value, code } of cases) assertNames(r, o, name, value, code)
  }))
  const right = bodies.filter((o) => flat(o) && !['auth_login', 'auth_register'].includes(o.name))
  await inParallel(right, async (o) => {
    const body = bodyOf(o, w.a)
    if (Object.values(body).some((v) => typeof v === 'object')) return
    const { person } = rightly(o)
    if (person === w.superAdmin && o.body.properties.establishmentId) body.establishmentId = w.a.ids.school
    const r = await w.api.request(o.method, addressOf(o, w.a), { form: asForm(body), jar: false, headers: { cookie: person.cookie } })
    assert.ok(r.status < 400 || [409, 410].includes(r.status) || INVALID.includes(o.name), told(o, 'the form', body, r))
  })
  t.diagnostic(`${requests.length} forms that are wrong, ${right.length} right ones`)
})

test('bodies: what is no object, no JSON, or holds what no text may', () =>
  changesNothing(() =>
    inParallel(bodies.flatMap((o, i) => ['[]', '{', '', '{"a":"\\u0000"}', ...(i % 8 ? [] : ['"x"', '1', '{"a":1}x', '{"a":"\\ud800"}', `${'['.repeat(200)}${']'.repeat(200)}`])].map((body) => [o, body])), async ([o, body]) => {
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

test('queries: what does not fit, is unknown or is said twice is 400 and named', (t) => {
  const words = ({ field: f }) => [...wrong[typeOf(f)](f), ...(['integer', 'boolean'].includes(typeOf(f)) ? [['x', 'type'], ...(f['x-blank-is-absent'] ? [] : [['', 'type']])] : [])].filter(([v]) => spellable(v))
  const requests = together(queried().flatMap((c) => words(c).map(([value, code]) => ({ ...c, at: [c.name], value, code }))))
  const ask = ({ o, pairs }) => {
    const { path, body, person } = rightly(o)
    const [address, query] = path.split('?')
    const own = [...new URLSearchParams(query)].filter(([name]) => !pairs.some(([n]) => n === name))
    return w.call(person, o, `${address}?${new URLSearchParams([...own, ...pairs])}`, body)
  }
  const unnamed = w.operations.flatMap((o) => [
    [['no-such-parameter', '1']], ...(o.list ? [[['', '1']]] : []),
    ...o.inQuery.map((p) => Array(2).fill([p.name, p.schema['x-id'] && !p.schema['x-identity'] ? 'x' : String(valueOf(p.schema, w.a))])),
    ...(o.query('cursor') && o.list ? ['AAAA', '%', 'é', 'fHw', 'eHx5'].map((value) => [['cursor', value]]) : []),
  ].map((pairs) => ({ o, pairs })))
  t.diagnostic(`${requests.reduce((n, r) => n + r.cases.length, 0)} values in ${requests.length} requests, and ${unnamed.length} more`)
  return changesNothing(async () => {
    await inParallel(requests, async ({ o, cases }) => {
      const r = await ask({ o, pairs: cases.map((c) => [c.name, String(c.value)]) })
      const p = assertProblem(r, 400)
      for (const { name, value, code } of cases) assert.equal(p.errors?.filter((e) => e.field === name && e.code === code).length, 1, `${told(o, name, value, r)}, wanted ${code}`)
    })
    await inParallel(unnamed, async ({ o, pairs }) => {
      const r = await ask({ o, pairs })
      assert.equal(r.status, 400, told(o, pairs[0][0], pairs[0][1], r))
      const p = assertProblem(r, 400)
      if (pairs[0][0] === 'no-such-parameter') assert.deepEqual(p.errors.map((e) => [e.field, e.code]), [['no-such-parameter', 'unknown']], told(o, ...pairs[0], r))
    })
  })
})

// Signing in ends the session that one had: nobody does. A super_admin says where.
function freely(o, change) {
  return sendFreely(o, change)
}

function sendFreely(o, change, path = addressOf(o, w.a)) {
  const person = o.who === 'anyone' ? null : whoMay(w, o).person
  const body = change(bodyOf(o, w.a))
  if (person === w.superAdmin && o.body.properties.establishmentId) body.establishmentId = w.a.ids.school
  return w.call(person, o, path, body)
}

// What it is that this changes, as its own address gives it.
async function standing(o, path) {
  const read = w.operations.find((x) => x.method === 'GET' && x.path === o.path && !x.list)
  return (await w.call(whoMay(w, o).person, read, path)).json
}

test('null where a field may be absent is absence, and what is ignored changes nothing', async (t) => {
  let compared = 0
  const cases = bodies.flatMap((o) => [null, ...closed(o).filter((at) => at.length && !at.includes(1))].map((at) => [o, at]))
  const stands = ([o, at]) => !at && o.method === 'PUT' && w.operations.some((x) => x.method === 'GET' && x.path === o.path && !x.list)
  const check = async ([o, at]) => {
    const places = at
      ? fieldsOf(o).filter((p) => !p.required && p.at.length === at.length + 1 && p.name.startsWith(`${at.join('.')}.`))
      : o.places.filter((p) => p.at.length === 1 && !p.required && ![p.field.type].flat().includes('null'))
    const ignored = o.places.filter((p) => p.at.length === 1 && p.field['x-ignored'])
    const path = addressOf(o, w.a)
    const before = stands([o, at]) ? await standing(o, path) : null
    const r = await sendFreely(o, (body) => ({
      ...places.filter((p) => at || !(p.name in body)).reduce((b, p) => withValue(o, w.a, b, p.at, null), body),
      ...Object.fromEntries(ignored.map((p) => [p.name, [{ x: 1 }]])), // anything goes there
    }), path)
    const meant = at && r.status === 422 && r.json.errors?.some((e) => MEANT.includes(e.field))
    assert.ok(r.status < 400 || [409, 410].includes(r.status) || INVALID.includes(o.name) || meant, told(o, 'null', at, r))
    if (!before || r.status >= 400) return
    const after = await standing(o, path), sent = bodyOf(o, w.a)
    for (const { name } of [...places, ...ignored]) if (name in before && !(name in sent) && name !== 'updatedAt') assert.deepEqual(after[name], before[name], `${o}: ${name}`)
    compared++
  }
  await inParallel(cases.filter((c) => !stands(c)), check)
  await inParallel(cases.filter(stands), check, 1) // an order of all would move each
  t.diagnostic(`${compared} things are what they were`)
  assert.ok(compared > 10)
})

// A valid value may still be refused for what it means; it never makes the server stumble. Those of different fields go together, and one by one
// where that is refused.
test('values at the very limits', async (t) => {
  const cases = fielded().filter(({ o, field: f }) => !['maintenance_set', 'roles_set'].includes(o.name) && !f['x-id']).flatMap((c) => atLimits[typeOf(c.field)](c.field).map((value) => ({ ...c, value })))
  const put = async (o, all) => {
    const r = await freely(o, (body) => withValues(o, w.a, body, all))
    assert.ok(r.status < 500 && (r.status !== 401 || o.who === 'anyone'), told(o, all.map((c) => c.name).join(), all.map((c) => c.value), r))
    return r.status < 400
  }
  let single = 0
  await inParallel(together(cases, 8), async ({ o, cases: all }) => {
    if ((await put(o, all)) || all.length === 1) return
    single += all.length
    for (const c of all) await put(o, [c])
  })
  t.diagnostic(`${cases.length} values, ${single} of them alone`)
})
