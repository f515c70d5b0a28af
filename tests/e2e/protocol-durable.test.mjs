// Durable channels: exactly-once effect by opId, order, resume and its limits, both encodings side by side, restarts.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { joined, people, pushed, signIn, stockSocket, Wire } from './lib/client.mjs'
import { makeGroup, member, members, opId, say, text } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

const REPLAY_MAX = 30
let server, who
before(async () => {
  server = await startServer({ args: ['--replay-max', String(REPLAY_MAX)] })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3'])
})
after(() => server?.stop())

const closeAll = (...wires) => Promise.all(wires.map((w) => w.close()))
const seqs = (wire, topic) => wire.seen(topic, 'message').map((m) => m[4].seq)

// ---- exactly-once effect

test('a repeated opId has no effect and gets the original reply', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], topic)
  const payload = text('une seule fois', { metadata: { mentions: [] } })
  const first = await a.done(topic, 'message:new', payload)
  assert.deepEqual(await a.done(topic, 'message:new', payload), first)
  // Another key order is the same content.
  assert.deepEqual(await a.done(topic, 'message:new', { content: payload.content, metadata: { mentions: [] }, type: 'text', opId: payload.opId }), first)
  // From another connection, after messages of others, after both restarts.
  await say(b, topic, 'entre-temps')
  const second = await member(server, who.apprenant1, topic)
  assert.deepEqual(await second.done(topic, 'message:new', payload), first)
  await closeAll(a, second)
  await server.restart()
  const third = await member(server, who.apprenant1, topic)
  assert.deepEqual(await third.done(topic, 'message:new', payload), first)
  await server.restart('SIGKILL')
  const fourth = await member(server, who.apprenant1, topic, { params: { epoch: third.joined.epoch, since: 0 } })
  assert.deepEqual(await fourth.done(topic, 'message:new', payload), first)
  assert.equal(seqs(fourth, topic).filter((s) => s === first.seq).length, 1)
  const [{ n }] = await server.rows(`select count(*)::int as n from study_group_messages where content = 'une seule fois'`)
  assert.equal(n, 1)
  await closeAll(fourth)
})

test('the same opId with other content: conflict; of another person or topic: its own', async () => {
  const one = await makeGroup(who.apprenant1, [who.apprenant2])
  const two = await makeGroup(who.apprenant1)
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], one.topic)
  await a.enter(two.topic)
  const key = opId()
  const send = (w, topic, content) => w.push(topic, 'message:new', { opId: key, type: 'text', content })
  const first = await send(a, one.topic, 'premier')
  assert.equal(first.status, 'ok')
  assert.equal((await send(a, one.topic, 'second')).response.reason, 'conflict')
  assert.equal((await a.push(one.topic, 'message:new', { opId: key, type: 'link', content: 'premier', metadata: { url: 'https://e.org' } })).response.reason, 'conflict')
  assert.equal((await a.push(one.topic, 'message:delete', { opId: key, id: first.response.id })).response.reason, 'conflict')
  assert.notEqual((await send(b, one.topic, 'premier')).response.id, first.response.id)
  assert.notEqual((await send(a, two.topic, 'premier')).response.id, first.response.id)
  await closeAll(a, b)
})

test('duplicates sent together get one answer and make one event', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], topic)
  for (let round = 0; round < 10; round++) {
    const payload = text(`en double ${round}`)
    const refs = []
    for (let i = 0; i < 4; i++) {
      refs.push(a.ref())
      a.send([a.joinRefs.get(topic), refs.at(-1), topic, 'message:new', payload])
    }
    const replies = []
    for (const ref of refs) replies.push(await a.reply(topic, ref))
    for (const r of replies) assert.deepEqual(r, replies[0])
    assert.equal(replies[0].status, 'ok')
  }
  const { seq } = await say(b, topic, 'fin')
  await a.event(topic, 'message', (p) => p.seq === seq)
  assert.equal(seqs(a, topic).length, 11)
  assert.deepEqual(seqs(a, topic), seqs(a, topic).slice().sort((x, y) => x - y))
  await closeAll(a, b)
})

