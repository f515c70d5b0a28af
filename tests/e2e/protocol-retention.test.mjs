// What the log no longer keeps: events beyond number and age go in batches, a resume from before them is told a gap, messages stay. And
// new epochs after a backup was restored.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { stacgate, startServer, lit } from './lib/server.mjs'
import { people } from './lib/client.mjs'
import { makeGroup, member, say } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who
before(async () => {
  server = await startServer({ env: { STACGATE_RETENTION_EVENTS: '5', STACGATE_REPLAY_MAX: '10', STACGATE_RETENTION_AGE: '1h', STACGATE_RETENTION_EVERY: '100ms' } })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2'])
})
after(() => server?.stop())

const log = async (topic) => (await server.rows(`select c.first_seq, c.last_seq, count(e.seq)::int as n, min(e.seq) as least
  from channels c left join channel_events e on e.channel = c.id where c.topic = ${lit(topic)} group by c.topic`))[0]
const age = (topic, upto) => server.sql(`update channel_events set at = at - interval '2 hours' where seq <= ${upto}
  and channel = (select id from channels where topic = ${lit(topic)})`)

test('old events go, the newest stay whatever their age, young ones whatever their number', async () => {
  const [old, young] = [await makeGroup(who.apprenant1, [who.apprenant2]), await makeGroup(who.apprenant1, [])]
  const wire = await member(server, who.apprenant1, old.topic)
  const { epoch } = wire.joined
  for (let i = 0; i < 30; i++) await say(wire, old.topic, `message ${i}`)
  const first = await member(server, who.apprenant1, young.topic)
  for (let i = 0; i < 30; i++) await say(first, young.topic, `jeune ${i}`)
  const { last_seq: head } = await log(old.topic)

  await age(old.topic, head - 20)
  await until('what is old enough to go', async () => (await log(old.topic)).first_seq === head - 19)
  assert.equal((await log(old.topic)).n, 20)
  await age(old.topic, head)
  await until('all but what a resume may ask for to go', async () => (await log(old.topic)).first_seq === head - 9)
  assert.deepEqual(await log(old.topic), { first_seq: head - 9, last_seq: head, n: 10, least: head - 9 })
  assert.equal((await log(young.topic)).n, (await log(young.topic)).last_seq, 'young events went')

  // The same channel, in memory and made anew from the database.
  for (const restarted of [false, true]) {
    if (restarted) await server.restart()
    const whole = await member(server, who.apprenant2, old.topic, { params: { epoch, since: head - 10 } })
    assert.equal(whole.joined.recovered, true)
    await whole.event(old.topic, 'message', (p) => p.seq === head)
    assert.deepEqual(whole.seen(old.topic, 'message').map((m) => m[4].seq), Array.from({ length: 10 }, (_, i) => head - 9 + i))
    const gap = await member(server, who.apprenant2, old.topic, { params: { epoch, since: head - 11 } })
    assert.equal(gap.joined.recovered, false)
    const { events } = await gap.done(old.topic, 'history', { limit: 100 })
    assert.equal(events.length, 30, 'messages stay')
    await Promise.all([whole.close(), gap.close()])
  }
  // It goes on where it was.
  const again = await member(server, who.apprenant1, old.topic)
  assert.equal((await say(again, old.topic, 'encore')).seq, head + 1)
  await again.close()
})

// A board is made of its log until that is folded; what is folded and old goes, and history says where the log begins.
test("a board's log stays until it is folded; before its beginning history refuses and says where that is", async () => {
  const group = await makeGroup(who.apprenant1, [who.apprenant2])
  const { json: board } = await who.apprenant1.post(`/api/study-groups/${group.id}/whiteboards`, { title: 'Journal' })
  const topic = `whiteboard:${board.id}`
  const wire = await member(server, who.apprenant1, topic)
  const { epoch } = wire.joined
  const draw = (i) => wire.done(topic, 'ops', { opId: `draw-${i}`, ops: [{ op: 'put', el: { id: `e${i}`, type: 'rect', z: 'a' } }] })
  for (let i = 1; i <= 30; i++) await draw(i)
  await wire.enter(group.topic) // a later channel: retention comes to the board before it
  for (let i = 0; i < 30; i++) await say(wire, group.topic, `message ${i}`)
  await age(topic, 30)
  await age(group.topic, (await log(group.topic)).last_seq)
  await until('retention to have been at both', async () => (await log(group.topic)).first_seq > 1)
  assert.deepEqual(await log(topic), { first_seq: 1, last_seq: 30, n: 30, least: 1 })
  await server.restart('SIGKILL')
  assert.equal((await who.apprenant1.get(`/api/whiteboards/${board.id}`)).json.elements.length, 30)

  const again = await member(server, who.apprenant1, topic)
  assert.equal((await again.done(topic, 'history', { after: 0, limit: 1 })).first, 1)
  await server.restart() // which folds
  await until('the log to be short', async () => (await log(topic)).first_seq === 21)
  const late = await member(server, who.apprenant2, topic, { params: { epoch, since: 5 } })
  assert.equal(late.joined.recovered, false)
  await late.event(topic, 'snapshot', (p) => p.seq === 30 && p.elements.length === 30)
  const ask = (params) => late.done(topic, 'history', params)
  for (const [field, params] of [['after', { after: 0 }], ['after', { after: 19 }], ['before', { before: 20 }]]) {
    const refusal = await late.refused(topic, 'history', params, 'gone')
    assert.deepEqual([refusal.errors, refusal.first], [[{ field, code: 'too_small' }], 21])
  }
  const whole = await ask({ after: 20, limit: 100 })
  assert.deepEqual([whole.events.map((e) => e.payload.seq), whole.first, whole.hasMore], [Array.from({ length: 10 }, (_, i) => 21 + i), 21, false])
  assert.deepEqual(await ask({ before: 21 }), { events: [], hasMore: false, first: 21 })
  await late.close()
})

test('new epochs: nobody resumes, and a running channel is fenced off', async () => {
  const { topic } = await makeGroup(who.apprenant1, [])
  const wire = await member(server, who.apprenant1, topic)
  const { seq } = await say(wire, topic, 'avant')
  const r = await stacgate(['epochs', 'reset', '--data', server.dataDir])
  assert.equal(r.code, 0, r.err)
  assert.match(r.out, /^\d+ channels have a new epoch/)
  await wire.refused(topic, 'message:new', { opId: 'fenced', type: 'text', content: 'après' }, 'unavailable')
  await wire.event(topic, 'phx_error')
  const back = await member(server, who.apprenant1, topic, { params: { epoch: wire.joined.epoch, since: seq } })
  assert.equal(back.joined.recovered, false)
  assert.notEqual(back.joined.epoch, wire.joined.epoch)
  assert.equal((await say(back, topic, 'après')).seq, seq + 1)
  assert.equal((await stacgate(['epochs', '--data', server.dataDir])).code, 2)
  await Promise.all([wire.close(), back.close()])
})
