// The interface's own document, and what follows from it: every operation refuses who may not call it. A new route is in it, so in here.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, stacgate } from './lib/server.mjs'
import { Api, people } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { uuid } from './lib/school.mjs'

let server, who, anon, doc, operations
before(async () => {
  server = await startServer({ args: ['--rate-limits', 'off'] })
  who = await people(server, 'moliere', ['apprenant1', 'formateur', 'manager', 'admin'])
  anon = new Api(server)
  doc = (await anon.get('/api/openapi.json')).json
  operations = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({ ...op, path, method: method.toUpperCase() })))
})
after(() => server?.stop())

const call = (api, op) =>
  api.request(op.method, op.path.replace(/\{[\w*]+\}/g, uuid), op.requestBody ? { json: {} } : {})

test('the command prints what the server answers; references resolve, parameters are declared, names are unique', async () => {
  const printed = await stacgate(['openapi'])
  assert.equal(printed.code, 0)
  assert.deepEqual(JSON.parse(printed.out), doc)
  assert.equal(doc.openapi, '3.1.0')
  assert.equal(new Set(operations.map((o) => o.operationId)).size, operations.length)
  for (const [, ref] of JSON.stringify(doc).matchAll(/"\$ref":"#\/([^"]+)"/g)) assert.ok(ref.split('/').reduce((at, key) => at?.[key], doc), ref)
  for (const op of operations) {
    const inPath = [...op.path.matchAll(/\{(\w+)\*?\}/g)].map((m) => m[1])
    assert.deepEqual(op.parameters.filter((p) => p.in === 'path').map((p) => p.name), inPath, op.path)
    assert.ok(op.summary && op['x-summary-fr'], op.operationId)
  }
})

test('nobody is refused everywhere but where anyone may come', async () => {
  const closed = operations.filter((o) => o['x-who'] !== 'anyone')
  assert.ok(closed.length > 80)
  for (const op of closed) {
    const r = await call(anon, op)
    assert.equal(r.status, op.deprecated ? 403 : 401, `${op.method} ${op.path}: ${r.text}`)
    assertProblem(r, r.status)
  }
})

test('who lacks the permission gets 403, who has it does not', async () => {
  const guarded = operations.filter((o) => o['x-permission'])
  assert.ok(guarded.length > 20)
  for (const api of Object.values(who)) {
    const { permissions, role } = (await api.get('/api/auth/user')).json
    for (const op of guarded) {
      const may = permissions.includes(op['x-permission'])
      if (may && op.method !== 'GET') continue // what it does is its own suite's
      const r = await call(api, op)
      assert.equal(r.status === 403, !may, `${role}: ${op.method} ${op.path}: ${r.status} ${r.text.slice(0, 200)}`)
    }
  }
})

test('an id that nobody has is 404 everywhere, and an unknown query parameter 400', async () => {
  for (const op of operations.filter((o) => o.method === 'GET' && o.path.includes('{') && !o.deprecated)) {
    const r = await call(who.admin, op)
    assert.ok([404, 403].includes(r.status), `${op.path}: ${r.status} ${r.text.slice(0, 200)}`)
  }
  for (const op of operations.filter((o) => o.method === 'GET' && !o.path.includes('{'))) {
    const r = await who.admin.get(`${op.path}?no-such-thing=1`)
    assert.ok(r.status === 400 || r.status === 403, `${op.path}: ${r.status}`)
  }
})

test('every field of every body refuses a wrong type; unknown fields are refused', async () => {
  for (const op of operations) {
    const schema = op.requestBody?.content['application/json'].schema
    if (!schema || /auth|maintenance/.test(op.path)) continue
    const refused = async (json, what) => {
      const r = await who.admin.request(op.method, op.path.replace(/\{[\w*]+\}/g, uuid), { json })
      assert.ok([422, 403, 404].includes(r.status), `${op.method} ${op.path} ${what}: ${r.status} ${r.text.slice(0, 200)}`)
    }
    await refused({ 'no-such-field': 1 }, 'unknown field')
    for (const [name, field] of Object.entries(schema.properties)) {
      if (!field.type || Array.isArray(field.type)) continue
      await refused({ [name]: field.type === 'object' ? 'x' : { wrong: true } }, name)
    }
  }
})