test('a refusal is not remembered: the same opId may succeed later', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [mod, b] = await members(server, [who.apprenant1, who.apprenant2], topic)
  await mod.done(topic, 'group:lock', { opId: opId() })
  const payload = text('plus tard')
  await b.refused(topic, 'message:new', payload, 'locked')
  await mod.done(topic, 'group:unlock', { opId: opId() })
  await b.done(topic, 'message:new', payload)
  await closeAll(mod, b)
})

test('what changes nothing still writes its row when it carries an opId: a repeat gets that answer, other content is a conflict', async () => {
  const { topic, id } = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await member(server, who.apprenant1, topic)
  const head = a.joined.head
  const join = (json) => who.apprenant2.post(`/api/study-groups/${id}/join`, json)
  const again = { action: 'join', opId: opId() }
  const first = await join(again)
  assert.equal(first.status, 201, first.text)
  const event = (await a.event(topic, 'member:joined', (p) => p.opId === again.opId))[4]
  assert.equal(event.seq, head + 1)
  assert.equal(event.unchanged, true)
  assert.deepEqual((await join(again)).json, first.json)
  const conflict = await join({ action: 'leave', opId: again.opId })
  assert.equal(conflict.status, 409, conflict.text)
  // Nothing but the log changed, and one who gives no opId leaves no trace there.
  assert.equal((await join({})).status, 201)
  const [row] = await server.rows(`select c.last_seq, g.current_members as n, (select count(*)::int from study_group_members m where m.study_group_id = g.id and m.is_active) as active
    from study_groups g, channels c where g.id = ${lit(id)} and c.topic = ${lit(topic)}`)
  assert.deepEqual(row, { last_seq: head + 1, n: 2, active: 2 })
  const late = await member(server, who.apprenant1, topic)
  assert.equal(late.joined.group.currentMembers, 2)
  await closeAll(a, late)
})

test('without opId two equal pushes are two messages', async () => {
  const { topic } = await makeGroup(who.apprenant1)
  const w = await member(server, who.apprenant1, topic)
  const payload = { type: 'text', content: 'pareil' }
  assert.notEqual((await w.done(topic, 'message:new', payload)).id, (await w.done(topic, 'message:new', payload)).id)
  await w.close()
})

// ---- order

test('one order for all, without holes, whoever sends, in both encodings', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const wires = await Promise.all([['apprenant1', 'json'], ['apprenant2', 'msgpack'], ['apprenant3', 'json'], ['apprenant3', 'msgpack']]
    .map(([name, encoding]) => member(server, who[name], topic, { encoding })))
  const refs = []
  for (let i = 0; i < 25; i++)
    for (const w of wires) {
      const ref = w.ref()
      refs.push([w, ref])
      w.send([w.joinRefs.get(topic), ref, topic, 'message:new', text(`n° ${i} 🎓`, { metadata: { mentions: [who.apprenant1.user.id] } })])
    }
  const got = []
  for (const [w, ref] of refs) got.push((await w.reply(topic, ref)).response.seq)
  const start = wires[0].joined.head
  assert.deepEqual(got.slice().sort((x, y) => x - y), Array.from({ length: 100 }, (_, i) => start + 1 + i))
  for (const w of wires) await until('all messages', () => seqs(w, topic).length === 100)
  const payloads = wires.map((w) => w.seen(topic, 'message').map((m) => m[4]))
  assert.deepEqual(payloads[0].map((p) => p.seq), Array.from({ length: 100 }, (_, i) => start + 1 + i))
  for (const p of payloads.slice(1)) assert.deepEqual(p, payloads[0])
  await closeAll(...wires)
})

// ---- resume

// A group with n messages: {topic, epoch, a (apprenant1's wire), sent: [{id, seq}]}.
async function chat(n, others = []) {
  const { topic, id } = await makeGroup(who.apprenant1, others)
  const a = await member(server, who.apprenant1, topic)
  const sent = []
  for (let i = 0; i < n; i++) sent.push(await say(a, topic, `message ${i}`))
  return { topic, id, a, sent, epoch: a.joined.epoch }
}

