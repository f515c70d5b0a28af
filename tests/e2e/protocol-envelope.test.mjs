// The envelope, row by row: references come back as they were sent, joins, leaves, refusals, and what a connection may have at once.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people, Wire } from './lib/client.mjs'
import { makeGroup, member, members, opId, say, text, uuid } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who, group
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'manager'])
  group = await makeGroup(who.apprenant1, [who.apprenant2])
})
after(() => server?.stop())

const words = ['unmatched_topic', 'forbidden', 'not_found', 'invalid', 'rate_limited', 'muted', 'locked', 'read_only', 'too_large', 'conflict', 'not_joined', 'unavailable']

function assertRefusal(reply, reason) {
  assert.equal(reply.status, 'error', JSON.stringify(reply))
  assert.ok(words.includes(reply.response.reason), `not a stable word: ${JSON.stringify(reply)}`)
  if (reason) assert.equal(reply.response.reason, reason)
  assert.ok(typeof reply.response.message === 'string' && reply.response.message.length > 0, 'a refusal says something to read')
}

const open = (person, options) => Wire.open(server, { cookie: who[person].cookie, ...options })

for (const encoding of ['json', 'msgpack']) {
  test(`${encoding}: refs are strings and come back as they came`, async () => {
    const w = await open('apprenant1', { encoding })
    const join = await w.call(group.topic, 'phx_join', {}, { joinRef: 'Ω join', ref: 'first-éé' })
    assert.equal(join.status, 'ok')
    assert.deepEqual(join.envelope.slice(0, 4), ['Ω join', 'first-éé', group.topic, 'phx_reply'])
    const push = await w.call(group.topic, 'history', { limit: 1 }, { joinRef: 'Ω join', ref: '00042' })
    assert.deepEqual(push.envelope.slice(0, 4), ['Ω join', '00042', group.topic, 'phx_reply'])
    assert.deepEqual(Object.keys(push).sort(), ['response', 'status'])
    await w.close()
  })

  test(`${encoding}: a leave is answered, then the topic is closed; then pushes are not_joined`, async () => {
    const w = await member(server, who.apprenant1, group.topic, { encoding })
    const joinRef = w.joinRefs.get(group.topic)
    const r = await w.push(group.topic, 'phx_leave', {})
    assert.equal(r.status, 'ok')
    const closed = await w.event(group.topic, 'phx_close')
    assert.deepEqual(closed, [joinRef, joinRef, group.topic, 'phx_close', {}])
    assertRefusal(await w.push(group.topic, 'message:new', text('too late')), 'not_joined')
    await w.close()
  })

  test(`${encoding}: a second join closes the first, then joins`, async () => {
    const w = await member(server, who.apprenant1, group.topic, { encoding })
    const first = w.joinRefs.get(group.topic)
    const before = w.log.length
    await w.enter(group.topic)
    const second = w.joinRefs.get(group.topic)
    const about = w.log.slice(before).filter((m) => ['phx_close', 'phx_reply'].includes(m[3]))
    assert.deepEqual(about.map((m) => [m[0], m[3]]), [[first, 'phx_close'], [second, 'phx_reply']])
    await say(w, group.topic, 'encore là')
    await w.event(group.topic, 'message')
    await w.settle()
    assert.equal(w.seen(group.topic, 'message').length, 1, 'the first membership must not deliver any more')
    await w.close()
  })
}

const unmatched = ['nowhere', 'lobby:1', 'group', '', 'GROUP:1', 'phoenix']
for (const topic of unmatched)
  test(`unmatched topic '${topic}'`, async () => {
    const w = await open('apprenant1')
    assertRefusal(await w.join(topic), 'unmatched_topic')
    await w.close()
  })

for (const [name, id] of [['an unknown id', uuid], ['no id', ''], ['an id that is no id', "x' or 1=1"], ['a long id', 'a'.repeat(5000)]])
  test(`a group with ${name} is not_found`, async () => {
    const w = await open('apprenant1')
    const r = await w.join(`group:${id}`)
    assert.equal(r.status, 'error')
    assert.ok(['not_found', 'unmatched_topic'].includes(r.response.reason), JSON.stringify(r))
    await w.close()
  })

test('a topic with U+0000 is refused by its refs; the topic cannot be echoed as it came', async () => {
  const w = await open('apprenant1')
  w.send(['n', 'n', 'group:a\u0000b', 'phx_join', {}])
  await until('the refusal', () => w.log.some((m) => m[1] === 'n'))
  assert.equal(w.log.find((m) => m[1] === 'n')[4].response.reason, 'not_found')
  await w.close()
})

