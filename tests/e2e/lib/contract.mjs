// Holds what goes over REST in the tests against the interface's own document: every answer must fit what its operation declares, and
// whatever was accepted must have been declared. A route that answers something new fails the tests that call it until it says so.
import { spawnSync } from 'node:child_process'
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

const json = (content) => content?.['application/json']?.schema
const lazily = (o, key, schema, contract) => (schema ? (o[key] ??= contract.compile(schema)) : null)

function fits(check, value, what) {
  if (check && !check(value)) assert.fail(`${what} is not what the interface declares: ${JSON.stringify(check.errors.slice(0, 3))}\n${JSON.stringify(value)?.slice(0, 600)}`)
}

// A body as the server reads it: null counts as absent, "" too where the field says so.
function present(body, schema) {
  return Object.fromEntries(Object.entries(body).filter(([name, v]) => v !== null && !(v === '' && schema.properties[name]?.['x-blank-is-absent'])))
}

function checkAsked(o, contract, path, body, what) {
  const declared = o.op.parameters.filter((p) => p.in === 'query').map((p) => p.name)
  for (const name of new URLSearchParams(path.split('?')[1] ?? '').keys()) assert.ok(declared.includes(name), `${what}: ${name} was accepted and is not declared`)
  const schema = json(o.op.requestBody?.content)
  if (!schema || body === undefined) return
  fits(lazily(o, 'asked', schema, contract), present(body, schema), `${what}: the accepted body`)
}

// Called by the tests' HTTP client for every answer of the interface.
export function checkContract(server, method, path, body, answer) {
  if (!path.startsWith('/api/') || answer.status < 200 || (answer.status >= 300 && answer.status < 400)) return
  const contract = contractOf(server.bin ?? binary())
  const o = operationOf(contract, method, path)
  if (!o || /(\[|%5b)object/i.test(path)) return // an old client's lost filters make a list of one thing
  const what = `${method} ${path} ${answer.status}`
  if (answer.status >= 400 && !json(o.op.responses[answer.status]?.content)) {
    fits(contract.problem, answer.json, what)
    return
  }
  const documented = o.op.responses[answer.status] ?? o.op.responses['2XX']
  assert.ok(documented, `${what}: no such status is declared`)
  if (answer.json !== undefined) fits(lazily(o, `answer ${answer.status}`, json(documented.content), contract), answer.json, what)
  if (answer.status < 400) checkAsked(o, contract, path, body, what)
}
