// GET /metrics: valid Prometheus text whose numbers follow what happens, for loopback only, without a name of anybody.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { Api, Wire, people } from './lib/client.mjs'
import { metricsSince, readMetrics } from './lib/metrics.mjs'
import { deaf, fill, heard, makeGroup, member, members, say, text } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

const REPLAY_MAX = 5
const ASKED = 100 // more questions than two connections take ahead
let server, who, anyone
before(async () => {
  server = await startServer({
    env: { STACGATE_LOOPS: '2', STACGATE_PUSH_RATE: '1000', STACGATE_QUEUE_AGE: '60s', STACGATE_QUEUE_HARD: '600k', STACGATE_REPLAY_MAX: String(REPLAY_MAX),
      STACGATE_DB_READ: '1', STACGATE_DB_SLOW: '1' },
  })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'admin'])
  anyone = new Api(server)
})
after(() => server?.stop())

const read = () => readMetrics(server)
const since = (first) => metricsSince(server, first)
const push = (wire, topic, event, payload) => wire.send([wire.joinRefs.get(topic), wire.ref(), topic, event, payload])

test('what happens is counted', async () => {
  const earlier = await read()
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const first = await read()
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], topic)
  for (let i = 0; i < 5; i++) await say(a, topic, `un ${i}`)
  await until('both to have them', () => b.seen(topic, 'message').length === 5)
  const now = await read()
  const moved = await since(first)
  assert.equal(moved('sessions', { encoding: 'json' }), 2)
  assert.equal(moved('connections', { transport: 'tcp', state: 'websocket' }), 2)
  assert.equal(moved('memberships'), 2)
  assert.equal(moved('joins_total'), 2)
  assert.equal(now('channels', { kind: 'group' }) - earlier('channels', { kind: 'group' }), 1)
  assert.equal(moved('channels', { kind: 'whiteboard' }), 0)
  assert.equal(moved('fanout_delivered_total', { lane: 'durable' }), 10)
  assert.ok(moved('fanout_delivered_bytes_total', { lane: 'durable' }) >= 10 * 100)
  // Each alone in its commit, encoded once for both.
  assert.equal(moved('fanout_encoded_total', { lane: 'durable' }), 5)
  for (const name of ['db_statements_total', 'mail_total', 'http_requests_total', 'sent_bytes_total', 'cpu_seconds_total', 'loop_turns_total', 'mailbox_depth_count']) assert.ok(moved(name) > 0, name)
  assert.ok(now('db_connections') > 0 && now('resident_memory_bytes') > 1e6 && now('mailbox_depth_max') >= 1)
  assert.ok(Math.abs(now('loop_lag_seconds_count') - now('loop_turns_total')) <= 4, 'every turn is in the histogram')
  await Promise.all([a.close(), b.close()])
  await until('the sockets to be gone', async () => (await since(first))('connections', { state: 'websocket' }) === 0)
  assert.equal((await since(first))('websocket_closes_total', { code: 1000 }), 2)
  await until('no mail to wait', async () => (await read())('mail_waiting') === 0)
})

test('commits: how many operations each took, and how long', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], topic)
  const release = await server.hold(`select 1 from channels where topic = ${lit(topic)} for update`)
  const first = await read()
  push(a, topic, 'message:new', text('seul'))
  await until('it to wait', async () => (await read())('db_in_flight', { lane: 'write' }) === 1)
  await sleep(300)
  for (let i = 0; i < 3; i++) push(b, topic, 'message:new', text(`ensemble ${i}`))
  await b.settle()
  assert.equal((await since(first))('commit_batch_size_count'), 0)
  await release()
  await until('all', () => a.seen(topic, 'message').length === 4 && b.seen(topic, 'message').length === 4)
  const moved = await since(first)
  assert.equal(moved('commit_batch_size_count'), 2)
  assert.equal(moved('commit_batch_size_sum'), 4)
  assert.equal(moved('commit_batch_size_bucket', { le: 1 }), 1)
  assert.equal(moved('commit_batch_size_bucket', { le: 2 }), 1)
  assert.equal(moved('commit_batch_size_bucket', { le: 4 }), 2)
  assert.equal(moved('commit_duration_seconds_count'), 2)
  assert.ok(moved('commit_duration_seconds_sum') >= 0.3)
  assert.ok(moved('commit_duration_seconds_bucket', { le: 0.25 }) <= 1, 'the first one waited for the lock')
  assert.equal(moved('fanout_encoded_total', { lane: 'durable' }), 2)
  assert.equal(moved('fanout_delivered_total', { lane: 'durable' }), 4)
  await Promise.all([a.close(), b.close()])
})

