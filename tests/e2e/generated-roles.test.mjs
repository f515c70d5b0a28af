// Every operation of the server's own document, by everybody: nobody, each role, everybody of another school, a session that is over, one that was
// ended, an account that is switched off, a token of each scope; somebody from whom the operation's permission was taken, alone or with all of their
// role, somebody to whom it was given, and the same where that has ended. What the document says (x-who, x-permission) and the rights of the roles
// say what must come; lib/rules.mjs says it for what an operation decides by whose thing it is. A new operation is in the document, so it is in
// here: without a permission and without a rule, one that changes something fails the first test.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ROLES, addressOf, bodyOf, contents, inParallel, lending, needs, world } from './lib/generated.mjs'
import { EVERYBODYS, STANDS, uuids } from './lib/kinds.mjs'
import { BY_QUERY, FAMILIES, OPEN_KINDS, answerOf } from './lib/relations.mjs'
import { lit } from './lib/server.mjs'
import { ANYBODYS, BY_ROLE, INVALID, READ_BY_ALL, STAFFS, mayBy, refusalOf, ruleOf, staffBy } from './lib/rules.mjs'
import { assertProblem } from './lib/problem.mjs'

// Documents of another school that are for everybody (api.md: exceptions to foreign ids).
const PUBLIC = ['establishments_get']
const OWN = ['tokens_revoke', 'sign_ins_end'] // auth operations on things of the school's learner

let w, lent, signedIn, guarded, staffed, denied, granted, over, outside, stale, tokens, fresh
before(async () => {
  w = await world()
  signedIn = w.operations.filter((o) => o.who !== 'anyone')
  guarded = w.operations.filter((o) => o.permission)
  await w.a.fill(needs(w.operations, 14))
  lent = lending(w.a)
  staffed = w.operations.filter((o) => staffBy[o.name])
  const permissions = [...new Set([...guarded.map((o) => o.permission), ...Object.values(staffBy)])]
  const school = w.a.ids.school
  const may = (role, p) => w.rights[role].includes(p)
  const by = async (list) => new Map((await w.people(list)).map((p) => [p.key, p]))
  denied = await by(permissions.map((p) => ({ key: p, role: may('admin', p) ? 'admin' : 'super_admin', school: may('admin', p) ? school : null, deny: p })))
  // The highest role that has not got it.
  granted = await by(permissions.flatMap((p) => ROLES.slice(0, 4).filter((role) => !may(role, p)).slice(-1).map((role) => ({ key: p, role, school, grant: p }))))
  // Grants and refusals that have ended are none.
  over = [...(await w.people([...granted.values()].map(({ role, grant }) => ({ role, school, grant, over: true })))), ...(await w.people([...denied.values()].map(({ role, school: at, deny }) => ({ role, school: at, deny, over: true }))))]
  const [expired, inactive, ended] = await w.people([{ role: 'admin', school, expired: true }, { role: 'admin', school, inactive: true }, { role: 'admin', school }])
  await w.server.sql(`insert into establishments (id, name, slug, is_active, settings) values ('gen-closed', 'C', 'gen-closed', false, '{}')`)
  const [closed] = await w.people([{ role: 'admin', school: 'gen-closed' }])
  assert.equal((await w.api.request('POST', '/api/auth/logout', { jar: false, json: {}, headers: { cookie: ended.cookie } })).status, 200)
  outside = { nobody: null, 'a session that is over': expired, 'a session that was ended': ended, 'an account that is switched off': inactive, 'somebody of a closed school': closed }
  const [late, revoked] = await w.tokens([{ id: w.a.ids.admin, over: true }, { id: w.a.ids.admin }])
  await w.server.sql(`delete from api_tokens where token_hash = '${revoked.hash}'`)
  stale = { 'a token that is over': late, 'a token that was revoked': revoked, 'a token of an account that is switched off': (await w.tokens([{ id: inactive.id }]))[0] }
  tokens = await w.tokens(['read', 'write', 'realtime'].map((scope) => ({ id: w.a.ids.admin, scopes: [scope], scope })))
  // Operations on one's own account have somebody of their own, whose sessions may end.
  fresh = await by(w.operations.filter((o) => o.path.startsWith('/api/auth/') && !OWN.includes(o.name)).flatMap((o) => ROLES.map((role) => ({ key: `${o.name} ${role}`, role, school: role === 'super_admin' ? null : school }))))
})
after(() => w?.server.stop())

const personOf = (o, role) => fresh.get(`${o.name} ${role}`) ?? (role === 'super_admin' ? w.superAdmin : w.a.people[role])

const whereOf = (o, role, school) => addressOf(o, school, { query: role === 'super_admin' && o.query('establishmentId') ? { establishmentId: w.a.ids.school } : {} })