test('a broadcast carries no refs; what is for one member carries its join_ref', async () => {
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], group.topic)
  const { seq } = await say(a, group.topic, 'à tous')
  for (const w of [a, b]) assert.deepEqual((await w.event(group.topic, 'message', (p) => p.seq === seq)).slice(0, 4), [null, null, group.topic, 'message'])
  const c = await member(server, who.apprenant2, group.topic, { params: { last: 1 } })
  assert.deepEqual((await c.event(group.topic, 'message')).slice(0, 4), [c.joinRefs.get(group.topic), null, group.topic, 'message'])
  await Promise.all([a, b, c].map((w) => w.close()))
})

test('unknown events, wrong payloads: refused, and the connection lives', async () => {
  const w = await member(server, who.apprenant1, group.topic)
  assertRefusal(await w.push(group.topic, 'no:such:event', {}))
  for (const payload of [null, [], 'text', 7, true]) assertRefusal(await w.push(group.topic, 'message:new', payload), 'invalid')
  assertRefusal(await w.join(group.topic, []), 'invalid')
  await w.enter(group.topic)
  await say(w, group.topic, 'toujours là')
  await w.close()
})

test('field errors name the field', async () => {
  const w = await member(server, who.apprenant1, group.topic)
  const bad = {
    content: [{ ...text('') }, { ...text('x'.repeat(8001)) }, { ...text('x'), content: 5 }, { opId: opId(), type: 'text' }],
    opId: [{ ...text('x'), opId: '' }, { ...text('x'), opId: 'x'.repeat(65) }, { ...text('x'), opId: 'é' }, { ...text('x'), opId: 'a\nb' }, { ...text('x'), opId: 12 }],
    type: [{ ...text('x'), type: 'video' }, { ...text('x'), type: 3 }],
    metadata: [{ ...text('x'), metadata: 'x' }, { ...text('x'), metadata: [] }],
  }
  for (const [field, payloads] of Object.entries(bad))
    for (const payload of payloads) {
      const r = await w.refused(group.topic, 'message:new', payload, 'invalid')
      assert.ok(r.errors?.some((e) => e.field.startsWith(field) && e.code), `${field}: ${JSON.stringify(payload).slice(0, 80)} → ${JSON.stringify(r)}`)
    }
  await w.close()
})

test('the same topic on two connections of one person: both get everything', async () => {
  const [a, b] = await members(server, [who.apprenant1, who.apprenant1], group.topic)
  const { seq } = await say(a, group.topic, 'deux onglets')
  for (const w of [a, b]) await w.event(group.topic, 'message', (p) => p.seq === seq)
  await Promise.all([a.close(), b.close()])
})

test('at most 100 joined topics; leaving one makes room', async () => {
  await server.sql(`
    insert into study_groups (id, establishment_id, created_by, name, is_public, max_members)
    select 'many-' || n, ${lit(who.manager.user.establishmentId)}, ${lit(who.manager.user.id)}, 'Groupe ' || n, true, 50 from generate_series(1, 101) n;
    insert into study_group_members (study_group_id, establishment_id, user_id, role)
    select 'many-' || n, ${lit(who.manager.user.establishmentId)}, ${lit(who.manager.user.id)}, 'admin' from generate_series(1, 101) n;`)
  const w = await open('manager')
  for (let n = 1; n <= 100; n++) assert.equal((await w.join(`group:many-${n}`)).status, 'ok', `join ${n}`)
  assertRefusal(await w.join('group:many-101'))
  assert.equal((await w.push('group:many-1', 'phx_leave', {})).status, 'ok')
  assert.equal((await w.join('group:many-101')).status, 'ok')
  assert.equal((await w.push('group:many-50', 'history', {})).status, 'ok')
  await w.close()
})

// ---- rates: the answer at the limit, and that a neighbour is served meanwhile

