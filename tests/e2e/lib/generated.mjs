// What the generated tests go by: the operations of the server's own document, two schools with one of everything, people of every role with
// sessions, ids and bodies made by what the document says of each. A new operation is covered by being in the document; one that needs
// something this cannot make fails with a message that says what to add, and where.
import { createHash, randomBytes } from 'node:crypto'
import assert from 'node:assert/strict'
import { Api } from './client.mjs'
import { lit, startServer } from './server.mjs'
import { EVERYBODYS, makers, uuids } from './kinds.mjs'
import { PASSWORD, until } from './util.mjs'

export const ROLES = ['apprenant', 'formateur', 'manager', 'admin', 'super_admin']
const MEMBERS = ROLES.slice(0, 4)

// ---- the document

function idsOf(schema) {
  return schema?.['x-id'] ?? null
}

const typeOf = (field) => [field.type].flat()[0]

// The kinds of map that a field holds, by the type that the map, or what stands beside it, says: [{kind, at: of the map, beside, names, required,
// form, example}].
function kindsOf(schema, key, at) {
  const field = schema.properties[key]
  const list = typeOf(field) === 'array'
  return ((list ? field.items : schema).allOf ?? []).filter((v) => v.if && (list ? v.then : v.then.properties?.[key])?.propertyNames).map((v) => {
    const { propertyNames, required = [], properties: form = {}, examples } = list ? v.then : v.then.properties[key]
    return { kind: v.if.properties.type.enum[0], at: list ? [...at, key, 0] : [...at, key], beside: !list, names: propertyNames.enum, required, form, example: examples[0] }
  })
}

// Every field of a body's schema, those inside objects and lists too: {at: ['questions', 0, 'points'], name: 'questions.0.points', field,
// required, as: the kind of map that has it, later: its form goes by the kind}.
function placesOf(schema, at = []) {
  return Object.entries(schema?.properties ?? {}).flatMap(([key, field]) => {
    const here = [...at, key]
    const kinds = kindsOf(schema, key, at)
    const inside = typeOf(field) === 'array' ? placesOf(field.items, [...here, 0]) : placesOf(field, here)
    const having = (p) => kinds.filter((k) => k.names.includes(p.at[k.at.length]))
    const placed = kinds.length === 0 ? inside : inside.flatMap((p) =>
      typeOf(p.field) || p.field['x-ignored'] ? [{ ...p, as: having(p)[0] }] : having(p).map((k) => ({ ...p, as: k, later: true, field: k.form[p.at.at(-1)] })))
    return [{ at: here, name: here.join('.'), field, required: schema.required?.includes(key) ?? false }, ...placed]
  })
}

function allKindsOf(schema, at = []) {
  return Object.keys(schema?.properties ?? {}).flatMap((key) => kindsOf(schema, key, at))
}

export class Operation {
  constructor(doc, path, method, op) {
    Object.assign(this, { path, method: method.toUpperCase(), name: op.operationId, op, who: op['x-who'], permission: op['x-permission'] })
    this.old = op.deprecated === true
    this.inPath = op.parameters.filter((p) => p.in === 'path')
    this.inQuery = op.parameters.filter((p) => p.in === 'query')
    this.headers = op.parameters.filter((p) => p.$ref).map((p) => p.$ref.split('/').at(-1))
    const ref = op.requestBody?.content['application/json'].schema.$ref
    this.body = ref && doc.components.schemas[ref.split('/').at(-1)]
    this.required = this.body?.required ?? []
    this.places = placesOf(this.body)
    this.kinds = allKindsOf(this.body)
    const answer = op.responses[Object.keys(op.responses)[0]].content['application/json']?.schema
    this.list = answer?.type === 'array' ? answer.items.$ref.split('/').at(-1) : null
    this.subject = this.inPath.map((p) => idsOf(p.schema)).find(Boolean) ?? null
  }

  query(name) {
    return this.inQuery.find((p) => p.name === name)
  }

  toString() {
    return `${this.name} (${this.method} ${this.path})`
  }
}

export const operationsOf = (doc) =>
  Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => new Operation(doc, path, method, op)))