// In the first school; a super_admin says which one. `school`: `lent` for what is refused.
function ask(o, person, role, school = w.a, path = whereOf(o, role, school)) {
  const names = role === 'super_admin'
  const body = bodyOf(o, school)
  if (names && o.body?.properties.establishmentId) body.establishmentId = w.a.ids.school
  return w.call(person, o, path, body)
}

const told = (o, who, r) => `${o} by ${who}: ${r.status} ${r.text.slice(0, 240)}`

const unready = new Set() // what nobody in these schools can do just now, allowed or not
function assertAllowed(o, who, r) {
  if ([409, 410].includes(r.status)) unready.add(o.name)
  const fine = r.status < 400 || [409, 410].includes(r.status) || (r.status === 422 && INVALID.includes(o.name))
  assert.ok(fine, told(o, who, r))
}

test('every operation says who may: by its permission, by a rule, or by being everybody\'s', (t) => {
  const names = new Set(w.operations.map((o) => o.name))
  for (const name of [...Object.keys(ruleOf), ...Object.keys(staffBy), ...READ_BY_ALL, ...ANYBODYS]) assert.ok(names.has(name), `lib/rules.mjs has ${name}, which is no operation`)
  assert.deepEqual(w.operations.filter((o) => o.who === 'anyone').map((o) => o.name).sort(), [...ANYBODYS].sort())
  for (const o of signedIn) {
    assert.ok(o.permission || ruleOf[o.name] || (o.method === 'GET' && READ_BY_ALL.includes(o.name)), `${o} has no permission: say in tests/e2e/lib/rules.mjs who may`)
    const staffs = ruleOf[o.name] && !o.permission && mayBy(w, o, 'admin') && !(mayBy(w, o, 'apprenant') && mayBy(w, o, 'formateur'))
    assert.ok(!staffs || staffBy[o.name] || BY_ROLE.includes(o.name), `${o} is for staff: say in STAFF of tests/e2e/lib/rules.mjs by which permission`)
  }
  t.diagnostic(`${w.operations.length} operations: ${guarded.length} by permission, ${Object.keys(ruleOf).length} by rule, ${READ_BY_ALL.length} everybody's of the school, ${ANYBODYS.length} anybody's; ${staffed.length} staff's by permission`)
})

// ---- people of the same school: lib/relations.mjs says what they are to a thing, and what then comes. Before everything that leaves work behind.

const statesOf = (family) => Object.keys(family.known).filter((k) => !family.kinds.includes(k))

// Each question of a family: {o, kind, state, letter, wanted}, wanted: 403, 404, or null: it is done.
function questionsOf(family) {
  const about = w.operations.filter((o) => o.who !== 'anyone' || o.subject).flatMap((o) => {
    if (o.inPath[0]?.schema['x-word'] === 'room') return (family.rooms ?? []).map((kind) => ({ o, kind }))
    const kind = BY_QUERY[o.name] ? o.query(BY_QUERY[o.name]).schema['x-id'] : o.subject
    return family.kinds.includes(kind) ? [{ o, kind }] : []
  })
  return about.flatMap(({ o, kind }) => statesOf(family).filter((state) => !family.without?.[state]?.includes(kind)).flatMap((state) =>
    Object.entries(family.people).filter(([letter, role]) => !o.permission || [...w.rights[role], family.grants?.[letter]].includes(o.permission))
      .map(([letter]) => ({ o, kind, state, letter, wanted: answerOf(family, o, kind, state, letter) }))))
}

// A change that changes nothing is one.
const BODIES_HERE = { groups_update: () => ({}), modules_order: (id) => ({ ids: [id] }), enrollments_complete: (id, p) => ({ learnerId: p.e.id }) }

function put(family, people, { o, kind, letter }, id) {
  const [first] = o.inPath
  const ids = Object.fromEntries(o.inPath.map((param, i) => [param.name, param.schema['x-word'] === 'room' ? `${kind}:${id}` : i > 0 && param.schema['x-id'] === 'user' ? people.m.id : param.schema['x-id'] ? id : undefined]))
  const query = BY_QUERY[o.name] && !first ? { [BY_QUERY[o.name]]: id } : {}
  return w.call(people[letter], o, addressOf(o, lent, { ids, query }), BODIES_HERE[o.name]?.(id, people) ?? bodyOf(o, lent))
}

