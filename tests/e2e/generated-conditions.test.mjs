// Every operation by the conditions that its request may carry (api.md: Caching, Retries). If-None-Match: 304 says what 200 said. If-Match: a stale
// tag is 412 and
// changes nothing, the tag that a read gave passes, of several changes to one version one is made, `*` passes. Idempotency-Key: sent several times,
// also at once, it is done once and answered alike. What takes which header is in the document; a new operation is in here by being in it, and fails
// until it keeps to that.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { addressOf, bodyOf, contents, inParallel, needs, valueOf, world } from './lib/generated.mjs'
import { STANDS } from './lib/kinds.mjs'
import { INVALID, whoMay } from './lib/rules.mjs'
import { assertProblem } from './lib/problem.mjs'
import { signIn } from './lib/client.mjs'
import { lit } from './lib/server.mjs'
import { PASSWORD, unique, until } from './lib/util.mjs'

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

// Begins or ends a sign-in, or shows a token this one time.
const NO_KEY = ['auth_logout', 'tokens_create', 'socket_token']
// Is done by somebody else than the request's own transaction, which then keeps the answer.
const ELSEWHERE = ['messages_create', 'groups_join', 'groups_archive', 'polls_vote', 'polls_close', 'attempts_submit']
const POSTED = {
  auth_change_password: () => ({ currentPassword: PASSWORD, newPassword: 'une autre longue phrase' }),
}