// ---- people

const sidOf = (token) => createHash('sha256').update(token).digest('hex')
const cookieOf = (token) => `stacgate.sid=${token}`
const newToken = () => randomBytes(32).toString('base64url')

const rowsOf = (list) =>
  `jsonb_to_recordset(${lit(JSON.stringify(list.map(({ cookie, ...p }) => p)))}::jsonb) as p(id text, school text, role text, sid text, expired boolean, inactive boolean, deny text, "grant" text, over boolean)`

// A new session each, of accounts that are there: [{id, school, expired?}] get .cookie
async function openSessions(server, list) {
  for (const p of list) {
    const token = newToken()
    p.cookie = cookieOf(token)
    p.sid = sidOf(token)
  }
  await server.sql(`insert into sessions (sid, sess, expire)
    select sid, jsonb_build_object('userId', id, 'establishmentId', school, 'createdAt', now(), 'absoluteExpire', now() + case when expired then -1 else 1 end * interval '1 day'),
           now() at time zone 'utc' + interval '1 day' from ${rowsOf(list)};`)
  return list
}

// A new API token each, of accounts that are there: [{id, scopes?, over?}] get .bearer
async function makeTokens(server, list) {
  for (const p of list) {
    p.bearer = `sgt_${newToken()}`
    p.hash = sidOf(p.bearer)
  }
  await server.sql(`insert into api_tokens (user_id, name, token_hash, prefix, scopes, expires_at)
    select id, 'J', hash, left(hash, 12), scopes, now() at time zone 'utc' + case when over then -1 else 1 end * interval '1 day'
    from jsonb_to_recordset(${lit(JSON.stringify(list.map(({ id, hash, over, scopes = ['read', 'write'] }) => ({ id, hash, over, scopes }))))}::jsonb) as t(id text, hash text, over boolean, scopes text[]);`)
  return list
}

// Accounts with a session each, in two statements: [{id, school, role, expired?, inactive?, deny?, grant?, over?: the grant or refusal has ended}]
async function makePeople(server, list) {
  await server.sql(`
    insert into users (id, establishment_id, email, username, password, first_name, last_name, role, is_active)
    select id, school, 'p-' || id || '@gen.test', 'p-' || id, 'x', 'Nom', role, role::user_role, inactive is not true from ${rowsOf(list)};
    insert into user_permissions (user_id, permission_id, granted, establishment_id, expires_at)
    select p.id, q.id, p.deny is null, school, case when over then now() at time zone 'utc' - interval '1 min' end from ${rowsOf(list)} join permissions q on q.name = coalesce(p.deny, p."grant");`)
  return openSessions(server, list)
}

// ---- a school with one of everything, and more where wanted

export class School {
  constructor(world, name) {
    this.world = world
    this.name = name
    this.slug = `gen-${name}`
    this.ids = Object.fromEntries(['school', 'course', 'group', 'page', 'assessment', ...MEMBERS].map((k) => [k, uuids(1)[0]]))
    for (const [k, id] of Object.entries(this.ids)) this[k === 'school' ? 'id' : k] = lit(id) // as SQL, for the makers
    this.stock = {}
    this.shared = { course: this.ids.course, group: this.ids.group, page: this.ids.page, assessment: this.ids.assessment }
  }

  async make() {
    const { server } = this.world
    await server.sql(`insert into establishments (id, name, slug, is_active, settings) values (${this.id}, ${lit(this.slug)}, ${lit(this.slug)}, true, '{}');`)
    this.people = Object.fromEntries((await makePeople(server, MEMBERS.map((role) => ({ id: this.ids[role], school: this.ids.school, role })))).map((p) => [p.role, p]))
    for (const kind of Object.keys(this.shared)) await server.sql(makers[kind](this, [this.shared[kind]]))
    await server.sql(`update study_groups set max_members = 5000 where id = ${this.group};
      insert into user_courses (user_id, course_id, establishment_id, status) values (${this.apprenant}, ${this.course}, ${this.id}, 'enrolled');
      insert into customizable_pages (id, establishment_id, page_name, page_title, layout, is_active) values (${lit(uuids(1)[0])}, ${this.id}, 'accueil', 'Accueil', '{}', true);`)
    return this
  }

