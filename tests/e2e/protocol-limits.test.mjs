// Every limit of a connection and of the server is reached, and does what it says to whom it concerns, and nothing to the others. Rates of
// pushes, joined topics and sockets of a person are in protocol-envelope and protocol-connect.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { Wire, people } from './lib/client.mjs'
import { connectRaw, frame } from './lib/rawws.mjs'
import { readMetrics } from './lib/metrics.mjs'
import { deaf, fill, heard, makeGroup, member, members, say, text } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

const NAMES = ['apprenant1', 'apprenant2', 'apprenant3', 'apprenant4']
const IN_FLIGHT = 4
const KNOCKS = 5
// Two servers: one whose connections have little room, and one that has little for all of them together.
let server, who, small, there
before(async () => {
  server = await startServer({
    env: { STACGATE_IN_FLIGHT: String(IN_FLIGHT), STACGATE_MEMBERS_MAX: '3', STACGATE_SOCKETS_ANONYMOUS: String(KNOCKS), STACGATE_QUEUE_HARD: '600k',
      STACGATE_PUSH_RATE: '1000', STACGATE_EPHEMERAL_RATE: '5', STACGATE_QUEUE_AGE: '60s' },
  })
  who = await people(server, 'moliere', NAMES)
  small = await startServer({ env: { STACGATE_QUEUE_AGE: '60s', STACGATE_QUEUE_TOTAL: '250k', STACGATE_ACCEPTS: '1', STACGATE_PUSH_RATE: '1000' } })
  there = await people(small, 'moliere', NAMES)
})
after(() => Promise.all([server?.stop(), small?.stop()]))

const closeAll = (...wires) => Promise.all(wires.map((w) => w.close()))

// The server looks for those who are too slow twice a second; what it tells them waits five seconds for them to read.
const NOTICED = 1500

// ---- what is queued to one connection

test('above 64 KiB queued: ephemeral and presence frames are left out, messages are not, and a whole presence list follows', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const slow = await deaf(server, who.apprenant2, topic)
  const speaker = await member(server, who.apprenant1, topic)
  const seqs = await fill(speaker, topic)
  speaker.send([speaker.joinRefs.get(topic), speaker.ref(), topic, 'typing', { isTyping: true }])
  const third = await member(server, who.apprenant3, topic)
  await third.event(topic, 'presence_state')
  await speaker.event(topic, 'presence_diff', (p) => p.joins[who.apprenant3.user.id])
  slow.socket.resume()
  await until('all messages', () => heard(slow, 'message').length === seqs.length)
  assert.deepEqual(heard(slow, 'message').map((p) => p.seq), seqs)
  await until('a list with who came meanwhile', () => heard(slow, 'presence_state').some((p) => p[who.apprenant3.user.id]))
  assert.equal(heard(slow, 'presence_diff').filter((p) => p.joins[who.apprenant3.user.id]).length, 0)
  assert.equal(heard(slow, 'ephemeral').length, 0)
  slow.destroy()
  await closeAll(speaker, third)
})

test('above what a connection may have queued: 4008, and it resumes whole; the others miss nothing', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const slow = await deaf(server, who.apprenant2, topic)
  const [speaker, other] = await members(server, [who.apprenant1, who.apprenant3], topic)
  const seqs = await fill(speaker, topic, 180)
  slow.socket.resume()
  await until('its end', () => slow.closeCode())
  assert.equal(slow.closeCode(), 4008)
  slow.destroy()
  const got = heard(slow, 'message').map((p) => p.seq)
  assert.ok(got.length < seqs.length)
  const back = await member(server, who.apprenant2, topic, { params: { epoch: slow.joined.epoch, since: got.at(-1) ?? slow.joined.seq } })
  assert.equal(back.joined.recovered, true)
  const seen = (w) => w.seen(topic, 'message').map((m) => m[4].seq)
  await until('the rest', () => seen(back).at(-1) === seqs.at(-1))
  assert.deepEqual([...got, ...seen(back)], seqs)
  assert.deepEqual(seen(other), seqs)
  await closeAll(back, speaker, other)
})

test('a replay and the last messages are pulled page by page: 1.6 MiB for who does not read cost less than all may have queued', async () => {
  const { topic } = await makeGroup(there.apprenant1, [there.apprenant2])
  const speaker = await member(small, there.apprenant1, topic)
  const seqs = await fill(speaker, topic, 200)
  const readers = await Promise.all([{ last: 200 }, { epoch: speaker.joined.epoch, since: speaker.joined.seq }].map(async (params) => {
    const raw = await connectRaw(small, { cookie: there.apprenant2.cookie })
    raw.socket.pause()
    raw.socket.write(frame(1, JSON.stringify(['1', '1', topic, 'phx_join', params])))
    return Object.assign(raw, { params })
  }))
  await sleep(NOTICED) // whoever had more than that queued would be closed by now
  seqs.push((await say(speaker, topic, 'entre-temps')).seq)
  for (const raw of readers) {
    raw.socket.resume()
    await until(() => `all of it: ${raw.closeCode()} ${raw.ended} ${heard(raw, 'message').length} ${JSON.stringify(raw.params)}`, () => heard(raw, 'message').at(-1)?.seq === seqs.at(-1))
    const got = heard(raw, 'message').map((p) => p.seq)
    assert.deepEqual(got, raw.params.last ? seqs.slice(-got.length) : seqs)
    assert.ok(got.length >= 200)
    raw.destroy()
  }
  await speaker.close()
})

