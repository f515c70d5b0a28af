// The interface's own document. What follows from it is in generated-*.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import redocly from '@redocly/openapi-core' // what `npx @redocly/cli lint` runs
import { startServer, stacgate } from './lib/server.mjs'
import { Api } from './lib/client.mjs'

let server, doc, operations
before(async () => {
  server = await startServer({ args: ['--rate-limits', 'off'] })
  doc = (await new Api(server).get('/api/openapi.json')).json
  operations = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({ ...op, path, method: method.toUpperCase() })))
})
after(() => server?.stop())

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

test('it is valid for `redocly lint`, by the recommended rules', async () => {
  const config = await redocly.createConfig({ extends: ['recommended'] })
  const problems = await redocly.lintFromString({ source: JSON.stringify(doc), absoluteRef: '/openapi.json', config })
  // Two addresses that were promised, and that no router mixes up: an id is never "verify".
  const known = (p) => p.ruleId === 'no-ambiguous-paths' && p.message.includes('`/api/certificates/verify/{id}` and `/api/certificates/{id}/revoke`')
  assert.deepEqual(problems.filter((p) => !known(p)).map((p) => `${p.severity} ${p.ruleId} ${p.message}`), [])
})
