// Holds what goes over REST in the tests against the interface's own document: every answer must fit what its operation declares; what was
// accepted must be right by it (query, headers, type and fields of the body, as JSON and as a form), and what was refused for its shape must be
// wrong by it, but for what no schema can say (MEANINGS, BESIDE). A route that takes or answers something new fails the tests that call it until it says so.
import { spawnSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import assert from 'node:assert/strict'
import Ajv from 'ajv/dist/2020.js'
import { binary } from './server.mjs'

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
const formats = { 'date-time': time, date: /^\d{4}-\d\d-\d\d$/, uri: true, email: true }
const contracts = new Map()

// One a binary: {operations, check of a problem}.
function contractOf(bin) {
  if (contracts.has(bin)) return contracts.get(bin)
  const r = spawnSync(bin, ['openapi'], { encoding: 'utf8', maxBuffer: 64 << 20 })
  assert.equal(r.status, 0, `stacgate openapi: ${r.stderr}`)
  const doc = JSON.parse(r.stdout)
  const ajv = new Ajv({ strict: false, allErrors: true, formats })
  ajv.addSchema({ $id: 'doc', components: doc.components })
  const compile = (schema) => ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc#/')))
  const operations = []
  for (const [path, methods] of Object.entries(doc.paths))
    for (const [method, op] of Object.entries(methods)) operations.push({ path, method: method.toUpperCase(), op, segments: path.split('/').slice(1) })
  const contract = { doc, operations, compile, problem: compile({ $ref: '#/components/schemas/Problem' }) }
  contracts.set(bin, contract)
  return contract
}

// A last parameter that takes all that is left of the path.
const takesRest = (op) => op.parameters.some((p) => p['x-rest'])
const rank = (o) => o.segments.map((s, i) => (s.startsWith('{') ? (takesRest(o.op) && i === o.segments.length - 1 ? 2 : 1) : 0)).join('')

// The operation that a request meets, as the server's router chooses: words before parameters.
function operationOf(contract, method, path) {
  const segments = path.split('?')[0].split('/').slice(1)
  return contract.operations
    .filter((o) => o.method === method && o.segments.length <= segments.length)
    .filter((o) => o.segments.every((s, i) => s === segments[i] || (s.startsWith('{') && segments[i])))
    .filter((o) => o.segments.length === segments.length || takesRest(o.op))
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1))[0]
}

const lazily = (o, key, schema, contract) => (schema ? (o[key] ??= contract.compile(schema)) : null)

function fits(check, value, what) {
  if (check && !check(value)) assert.fail(`${what} is not what the interface declares: ${JSON.stringify(check.errors.slice(0, 3))}\n${JSON.stringify(value)?.slice(0, 600)}`)
}

// ---- what was asked

// As the server reads it (info.description of the document): null counts as absent, "" too where the field says so.
function present(value, schema) {
  if (Array.isArray(value)) return value.map((item) => present(item, schema?.items))
  if (typeof value !== 'object' || value === null || !schema?.properties) return value
  const absent = (v, s) => (v === null && ![s?.type].flat().includes('null')) || (v === '' && s?.['x-blank-is-absent'])
  return Object.fromEntries(Object.entries(value).filter(([name, v]) => !absent(v, schema.properties[name])).map(([name, v]) => [name, present(v, schema.properties[name])]))
}

const WORDS = { true: true, 1: true, on: true, false: false, 0: false }