  // n more of each kind wanted, {kind: n}, all at once.
  async fill(wanted) {
    let sql = ''
    for (const [kind, n] of Object.entries(wanted)) {
      assert.ok(makers[kind], `ids of kind "${kind}" are in the document, and tests/e2e/lib/kinds.mjs has no maker for them: add one`)
      const ids = uuids(n)
      this.stock[kind] = [...(this.stock[kind] ?? []), ...ids]
      sql += makers[kind](this, ids)
    }
    await this.world.server.sql(`${sql}
      update courses c set enrollment_count = (select count(*) from user_courses e where e.course_id = c.id) where establishment_id = ${this.id};
      update study_groups g set current_members = (select count(*) from study_group_members m where m.study_group_id = g.id) where establishment_id = ${this.id};`)
  }

  take(kind) {
    if (kind === 'establishment') return this.ids.school
    const id = this.stock[kind]?.pop()
    assert.ok(id, `no ${kind} is left in the school`)
    return id
  }
}

// The school for what changes nothing: its things can be asked about again.
export function lending(school, n = 0) {
  return Object.assign(Object.create(school), { take: (kind) => (kind === 'establishment' ? school.ids.school : school.stock[kind][n]) })
}

// ---- requests

const WORDS = { 'page name': 'accueil', room: (s) => s.ids.school, permission: 'courses:create', role: 'apprenant', words: 'aide', size: '10', 'subject of the log': 'x', slug: (s) => s.slug, code: (s) => `V-${s.take('certificate')}` }

function word(what, school) {
  assert.ok(what in WORDS, `"${what}" is a word of the document (named.def) that tests/e2e/lib/generated.mjs has no value for: add one to WORDS`)
  return typeof WORDS[what] === 'function' ? WORDS[what](school) : WORDS[what]
}

let serial = 0
const typed = {
  string: (f) => {
    if (f.enum) return f.enum[0]
    if (f.format === 'uri') return 'https://ecole.test/x'
    if (f.format === 'email') return `n${++serial}@gen.test`
    if (f.pattern?.startsWith('^[0-9]{4}')) return '2032-01-01T10:00:00Z'
    if (f.pattern?.startsWith('^(#')) return '/'
    return `x${++serial}`.padEnd(f.minLength ?? 0, 'x').slice(0, f.maxLength)
  },
  integer: (f) => f.minimum ?? 0,
  number: (f) => f.minimum ?? 0,
  boolean: () => false,
  object: (f, school) => Object.fromEntries((f.required ?? []).map((name) => [name, valueOf(f.properties[name], school)])),
  array: (f, school) => Array.from({ length: f.minItems ?? 0 }, () => valueOf(f.items, school)),
}

// A value that fits the field's schema.
export function valueOf(field, school) {
  const type = typeOf(field)
  if (field['x-id'] && type === 'array') return [school.take(field['x-id'])]
  if (field['x-identity'] === 'establishment') return school.ids.school
  if (field['x-id']) return school.take(field['x-id'])
  if (field['x-word']) return word(field['x-word'], school)
  assert.ok(typed[type], `no value for ${JSON.stringify(field)}: add its type to \`typed\` in tests/e2e/lib/generated.mjs`)
  return typed[type](field, school)
}

// The body with this value at a place (undefined: without it), and what must stand around it; `as`: the kind of map that it is in.
export function withValue(o, school, body, at, value, as = null) {
  return withValues(o, school, body, [{ at, value, as }])
}

// The same of several places.
export function withValues(o, school, body, list) {
  const whole = structuredClone(body)
  for (const { at, value, as } of list) put(whole, o.body, school, at, value, as)
  return whole
}

