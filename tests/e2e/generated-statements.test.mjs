// What a read costs: at most two SQL statements, counted by the server itself (/metrics) around one request on a quiet server, the one that
// looks up who asks included: everybody asks with a session that the server has not seen before.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { addressOf, needs, world } from './lib/generated.mjs'
import { mayBy, whoMay } from './lib/rules.mjs'

const MOST = 2
const TRIES = 4 // what the server does by itself (renewing sessions, counting) may fall into one

let w, reads
before(async () => {
  w = await world({ args: ['--loops', '1', '--analytics-every', '50s'] })
  reads = w.operations.filter((o) => o.method === 'GET')
  await w.a.fill(needs(reads, 2 * TRIES + 2))
})
after(() => w?.server.stop())

async function statements() {
  const text = (await w.api.get('/metrics', { jar: false })).text
  const lines = [...text.matchAll(/^stacgate_db_statements_total\{[^}]*\} (\d+)$/gm)]
  assert.ok(lines.length > 0, text.slice(0, 200))
  return lines.reduce((sum, m) => sum + Number(m[1]), 0)
}

// The least of some tries, asked by these people in turn.
async function cost(o, people, query = {}, most = MOST) {
  let least = Infinity
  for (const person of people) {
    const address = addressOf(o, w.a, { query })
    const from = await statements()
    const r = await w.call(person, o, address)
    least = Math.min(least, (await statements()) - from)
    assert.ok(r.status < 400 || [409, 410].includes(r.status), `${o}: ${r.status} ${r.text.slice(0, 200)}`)
    if (least <= most) break
  }
  return least
}

const tooMuch = (costs, most = MOST) => Object.fromEntries(Object.entries(costs).filter(([, n]) => n > most))

test('reads are at most two statements', async () => {
  const strangers = await w.sessions(reads.flatMap((o) => Array.from({ length: TRIES }, () => { const { id, school } = whoMay(w, o).person; return { id, school, name: o.name } })))
  const costs = {}
  for (const o of reads) costs[o.name] = await cost(o, strangers.filter((p) => p.name === o.name))
  assert.deepEqual(tooMuch(costs), {})
  assert.ok(Object.values(costs).filter((n) => n === MOST).length > 50, 'hardly anything is counted')
})

// In no school: which one the thing is in takes a statement more.
test('three for a super_admin, who is in no school', async () => {
  const costs = {}
  for (const o of reads.filter((o) => o.who === 'member' && mayBy(w, o, 'super_admin'))) {
    const query = o.query('establishmentId') ? { establishmentId: w.a.ids.school } : {}
    costs[o.name] = await cost(o, Array(TRIES).fill(w.superAdmin), query, MOST + 1)
  }
  assert.deepEqual(tooMuch(costs, MOST + 1), {})
})