// What a text of a query or a form stands for.
function typed(text, schema) {
  if (schema?.type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  return schema?.type === 'boolean' && text in WORDS ? WORDS[text] : text
}

// Pairs as an object: {value, twice: names that came again}.
function pairsOf(text, schemaOf) {
  const value = Object.create(null), twice = []
  for (const [name, given] of new URLSearchParams(text)) {
    const isList = schemaOf(name)?.items?.type === 'string'
    if (isList && (value[name] || given)) {
      value[name] = [...(value[name] ?? []), given]
      continue
    }
    if (name in value) twice.push(name)
    value[name] = typed(given, schemaOf(name))
  }
  return { value, twice }
}

// The parameters of a place as one schema.
const schemaOf = (declared) => ({
  type: 'object', additionalProperties: false,
  properties: Object.fromEntries(declared.map((p) => [p.name, p.schema])),
  required: declared.filter((p) => p.required).map((p) => p.name),
})

function judge(check, value, schema, where) {
  return check(present(value, schema)) ? [] : check.errors.map((e) => `${where}${e.instancePath} ${e.message}${e.params.additionalProperty ? ` ${e.params.additionalProperty}` : ''}`)
}

// What is no text at all cannot be read by any document: an address, a body.
function readable(text) {
  try {
    return !(text instanceof Uint8Array ? new TextDecoder('utf-8', { fatal: true }).decode(text) : decodeURIComponent(text)).includes('\0')
  } catch {
    return false
  }
}

function queryFaults(o, contract, path) {
  if (!readable(path.replaceAll('+', ' '))) return ['address']
  const schema = (o.querySchema ??= schemaOf(o.op.parameters.filter((p) => p.in === 'query')))
  const { value, twice } = pairsOf(path.split('?').slice(1).join('?'), (name) => schema.properties[name])
  return [...twice.map((name) => `query ${name} twice`), ...judge(lazily(o, 'query', schema, contract), { ...value }, schema, 'query')]
}

function pathFaults(o, contract, path) {
  const segments = path.split('?')[0].split('/').slice(1)
  const declared = o.op.parameters.filter((p) => p.in === 'path')
  const value = Object.fromEntries(declared.map((p) => [p.name, o.segments.indexOf(`{${p.name}}`)]).map(([name, at]) => {
    const text = (takesRest(o.op) && at === o.segments.length - 1 ? segments.slice(at) : [segments[at]]).join('/')
    return [name, readable(text) ? decodeURIComponent(text) : text]
  }))
  return judge(lazily(o, 'inPath', schemaOf(declared), contract), value, null, 'path')
}

function headerFaults(o, contract, headers) {
  const declared = o.op.parameters.filter((p) => p.$ref).map((p) => contract.doc.components.parameters[p.$ref.split('/').at(-1)])
  const given = Object.fromEntries(Object.entries(headers).map(([name, v]) => [name.toLowerCase(), v]))
  const sent = Object.fromEntries(declared.filter((p) => p.name.toLowerCase() in given).map((p) => [p.name, given[p.name.toLowerCase()]]))
  return judge(lazily(o, 'headers', schemaOf(declared), contract), sent, null, 'header')
}

const resolved = (contract, schema) => contract.doc.components.schemas[schema.$ref.split('/').at(-1)]

const namesIn = (value) => (typeof value !== 'object' || value === null ? 0 : Object.values(value).reduce((n, v) => n + namesIn(v), Array.isArray(value) ? 0 : Object.keys(value).length))

// A name twice in one object, half of a character, NUL (I-JSON, RFC 7493).
function ambiguous(text, value) {
  let names = 0
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) names += colon ? 1 : 0
  return names > namesIn(value) || /\\u(0000|d[89a-f])/i.test(JSON.stringify(value))
}

function bodyFaults(o, contract, headers, bytes) {
  const declared = o.op.requestBody
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? ''
  if (!bytes?.length) return declared?.required ? ['no body'] : []
  const text = bytes.toString()
  if (!readable(Buffer.from(bytes))) return ['no text']
  if (!declared) return text.trim() === '{}' ? [] : ['a body where none is taken']
  const [media, ...rest] = type.toLowerCase().split(';').map((part) => part.trim())
  const content = declared.content[media]
  if (!content || rest.some((part) => part.startsWith('charset=') && !/utf-?8/.test(part))) return [`content type ${type}`]
  const schema = resolved(contract, content.schema)
  const check = lazily(o, 'body', content.schema, contract)
  if (media !== 'application/json') {
    const { value, twice } = pairsOf(text, (name) => schema.properties[name])
    return [...twice.map((name) => `form ${name} twice`), ...judge(check, { ...value }, schema, 'body')]
  }
  try {
    const value = JSON.parse(text)
    if (ambiguous(text, value)) return ['JSON that is read differently by different readers']
    return judge(check, value, schema, 'body')
  } catch {
    return ['no JSON']
  }
}

// ---- refusals for what a request is like

// What no schema says: a code's meaning is about what there is, not about the shape …
const MEANINGS = ['common', 'personal', 'forbidden', 'not_found', 'order', 'past', 'wrong', 'repeated']
// … or about something else that was sent, or about an extension of the document.
const BESIDE = [
  [/^questions\.\d+\.(id|options|matches|answer)$/, 'format', 'ids are all different, and an answer names some of them'],
  ['questions', 'required', 'an assessment that is to be approved has some'],
  ['questions', 'too_big', 'at most the question\'s points'],
  ['metadata', 'format', 'a poll closes later than now, and its options differ'],
  ['layout', 'format', 'what a page is made of goes by its type'],
  ['customCss', 'format', 'a style sheet that fetches nothing'],
  ['config.datasets', 'required', 'dataset or datasets'],
  ['config.filters', null, 'the fields of a data set'],
  ['option', 'required', 'option or options'],
  ['option', 'format', 'one of the poll\'s'],
  ['isMaintenance', 'required', 'isMaintenance or enabled'],
  ['establishmentId', 'required', 'a school that follows from nothing else'],
  ['passingScore', 'too_big', 'at most maxScore'],
  ['maxParticipants', 'too_small', 'at least those who are in'],
  ['maxMembers', 'format', 'at least those who are in'],
  ['q', 'required', 'q or query'],
  ['from', 'too_small', 'so many days before to'],
  ['ids', 'format', 'all that there are'],
  ['token', 'format', 'a code that was sent'],
  ['permissions', 'choice', 'the catalogue, GET /api/permissions'],
  ['slug', 'format', 'no word of the server\'s own'],
  ['domain', 'format', 'a name of the DNS'],
  ['settings.selfRegistration', 'type', 'true, false or null'],
  [/^(name|label|block(Key|Type)|page(Name|Title)|sectionType|component(Name|Type))$/, 'required', 'something is left of it without its tags'],
  ['email', 'too_long', 'bytes'],
]

