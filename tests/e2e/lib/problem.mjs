// RFC 9457 documents as api.md wants them.
import assert from 'node:assert/strict'

// `status`: one or several that would be right.
export function assertProblem(r, status) {
  const wanted = [status].flat()
  assert.ok(wanted.includes(r.status), `wanted ${wanted.join(' or ')}, got ${r.status}: ${r.text?.slice(0, 300)}`)
  assert.match(r.headers['content-type'] ?? '', /^application\/problem\+json/)
  const p = r.json
  assert.match(p.type, /^\/problems\/[a-z0-9-]+$/)
  assert.equal(p.status, r.status)
  for (const field of ['title', 'instance', 'requestId', 'message']) assert.equal(typeof p[field], 'string', `${field}: ${r.text}`)
  assert.equal(p.requestId, r.headers['x-request-id'])
  if (r.status === 422 && p.errors) for (const e of p.errors) for (const f of ['field', 'code', 'message']) assert.equal(typeof e[f], 'string')
  if (r.status === 429 || r.status === 503) assert.ok(Number(r.headers['retry-after']) >= 0, 'Retry-After')
  const { requestId, instance, ...said } = p // a number that is drawn may hold any word, an address what was asked
  assert.ok(!/select |insert |pg_|postgres|\/src\/|0x[0-9a-f]{8}/i.test(JSON.stringify(said)), `a refusal tells too much: ${r.text}`)
  return p
}