test('a frame that waits too long: 4008', async (t) => {
  const own = await startServer({ env: { STACGATE_QUEUE_AGE: '500ms', STACGATE_PUSH_RATE: '1000' } })
  t.after(() => own.stop())
  const [a, b] = Object.values(await people(own, 'moliere', NAMES.slice(0, 2)))
  const { topic } = await makeGroup(a, [b])
  const slow = await deaf(own, b, topic)
  const speaker = await member(own, a, topic)
  await fill(speaker, topic)
  await until('it to be noticed', async () => (await readMetrics(own))('queue_closes_total', { limit: 'age' }) === 1)
  slow.socket.resume()
  await until('its end', () => slow.closeCode())
  assert.equal(slow.closeCode(), 4008)
  slow.destroy()
  await speaker.close()
})

test('above what all connections may have queued together: the slowest is closed first', async () => {
  const { topic } = await makeGroup(there.apprenant1, [there.apprenant2, there.apprenant3])
  const slowest = await deaf(small, there.apprenant2, topic)
  const speaker = await member(small, there.apprenant1, topic)
  // What the second one is owed fits the limit by itself, however little the kernel takes for it: 25 of 8 kB.
  await fill(speaker, topic, 60)
  const slower = await deaf(small, there.apprenant3, topic)
  const rest = await fill(speaker, topic, 25)
  await until('it to be noticed', async () => (await readMetrics(small))('queue_closes_total', { limit: 'all' }) === 1)
  slowest.socket.resume()
  await until('the end of the slowest', () => slowest.closeCode())
  assert.equal(slowest.closeCode(), 4008)
  slowest.destroy()
  slower.socket.resume()
  await until('the other to have all', () => heard(slower, 'message').at(-1)?.seq === rest.at(-1))
  assert.deepEqual(heard(slower, 'message').map((p) => p.seq), rest)
  slower.destroy()
  await speaker.close()
})

test('one new connection a turn: everybody gets in all the same', async () => {
  const wires = await Promise.all(Array.from({ length: 40 }, (_, i) => Wire.open(small, { cookie: there[NAMES[i % 4]].cookie })))
  await Promise.all(wires.map((w) => w.settle()))
  await closeAll(...wires)
})

// ---- what one connection sends

test('ephemeral pushes above the rate: rate_limited; one who goes on ten times over: 4029', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [loud, neighbour] = await members(server, [who.apprenant1, who.apprenant2], topic)
  const typing = () => loud.send([loud.joinRefs.get(topic), loud.ref(), topic, 'typing', { isTyping: true }])
  for (let i = 0; i < 30; i++) typing()
  const refused = await loud.next('a refusal', (m) => m[3] === 'phx_reply' && m[4].status === 'error')
  assert.equal(refused[4].response.reason, 'rate_limited')
  assert.ok(refused[4].response.retryAfter >= 1)
  for (let i = 0; i < 150 && !loud.end; i++) typing()
  assert.equal(await loud.closeCode(), 4029)
  await neighbour.settle()
  await neighbour.close()
})

test('pushes in flight: the socket is not read until they are answered; then all are, in order', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [busy, neighbour] = await members(server, [who.apprenant1, who.apprenant2], topic)
  const release = await server.hold(`select 1 from channels where topic = ${lit(topic)} for update`)
  const refs = []
  for (let i = 0; i < 3 * IN_FLIGHT; i++) {
    refs.push(busy.ref())
    busy.send([busy.joinRefs.get(topic), refs.at(-1), topic, 'message:new', text(`en vol ${i}`)])
  }
  busy.send([null, 'beat', 'phoenix', 'heartbeat', {}])
  for (let i = 0; i < 5; i++) await neighbour.settle()
  assert.equal(busy.log.filter((m) => m[3] === 'phx_reply' && m[1] !== busy.joinRefs.get(topic)).length, 0, 'the heartbeat behind them was read')
  await release()
  await busy.reply('phoenix', 'beat')
  const seqs = []
  for (const ref of refs) seqs.push((await busy.reply(topic, ref)).response.seq)
  assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b))
  await neighbour.event(topic, 'message', (p) => p.seq === seqs.at(-1))
  assert.equal(neighbour.seen(topic, 'message').length, refs.length)
  await closeAll(busy, neighbour)
})

// ---- members and handshakes

test('a channel that is full: unavailable, until somebody leaves', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3, who.apprenant4])
  const in3 = await members(server, [who.apprenant1, who.apprenant2, who.apprenant3], topic)
  const fourth = await Wire.open(server, { cookie: who.apprenant4.cookie })
  assert.equal((await fourth.join(topic)).response.reason, 'unavailable')
  // One who is cut loses no place while it is free, and keeps nobody out.
  in3[2].cut()
  await until('the place to be free', async () => (await fourth.join(topic)).status === 'ok')
  const third = await Wire.open(server, { cookie: who.apprenant3.cookie })
  assert.equal((await third.join(topic)).response.reason, 'unavailable')
  await fourth.call(topic, 'phx_leave', {})
  await until('the place to be free again', async () => (await third.join(topic)).status === 'ok')
  await closeAll(fourth, third, in3[0], in3[1])
})

test('handshakes of one address without identity yet: 429 above the limit, before any look-up; the rest are answered', async () => {
  const release = await server.hold('lock table sessions in access exclusive mode')
  const outcomes = []
  const strangers = Array.from({ length: 12 }, (_, i) =>
    Wire.open(server, { cookie: `stacgate.sid=${String(i).padStart(43, 'x')}` }).catch((e) => (outcomes.push(e), e)),
  )
  await until('those above the limit to be refused', () => outcomes.length === strangers.length - KNOCKS)
  for (const e of outcomes) {
    assert.equal(e.status, 429)
    assert.ok(Number(e.headers['retry-after']) > 0)
  }
  await release()
  await Promise.all(strangers)
  assert.equal(outcomes.filter((e) => e.status === 401).length, KNOCKS)
  await (await Wire.open(server, { cookie: who.apprenant1.cookie })).close()
})
