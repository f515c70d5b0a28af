// The interface's own document, and what follows from it. Who may call what: generated-roles.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, stacgate } from './lib/server.mjs'
import { Api, people } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { uuid } from './lib/school.mjs'

let server, who, anon, doc, operations
before(async () => {
  server = await startServer({ args: ['--rate-limits', 'off'] })
  who = await people(server, 'moliere', ['admin'])
  anon = new Api(server)
  doc = (await anon.get('/api/openapi.json')).json
  operations = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({ ...op, path, method: method.toUpperCase() })))
})
after(() => server?.stop())

const call = (api, op) =>
  api.request(op.method, op.path.replace(/\{\w+\}/g, uuid), op.requestBody ? { json: {} } : {})

test('the command prints what the server answers; references resolve, parameters are declared, names are unique', async () => {
  const printed = await stacgate(['openapi'])
  assert.equal(printed.code, 0)
  assert.deepEqual(JSON.parse(printed.out), doc)
  assert.equal(doc.openapi, '3.1.0')
  assert.equal(new Set(operations.map((o) => o.operationId)).size, operations.length)
  for (const [, ref] of JSON.stringify(doc).matchAll(/"\$ref":"#\/([^"]+)"/g)) assert.ok(ref.split('/').reduce((at, key) => at?.[key], doc), ref)
  for (const op of operations) {
    const inPath = [...op.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1])
    assert.deepEqual(op.parameters.filter((p) => p.in === 'path').map((p) => p.name), inPath, op.path)
    assert.ok(op.summary && op['x-summary-fr'], op.operationId)
  }
})

test('an unknown query parameter is 400', async () => {
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
      const r = await who.admin.request(op.method, op.path.replace(/\{\w+\}/g, uuid), { json })
      assert.ok([422, 403, 404].includes(r.status), `${op.method} ${op.path} ${what}: ${r.status} ${r.text.slice(0, 200)}`)
    }
    await refused({ 'no-such-field': 1 }, 'unknown field')
    for (const [name, field] of Object.entries(schema.properties)) {
      if (!field.type || Array.isArray(field.type)) continue
      await refused({ [name]: field.type === 'object' ? 'x' : { wrong: true } }, name)
    }
  }
})