// Things for the questions, in each state: one for all that changes nothing, one each for what is done.
async function thingsFor(family, people, questions) {
  const p = Object.fromEntries(Object.entries(people).map(([letter, { id }]) => [letter, lit(id)]))
  const whole = statesOf(family).map((state) => {
    const here = questions.filter((q) => q.state === state), done = here.filter((q) => q.wanted === null && q.o.method !== 'GET')
    const ids = uuids(family.of ? 1 : done.length + 1)
    for (const q of here) q.id = family.of ? people.s.id : ids[1 + done.indexOf(q)] ?? ids[0]
    return family.things(w.a, ids, p, state)
  })
  await w.server.sql(whole.join('\n'))
}

test('every operation on something is answered by what one is to it', async (t) => {
  const known = new Set([...FAMILIES.flatMap((f) => f.kinds), ...OPEN_KINDS])
  for (const o of w.operations) assert.ok(!o.subject || known.has(o.subject), `${o} is about a ${o.subject}: say in tests/e2e/lib/relations.mjs who may know of one`)
  const all = []
  for (const family of FAMILIES) {
    const { people: letters, grants, may } = family
    const list = await w.people(Object.entries(letters).map(([key, role]) => ({ key, role, school: w.a.ids.school, ...(grants?.[key] ? { grant: grants[key] } : {}) })))
    const people = Object.fromEntries(list.map((x) => [x.key, x]))
    const questions = questionsOf(family)
    for (const { o } of questions) assert.ok(o.permission || may[o.name], `${o}: say in tests/e2e/lib/relations.mjs who of ${Object.keys(letters)} may`)
    await thingsFor(family, people, questions)
    all.push(...questions.map((q) => ({ ...q, family, people })))
  }
  const says = ({ o, kind, state, letter, people }, r) => `${o}, a ${state} ${kind}, by ${letter} (${people[letter].role}): ${r.status} ${r.text.slice(0, 200)}`
  const before = await contents(w.server, w.a)
  const refused = all.filter((q) => q.wanted !== null)
  await inParallel(refused, async (q) => {
    const r = await put(q.family, q.people, q, q.id)
    assert.equal(r.status, q.wanted, says(q, r))
    assertProblem(r, q.wanted)
  })
  assert.deepEqual({ ...(await contents(w.server, w.a)), channels: 'any' }, { ...before, channels: 'any' })
  await inParallel(all.filter((q) => q.wanted === null), async (q) => {
    const r = await put(q.family, q.people, q, q.id)
    assert.ok(r.status < 400 || [409, 410].includes(r.status), says(q, r))
  })
  t.diagnostic(`${all.length} of operation, state and relation: ${refused.filter((q) => q.wanted === 403).length} are 403, ${refused.filter((q) => q.wanted === 404).length} are 404`)
})

// ---- by who one is

// Nobody and a session that is over everywhere, the others in turn: whoever ends in no account ends in the same look-up.
const outsiders = (i) => Object.entries(outside).filter((_, k) => k < 2 || k === 2 + (i % 3))

test('nobody, and who is nobody any more', () =>
  // What everybody may and costs a password's hash, two of them.
  inParallel(w.operations.flatMap((o, i) => outsiders(i).slice(0, o.who === 'anyone' && o.method !== 'GET' ? 2 : undefined).map((p) => [o, ...p])), async ([o, who, person]) => {
    const r = await ask(o, person, null, lent)
    if (o.who === 'anyone') return assertAllowed(o, who, r)
    assert.equal(r.status, o.old ? 403 : 401, told(o, who, r))
    assertProblem(r, r.status)
  }))

test('tokens that are none any more', () =>
  inParallel(w.operations.filter((o) => o.name !== 'system_health').map((o, i) => [o, ...Object.entries(stale)[i % 3]]), async ([o, who, person]) => {
    const r = await ask(o, person, null, lent)
    assert.equal(r.status, 401, told(o, who, r))
    assert.equal(assertProblem(r, 401).type, '/problems/token', told(o, who, r))
  }))

test('tokens do what their scopes say, and nothing with the account', () =>
  inParallel(w.operations.filter((o) => o.name !== 'system_health').flatMap((o) => tokens.map((t) => [o, t])), async ([o, token]) => {
    const account = o.path.startsWith('/api/auth/') && !['auth_user', 'socket_token'].includes(o.name)
    const fits = account ? [] : o.name === 'socket_token' ? ['realtime'] : o.method === 'GET' ? ['read', 'write'] : ['write']
    const good = fits.includes(token.scope)
    if (good && !mayBy(w, o, 'admin')) return
    const r = await ask(o, token, 'admin', good ? w.a : lent)
    if (good) return assertAllowed(o, `a token to ${token.scope}`, r)
    assert.equal(assertProblem(r, 403).type, '/problems/scope', told(o, `a token to ${token.scope}`, r))
  }))