function fieldOf(schema, name) {
  return name.split('.').reduce((s, key) => (/^\d+$/.test(key) ? s?.items : s?.properties?.[key]), schema)
}

function beyondDocument(error, schema) {
  const field = fieldOf(schema, error.field)
  return MEANINGS.includes(error.code)
    || BESIDE.some(([name, code]) => (name instanceof RegExp ? name.test(error.field) : error.field === name || error.field.startsWith(`${name}.`)) && (!code || code === error.code))
    || (error.code === 'too_long' && field?.['x-max-bytes'])
    || (error.code === 'format' && field?.['x-time']) // a day that there is not
    || (['too_small', 'too_big'].includes(error.code) && [field?.type].flat().includes('string') && [field?.type].flat().includes('number')) // as text
}

const REFUSALS = { '/problems/parameter': 'query', '/problems/malformed': 'body', '/problems/invalid': 'body', '/problems/media-type': 'body' }

// A refusal for its shape that the document knows nothing of.
function checkRefused(o, contract, asked, problem, faults, what) {
  if (!REFUSALS[problem?.type]) return
  if (problem.type === '/problems/parameter' && (problem.errors ?? []).every((e) => e.field === 'cursor') && /[?&](cursor|before)=/.test(asked.path)) return // cursors mean something to the server only
  const schema = REFUSALS[problem.type] === 'query' ? o.querySchema : o.op.requestBody && resolved(contract, o.op.requestBody.content['application/json'].schema)
  if (problem.errors?.length && problem.errors.every((e) => beyondDocument(e, schema))) return
  assert.ok(faults.length, `${what} was refused (${JSON.stringify(problem.errors ?? problem.detail)}), and the interface's document finds nothing wrong: ${asked.bytes?.toString().slice(0, 300)}`)
}

function checkAsked(o, contract, asked, answer, what) {
  const faults = [...pathFaults(o, contract, asked.path), ...queryFaults(o, contract, asked.path), ...headerFaults(o, contract, asked.headers), ...bodyFaults(o, contract, asked.headers, asked.bytes)]
  if (answer.status < 400) assert.equal(faults.length, 0, `${what} was accepted, and is not what the interface declares: ${faults.slice(0, 3).join('; ')}\n${asked.bytes?.toString().slice(0, 600)}`)
  else checkRefused(o, contract, asked, answer.json, faults, what)
}

// ---- what was answered

// The body as JSON, compressed or not; undefined: it says that it is something else.
function jsonOf(answer, what) {
  if (!/^application\/(problem\+)?json\b/.test(answer.headers['content-type'] ?? '')) return undefined
  const text = answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.raw).toString() : answer.text
  try {
    return JSON.parse(text)
  } catch (error) {
    return assert.fail(`${what}: it says that it is JSON, and is not (${error.message}): ${text.slice(0, 300)}`)
  }
}

function checkProblem(contract, answer, value, what) {
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, `${what}: what is refused is a problem: ${answer.text.slice(0, 300)}`)
  fits(contract.problem, value, what)
  assert.equal(value.status, answer.status, what)
}

function checkAnswer(o, contract, method, answer, what) {
  const documented = o.op.responses[answer.status]
  if (answer.status >= 400 && !documented?.content) return method === 'HEAD' || checkProblem(contract, answer, jsonOf(answer, what), what)
  assert.ok(documented, `${what}: no such status is declared`)
  const [media, { schema } = {}] = Object.entries(documented.content ?? {})[0] ?? []
  if (!media || method === 'HEAD' || answer.status === 303) return
  const said = (answer.headers['content-type'] ?? '').split(';')[0]
  assert.ok(media === '*/*' ? said : said === media, `${what}: ${said} in place of ${media}`)
  if (media === 'application/json') fits(lazily(o, `answer ${answer.status}`, schema, contract), jsonOf(answer, what), what)
}

// Called by the tests' HTTP client for every answer of the interface. asked: {method, path, headers, bytes}.
export function checkContract(server, asked, answer) {
  const { method, path } = asked
  if (!path.startsWith('/api/') || answer.status < 200) return
  const contract = contractOf(server.bin ?? binary())
  const o = operationOf(contract, method === 'HEAD' ? 'GET' : method, path)
  const what = `${method} ${path} ${answer.status}`
  if (!o) return assert.ok(answer.status >= 400 || method === 'OPTIONS', `${what}: the interface's document has no such operation`)
  if (/(\[|%5b)object/i.test(path)) return // an old client's lost filters make a list of one thing
  checkAsked(o, contract, asked, answer, what)
  checkAnswer(o, contract, method, answer, what)
}
