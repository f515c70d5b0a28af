// Forty stock clients in five groups send three thousand messages while their connections are cut at random, the server is killed five
// times and PostgreSQL stops twice. Afterwards the checker compares what everybody wrote down with the database.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Gathering } from './lib/talk.mjs'
import { check } from './lib/checker.mjs'
import { randomFrom, SEED, sleep, until } from './lib/util.mjs'

const CLIENTS = 40
const GROUPS = 5
const MESSAGES = 3000

async function chaos(t, { retry, pgFault, seed }) {
  const random = randomFrom(seed)
  const server = await startServer({ template: { learners: CLIENTS, groups: GROUPS }, env: { STACGATE_RATE_LIMITS: 'off' } })
  const gathering = new Gathering(server, server.learners)
  const { persons } = gathering
  let working = true
  try {
    await gathering.start()
    let settled = 0
    const talk = async (p) => {
      for (let i = 0; i < MESSAGES / CLIENTS; i++) {
        await p.say(`message ${p.n}.${i} ${'x'.repeat(random.below(200))}`, { retry })
        settled++
      }
    }
    const cutting = (async () => {
      for (let cuts = 0; working; cuts++) {
        await sleep(40 + random.below(120))
        random.pick(persons).socket.cut()
      }
    })()

    // Faults come by progress, so that each meets traffic: five kills, two stops of the database.
    const faults = [
      [0.08, () => server.restart('SIGKILL')], [0.2, () => server.restart('SIGKILL')], [0.32, pgFault], [0.44, () => server.restart('SIGKILL')],
      [0.58, () => server.restart('SIGKILL')], [0.7, pgFault], [0.82, () => server.restart('SIGKILL')],
    ]
    const breaking = (async () => {
      for (const [at, fault] of faults) {
        await until(() => `progress to ${at * MESSAGES} (${settled})`, () => settled >= at * MESSAGES, 90000, 2)
        await fault(server)
      }
    })()
    await Promise.all([...persons.map(talk), breaking])
    working = false
    await cutting

    await server.pgStart()
    const ledger = await gathering.ledger()
    const { sends } = gathering
    const acked = sends.filter((s) => s.ack).length
    t.diagnostic(`seed ${seed}: ${sends.length} sent, ${acked} acknowledged, ${ledger.messages.length} stored, ${sends.filter((s) => s.tries > 1).length} retried, ${gathering.connections} connections`)
    assert.equal(sends.length, MESSAGES)
    assert.ok(acked > MESSAGES * (retry ? 0.999 : 0.5), `${acked} acknowledged`)
    if (retry) assert.equal(ledger.messages.length, MESSAGES, 'with retries every message is stored exactly once')
    assert.equal(gathering.reloads, 0, 'somebody had to reload')
    assert.deepEqual(check(ledger).slice(0, 20), [])
  } finally {
    working = false
    gathering.end()
    await server.stop().catch(() => {})
  }
}

test('chaos: cuts, five kills, two database stops; unanswered pushes are left alone', (t) =>
  chaos(t, { retry: false, seed: SEED, pgFault: async (server) => (await server.pgStop(), await server.pgStart()) }))

test('chaos with retries of unanswered pushes under their opId: no double, nothing lost; the database is killed outright', (t) =>
  chaos(t, { retry: true, seed: SEED + 1, pgFault: async (server) => (await server.pgKill(), await server.pgStart()) }))