test('a reader that is slow: what it is spared is counted by lane, its end by the limit it met', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const slow = await deaf(server, who.apprenant2, topic)
  const speaker = await member(server, who.apprenant1, topic)
  await speaker.event(topic, 'presence_state')
  await fill(speaker, topic)
  const first = await read()
  assert.ok(first('queued_bytes') > 64 * 1024)
  push(speaker, topic, 'typing', { isTyping: true })
  await until('the typing to be told', async () => (await since(first))('fanout_encoded_total', { lane: 'ephemeral' }) === 1)
  await until('and dropped', async () => (await since(first))('fanout_dropped_total', { lane: 'ephemeral' }) === 1)
  assert.equal((await since(first))('fanout_dropped_total', { lane: 'presence' }), 0)
  const third = await member(server, who.apprenant3, topic)
  await speaker.event(topic, 'presence_diff', (p) => p.joins[who.apprenant3.user.id])
  await until('the presence to be dropped', async () => (await since(first))('fanout_dropped_total', { lane: 'presence' }) >= 1)
  assert.equal((await since(first))('fanout_dropped_total', { lane: 'durable' }), 0)
  assert.equal((await since(first))('queue_closes_total'), 0)
  await fill(speaker, topic, 90)
  slow.socket.resume()
  await until('its end', () => slow.closeCode())
  slow.destroy()
  await until('its end to be counted', async () => (await since(first))('websocket_closes_total', { code: 4008 }) === 1)
  const moved = await since(first)
  assert.equal(moved('queue_closes_total', { limit: 'connection' }), 1)
  assert.equal(moved('queue_closes_total'), 1)
  assert.equal(heard(slow, 'ephemeral').length, 0)
  await Promise.all([speaker.close(), third.close()])
  await until('the queues to be empty', async () => (await read())('queued_bytes') < 1024)
})

test('refusals by reason, handshakes by status', async () => {
  const { topic } = await makeGroup(who.apprenant1)
  const a = await member(server, who.apprenant1, topic)
  const first = await read()
  await a.refused(topic, 'message:new', text(''), 'invalid')
  await a.refused(topic, 'no:such', {}, 'invalid')
  assert.equal((await a.join('group:00000000-0000-4000-8000-000000000000')).response.reason, 'not_found')
  assert.equal((await a.join('nothing:1')).response.reason, 'unmatched_topic')
  await assert.rejects(Wire.open(server, { cookie: `stacgate.sid=${'x'.repeat(43)}` }))
  await assert.rejects(Wire.open(server, { cookie: who.apprenant1.cookie, headers: { origin: 'https://elsewhere.test' } }))
  const moved = await since(first)
  assert.equal(moved('refusals_total', { reason: 'invalid' }), 2)
  assert.equal(moved('refusals_total', { reason: 'not_found' }), 1)
  assert.equal(moved('refusals_total', { reason: 'unmatched_topic' }), 1)
  assert.equal(moved('refusals_total'), 4)
  assert.equal(moved('handshakes_refused_total', { status: 401 }), 1)
  assert.equal(moved('handshakes_refused_total', { status: 403 }), 1)
  assert.equal(moved('handshakes_refused_total'), 2)
  await a.close()
})

