// A graceful stop: sockets are told to come back a few at a time, those whose turn has not come are still served, whatever was received is
// acknowledged, and everybody resumes where they were.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Wire } from './lib/client.mjs'
import { text } from './lib/school.mjs'
import { until } from './lib/util.mjs'

const LEARNERS = 300
let server
before(async () => {
  server = await startServer({ template: { learners: LEARNERS, groups: 10 }, env: { STACGATE_RATE_LIMITS: 'off' } })
})
after(() => server?.stop())

test(`a drain of ${LEARNERS} sockets under load: paced 1012, nothing received is lost, everybody resumes`, async (t) => {
  const wires = []
  for (let i = 0; i < LEARNERS; i += 50)
    wires.push(...(await Promise.all(server.learners.slice(i, i + 50).map(async (l) => {
      const wire = await Wire.open(server, { cookie: l.cookie })
      return Object.assign(wire, { topic: l.topic, place: await wire.enter(l.topic), acked: new Map() })
    }))))
  // One of seven talks without pause; what is not answered when it is closed was not received.
  const talkers = wires.filter((_, i) => i % 7 === 0)
  let closed = 0
  let servedAfterFirst = 0
  wires.forEach((w) => w.closed.then(() => closed++))
  const talk = async (w) => {
    while (!w.end) {
      const payload = text('pendant l’arrêt')
      const reply = await w.push(w.topic, 'message:new', payload).catch(() => null)
      if (!reply) return
      assert.equal(reply.status, 'ok', JSON.stringify(reply))
      w.acked.set(payload.opId, reply.response.seq)
      if (closed) servedAfterFirst++
      if (w.acked.size > 60) return // a resume replays at most 1,000 events
    }
  }
  const talking = talkers.map(talk)
  await until('everybody to have talked', () => talkers.every((w) => w.acked.size > 2))
  const exit = server.stop()
  await until('a first socket to be closed', () => closed > 0)
  const late = await Wire.open(server, { cookie: server.learners[0].cookie }).then((w) => (w.cut(), 'taken'), (e) => e.status ?? e.code)
  assert.ok(late === 'ECONNREFUSED' || late === 503 || late === 'ECONNRESET', `a new connection: ${late}`)
  const codes = await Promise.all(wires.map((w) => w.closeCode()))
  await Promise.all(talking)
  assert.deepEqual([...new Set(codes)], [1012])
  assert.ok(servedAfterFirst > 0, 'nobody was served after the first was closed')
  assert.ok(wires.every((w) => !w.log.some((m) => m[3] === 'phx_close')), 'phx_close tells a client never to come back')
  const { code, ms } = await exit
  assert.equal(code, 0)
  t.diagnostic(`${ms} ms; ${servedAfterFirst} pushes were served after the first socket was closed`)

  await server.start()
  const acked = new Map(talkers.flatMap((w) => [...w.acked]))
  const stored = await server.rows(`select e.op_id, e.seq from channel_events e where e.event = 'message' and e.op_id like 'op-${process.pid}-%'`)
  assert.deepEqual(new Map(stored.map((r) => [r.op_id, r.seq])), acked, 'what was received was acknowledged, what was acknowledged is there')
  for (const w of talkers) {
    const seen = w.seen(w.topic, 'message').map((m) => m[4].seq)
    const since = seen.at(-1) ?? w.place.seq
    const back = await Wire.open(server, { cookie: server.learners[wires.indexOf(w)].cookie })
    const place = await back.enter(w.topic, { epoch: w.place.epoch, since })
    assert.equal(place.epoch, w.place.epoch)
    assert.equal(place.recovered, true)
    await until('the rest', () => (back.seen(w.topic, 'message').at(-1)?.[4].seq ?? since) === place.head)
    await back.close()
  }
})
