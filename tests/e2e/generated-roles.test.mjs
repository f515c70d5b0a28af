// Every operation of the server's own document, by everybody: nobody, each role, another school's admin, a session that is over, somebody
// from whom the operation's permission was taken, and somebody to whom it was given. What the document says (x-who, x-permission) and the
// rights of the roles say what must come; lib/rules.mjs says it for what an operation decides by whose thing it is. A new operation is in
// the document, so it is in here: without a permission and without a rule, one that changes something fails the first test.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ROLES, addressOf, bodyOf, contents, inParallel, needs, world } from './lib/generated.mjs'
import { EVERYBODYS } from './lib/kinds.mjs'
import { INVALID, mayBy, ruleOf } from './lib/rules.mjs'
import { assertProblem } from './lib/problem.mjs'

// Documents of another school that are for everybody (api.md: exceptions to foreign ids).
const PUBLIC = ['establishments_get']
const OWN = ['tokens_revoke', 'sign_ins_end'] // auth operations on things of the school's learner

let w, signedIn, guarded, denied, granted, expired, fresh
before(async () => {
  w = await world()
  signedIn = w.operations.filter((o) => o.who !== 'anyone')
  guarded = w.operations.filter((o) => o.permission)
  await w.a.fill(needs(w.operations, 12))
  const permissions = [...new Set(guarded.map((o) => o.permission))]
  const school = w.a.ids.school
  const may = (role, p) => w.rights[role].includes(p)
  const by = async (list) => new Map((await w.people(list)).map((p) => [p.key, p]))
  denied = await by(permissions.map((p) => ({ key: p, role: may('admin', p) ? 'admin' : 'super_admin', school: may('admin', p) ? school : null, deny: p })))
  // The highest role that has not got it.
  granted = await by(permissions.flatMap((p) => ROLES.slice(0, 4).filter((role) => !may(role, p)).slice(-1).map((role) => ({ key: p, role, school, grant: p }))))
  ;[expired] = await w.people([{ role: 'admin', school, expired: true }])
  // Operations on one's own account have somebody of their own, whose sessions may end.
  fresh = await by(w.operations.filter((o) => o.path.startsWith('/api/auth/') && !OWN.includes(o.name)).flatMap((o) => ROLES.map((role) => ({ key: `${o.name} ${role}`, role, school: role === 'super_admin' ? null : school }))))
})
after(() => w?.server.stop())

const personOf = (o, role) => fresh.get(`${o.name} ${role}`) ?? (role === 'super_admin' ? w.superAdmin : w.a.people[role])

// In the first school; a super_admin says which one.
function ask(o, person, role) {
  const names = role === 'super_admin'
  const body = bodyOf(o, w.a)
  if (names && o.body?.properties.establishmentId) body.establishmentId = w.a.ids.school
  return w.call(person, o, addressOf(o, w.a, { query: names && o.query('establishmentId') ? { establishmentId: w.a.ids.school } : {} }), body)
}

const told = (o, who, r) => `${o} by ${who}: ${r.status} ${r.text.slice(0, 240)}`

function assertAllowed(o, who, r) {
  const fine = r.status < 400 || [409, 410].includes(r.status) || (r.status === 422 && INVALID.includes(o.name))
  assert.ok(fine, told(o, who, r))
}

test('every operation that changes something says who may: by its permission, or by a rule', () => {
  const names = new Set(w.operations.map((o) => o.name))
  for (const name of Object.keys(ruleOf)) assert.ok(names.has(name), `lib/rules.mjs has ${name}, which is no operation`)
  for (const o of signedIn)
    assert.ok(o.method === 'GET' || o.permission || ruleOf[o.name], `${o} has no permission: say in tests/e2e/lib/rules.mjs who may`)
})

test('nobody, and a session that is over', () =>
  inParallel(w.operations.flatMap((o) => [['nobody', null], ['a session that is over', expired]].map((p) => [o, ...p])), async ([o, who, person]) => {
    const r = await ask(o, person)
    if (o.who === 'anyone') return assertAllowed(o, who, r)
    assert.equal(r.status, o.old ? 403 : 401, told(o, who, r))
    assertProblem(r, r.status)
  }))

test('a permission that was taken from somebody, and one that was given', () =>
  inParallel(guarded.flatMap((o) => [[o, denied], [o, granted]]), async ([o, group]) => {
    const person = group.get(o.permission)
    if (!person || (group === granted && ruleOf[o.name])) return
    const r = await ask(o, person, person.role)
    if (group === denied) assertProblem(r, 403)
    else assertAllowed(o, `a ${person.role} with ${o.permission}`, r)
  }))

test('another school\'s admin finds nothing of this one, and changes nothing', async () => {
  const before = await contents(w.server, w.a)
  await inParallel(signedIn.concat(w.operations.filter((o) => PUBLIC.includes(o.name))).filter((o) => o.subject && !EVERYBODYS.includes(o.subject)), async (o) => {
    const r = await w.call(w.b.people.admin, o, addressOf(o, w.a), bodyOf(o, w.a))
    if (PUBLIC.includes(o.name)) return assertAllowed(o, 'another school\'s admin', r)
    const barred = o.permission && !w.rights.admin.includes(o.permission)
    assert.equal(r.status, barred ? 403 : 404, told(o, 'another school\'s admin', r))
    assertProblem(r, r.status)
  })
  assert.deepEqual(await contents(w.server, w.a), before)
})

test('every role gets what the table says', () =>
  inParallel(w.operations.flatMap((o) => ROLES.map((role) => [o, role])), async ([o, role]) => {
    const r = await ask(o, personOf(o, role), role)
    if (mayBy(w, o, role)) return assertAllowed(o, role, r)
    if (ruleOf[o.name]) assert.ok([403, 404].includes(r.status), told(o, role, r))
    else assert.equal(r.status, 403, told(o, role, r))
    assertProblem(r, r.status)
  }))