for (const encoding of ['json', 'msgpack'])
  test(`resume in ${encoding}: what was missed, in order, to this member alone, then live`, async () => {
    const c = await chat(10, [who.apprenant2])
    const since = c.sent[3].seq
    const before = c.a.log.length
    const b = await member(server, who.apprenant2, c.topic, { encoding, params: { epoch: c.epoch, since } })
    assert.equal(b.joined.recovered, true)
    assert.equal(b.joined.seq, since, 'the position before the replay')
    assert.equal(b.joined.head, c.sent.at(-1).seq)
    const live = await say(c.a, c.topic, 'en direct')
    await b.event(c.topic, 'message', (p) => p.seq === live.seq)
    assert.deepEqual(seqs(b, c.topic), [...c.sent.slice(4).map((m) => m.seq), live.seq])
    const joinAt = b.log.findIndex((m) => m[3] === 'phx_reply')
    assert.ok(b.log.findIndex((m) => m[3] === 'message') > joinAt, 'an event came before the join reply')
    await c.a.settle()
    assert.equal(c.a.log.slice(before).filter((m) => m[3] === 'message').length, 1, 'the replay reached another member')
    await closeAll(b, c.a)
  })

test('resume at the head: nothing is missing', async () => {
  const c = await chat(3)
  const w = await member(server, who.apprenant1, c.topic, { params: { epoch: c.epoch, since: c.sent[2].seq } })
  assert.equal(w.joined.recovered, true)
  assert.equal(w.joined.seq, w.joined.head)
  await w.settle()
  assert.equal(seqs(w, c.topic).length, 0)
  await closeAll(w, c.a)
})

test('resume replays every kind of event as it was sent', async () => {
  const c = await chat(1)
  const { id, seq } = c.sent[0]
  await c.a.done(c.topic, 'reaction:add', { opId: opId(), messageId: id, emoji: '🎉' })
  await c.a.done(c.topic, 'message:edit', { opId: opId(), id, content: 'corrigé' })
  await c.a.done(c.topic, 'group:lock', { opId: opId() })
  await c.a.settle()
  const live = c.a.log.filter((m) => m[2] === c.topic && m[4]?.seq > seq && m[3] !== 'phx_reply').map((m) => [m[3], m[4]])
  const w = await member(server, who.apprenant1, c.topic, { params: { epoch: c.epoch, since: seq } })
  await w.settle()
  await until('the replay', () => w.log.filter((m) => m[4]?.seq > seq && m[3] !== 'phx_reply').length >= live.length)
  assert.deepEqual(w.log.filter((m) => m[2] === c.topic && m[4]?.seq > seq && m[3] !== 'phx_reply').map((m) => [m[3], m[4]]), live)
  await closeAll(w, c.a)
})

test('recovered: false, and no replay: another epoch, a position beyond the head, too much missed, no epoch', async () => {
  const c = await chat(REPLAY_MAX + 5)
  const head = c.sent.at(-1).seq
  const cases = {
    'another epoch': { epoch: 'deadbeefdeadbeefdeadbeefdeadbeef', since: head - 1 },
    'beyond the head': { epoch: c.epoch, since: head + 1 },
    'too much missed': { epoch: c.epoch, since: head - REPLAY_MAX - 1 },
    'no epoch': { since: head - 1 },
  }
  for (const [name, params] of Object.entries(cases)) {
    const w = await member(server, who.apprenant1, c.topic, { params })
    assert.equal(w.joined.recovered, false, name)
    assert.equal(w.joined.seq, head, name)
    await w.settle()
    assert.equal(seqs(w, c.topic).length, 0, name)
    await w.close()
  }
  const edge = await member(server, who.apprenant1, c.topic, { params: { epoch: c.epoch, since: head - REPLAY_MAX } })
  assert.equal(edge.joined.recovered, true)
  await until('the whole replay', () => seqs(edge, c.topic).length === REPLAY_MAX)
  await closeAll(edge, c.a)
})

test('older than what is kept: recovered: false', async () => {
  const c = await chat(10)
  await c.a.close()
  await server.stop()
  await server.start()
  // What retention does: the oldest events go, first_seq moves.
  await server.sql(`
    delete from channel_events e using channels c where c.topic = ${lit(c.topic)} and e.channel = c.id and e.seq <= ${c.sent[4].seq};
    update channels set first_seq = ${c.sent[5].seq} where topic = ${lit(c.topic)};`)
  const gone = await member(server, who.apprenant1, c.topic, { params: { epoch: c.epoch, since: c.sent[2].seq } })
  assert.equal(gone.joined.recovered, false)
  const kept = await member(server, who.apprenant1, c.topic, { params: { epoch: c.epoch, since: c.sent[4].seq } })
  assert.equal(kept.joined.recovered, true)
  await until('the replay', () => seqs(kept, c.topic).length === 5)
  await closeAll(gone, kept)
})