function put(whole, body, school, at, value, as) {
  let here = whole, schema = body
  for (const [i, key] of at.entries()) {
    const inner = typeOf(schema) === 'array' ? schema.items : schema.properties[key]
    if (typeOf(schema) === 'array') while (here.length < key) here.push(valueOf(inner, school))
    if (i === at.length - 1) {
      value === undefined ? delete here[key] : (here[key] = value)
    } else {
      const of = as?.at.length === i + 1
      if (of && as.beside) here.type = as.kind
      here = here[key] ??= of ? structuredClone(as.example) : valueOf(inner, school)
    }
    schema = inner
  }
}

// What the document cannot say: bodies that go together with something else.
const BODIES = {
  auth_login: () => ({ email: 'apprenant1@moliere.test', password: PASSWORD }),
  auth_register: (s) => ({ email: `r${++serial}@gen.test`, password: 'un bon mot de passe', establishmentId: s.ids.school }),
  roles_set: (s) => ({ permissions: s.world.learnerRights }), // what they have: the installation stays as it is
  maintenance_set: () => ({ enabled: false }),
  classes_create: () => ({ title: 'S', startTime: '2033-01-01T10:00:00Z', endTime: '2033-01-01T11:00:00Z' }),
  training_move: () => ({ status: 'pending_approval' }),
  messages_create: () => ({ content: 'M' }),
  exports_create: () => ({ type: 'csv', config: { datasets: ['courses'] } }),
  groups_update: () => ({ name: 'Autre nom' }),
  polls_vote: () => ({ option: 'a' }),
  exports_create_old: () => ({ type: 'csv', includeData: { courses: true } }),
  users_create: () => ({ email: `u${++serial}@gen.test`, role: 'apprenant' }),
}

export const bodyOf = (o, school) =>
  BODIES[o.name]?.(school) ?? Object.fromEntries(o.required.map((name) => [name, valueOf(o.body.properties[name], school)]))

const QUERIES = {
  help_search: () => ({ q: 'aide' }),
  help_suggest: () => ({ q: 'aide' }),
  portal: (s) => ({ slug: s.slug }),
  portal_page: (s) => ({ slug: s.slug }),
}

// An address with every parameter of its path filled, and what the query must have. Where an operation takes ids beside the path's first,
// that is the school's shared thing, which they are in.
export function addressOf(o, school, { ids = {}, query = {} } = {}) {
  const several = o.inPath.filter((p) => idsOf(p.schema)).length > 1 || o.required.some((name) => idsOf(o.body.properties[name]))
  let path = o.path
  o.inPath.forEach((p, i) => {
    const kind = idsOf(p.schema)
    const value = ids[p.name] ?? (kind ? ((several && i === 0 && school.shared[kind]) || school.take(kind)) : word(p.schema['x-word'], school))
    assert.ok(value, `${o}: nothing for ${p.name}`)
    path = path.replace(`{${p.name}}`, encodeURIComponent(value))
  })
  const all = { ...QUERIES[o.name]?.(school), ...Object.fromEntries(o.inQuery.filter((p) => p.required).map((p) => [p.name, valueOf(p.schema, school)])), ...query }
  const text = new URLSearchParams(all).toString()
  return text ? `${path}?${text}` : path
}

// How many ids of each kind n rounds of these operations take.
export function needs(operations, n) {
  const wanted = {}
  const add = (kind) => kind && kind !== 'establishment' && (wanted[kind] = (wanted[kind] ?? 0) + n)
  for (const o of operations) {
    for (const p of o.inPath) add(idsOf(p.schema) ?? (p.schema['x-word'] === 'code' ? 'certificate' : null))
    for (const p of o.inQuery) if (p.required) add(idsOf(p.schema))
    for (const { at, field, required } of o.places) if (required && at.length === 1) add(idsOf(field))
  }
  return wanted
}

// ---- what a school holds

// What moves by itself: when somebody was last seen, until when a session holds, how much of a board's log is folded.
const VOLATILE = { whiteboards: ['data', 'data_seq', 'updated_at'], users: ['last_login_at'], study_group_members: ['last_active'], sessions: ['expire', 'sess'], api_tokens: ['last_used_at'] }
const NOTED = { audit_log: "action <> 'identity.refused'" } // a refusal is written down
// What is counted and kept of requests: days, refusals of sign-in, first answers.
const BESIDE = /^(signin_|analytics_|user_activity|schema_migrations|audit_log_|adoption|idempotency_keys)/

