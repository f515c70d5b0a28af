// What a read costs: at most two SQL statements, counted by the server itself (/metrics) around one request on a quiet server, the one that
// looks up who asks included: whoever asks (every role, a super_admin of a school and of none, an API token, nobody), by GET and HEAD, with
// every parameter that the read takes, in every order, with the count, and on the next page.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ROLES, addressOf, inParallel, lending, needs, valueOf, world } from './lib/generated.mjs'
import { mayBy, whoMay } from './lib/rules.mjs'

const MOST = 2
const TRIES = 4 // what the server does by itself (renewing sessions, counting) may fall into one

let w, reads, lent, everybody, strangers
before(async () => {
  w = await world({ args: ['--loops', '1', '--analytics-every', '50s'] })
  reads = w.operations.filter((o) => o.method === 'GET')
  const kinds = Object.keys(needs(reads, 1)).concat(reads.flatMap((o) => o.inQuery.map((p) => p.schema['x-id'])))
  const taken = needs(reads, 10)
  await w.a.fill(Object.fromEntries(kinds.filter((kind) => kind && kind !== 'establishment').map((kind) => [kind, (taken[kind] ?? 0) + 5])))
  lent = lending(w.a)
  const [inSchool] = await w.people([{ role: 'super_admin', school: w.a.ids.school }])
  const tokens = await w.tokens([{ id: w.a.ids.apprenant, role: 'apprenant' }, { id: w.superAdmin.id, role: 'super_admin' }])
  const [late] = await w.people([{ role: 'super_admin', expired: true }])
  strangers = [null, { ...late, what: 'somebody whose session is over' }]
  everybody = [
    ...ROLES.slice(0, 4).map((role) => ({ ...w.a.people[role], what: role })),
    { ...w.superAdmin, what: 'a super_admin of no school' },
    { ...inSchool, what: 'a super_admin of the school' },
    ...tokens.map((t) => ({ ...t, what: `a token of a ${t.role}` })),
  ]
})
after(() => w?.server.stop())

async function statements() {
  const text = (await w.api.get('/metrics', { jar: false })).text
  const lines = [...text.matchAll(/^stacgate_db_statements_total\{[^}]*\} (\d+)$/gm)]
  assert.ok(lines.length > 0, text.slice(0, 200))
  return lines.reduce((sum, m) => sum + Number(m[1]), 0)
}

// The least of some tries, each about another thing where `path` gives one (what was just read may be in memory), and the answer:
// [{o, person, path, least, r}]. One at a time: what one leaves is what the next begins with.
async function costs(list) {
  const told = []
  let again = 0
  let from = await statements()
  for (const { o, person, path: where, method } of list) {
    let least = Infinity, path, r
    for (let n = 0; n < TRIES && least > MOST; n++) {
      path = typeof where === 'string' ? where : where()
      again += n > 0
      r = await w.call(person, o, path, undefined, {}, method)
      const to = await statements()
      least = Math.min(least, to - from)
      from = to
    }
    told.push({ o, person, path, method, least, r })
  }
  const spelled = (c) => `${c.o}, ${c.method ?? 'GET'} ${c.path} by ${c.person?.what ?? 'nobody'}: ${c.least} statements, ${c.r.status} ${c.r.text.slice(0, 120)}`
  assert.deepEqual(told.filter((c) => c.least > MOST).map(spelled), [])
  assert.ok(told.filter((c) => c.least === MOST).length > told.length / 2, 'hardly anything is counted')
  return { told, spelled, again }
}

const fine = (r) => r.status < 400 || [409, 410].includes(r.status) // a file that is no more

test('reads are at most two statements, whoever asks', async (t) => {
  const list = everybody.flatMap((person) =>
    reads.filter((o) => (o.who === 'anyone' || mayBy(w, o, person.role ?? person.what)) && (!person.bearer || !o.path.startsWith('/api/auth/'))).flatMap((o) => {
      const nowhere = (person.role ?? '') === 'super_admin' && !person.school && o.query('establishmentId')
      const queries = nowhere ? [{ establishmentId: w.a.ids.school }, {}] : [{}]
      return queries.map((query) => ({ o, person, path: () => addressOf(o, w.a, { query }) }))
    }))
  const { told, spelled, again } = await costs(list)
  t.diagnostic(`${told.length} reads by ${everybody.length}, ${again} tried again: ${new Set(told.map((c) => c.o.name)).size} of ${reads.length} operations`)
  // Without a school, what only a school has is not found.
  const odd = told.filter((c) => !fine(c.r) && !(c.r.status === 404 && c.o.query('establishmentId') && !c.path.includes('establishmentId')))
  assert.deepEqual(odd.map(spelled), [])
})

test('and so by nobody, and by HEAD', async () => {
  const nobody = strangers.flatMap((person) => reads.filter((o) => o.who === 'anyone').map((o) => ({ o, person, path: addressOf(o, lent) })))
  const heads = reads.map((o) => ({ o, person: whoMay(w, o).person, path: addressOf(o, lent), method: 'HEAD' }))
  const { told, spelled } = await costs([...heads, ...nobody])
  assert.deepEqual(told.filter((c) => !fine(c.r)).map(spelled), [])
})

function valuesOf({ name, schema }) {
  if (['cursor', 'before', 'after'].includes(name)) return [] // the next pages
  if (schema.enum) return schema.enum
  if (name === 'slug') return [lent.slug]
  if (name === 'from') return ['2020-01-01']
  return schema.type === 'boolean' ? [true, false] : [valueOf(schema, lent)]
}

test('with every parameter, with the count, and on the next page', async () => {
  const list = reads.flatMap((o) => o.inQuery.flatMap((p) => valuesOf(p).map((value) => ({ o, person: whoMay(w, o).person, path: addressOf(o, lent, { query: { ...(o.query('limit') ? { limit: 1 } : {}), [p.name]: value } }) }))))
  const { told, spelled } = await costs(list)
  assert.deepEqual(told.filter((c) => !fine(c.r)).map(spelled), [])
  const pages = told.flatMap((c) => [/<([^>]+)>; rel="next"/.exec(c.r.headers.link ?? '')?.[1]].filter(Boolean).map((path) => ({ ...c, path })))
  assert.ok(pages.length > 40, `${pages.length} next pages`)
  await costs(pages)
})

// Who asks, and where what they ask about is, comes from one statement for many requests at once: each gets their own.
test('look-ups that share a statement', async () => {
  await w.b.fill({ course: 5, group: 5 })
  const [inactive] = await w.people([{ role: 'admin', school: w.a.ids.school, inactive: true }])
  const get = w.operations.find((o) => o.name === 'courses_get'), list = w.operations.find((o) => o.name === 'courses_list'), group = w.operations.find((o) => o.name === 'groups_get')
  const askers = [...strangers, inactive, w.superAdmin]
  await inParallel(Array.from({ length: 480 }, (_, i) => i), async (i) => {
    const person = askers[i % 4], school = [w.a, w.b][(i >> 2) % 2], n = (i >> 3) % 5
    if (i % 5 === 0) return assert.deepEqual((await w.call(person, list, '/api/courses')).json, [], 'in no school there is no catalogue')
    const [o, path] = person === w.superAdmin && i % 3 === 0 ? [group, `/api/study-groups/${school.stock.group[n]}`] : [get, `/api/courses/${school.stock.course[n]}`]
    const r = await w.call(person, o, path)
    assert.deepEqual([r.status, r.json.establishmentId], [200, school.ids.school], `${o}, request ${i}: ${r.text.slice(0, 200)}`)
  })
})