test('a reader slower than the log gets the rest from the database, on the same connection', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const [a, b] = await members(server, [who.apprenant1, who.apprenant3], topic)
  const wide = '漢'.repeat(7900)
  const sent = []
  for (let i = 0; i < REPLAY_MAX - 10; i++) sent.push((await say(a, topic, wide)).seq) // some of the next may come before the join
  const slow = await Wire.open(server, { cookie: who.apprenant2.cookie })
  slow.send(['1', '1', topic, 'phx_join', { epoch: a.joined.epoch, since: a.joined.head }])
  slow.ws._socket.pause()
  for (let i = 0; i < REPLAY_MAX * 2; i++) sent.push(...(await Promise.all([say(a, topic, wide), say(b, topic, wide)])).map((r) => r.seq))
  slow.ws._socket.resume()
  await until('everything', () => seqs(slow, topic).length >= sent.length)
  assert.deepEqual(seqs(slow, topic), sent.sort((x, y) => x - y))
  sent.push((await say(a, topic, 'en direct')).seq)
  await until('then what is live', () => seqs(slow, topic).at(-1) === sent.at(-1))
  assert.equal(slow.seen(topic, 'phx_error').length, 0)
  await closeAll(a, b, slow)
})

test('last: the last messages as they stand; alone, or when since fails', async () => {
  const c = await chat(12)
  await c.a.done(c.topic, 'message:edit', { opId: opId(), id: c.sent[11].id, content: 'édité' })
  await c.a.done(c.topic, 'message:delete', { opId: opId(), id: c.sent[10].id })
  const want = c.sent.slice(7).map((m) => m.id)
  for (const params of [{ last: 5 }, { last: 5, epoch: 'x'.repeat(32), since: 1 }]) {
    const w = await member(server, who.apprenant1, c.topic, { params })
    assert.equal(w.joined.recovered, false)
    await until('the last messages', () => seqs(w, c.topic).length >= 5)
    await w.settle()
    const got = w.seen(c.topic, 'message').map((m) => m[4])
    assert.deepEqual(got.map((p) => p.id), want)
    assert.equal(got[4].content, 'édité')
    assert.ok(got[4].editedAt)
    assert.equal(got[3].isDeleted, true)
    assert.ok(!got[3].content, 'the content of a deleted message')
    await w.close()
  }
  const both = await member(server, who.apprenant1, c.topic, { params: { last: 5, epoch: c.epoch, since: c.sent[11].seq } })
  assert.equal(both.joined.recovered, true)
  await both.settle()
  await until('the missed events', () => both.log.some((m) => m[3] === 'message:deleted'))
  assert.equal(seqs(both, c.topic).length, 0, 'last only counts when since fails')
  await closeAll(both, c.a)
})

test('join params that make no sense: refused as invalid, or taken as no position; never a replay', async () => {
  const c = await chat(3)
  const w = await Wire.open(server, { cookie: who.apprenant1.cookie })
  const bad = [{ since: -1 }, { since: 'x' }, { since: 1.5 }, { since: null }, { since: 2 ** 60 }, { epoch: 7, since: 1 }, { epoch: null, since: 1 }, { last: 201 }, { last: -1 }, { last: 'x' }, { ticket: 5 }]
  for (const params of bad) {
    const from = w.log.length
    const r = await w.join(c.topic, { epoch: c.epoch, ...params })
    await w.settle()
    if (r.status === 'error') assert.equal(r.response.reason, 'invalid', JSON.stringify(params))
    else assert.equal(r.response.recovered, false, JSON.stringify(params))
    const got = w.log.slice(from).filter((m) => m[3] === 'message').length
    assert.ok(params.last === 201 ? got <= 3 : got === 0, JSON.stringify(params))
  }
  await closeAll(w, c.a)
})