test('durable pushes above the rate: rate_limited with retryAfter; what was accepted is stored', async () => {
  const { topic } = await makeGroup(who.apprenant3)
  const w = await member(server, who.apprenant3, topic)
  const neighbour = await member(server, who.apprenant1, group.topic)
  const replies = []
  // Once, unless this machine takes its time: then until they come faster than the rate.
  for (let round = 0; round < 8 && replies.every((r) => r.status === 'ok'); round++) {
    const refs = []
    for (let i = 0; i < 260; i++) {
      refs.push(w.ref())
      w.send([w.joinRefs.get(topic), refs.at(-1), topic, 'message:new', text(`rafale ${round}.${i}`)])
    }
    if (round === 0) await say(neighbour, group.topic, 'pendant la rafale')
    for (const ref of refs) replies.push(await w.reply(topic, ref))
  }
  const good = replies.filter((r) => r.status === 'ok')
  const bad = replies.filter((r) => r.status === 'error')
  assert.ok(good.length >= 100, `the burst of 100 is granted (${good.length})`)
  assert.ok(bad.length >= 1, 'nothing was refused')
  for (const r of bad) {
    assertRefusal(r, 'rate_limited')
    assert.ok(r.response.retryAfter > 0, JSON.stringify(r))
  }
  const stored = await server.rows(`select count(*)::int as n from study_group_messages where study_group_id = ${lit(topic.slice(6))}`)
  assert.equal(stored[0].n, good.length)
  assert.ok(!w.end)
  await Promise.all([w.close(), neighbour.close()])
})

test('joins above the rate: rate_limited', async () => {
  const w = await open('apprenant1')
  const replies = []
  // Fifty at once: a hundred unanswered joins are a hundred topics already.
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 50; i++) w.send([`${round}.${i}`, `${round}.${i}`, `group:nothing-${round}-${i}`, 'phx_join', {}])
    for (let i = 0; i < 50; i++) replies.push(await w.reply(`group:nothing-${round}-${i}`, `${round}.${i}`))
  }
  const bad = replies.filter((r) => r.response.reason !== 'not_found')
  assert.ok(replies.length - bad.length >= 120, `the burst of 120 is granted (${replies.length - bad.length})`)
  assert.ok(bad.length > 0, 'nothing was refused')
  for (const r of bad) {
    assertRefusal(r, 'rate_limited')
    assert.ok(r.response.retryAfter > 0)
  }
  await w.close()
})

test('history above the rate: rate_limited', async () => {
  const w = await member(server, who.apprenant1, group.topic)
  const refs = []
  for (let i = 0; i < 250; i++) {
    refs.push(w.ref())
    w.send([w.joinRefs.get(group.topic), refs.at(-1), group.topic, 'history', { limit: 1 }])
  }
  const replies = []
  for (const ref of refs) replies.push(await w.reply(group.topic, ref))
  const bad = replies.filter((r) => r.status === 'error')
  assert.ok(replies.length - bad.length >= 100, 'the burst of 100 is granted')
  assert.ok(bad.length > 0, 'nothing was refused')
  bad.forEach((r) => assertRefusal(r, 'rate_limited'))
  await w.close()
})

test('ten times over the rate: 4029, and the neighbour notices nothing', async () => {
  const { topic } = await makeGroup(who.apprenant3)
  const w = await member(server, who.apprenant3, topic)
  const neighbour = await member(server, who.apprenant1, group.topic)
  const flood = setInterval(() => {
    for (let i = 0; i < 2000 && !w.end && w.ws.bufferedAmount < 1 << 20; i++)
      w.send([w.joinRefs.get(topic), w.ref(), topic, 'message:new', { type: 'text', content: 'x' }])
  }, 10)
  try {
    await until('the flooding connection to be closed', () => w.end, 30000)
  } finally {
    clearInterval(flood)
  }
  assert.equal(w.end.code, 4029)
  await say(neighbour, group.topic, 'tout va bien')
  await neighbour.close()
})

test('--rate-limits off: a warning in the log, and no push is refused for its rate', async () => {
  const other = await startServer({ env: { STACGATE_RATE_LIMITS: 'off' } })
  try {
    const [a] = Object.values(await people(other, 'moliere', ['apprenant1']))
    const { topic } = await makeGroup(a)
    const w = await member(other, a, topic)
    const refs = []
    for (let i = 0; i < 400; i++) {
      refs.push(w.ref())
      w.send([w.joinRefs.get(topic), refs.at(-1), topic, 'message:new', text(`sans limite ${i}`)])
    }
    for (const ref of refs) assert.equal((await w.reply(topic, ref)).status, 'ok')
    assert.match(other.log(), /rate/i)
    // The sizes stay.
    w.raw(' '.repeat(262145))
    assert.equal(await w.closeCode(), 1009)
  } finally {
    await other.stop()
  }
})