let w, named, reads, versioned, untagged, keyed
before(async () => {
  w = await world({ args: ['--analytics-every', '1s'] }) // figures of a school that has none yet are of this very moment
  named = Object.fromEntries(w.operations.map((o) => [o.name, o]))
  const writes = w.operations.filter((o) => ['PUT', 'PATCH', 'DELETE'].includes(o.method) || o.headers.includes('IfMatch'))
  versioned = writes.filter((o) => o.headers.includes('IfMatch'))
  untagged = writes.filter((o) => !versioned.includes(o))
  keyed = w.operations.filter((o) => o.headers.includes('IdempotencyKey'))
  reads = w.operations.filter((o) => o.headers.includes('IfNoneMatch'))
  await w.a.fill(needs([...reads, ...writes, ...keyed], 8))
  await w.server.sql('select analytics_refresh()') // until the first time, figures are those of the moment
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

// ---- If-None-Match

const SAID = ['etag', 'vary', 'cache-control', 'link']
const said = (r) => Object.fromEntries(SAID.map((h) => [h, r.headers[h]]))

// Of a 200 and what it says to these If-None-Match: null when what is read has changed meanwhile.
async function revalidated(get, headers) {
  const whole = await get(headers)
  const tag = whole.headers.etag ?? 'no tag'
  const other = tag.replace(/(-gzip)?"$/, tag.endsWith('-gzip"') ? '"' : '-gzip"')
  const ask = (tags) => get({ ...headers, 'if-none-match': tags })
  const [any, listed, malformed, own] = [await ask('*'), await ask(`"x", W/${other}`), await ask(`"x", ${tag.slice(1)}`), await ask(tag)]
  return own.status === 304 ? { whole, kept: [any, listed, own], malformed } : null
}

test('304 says what 200 said, for each coding', async () => {
  let packed = 0
  await inParallel(reads, async (o) => {
    const path = addressOf(o, w.a)
    const get = (headers) => w.call(o.who === 'anyone' ? null : whoMay(w, o).person, o, path, undefined, headers)
    for (const coding of ['gzip', 'identity']) {
      const { whole, kept, malformed } = await until(`${o} to stand still, or to have a tag`, () => revalidated(get, { 'accept-encoding': coding }))
      const compressed = whole.headers['content-encoding'] === 'gzip'
      packed += compressed
      assert.equal(whole.headers.etag.endsWith('-gzip"'), compressed, told(o, whole.headers.etag, whole))
      for (const r of kept) assert.deepEqual([r.status, r.raw.length, said(r)], [304, 0, said(whole)], `${o}: ${coding}`)
      assert.equal(malformed.status, 200, told(o, 'malformed', malformed))
      if (!compressed) break // the same either way
    }
  })
  assert.ok(packed > 5, `${packed} came compressed`)
})

// ---- If-Match

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

// ---- Idempotency-Key

const whoPosts = async (o) => (o.name === 'auth_change_password' ? { cookie: (await signIn(w.server, 'apprenant2@moliere.test')).cookie } : whoMay(w, o).person)

// {path, body} of something that can be done.
async function postOf(o, person) {
  const path = addressOf(o, w.a)
  const id = path.split('/')[o.path.split('/').findIndex((s) => s.startsWith('{'))]
  if (STANDS[o.name]) await w.server.sql(`${STANDS[o.name](lit(id))};`)
  const body = POSTED[o.name]?.() ?? bodyOf(o, w.a)
  if (person === w.superAdmin && o.body?.properties.establishmentId) body.establishmentId = w.a.ids.school
  return { o, path, body }
}

// Another request that is as good: another body, the same for another thing, or (there is nothing to say) another operation.
async function otherThan({ o, path, body }, person) {
  const fresh = await postOf(o, person)
  if (JSON.stringify(fresh.body) !== JSON.stringify(body)) return { o, path, body: fresh.body }
  const more = o.places.find(({ at, name, field: f }) => at.length === 1 && !(name in body) && !f['x-ignored'] && !f['x-identity'] && !f['x-id'])
  if (more) return { o, path, body: { ...body, [more.name]: valueOf(more.field, w.a) } }
  if (fresh.path !== path) return { o, path: fresh.path, body }
  return { o: named[o.name === 'notifications_read_all' ? 'auth_send_verification' : 'notifications_read_all'], path: '', body: {} }
}

const HEADERS = ['content-type', 'cache-control', 'etag', 'location', 'link']
const answerOf = (r) => ({ status: r.status, bytes: r.raw.toString('latin1'), headers: HEADERS.map((h) => r.headers[h] ?? null) })

// As it stays: marks are noted.
async function settled() {
  let last
  await until('the database to come to rest', async () => {
    const now = await contents(w.server)
    const same = JSON.stringify(now) === JSON.stringify(last)
    last = now
    return same
  })
  return last
}

test('every POST of somebody signed in takes a key', () => {
  for (const o of w.operations.filter((o) => o.method === 'POST')) assert.equal(keyed.includes(o), o.who !== 'anyone' && !NO_KEY.includes(o.name), `${o}`)
  assert.ok(keyed.length > 50, `${keyed.length}`)
})

test('a key: done once, answered alike byte for byte, also when it comes several times at once; another request with it is 422', async () => {
  const sent = []
  const send = ({ o, path, body, person, key }) => w.call(person, o, path || o.path, body, { 'idempotency-key': key })
  await inParallel(keyed, async (o) => {
    const person = await whoPosts(o)
    const post = { ...(await postOf(o, person)), person, key: unique('key') }
    const all = await Promise.all(Array.from({ length: AT_ONCE }, () => send(post)))
    const done = all.filter((r) => r.status < 400)
    assert.ok(done.length > 0, `${told(o, 'the first time', all[0])}: say in STANDS of lib/kinds.mjs or POSTED of this file how it can be done`)
    for (const r of all) if (r.status >= 400) assertProblem(r, 409)
    for (const r of done) assert.deepEqual(answerOf(r), answerOf(done[0]), `${o}: at once`)
    sent.push({ post, first: answerOf(done[0]), other: { ...post, ...(await otherThan(post, person)) } })
  })
  const before = await settled()
  await inParallel(sent, async ({ post, first }) => assert.deepEqual(answerOf(await send(post)), first, `${post.o}: again`))
  await inParallel(sent, async ({ post, other }) => {
    const r = await send(other)
    assert.equal(r.json?.type, '/problems/key-reused', told(post.o, 'another with its key', r))
    assertProblem(r, 422)
  })
  assert.deepEqual(await settled(), before)

  // As after a crash before the answer was kept: it is done, nobody was told.
  await w.server.sql('delete from idempotency_keys;')
  const unheard = sent.filter(({ post }) => ELSEWHERE.includes(post.o.name))
  assert.equal(unheard.length, ELSEWHERE.length)
  await inParallel(unheard, async ({ post, first }) => {
    const r = await send(post)
    assert.equal(r.status, first.status, told(post.o, 'again, its answer lost', r))
    assert.deepEqual(answerOf(await send(post)), answerOf(r), `${post.o}: again, then`)
  })
  assert.deepEqual({ ...(await settled()), channels: 'any' }, { ...before, channels: 'any' }) // which say where their last batch began
})
