// GET /metrics: valid Prometheus text whose numbers follow what happens, for loopback only, without a name of anybody.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Api, people } from './lib/client.mjs'
import { makeGroup, member, members, say } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who, anyone
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2'])
  anyone = new Api(server)
})
after(() => server?.stop())

// {name: sum over its samples}; asserts the format on the way.
async function read() {
  const r = await anyone.get('/metrics')
  assert.equal(r.status, 200)
  assert.equal(r.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const types = new Map()
  const sums = new Map()
  for (const line of r.text.split('\n').filter(Boolean)) {
    const head = /^# (HELP|TYPE) (stacgate_\w+) (.+)$/.exec(line)
    if (head) {
      if (head[1] === 'TYPE') assert.ok(!types.has(head[2]), `${head[2]} twice`), types.set(head[2], head[3])
      continue
    }
    const sample = /^(stacgate_\w+)(\{\w+="[^"]*"(,\w+="[^"]*")*\})? (\d+)$/.exec(line)
    assert.ok(sample, `no sample: ${line}`)
    assert.ok(types.has(sample[1]), `${sample[1]} without a type`)
    sums.set(sample[1], (sums.get(sample[1]) ?? 0) + Number(sample[4]))
  }
  for (const [name, type] of types) assert.ok(sums.has(name) && (type === 'counter') === name.endsWith('_total'), name)
  return (name) => sums.get(`stacgate_${name}`)
}

test('what happens is counted', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const first = await read()
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], topic)
  for (let i = 0; i < 5; i++) await say(a, topic, `un ${i}`)
  await until('both to have them', () => b.seen(topic, 'message').length === 5)
  const now = await read()
  assert.equal(now('websockets') - first('websockets'), 2)
  assert.equal(now('sessions') - first('sessions'), 2)
  assert.equal(now('memberships') - first('memberships'), 2)
  assert.ok(now('fanout_delivered_total') - first('fanout_delivered_total') >= 10)
  for (const name of ['db_statements_total', 'mail_total', 'http_requests_total', 'bytes_sent_total']) assert.ok(now(name) > first(name), name)
  assert.ok(now('db_connections') > 0 && now('resident_memory_bytes') > 1e6)
  await Promise.all([a.close(), b.close()])
  await until('the sockets to be gone', async () => (await read())('websockets') === first('websockets'))
})

// Ten who take compressed messages are sent what was compressed once, whatever each is owed beside.
test('permessage-deflate: a broadcast is compressed once, not once a member', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const readers = []
  for (let i = 0; i < 10; i++) readers.push(await member(server, who.apprenant2, topic, { deflate: { threshold: 0 } }))
  const writer = await member(server, who.apprenant1, topic)
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
  const { text } = await anyone.get('/metrics')
  for (const name of ['moliere', 'turing', who.apprenant1.user.id, who.apprenant1.user.establishmentId]) assert.ok(!text.includes(name), name)
  const behind = await startServer({ args: ['--proxies', '127.0.0.1'] })
  t.after(() => behind.stop())
  assert.equal((await new Api(behind).get('/metrics', { headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' } })).status, 404)
})