// {table: "rows md5"}: of everything, or of what is this school's where a table says whose its rows are. Exports are written first.
export async function contents(server, school = null) {
  await until('no export to be under way', async () => (await server.sql(`select count(*) from export_jobs where status in ('pending', 'processing')`)) === '0')
  const tables = await server.rows(`select c.table_name as name, bool_or(column_name = 'establishment_id') as owned from information_schema.columns c
    join information_schema.tables using (table_schema, table_name) where table_schema = 'public' and table_type = 'BASE TABLE' group by 1 order by 1`)
  const one = ({ name, owned }) => {
    const row = (VOLATILE[name] ?? []).reduce((sql, c) => `${sql} - ${lit(c)}`, 'to_jsonb(r)')
    const where = `where ${NOTED[name] ?? true} and ${!school ? true : owned ? `r.establishment_id = ${school.id}` : `r.id = ${school.id}`}`
    return `select ${lit(name)} as name, count(*) || ' ' || coalesce(md5(string_agg(md5((${row})::text), '' order by md5((${row})::text))), '') as hash from ${name} r ${where}`
  }
  const counted = tables.filter(({ name, owned }) => !BESIDE.test(name) && (!school || owned || name === 'establishments'))
  assert.ok(counted.length > (school ? 20 : 50), `${counted.length} tables`)
  return Object.fromEntries((await server.rows(counted.map(one).join(' union all '))).map((r) => [r.name, r.hash]))
}

// ---- all together

// {server, operations, a, b, call, superAdmin, …}. `a` and `b` are schools.
export async function world(options = {}) {
  const server = await startServer({ args: ['--rate-limits', 'off', ...(options.args ?? [])] })
  try {
    return await peopled(server)
  } catch (error) {
    // Or its file would never end. What is told is why, whatever becomes of the server.
    await server.stop().catch((e) => console.error(`and the server did not stop: ${e.message}`))
    throw error
  }
}

async function peopled(server) {
  const api = new Api(server)
  api.agent.maxSockets = 12
  const doc = (await api.get('/api/openapi.json')).json
  const { status } = await api.get('/api/docs', { jar: false }) // an operation like all others, which needs the pages
  assert.equal(status, 200, 'the server was built without its pages: make them (cd web/app && npm ci && npm run build), build the server again, and repeat')
  const w = { server, doc, api, operations: operationsOf(doc) }
  w.people = (list) => makePeople(server, list.map((p) => ({ id: uuids(1)[0], school: null, ...p })))
  w.sessions = (list) => openSessions(server, list)
  w.tokens = (list) => makeTokens(server, list)
  w.a = await new School(w, 'a').make()
  w.b = await new School(w, 'b').make()
  ;[w.superAdmin] = await w.people([{ role: 'super_admin' }])
  w.rights = Object.fromEntries(
    (await server.rows(`select role::text, json_agg(p.name order by p.name) as names from role_permissions r join permissions p on p.id = r.permission_id group by 1`)).map((r) => [r.role, r.names]),
  )
  w.learnerRights = w.rights.apprenant
  // As this person, by their session or their token (null: nobody).
  const saysWho = (person) => (person?.bearer ? { authorization: `Bearer ${person.bearer}` } : person ? { cookie: person.cookie } : {})
  w.call = (person, o, path, json, headers = {}, method = o.method) =>
    api.request(method, path, { json: o.body ? (json ?? {}) : undefined, jar: false, headers: { ...headers, ...saysWho(person) } })
  return w
}

// Runs them with so many under way at once; every failure is told, not only the first.
export async function inParallel(list, work, width = 12) {
  const failures = []
  const queue = [...list]
  await Promise.all(Array.from({ length: width }, async () => {
    while (queue.length) {
      const item = queue.shift()
      try {
        await work(item)
      } catch (error) {
        failures.push(error.message)
      }
    }
  }))
  assert.equal(failures.length, 0, `${failures.length} failures:\n${failures.join('\n')}`)
}