test('resumes by what became of them', async () => {
  const { topic } = await makeGroup(who.apprenant1)
  const a = await member(server, who.apprenant1, topic)
  for (let i = 0; i < REPLAY_MAX + 1; i++) await say(a, topic, `${i}`)
  const { epoch } = a.joined
  const head = a.joined.head + REPLAY_MAX + 1
  const first = await read()
  for (const params of [{ epoch, since: head }, { epoch: 'another', since: head }, { epoch, since: head + 9 }, { epoch, since: head - REPLAY_MAX - 1 }, {}])
    await (await member(server, who.apprenant1, topic, { params })).close()
  const moved = await since(first)
  for (const outcome of ['recovered', 'epoch', 'beyond', 'too_many']) assert.equal(moved('resumes_total', { outcome }), 1, outcome)
  assert.equal(moved('resumes_total'), 4)
  assert.equal(moved('joins_total'), 5)
  await a.close()
})

test('the pool: who is busy, who waits and how long', async (t) => {
  const lane = { lane: 'read' }
  await until('a quiet pool', async () => (await read())('db_in_flight') === 0)
  const first = await read()
  assert.equal(first('db_connections', lane), 2)
  assert.equal(first('db_connections_max', lane), 2)
  const release = await server.hold('lock table establishments in access exclusive mode')
  t.after(release)
  const answers = Array.from({ length: ASKED }, () => fetch(`${server.url}/api/establishments?limit=1`))
  await until('questions to wait', async () => (await read())('db_waiting', lane) > 0)
  const full = await read()
  assert.ok(full('db_connections_busy', lane) >= 1)
  assert.equal(full('db_waiting', { lane: 'write' }), 0)
  await release()
  for (const r of await Promise.all(answers)) assert.equal(r.status, 200)
  let moved
  await until('each question to be in both, also what the server asks by itself', async () => {
    moved = await since(first)
    return ['db_wait_seconds_count', 'db_answer_seconds_count'].every((name) => moved(name, lane) === moved('db_groups_total', lane))
  })
  assert.ok(moved('db_groups_total', lane) >= ASKED)
  assert.ok(moved('db_wait_seconds_sum', lane) > 0.001)
  assert.ok(moved('db_answer_seconds_sum', lane) > moved('db_wait_seconds_sum', lane))
  await until('a quiet pool again', async () => {
    const quiet = await read()
    return ['db_waiting', 'db_in_flight', 'db_connections_busy'].every((name) => quiet(name, lane) === 0)
  })
})

// Ten who take compressed messages are sent what was compressed once, whatever each is owed beside.
test('permessage-deflate: a broadcast is compressed once, not once a member', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const readers = []
  for (let i = 0; i < 10; i++) readers.push(await member(server, who.apprenant2, topic, { deflate: { threshold: 0 } }))
  const writer = await member(server, who.apprenant1, topic)
  assert.equal((await read())('sessions', { encoding: 'json_deflate' }), 10)
  const count = async () => (await read())('messages_deflated_total')
  let before = -1
  await until('presence to have been told', async () => {
    const was = before
    before = await count()
    return was === before
  }, 10000, 400)
  for (let i = 0; i < 3; i++) await say(writer, topic, `${i} ${'un texte de taille moyenne '.repeat(40)}`)
  await until('all to have them', () => readers.every((r) => r.seen(topic, 'message').length === 3))
  assert.equal((await count()) - before, 3)
  await Promise.all([writer, ...readers].map((w) => w.close()))
})

test('no names; not through a proxy', async (t) => {
  const { text: all } = await anyone.get('/metrics')
  for (const name of ['moliere', 'turing', who.apprenant1.user.id, who.apprenant1.user.establishmentId]) assert.ok(!all.includes(name), name)
  const behind = await startServer({ args: ['--proxies', '127.0.0.1'] })
  t.after(() => behind.stop())
  assert.equal((await new Api(behind).get('/metrics', { headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' } })).status, 404)
})