test('a permission that was taken from somebody, and one that was given', () =>
  inParallel(guarded.flatMap((o) => [[o, denied], [o, granted]]), async ([o, group]) => {
    const person = group.get(o.permission)
    if (!person || (group === granted && ruleOf[o.name])) return
    const r = await ask(o, person, person.role, group === denied ? lent : w.a)
    if (group === denied) assertProblem(r, 403)
    else assertAllowed(o, `a ${person.role} with ${o.permission}`, r)
  }))

test('staff from whom the permission was taken by which they may, and a learner to whom it was given', () =>
  inParallel(staffed.flatMap((o) => [[o, denied], [o, granted]]), async ([o, group]) => {
    const person = group.get(staffBy[o.name])
    if (!person) return
    const r = await ask(o, person, person.role, group === denied ? lent : w.a)
    if (group === denied) assertProblem(r, STAFFS.includes(o.subject) ? 404 : 403)
    else assertAllowed(o, `a ${person.role} with ${staffBy[o.name]}`, r)
  }))

test('a grant and a refusal that have ended are none', () =>
  inParallel(guarded.flatMap((o) => over.filter((p) => (p.grant ?? p.deny) === o.permission).map((p) => [o, p])), async ([o, person]) => {
    if (ruleOf[o.name]) return
    const r = await ask(o, person, person.role, person.grant ? lent : w.a)
    if (person.grant) assertProblem(r, 403)
    else assertAllowed(o, `a ${person.role} whose refusal of ${o.permission} has ended`, r)
  }))

test('everybody of another school finds nothing of this one, and changes nothing', async () => {
  const all = async () => ({ ...(await contents(w.server)), channels: 'any' })
  const [elsewhere] = await w.people([{ role: 'super_admin', school: w.b.ids.school }])
  const before = await all()
  const others = { ...w.b.people, super_admin: elsewhere }
  const about = signedIn.concat(w.operations.filter((o) => PUBLIC.includes(o.name))).filter((o) => o.subject && !EVERYBODYS.includes(o.subject))
  await inParallel(about.flatMap((o) => ROLES.map((role) => [o, role])), async ([o, role]) => {
    const r = await w.call(others[role], o, addressOf(o, lent), bodyOf(o, lent))
    const who = `another school's ${role}`
    if (PUBLIC.includes(o.name)) return assertAllowed(o, who, r)
    const barred = o.permission && !w.rights[role].includes(o.permission)
    assert.equal(r.status, barred ? 403 : 404, told(o, who, r))
    assertProblem(r, r.status)
  })
  assert.deepEqual(await all(), before)
})

// Things that stand as they have to, one each: {"operation role": path}.
async function readied() {
  const list = w.operations.filter((o) => STANDS[o.name]).flatMap((o) => ROLES.filter((role) => mayBy(w, o, role)).map((role) => [o, role, whereOf(o, role, w.a)]))
  const idOf = (o, path) => path.split('?')[0].split('/')[o.path.split('/').indexOf('{id}')]
  await w.server.sql(list.map(([o, , path]) => `${STANDS[o.name](lit(idOf(o, path)))};`).join('\n'))
  return new Map(list.map(([o, role, path]) => [`${o.name} ${role}`, path]))
}

test('every role gets what the table says', async (t) => {
  const ready = await readied()
  unready.clear()
  await inParallel(w.operations.flatMap((o) => ROLES.map((role) => [o, role])), async ([o, role]) => {
    const may = mayBy(w, o, role)
    const r = await ask(o, personOf(o, role), role, may ? w.a : lent, may ? ready.get(`${o.name} ${role}`) : undefined)
    if (may) return assertAllowed(o, role, r)
    const lacks = o.permission && !w.rights[role].includes(o.permission)
    assert.equal(r.status, lacks ? 403 : refusalOf(o, role), told(o, role, r))
    assertProblem(r, r.status)
  })
  t.diagnostic(`${w.operations.length * ROLES.length} of operation and role`)
  assert.deepEqual([...unready].filter((name) => !name.startsWith('exports_download')), [], 'nobody could do these: say in STANDS of lib/kinds.mjs how a thing has to stand')
})

// The last: it is for the whole installation.
test('a role from which everything was taken', async () => {
  const roles = w.operations.find((o) => o.name === 'roles_set')
  for (const role of ROLES.slice(0, 4)) {
    const set = async (permissions) => assert.equal((await w.call(w.superAdmin, roles, `/api/roles/${role}/permissions`, { permissions })).status, 200)
    await set([])
    await inParallel(guarded.filter((o) => w.rights[role].includes(o.permission)), async (o) => assertProblem(await ask(o, w.a.people[role], role, lent), 403))
    await set(w.rights[role])
  }
})