test('a ticket makes a rejoin cheap and grants nothing', async () => {
  const c = await chat(5, [who.apprenant3])
  const { ticket } = c.a.joined
  assert.ok(ticket.length > 0 && ticket.length <= 256)
  const w = await member(server, who.apprenant1, c.topic, { params: { ticket, epoch: c.epoch, since: c.sent[1].seq } })
  assert.equal(w.joined.recovered, true)
  await until('the replay', () => seqs(w, c.topic).length === 3)
  assert.equal(w.joined.role, c.a.joined.role)
  await w.close()
  // Somebody else's, or damaged: as if there were none.
  for (const bad of ['x', '', '.'.repeat(300), `${ticket.slice(0, -4)}AAAA`, ticket]) {
    const stranger = await Wire.open(server, { cookie: who.apprenant2.cookie })
    assert.equal((await stranger.join(c.topic, { ticket: bad })).status, 'error', 'a ticket let a stranger in')
    await stranger.close()
    const mine = await member(server, who.apprenant1, c.topic, { params: { ticket: bad } })
    await mine.close()
  }
  // What was revoked since stays revoked.
  const third = await member(server, who.apprenant3, c.topic)
  await c.a.done(c.topic, 'member:kick', { opId: opId(), userId: who.apprenant3.user.id })
  await third.event(c.topic, 'phx_error')
  const r = await third.join(c.topic, { ticket: third.joined.ticket })
  assert.equal(r.response.reason, 'forbidden')
  await closeAll(third, c.a)
})

// Whose school the topic is in is the one thing that a super_admin's join asks the database.
test("a super_admin's ticket spares the look-up of the school, and is good for its topic only", async () => {
  const [c, d] = [await chat(1), await chat(1)]
  const root = await signIn(server, 'superadmin@stacgate.test')
  const first = await member(server, root, c.topic)
  const { ticket } = first.joined
  await server.sql('alter function stacgate_tenant_of(text, text) rename to hidden_tenant_of')
  try {
    const again = await member(server, root, c.topic, { params: { ticket } })
    assert.equal(again.joined.group.id, c.id)
    assert.notEqual((await again.join(d.topic, { ticket })).status, 'ok')
    assert.notEqual((await again.join(c.topic, { ticket: `${ticket.slice(0, -1)}${ticket.endsWith('0') ? '1' : '0'}` })).status, 'ok')
    await again.close()
  } finally {
    await server.sql('alter function hidden_tenant_of(text, text) rename to stacgate_tenant_of')
  }
  await closeAll(first, c.a, d.a)
})

test('a restart, graceful or not, changes no epoch and loses no position', async () => {
  const c = await chat(4)
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    const ended = c.a.end ? null : c.a.closeCode()
    await server.restart(signal)
    if (signal === 'SIGTERM') assert.equal(await ended, 1012)
    const w = await member(server, who.apprenant1, c.topic, { params: { epoch: c.epoch, since: c.sent[1].seq } })
    assert.equal(w.joined.recovered, true)
    assert.equal(w.joined.epoch, c.epoch)
    await until('the replay', () => seqs(w, c.topic).length === 2)
    await w.close()
  }
  const next = await member(server, who.apprenant1, c.topic)
  assert.equal((await say(next, c.topic, 'après')).seq, c.sent.at(-1).seq + 1)
  await next.close()
})

// ---- the stock client

for (const encoding of ['json', 'msgpack'])
  test(`stock phoenix client in ${encoding}: join, push, cut, resume by params function`, async () => {
    const c = await chat(2, [who.apprenant2])
    const socket = stockSocket(server, { cookie: who.apprenant2.cookie, encoding })
    socket.connect()
    const position = {}
    const seen = []
    const joins = []
    const channel = socket.channel(c.topic, () => ({ ...position }))
    channel.on('message', (p) => {
      seen.push(p.seq)
      position.since = p.seq
    })
    // Every join reply, also those of rejoins, passes here.
    channel.onMessage = (event, payload, ref) => {
      if (event === 'phx_reply' && ref === channel.joinRef() && payload.status === 'ok') {
        joins.push(payload.response)
        position.epoch = payload.response.epoch
        position.since = payload.response.seq
      }
      return payload
    }
    await joined(channel)
    const mine = await pushed(channel, 'message:new', text('du client standard'))
    await until('my own message', () => seen.includes(mine.seq))
    const missed = []
    for (let round = 0; round < 3; round++) {
      socket.cut()
      for (let i = 0; i < 5; i++) missed.push((await say(c.a, c.topic, `pendant la coupure ${round}.${i}`)).seq)
      await until('the client to be back and whole', () => seen.at(-1) === missed.at(-1))
    }
    assert.deepEqual(seen, [mine.seq, ...missed])
    assert.ok(joins.length >= 4 && joins.slice(1).every((j) => j.recovered), JSON.stringify(joins))
    await new Promise((resolve) => channel.leave().receive('ok', resolve))
    socket.disconnect()
    await c.a.close()
  })

