// Every operation that changes something, by the conditions that its request may carry (api.md: Caching, Retries). If-Match: a stale tag is 412 and
// changes nothing, the tag that a read gave passes, of several changes to one version one is made, `*` passes. What takes which header is in the
// document; a new operation is in here by being in it, and fails until it keeps to that.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { addressOf, bodyOf, contents, inParallel, needs, world } from './lib/generated.mjs'
import { INVALID, whoMay } from './lib/rules.mjs'
import { assertProblem } from './lib/problem.mjs'

// Where the tag is read of what has no read at its own address.
const READS = {
  groups_archive: 'groups_get',
  people_update_super: 'users_get',
  people_delete_super: 'users_get',
  contents_change_old: 'contents_get',
  portal_content_change_old: 'contents_get',
  portal_menu_delete_old: 'menu_get',
}
// What really changes something, where the least body does not.
const CHANGES = {
  classes_update: { title: 'Autre' },
  notifications_prefer: { preferences: [{ type: 'system_update', enabled: false }] },
}
const AT_ONCE = 3

let w, named, versioned, untagged
before(async () => {
  w = await world()
  named = Object.fromEntries(w.operations.map((o) => [o.name, o]))
  const writes = w.operations.filter((o) => ['PUT', 'PATCH', 'DELETE'].includes(o.method) || o.headers.includes('IfMatch'))
  versioned = writes.filter((o) => o.headers.includes('IfMatch'))
  untagged = writes.filter((o) => !versioned.includes(o))
  await w.a.fill(needs(writes, 8))
})
after(() => w?.server.stop())

const told = (o, what, r) => `${o}, ${what}: ${r.status} ${r.text.slice(0, 200)}`
const bodyFor = (o) => ({ ...bodyOf(o, w.a), ...CHANGES[o.name] })

// One thing of it and who may change it; a super_admin says where.
function target(o, person = whoMay(w, o).person) {
  const where = person === w.superAdmin && o.query('establishmentId') ? { query: { establishmentId: w.a.ids.school } } : {}
  const path = addressOf(o, w.a, where)
  return { path, send: (headers = {}, body = bodyFor(o)) => w.call(person, o, path, body, headers), tag: () => tagOf(o, path, person) }
}

function readOf(o) {
  const read = named[READS[o.name]] ?? w.operations.find((x) => x.method === 'GET' && x.path === o.path)
  assert.ok(read, `${o} compares versions (VERSIONED): say in READS of this file which operation gives its tag`)
  return read
}

async function tagOf(o, path, person) {
  const read = readOf(o)
  const id = path.split('?')[0].split('/')[o.path.split('/').findIndex((s) => s.startsWith('{'))]
  const r = await w.call(person, read, read.path.replace(/\{\w+\}/, id))
  assert.equal(r.status, 200, told(read, `the tag for ${o}`, r))
  assert.match(r.headers.etag ?? '', /^"\d+-[0-9a-f]{16}"$/, told(read, `the tag for ${o}`, r))
  return r.headers.etag
}

const versionOf = (tag) => Number(tag.slice(1).split('-')[0])

// Asking about a group, a class or a board opens its channel, which has a row.
async function changesNothing(work) {
  const all = async () => ({ ...(await contents(w.server)), channels: 'any' })
  const before = await all()
  await work()
  assert.deepEqual(await all(), before)
}

test('what has a read with a tag at its own address compares it', () => {
  assert.ok(versioned.length > 35 && untagged.length > 10, `${versioned.length} ${untagged.length}`)
  for (const o of untagged) {
    const read = w.operations.find((x) => x.method === 'GET' && x.path === o.path && x.headers.includes('IfNoneMatch') && !x.list)
    assert.ok(!read, `${o}: ${read} gives a tag, and the row is not VERSIONED`)
  }
})

test('a tag that fits nothing is 412, a header that is no list of tags 400, and nothing is changed', async () => {
  const asked = [] // before: reading is counted, of help
  await inParallel([...versioned, ...untagged], async (o) => {
    const t = target(o)
    asked.push([t, versioned.includes(o) ? await t.tag() : '"1-0123456789abcdef"'])
  })
  await changesNothing(() =>
    inParallel(asked, async ([t, tag]) => {
      for (const stale of [`"${versionOf(tag) + 1}-x"`, `W/${tag}`, `"x", W/"y","-1-z"`]) assertProblem(await t.send({ 'if-match': stale }), 412)
      assertProblem(await t.send({ 'if-none-match': '*' }), 412)
      for (const bad of [tag.slice(1), `*, ${tag}`, `${tag} ${tag}`, ',']) assertProblem(await t.send({ 'if-match': bad }), 400)
    }))
})

const cases = () => [...versioned.map((o) => [o]), [named.establishments_update, w.superAdmin]]

test('the tag that a read gave passes, among others too, and of many changes to one version one is made', () =>
  inParallel(cases(), async ([o, person]) => {
    const t = target(o, person)
    const tag = await t.tag()
    const all = await Promise.all(Array.from({ length: AT_ONCE }, () => t.send({ 'if-match': `"x", "${versionOf(tag) + 7}-0", ${tag}` })))
    const made = all.filter((r) => r.status < 400)
    assert.equal(made.length, 1, `${o}: ${all.map((r) => `${r.status} ${r.text.slice(0, 100)}`).join('\n')}`)
    for (const r of all) if (r !== made[0]) assertProblem(r, o.method === 'DELETE' ? [404, 412] : 412)
    if (o.method === 'DELETE') return
    assert.ok(versionOf(await t.tag()) > versionOf(tag), `${o}: its version stands`)
  }, 6))

test('"*" is whatever there is', () =>
  inParallel([...versioned, ...untagged], async (o) => {
    const r = await target(o).send({ 'if-match': '*' })
    assert.ok(r.status < 400 || (r.status === 422 && INVALID.includes(o.name)), told(o, '*', r))
  }))