test('a stock client survives a restart of the server', async () => {
  const c = await chat(1, [who.apprenant2])
  const socket = stockSocket(server, { cookie: who.apprenant2.cookie })
  socket.connect()
  const seen = []
  const channel = socket.channel(c.topic, () => (seen.length ? { epoch: c.epoch, since: seen.at(-1) } : {}))
  channel.on('message', (p) => seen.push(p.seq))
  await joined(channel)
  const one = await say(c.a, c.topic, 'avant')
  await until('the first', () => seen.at(-1) === one.seq)
  await server.restart()
  const a = await member(server, who.apprenant1, c.topic)
  const two = await say(a, c.topic, 'après')
  await until('the second', () => seen.at(-1) === two.seq)
  assert.deepEqual(seen, [one.seq, two.seq])
  socket.disconnect()
  await a.close()
})

// ---- without the database

test('while the database is away pushes are refused as unavailable, sockets stay up, and an unanswered push settles by its opId', async () => {
  const c = await chat(1, [who.apprenant2])
  const b = await member(server, who.apprenant2, c.topic)
  const payload = text('au mauvais moment')
  await server.pgKill()
  const answer = await c.a.push(c.topic, 'message:new', payload)
  assert.ok(answer.status === 'ok' || answer.response.reason === 'unavailable', JSON.stringify(answer))
  await server.pgStart()
  await c.a.settle()
  await b.settle()
  let reply
  await until('the push to be accepted', async () => {
    reply = await c.a.push(c.topic, 'message:new', payload)
    if (reply.status === 'error') {
      assert.equal(reply.response.reason, 'unavailable')
      await sleep(200)
    }
    return reply.status === 'ok'
  })
  await b.event(c.topic, 'message', (p) => p.seq === reply.response.seq)
  const [{ n }] = await server.rows(`select count(*)::int as n from study_group_messages where study_group_id = ${lit(c.id)} and content = 'au mauvais moment'`)
  assert.equal(n, 1)
  await closeAll(b, c.a)
})

test('a push that the database will not store is refused alone: the others of its batch are stored in their order', async () => {
  const { topic, id } = await makeGroup(who.apprenant1, [who.apprenant2])
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], topic)
  await server.sql(`create function refuse_poison() returns trigger language plpgsql as $$ begin if new.content = 'poison' then raise exception 'no'; end if; return new; end $$;
    create trigger poison before insert on study_group_messages for each row execute function refuse_poison()`)
  const release = await server.hold(`select 1 from channels where topic = ${lit(topic)} for update`)
  const contents = ['un', 'deux', 'trois', 'poison', 'quatre', 'cinq'] // the first waits for the lock, and the others behind it are one batch
  const refs = contents.map((content) => {
    const ref = a.ref()
    a.send([a.joinRefs.get(topic), ref, topic, 'message:new', { opId: opId(), type: 'text', content }])
    return ref
  })
  await a.settle()
  await release()
  const replies = []
  for (const ref of refs) replies.push(await a.reply(topic, ref))
  assert.deepEqual(replies.map((r) => r.status), ['ok', 'ok', 'ok', 'error', 'ok', 'ok'])
  assert.equal(replies[3].response.reason, 'invalid')
  await b.settle()
  const good = contents.filter((c) => c !== 'poison')
  assert.deepEqual(b.seen(topic, 'message').map((m) => m[4].content), good)
  const rows = await server.rows(`select content from study_group_messages where study_group_id = ${lit(id)} order by seq`)
  assert.deepEqual(rows.map((r) => r.content), good)
  await server.sql('drop trigger poison on study_group_messages; drop function refuse_poison()')
  await closeAll(a, b)
})
