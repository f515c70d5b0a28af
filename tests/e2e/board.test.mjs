// Whiteboards: every push of the channel, who may, what a board is after it, what comes first at a join, folding, and the REST side.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people, Wire } from './lib/client.mjs'
import { assertEvent, makeGroup, member, members, opId, uuid } from './lib/school.mjs'
import { assertProblem } from './lib/problem.mjs'
import { randomFrom, SEED, until } from './lib/util.mjs'

let server, who, stranger
before(async () => {
  server = await startServer({ args: ['--replay-max', '60', '--rate-limits', 'off'] })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'apprenant4', 'formateur', 'admin'])
  stranger = (await people(server, 'turing', ['apprenant1'])).apprenant1
})
after(() => server?.stop())

const el = (id, extra = {}) => ({ id, type: 'rect', z: `a${id}`, x: 1, y: 2, w: 30, h: 40, ...extra })
const put = (id, extra) => ({ op: 'put', el: el(id, extra) })
const closeAll = (...wires) => Promise.all(wires.map((w) => w.close()))

async function makeBoard(creator, others = [], title = 'Tableau') {
  const group = await makeGroup(creator, others)
  const made = await creator.post(`/api/study-groups/${group.id}/whiteboards`, { title })
  assert.equal(made.status, 201, made.text)
  return { group, id: made.json.id, topic: `whiteboard:${made.json.id}`, json: made.json }
}

const draw = (wire, topic, ops, id = opId()) => wire.done(topic, 'ops', { opId: id, ops })

// The board that a client has, by the rules every client follows.
class Picture {
  elements = new Map()
  seq = 0
  take([, , , event, payload]) {
    if (event === 'snapshot') {
      if (payload.part === 1) this.elements.clear()
      for (const e of payload.elements) this.elements.set(e.id, e)
      this.seq = payload.seq
    } else if (event === 'ops') {
      assert.equal(payload.seq, this.seq + 1, 'no hole')
      this.seq = payload.seq
      for (const op of payload.ops) this.#apply(op)
    } else if (event === 'whiteboard:updated') {
      this.seq = payload.seq
    }
  }
  #apply(op) {
    if (op.op === 'clear') this.elements.clear()
    else if (op.op === 'put') this.elements.set(op.el.id, op.el)
    else if (op.op === 'del') this.elements.delete(op.id)
    else if (this.elements.has(op.id)) {
      const e = { ...this.elements.get(op.id), ...op.set }
      for (const key of op.unset ?? []) delete e[key]
      this.elements.set(op.id, e)
    }
  }
  state() {
    return Object.fromEntries([...this.elements].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}
const picture = (wire, topic) => {
  const p = new Picture()
  for (const m of wire.log) if (m[2] === topic) p.take(m)
  return p
}
const stored = async (id) => {
  const p = new Picture()
  const r = await who.admin.get(`/api/whiteboards/${id}`)
  assert.equal(r.status, 200, r.text)
  for (const e of r.json.elements) p.elements.set(e.id, e)
  return p.state()
}

test('the first join: the board in its reply, then a snapshot, also of an empty board', async () => {
  const b = await makeBoard(who.apprenant1)
  for (const encoding of ['json', 'msgpack']) {
    const w = await member(server, who.apprenant1, b.topic, { encoding })
    assert.equal(w.joined.whiteboard.id, b.id)
    assert.equal(w.joined.whiteboard.title, 'Tableau')
    assert.equal(w.joined.role, 'admin')
    assert.equal(w.joined.readOnly, false)
    assert.equal(w.joined.recovered, false)
    const m = await w.event(b.topic, 'snapshot')
    assert.equal(m[0], w.joinRefs.get(b.topic))
    assert.deepEqual(m[4], { part: 1, parts: 1, seq: w.joined.seq, elements: [] })
    await w.close()
  }
})

test('put, patch, del, clear: what everybody sees, in both encodings, the sender included', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2])
  const one = await member(server, who.apprenant1, b.topic)
  const two = await member(server, who.apprenant2, b.topic, { encoding: 'msgpack' })
  await draw(one, b.topic, [put('r1'), put('r2', { fill: '#fff' })])
  await draw(two, b.topic, [{ op: 'patch', id: 'r1', set: { x: 9, note: null }, unset: ['h'] }, { op: 'patch', id: 'nobody', set: { x: 1 } }])
  const { seq } = await draw(one, b.topic, [{ op: 'del', id: 'r2' }, { op: 'del', id: 'r2' }, { op: 'patch', id: 'r2', set: { x: 3 } }])
  const want = { r1: { id: 'r1', type: 'rect', z: 'ar1', x: 9, y: 2, w: 30, note: null } }
  for (const w of [one, two]) {
    const m = await w.event(b.topic, 'ops', (p) => p.seq === seq)
    assertEvent(m[4])
    assert.deepEqual(picture(w, b.topic).state(), want)
  }
  assert.deepEqual(await stored(b.id), want)
  await one.done(b.topic, 'clear', { opId: opId() })
  await until('the clear', () => Object.keys(picture(two, b.topic).state()).length === 0)
  assert.deepEqual(await stored(b.id), {})
  await closeAll(one, two)
})

test('an opId draws once', async () => {
  const b = await makeBoard(who.apprenant1)
  const w = await member(server, who.apprenant1, b.topic)
  const id = opId()
  const first = await draw(w, b.topic, [put('a')], id)
  await draw(w, b.topic, [{ op: 'del', id: 'a' }])
  assert.deepEqual(await draw(w, b.topic, [put('a')], id), first)
  assert.deepEqual(await stored(b.id), {})
  assert.equal((await w.push(b.topic, 'ops', { opId: id, ops: [put('b')] })).response.reason, 'conflict')
  await w.close()
})

test('what is no operation is refused by field, and changes nothing', async () => {
  const b = await makeBoard(who.apprenant1)
  const w = await member(server, who.apprenant1, b.topic)
  const bad = [
    ['ops', undefined], ['ops', 'x'], ['ops', []], ['ops', Array.from({ length: 257 }, (_, i) => put(`e${i}`))],
    ['ops.op', [{ id: 'a' }]], ['ops.op', [{ op: 'move', id: 'a' }]], ['ops.el', [{ op: 'put' }]], ['ops.el', [{ op: 'put', el: [] }]],
    ['ops.el.id', [{ op: 'put', el: { type: 'rect', z: 'a' } }]], ['ops.el.id', [put('é')]], ['ops.el.id', [put('x'.repeat(65))]],
    ['ops.el.type', [put('a', { type: 'video' })]], ['ops.el.z', [put('a', { z: 7 })]], ['ops.el.z', [put('a', { z: '' })]],
    ['ops.id', [{ op: 'del' }]], ['ops.id', [{ op: 'patch', set: {} }]], ['ops.set', [{ op: 'patch', id: 'a' }]],
    ['ops.set', [{ op: 'patch', id: 'a', set: { id: 'b' } }]], ['ops.set', [{ op: 'patch', id: 'a', set: { type: 'line' } }]],
    ['ops.unset', [{ op: 'patch', id: 'a', unset: ['z'] }]], ['ops.unset', [{ op: 'patch', id: 'a', unset: [3] }]],
    ['ops.set.z', [{ op: 'patch', id: 'a', set: { z: null } }]], ['ops.op', [put('good'), { op: 'clear' }]],
  ]
  for (const [field, ops] of bad) {
    const r = await w.refused(b.topic, 'ops', { opId: opId(), ops }, 'invalid')
    assert.equal(r.errors[0].field, field, JSON.stringify(ops)?.slice(0, 80))
  }
  assert.deepEqual(await stored(b.id), {})
  await w.close()
})

test('an element above 32 KiB: too_large, however it came to be: put, patched, in one push, in one batch, or later', async () => {
  const b = await makeBoard(who.apprenant1)
  const w = await member(server, who.apprenant1, b.topic)
  const size = 32 * 1024
  const spare = size - JSON.stringify(el('big', { text: '' })).length
  await draw(w, b.topic, [put('big', { text: 'x'.repeat(spare) })])
  const tooLarge = async (ops, field) => assert.deepEqual((await w.refused(b.topic, 'ops', { opId: opId(), ops }, 'too_large')).errors, [{ field, code: 'too_long' }])
  await tooLarge([put('big', { text: 'x'.repeat(spare + 1) })], 'ops.el')
  const half = 'y'.repeat(size / 2)
  const set = (key) => ({ op: 'patch', id: 'a', set: { [key]: half } })
  await tooLarge([put('a'), set('one'), set('two')], 'ops.set')
  await draw(w, b.topic, [put('a')])
  const answers = await Promise.all([['one'], ['two'], ['x'], ['three']].map(([key]) => w.push(b.topic, 'ops', { opId: opId(), ops: [set(key)] })))
  assert.deepEqual(answers.map((r) => r.response.reason ?? r.status), ['ok', 'too_large', 'too_large', 'too_large'])
  await tooLarge([set('four')], 'ops.set')
  await draw(w, b.topic, [{ op: 'patch', id: 'a', set: { two: half }, unset: ['one'] }])
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`p${i}`, i]))
  await draw(w, b.topic, [put('many')])
  await tooLarge([{ op: 'patch', id: 'many', set: many }], 'ops.set') // with the seven that it has
  const stands = await stored(b.id)
  assert.deepEqual(stands.a, el('a', { two: half }))
  assert.deepEqual(stands.many, el('many'))
  await w.close()
})

test('the 20,001st element, a byte beyond 16 MiB: too_large; what makes room is taken, and then there is room', async () => {
  const fill = (id, sql) => server.sql(`update whiteboards set data = jsonb_build_object('elements', (${sql})) where id = ${lit(id)}`)
  const full = async (w, topic, ops, code) => assert.deepEqual((await w.refused(topic, 'ops', { opId: opId(), ops }, 'too_large')).errors, [{ field: 'ops', code }])
  const many = await makeBoard(who.apprenant1)
  await fill(many.id, `select jsonb_agg(jsonb_build_object('id', 'e' || i, 'type', 'rect', 'z', 'a')) from generate_series(1, 19999) i`)
  const w = await member(server, who.apprenant1, many.topic)
  assert.equal(w.joined.whiteboard.elementCount, 19999)
  await full(w, many.topic, [put('x1'), put('x2')], 'too_many')
  await draw(w, many.topic, [put('x1')])
  await full(w, many.topic, [put('x2')], 'too_many')
  await draw(w, many.topic, [put('x2'), { op: 'del', id: 'e7' }])
  await full(w, many.topic, [put('x3')], 'too_many')
  const large = await makeBoard(who.apprenant1)
  const text = 'z'.repeat(30000)
  await fill(large.id, `select jsonb_agg(jsonb_build_object('id', 'e' || i, 'type', 'text', 'z', 'a', 'text', repeat('z', 30000))) from generate_series(1, 558) i`)
  await w.enter(large.topic)
  await full(w, large.topic, [put('more', { text })], 'too_long')
  await draw(w, large.topic, [{ op: 'patch', id: 'e1', unset: ['text'] }])
  await draw(w, large.topic, [put('more', { text })])
  await w.close()
})

test('a board of many elements comes in parts of at most 64 KiB, and is the same board', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2])
  const w = await member(server, who.apprenant1, b.topic)
  for (let i = 0; i < 10; i++) await draw(w, b.topic, Array.from({ length: 200 }, (_, k) => put(`e${i}-${k}`, { text: 'x'.repeat(120) })))
  const want = await stored(b.id)
  for (const encoding of ['json', 'msgpack']) {
    const late = await member(server, who.apprenant2, b.topic, { encoding })
    const first = (await late.event(b.topic, 'snapshot'))[4]
    assert.ok(first.parts > 4, `${first.parts} parts`)
    await until('all parts', () => late.seen(b.topic, 'snapshot').length === first.parts)
    const parts = late.seen(b.topic, 'snapshot').map((m) => m[4])
    assert.deepEqual(parts.map((p) => p.part), parts.map((_, i) => i + 1))
    for (const p of parts) assert.ok(late.codec.pack([null, null, b.topic, 'snapshot', p]).length <= 65536)
    const order = parts.flatMap((p) => p.elements).map((e) => [e.z, e.id])
    assert.deepEqual(order, [...order].sort((x, y) => (x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] < y[1] ? -1 : 1)))
    assert.deepEqual(picture(late, b.topic).state(), want)
    await late.close()
  }
  await w.close()
})

test('resume: only what was missed; too much missed: a snapshot instead', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2])
  const w = await member(server, who.apprenant1, b.topic)
  await draw(w, b.topic, [put('a')])
  const two = await member(server, who.apprenant2, b.topic)
  await until('the snapshot', () => picture(two, b.topic).seq === two.joined.head)
  const since = picture(two, b.topic).seq
  await two.close()
  for (let i = 0; i < 20; i++) await draw(w, b.topic, [{ op: 'patch', id: 'a', set: { x: i } }])
  const back = await member(server, who.apprenant2, b.topic, { params: { epoch: two.joined.epoch, since } })
  assert.equal(back.joined.recovered, true)
  await until('what was missed', () => back.seen(b.topic, 'ops').length === 20)
  assert.equal(back.seen(b.topic, 'snapshot').length, 0)
  await back.close()
  for (let i = 0; i < 61; i++) await draw(w, b.topic, [{ op: 'patch', id: 'a', set: { y: i } }])
  const far = await member(server, who.apprenant2, b.topic, { params: { epoch: two.joined.epoch, since } })
  assert.equal(far.joined.recovered, false)
  await until('the board', () => far.seen(b.topic, 'snapshot').length === 1)
  assert.deepEqual(picture(far, b.topic).state(), await stored(b.id))
  await closeAll(w, far)
})

test('locks: moderators lock and still draw; a board, or some of its elements, are read-only for others', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2])
  const [mod, w] = await members(server, [who.apprenant1, who.apprenant2], b.topic)
  await draw(w, b.topic, [put('a'), put('b')])
  await w.refused(b.topic, 'lock', { opId: opId() }, 'forbidden')
  await mod.done(b.topic, 'lock', { opId: opId(), ids: ['a'] })
  assert.deepEqual((await w.event(b.topic, 'whiteboard:updated'))[4].ids, ['a'])
  const overRest = async () => (await who.apprenant2.get(`/api/whiteboards/${b.id}`)).json.lockedIds
  assert.deepEqual(await overRest(), ['a'], 'at once, long before a fold')
  assert.deepEqual(JSON.parse((await who.apprenant2.get(`/api/whiteboards/${b.id}/export?format=json`)).text).lockedIds, ['a'])
  for (const ops of [[{ op: 'del', id: 'a' }], [put('a')], [{ op: 'patch', id: 'a', set: { x: 0 } }]]) await w.refused(b.topic, 'ops', { opId: opId(), ops }, 'locked')
  await w.refused(b.topic, 'clear', { opId: opId() }, 'locked')
  await draw(w, b.topic, [{ op: 'patch', id: 'b', set: { x: 5 } }])
  await draw(mod, b.topic, [{ op: 'patch', id: 'a', set: { x: 6 } }])
  await mod.done(b.topic, 'lock', { opId: opId() })
  await w.refused(b.topic, 'ops', { opId: opId(), ops: [put('c')] }, 'locked')
  assert.equal((await who.apprenant2.get(`/api/whiteboards/${b.id}`)).json.locked, true, 'over REST at once')
  assert.equal((await who.apprenant2.get(`/api/study-groups/${b.group.id}/whiteboards`)).json[0].locked, true)
  w.send([w.joinRefs.get(b.topic), 'd1', b.topic, 'draw', { id: 's', points: [[1, 2, 0.5]] }])
  assert.equal((await w.reply(b.topic, 'd1')).response.reason, 'locked')
  await server.restart('SIGKILL')
  const again = await member(server, who.apprenant2, b.topic)
  assert.equal(again.joined.readOnly, true)
  assert.equal(again.joined.whiteboard.locked, true)
  assert.deepEqual(again.joined.whiteboard.lockedIds, ['a'])
  await again.refused(b.topic, 'ops', { opId: opId(), ops: [put('c')] }, 'locked')
  const mod2 = await member(server, who.apprenant1, b.topic)
  await mod2.done(b.topic, 'unlock', { opId: opId() })
  assert.equal((await who.apprenant2.get(`/api/whiteboards/${b.id}`)).json.locked, false)
  await again.refused(b.topic, 'ops', { opId: opId(), ops: [{ op: 'del', id: 'a' }] }, 'locked')
  assert.deepEqual(await overRest(), ['a'])
  await mod2.done(b.topic, 'unlock', { opId: opId(), ids: ['a'] })
  assert.deepEqual(await overRest(), [])
  await draw(again, b.topic, [{ op: 'del', id: 'a' }])
  await closeAll(again, mod2)
})

test('history: operations ascending, before, after, hasMore', async () => {
  const b = await makeBoard(who.apprenant1)
  const w = await member(server, who.apprenant1, b.topic)
  const seqs = []
  for (let i = 0; i < 5; i++) seqs.push((await draw(w, b.topic, [put(`e${i}`)])).seq)
  const ask = async (p) => (await w.done(b.topic, 'history', p))
  const last = await ask({ limit: 2 })
  assert.deepEqual(last.events.map((e) => e.payload.seq), seqs.slice(3))
  assert.equal(last.hasMore, true)
  assert.equal(last.events[0].event, 'ops')
  assert.deepEqual(last.events[0].payload.ops, [put('e3')])
  assert.deepEqual((await ask({ after: seqs[0], limit: 2 })).events.map((e) => e.payload.seq), seqs.slice(1, 3))
  assert.deepEqual((await ask({ before: seqs[1] })).events.map((e) => e.payload.seq), seqs.slice(0, 1))
  await w.close()
})

test('hands: one frame a tick for all; strokes under way add up; wrong ones are refused; nothing is stored', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2])
  const [a, w] = await members(server, [who.apprenant1, who.apprenant2], b.topic)
  const say = (event, payload) => w.send([w.joinRefs.get(b.topic), null, b.topic, event, payload])
  say('cursor', { x: 1, y: 2, tool: 'pen' })
  const first = (await a.event(b.topic, 'ephemeral'))[4]
  assert.deepEqual(first, { cursor: { [who.apprenant2.user.id]: { x: 1, y: 2, tool: 'pen' } } })
  for (let i = 0; i < 6; i++) say('draw', { id: 's1', points: [[i, i, 0.5]], ...(i === 0 ? { style: { stroke: '#000' } } : {}) })
  const points = () => a.seen(b.topic, 'ephemeral').flatMap((m) => m[4].draw?.[who.apprenant2.user.id]?.points ?? [])
  await until('every point', () => points().length === 6)
  assert.deepEqual(points(), [0, 1, 2, 3, 4, 5].map((i) => [i, i, 0.5]))
  const bad = [['cursor', { x: 'a', y: 1 }], ['cursor', { x: 1 }], ['draw', { points: [[1, 2]] }], ['draw', { id: 's', points: [] }], ['draw', { id: 's', points: [[1]] }],
    ['draw', { id: 's', points: [['a', 'b']] }], ['selection', { ids: 'x' }], ['laser', {}]]
  for (const [event, payload] of bad) await w.refused(b.topic, event, payload, 'invalid')
  const rows = await server.rows(`select count(*)::int as n from channel_events e join channels c on c.id = e.channel where c.topic = ${lit(b.topic)}`)
  assert.equal(rows[0].n, 0)
  await closeAll(a, w)
})

// 3,900 control characters are 4 kB of msgpack and 23 kB of JSON: nine hands that say so twenty times a second are 4 MB a second.
test('hands: no member is sent more than 512 kbit/s, in its own encoding, and everybody is heard', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2, who.apprenant3])
  const hands = await members(server, [who.apprenant1, who.apprenant2, who.apprenant3], b.topic)
  const reader = await member(server, who.admin, b.topic)
  const note = '\u0001'.repeat(3900)
  let n = 0
  const began = Date.now()
  const talk = setInterval(() => {
    n += 1
    for (const w of hands)
      for (const [event, payload] of [['cursor', { x: n, y: 0, note }], ['laser', { x: n, y: 0, note }], ['selection', { ids: [], note }]]) w.send([w.joinRefs.get(b.topic), null, b.topic, event, payload])
  }, 50)
  await reader.event(b.topic, 'ephemeral')
  const heard = () => new Set(reader.seen(b.topic, 'ephemeral').flatMap((m) => Object.entries(m[4]).flatMap(([event, by]) => Object.keys(by).map((id) => `${event} ${id}`))))
  await until('every hand to be heard', () => heard().size === 9, 15000)
  clearInterval(talk)
  const frames = reader.seen(b.topic, 'ephemeral').map((m) => Buffer.byteLength(JSON.stringify(m)))
  const bytes = frames.reduce((sum, f) => sum + f, 0)
  const seconds = (Date.now() - began) / 1000
  assert.ok(Math.max(...frames) <= 30000, `a frame of ${Math.max(...frames)} bytes`)
  assert.ok(bytes <= 64000 * (seconds + 1), `${bytes} bytes in ${seconds} s`) // 1: the frames at both ends
  await closeAll(reader, ...hands)
})

test('members of the group and staff; a stranger of the school may not; another school finds nothing', async () => {
  const b = await makeBoard(who.apprenant1)
  const staff = await member(server, who.admin, b.topic)
  await draw(staff, b.topic, [put('s')])
  const out = await Wire.open(server, { cookie: who.apprenant3.cookie })
  assert.equal((await out.join(b.topic)).response.reason, 'forbidden')
  const foreign = await Wire.open(server, { cookie: stranger.cookie })
  const nothing = await foreign.join(`whiteboard:${uuid}`)
  const theirs = await foreign.join(b.topic)
  assert.deepEqual({ ...theirs, response: { ...theirs.response } }, nothing)
  assert.equal(theirs.response.reason, 'not_found')
  for (const path of [`/api/whiteboards/${b.id}`, `/api/whiteboards/${b.id}/export`, `/api/study-groups/${b.group.id}/whiteboards`]) {
    assertProblem(await stranger.get(path), 404)
  }
  assertProblem(await stranger.request('PATCH', `/api/whiteboards/${b.id}`, { json: { title: 'à nous' } }), 404)
  assertProblem(await stranger.request('DELETE', `/api/whiteboards/${b.id}`), 404)
  assertProblem(await stranger.post(`/api/study-groups/${b.group.id}/whiteboards`, { title: 'à nous' }), 404)
  assertProblem(await who.apprenant3.get(`/api/whiteboards/${b.id}`), 403)
  await closeAll(staff, out, foreign)
})

test('who leaves the group, or is put out, is off its boards at once; a new member may come', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2])
  const [mod, w] = await members(server, [who.apprenant1, who.apprenant2], b.topic)
  await mod.enter(b.group.topic)
  await mod.done(b.group.topic, 'member:role', { opId: opId(), userId: who.apprenant2.user.id, role: 'moderator' })
  await until('the new role to count on the board', async () => (await w.push(b.topic, 'lock', { opId: opId(), ids: ['none'] })).status === 'ok')
  await mod.done(b.group.topic, 'member:kick', { opId: opId(), userId: who.apprenant2.user.id })
  await w.event(b.topic, 'phx_error')
  assert.equal((await w.join(b.topic)).response.reason, 'forbidden')
  assert.equal((await who.apprenant4.post(`/api/study-groups/${b.group.id}/join`, {})).status, 201)
  const late = await Wire.open(server, { cookie: who.apprenant4.cookie })
  await until('the new member to be let in', async () => (await late.join(b.topic)).status === 'ok')
  await closeAll(mod, w, late)
})

test('a group that is archived closes its boards while they are open, and opens them again', async () => {
  const { group, topic } = await makeBoard(who.apprenant1, [who.apprenant2])
  const wire = await member(server, who.apprenant2, topic)
  await draw(wire, topic, [put('a')])
  const archive = (archived) => who.apprenant1.post(`/api/study-groups/${group.id}/archive`, { archived })
  const says = (word) => until(`the board to be ${word}`, async () => {
    const r = await wire.push(topic, 'ops', { opId: opId(), ops: [put('b')] })
    return (r.response.reason ?? r.status) === word
  })
  assert.equal((await archive(true)).status, 200)
  await says('read_only')
  assert.equal((await archive(false)).status, 200)
  await says('ok')
  await wire.close()
})

test('folding: the data follows the log, survives kills, and a resume needs nothing that it took away', async () => {
  const b = await makeBoard(who.apprenant1)
  const w = await member(server, who.apprenant1, b.topic)
  await draw(w, b.topic, [put('a')])
  const push = []
  for (let i = 0; i < 520; i++) {
    push.push(draw(w, b.topic, [{ op: 'patch', id: 'a', set: { x: i } }]))
    if (push.length === 20) await Promise.all(push.splice(0))
  }
  await until('a fold', async () => (await server.rows(`select data_seq from whiteboards where id = ${lit(b.id)}`))[0].data_seq >= 500)
  const want = await stored(b.id)
  assert.equal(want.a.x, 519)
  const head = w.joined.head
  await server.restart('SIGKILL')
  assert.deepEqual(await stored(b.id), want)
  const again = await member(server, who.apprenant1, b.topic)
  await until('the board', () => again.seen(b.topic, 'snapshot').length === 1)
  assert.deepEqual(picture(again, b.topic).state(), want)
  assert.equal(again.joined.epoch, w.joined.epoch)
  await draw(again, b.topic, [put('b')])
  await server.restart() // a drain folds what is left
  const [{ data_seq: at, last_seq: last }] = await server.rows(`select w.data_seq, c.last_seq from whiteboards w join channels c on c.topic = ${lit(b.topic)} where w.id = ${lit(b.id)}`)
  assert.equal(at, last)
  assert.ok(last > head + 520)
  const resumed = await member(server, who.apprenant1, b.topic, { params: { epoch: w.joined.epoch, since: last - 50 } })
  assert.equal(resumed.joined.recovered, true)
  await until('the log', () => resumed.seen(b.topic, 'ops').length === 50)
  await resumed.close()
})

test('a large board is folded as it stood at its seq, while it is drawn on', async () => {
  const b = await makeBoard(who.apprenant1)
  await server.sql(`update whiteboards set data = jsonb_build_object('elements', (select jsonb_agg(jsonb_build_object('id', 'e' || i, 'type', 'text', 'z', 'a',
    'text', repeat('z', 400))) from generate_series(1, 3000) i)) where id = ${lit(b.id)}`)
  const w = await member(server, who.apprenant1, b.topic)
  await until('the board', () => w.seen(b.topic, 'snapshot').length === w.seen(b.topic, 'snapshot')[0]?.[4].parts)
  for (let i = 0, push = []; i < 1040; i++) {
    const id = `e${1 + (i % 3000)}`
    push.push(draw(w, b.topic, [i % 3 ? { op: 'patch', id, set: { x: i } } : { op: 'del', id }, put(`n${i}`)]))
    if (push.length === 20) await Promise.all(push.splice(0))
  }
  const [{ data, at }] = await until('a fold', async () => {
    const rows = await server.rows(`select data, data_seq as at from whiteboards where id = ${lit(b.id)}`)
    return rows[0].at >= 1000 && rows
  })
  const then = new Picture()
  for (const m of w.log) if (m[2] === b.topic && (m[3] === 'snapshot' || m[4].seq <= at)) then.take(m)
  const folded = new Picture()
  for (const e of data.elements) folded.elements.set(e.id, e)
  assert.deepEqual(folded.state(), then.state())
  const want = picture(w, b.topic).state()
  assert.deepEqual(await stored(b.id), want)
  assert.match((await who.apprenant1.get(`/api/whiteboards/${b.id}/export`)).text, /<\/svg>\n$/)
  await server.restart() // what a thread has under way is written before the end
  const [{ at: end, last }] = await server.rows(`select w.data_seq as at, c.last_seq as last from whiteboards w join channels c on c.topic = ${lit(b.topic)} where w.id = ${lit(b.id)}`)
  assert.equal(end, last)
  assert.deepEqual(await stored(b.id), want)
})

test('data of an old installation becomes opaque elements, whole', async () => {
  const b = await makeBoard(who.apprenant1)
  const old = { objects: [{ kind: 'path', d: 'M0 0' }], version: '4.6' }
  await server.sql(`update whiteboards set data = ${lit(JSON.stringify(old))} where id = ${lit(b.id)}`)
  const w = await member(server, who.apprenant1, b.topic)
  const [e] = (await w.event(b.topic, 'snapshot'))[4].elements
  assert.equal(e.type, 'opaque')
  assert.deepEqual(e.data, old)
  await draw(w, b.topic, [put('a'), { op: 'patch', id: e.id, set: { x: 5 } }])
  assert.deepEqual(Object.keys(await stored(b.id)).sort(), ['a', e.id].sort())
  // History cannot lead there from an empty board, and does not pretend to.
  assert.equal((await w.refused(b.topic, 'history', { after: 0 }, 'gone')).first, 2)
  assert.deepEqual((await w.done(b.topic, 'history', { after: 1 })).events.map((x) => x.payload.seq), [2])
  await server.restart('SIGKILL')
  const again = await member(server, who.apprenant1, b.topic)
  assert.deepEqual((await again.event(b.topic, 'snapshot'))[4].elements.map((x) => x.id).sort(), ['a', e.id].sort())
  await closeAll(w, again)
})

test('over REST: list, create, rename, delete; who draws sees it', async () => {
  const b = await makeBoard(who.apprenant1, [who.apprenant2], 'Premier')
  await who.apprenant2.post(`/api/study-groups/${b.group.id}/whiteboards`, { title: 'Second' })
  const list = await who.apprenant2.get(`/api/study-groups/${b.group.id}/whiteboards`)
  assert.deepEqual(list.json.map((x) => x.title), ['Second', 'Premier'])
  for (const key of ['id', 'title', 'studyGroupId', 'createdBy', 'isActive', 'createdAt', 'updatedAt']) assert.ok(key in list.json[0], key)
  const page = await who.apprenant2.get(`/api/study-groups/${b.group.id}/whiteboards?limit=1`)
  assert.match(page.headers.link, /rel="next"/)
  const w = await member(server, who.apprenant2, b.topic)
  assertProblem(await who.apprenant2.request('PATCH', `/api/whiteboards/${b.id}`, { json: { title: 'volé' } }), 403)
  const renamed = await who.apprenant1.request('PATCH', `/api/whiteboards/${b.id}`, { json: { title: 'Géométrie' } })
  assert.equal(renamed.status, 200, renamed.text)
  assert.equal(renamed.json.title, 'Géométrie')
  assert.equal((await w.event(b.topic, 'whiteboard:updated'))[4].title, 'Géométrie')
  assert.equal((await who.apprenant1.get(`/api/whiteboards/${b.id}`)).json.title, 'Géométrie')
  assertProblem(await who.apprenant1.request('PATCH', `/api/whiteboards/${b.id}`, { json: { title: '' } }), 422)
  assertProblem(await who.apprenant1.post(`/api/study-groups/${b.group.id}/whiteboards`, {}), 422)
  assertProblem(await who.apprenant2.request('DELETE', `/api/whiteboards/${b.id}`), 403)
  assert.equal((await who.apprenant1.request('DELETE', `/api/whiteboards/${b.id}`)).status, 200)
  await w.event(b.topic, 'whiteboard:deleted')
  await w.event(b.topic, 'phx_error')
  assert.equal((await w.join(b.topic)).response.reason, 'not_found')
  assertProblem(await who.apprenant1.get(`/api/whiteboards/${b.id}`), 404)
  assert.deepEqual((await who.apprenant1.get(`/api/study-groups/${b.group.id}/whiteboards`)).json.map((x) => x.title), ['Second'])
  await w.close()
})

test('what comes to a board behind its deletion finds none, whoever deletes or renames it', async () => {
  for (let round = 0; round < 40; round++) {
    const b = await makeBoard(who.apprenant1, [], 'Court')
    const path = `/api/whiteboards/${b.id}`
    const rename = (i) => who.apprenant1.request('PATCH', path, { json: { title: `Titre ${i}` } })
    const behind = await Promise.all([rename(0), who.apprenant1.request('DELETE', path), ...Array.from({ length: 12 }, (_, i) => (i % 3 ? rename(i) : who.apprenant1.request('DELETE', path)))])
    for (const r of behind.filter((r) => r.status !== 200)) assertProblem(r, 404)
    assertProblem(await rename(99), 404)
  }
})

test('a picture: SVG of every type, nothing in it runs or leads elsewhere; JSON is the board', async () => {
  const b = await makeBoard(who.apprenant1, [], '<script>alert(1)</script>')
  const w = await member(server, who.apprenant1, b.topic)
  await draw(w, b.topic, [
    put('r'), put('e', { type: 'ellipse', label: 'A & B' }), put('t', { type: 'text', text: '<img src=x onerror=alert(1)>\nsuite' }),
    put('s', { type: 'sticky', text: 'note', fill: 'url(https://evil.test/x)' }), put('l', { type: 'line', points: [[0, 0], [10, 20]] }),
    put('p', { type: 'freehand', points: [[0, 0, 0.2], [5, 5, 0.9], [9, 2, 0.4]] }), put('w', { type: 'arrow', from: 'r', to: 'e' }),
    put('i', { type: 'image', src: 'javascript:alert(1)' }), put('o', { type: 'opaque', data: { a: 1 } }), put('n', { x: 1e300, w: 'wide' }),
    put('q', { stroke: '"><script>alert(2)</script>', rotation: 30, opacity: 0.5 }),
  ])
  const svg = await who.apprenant1.get(`/api/whiteboards/${b.id}/export?format=svg`)
  assert.equal(svg.status, 200)
  assert.equal(svg.headers['content-type'], 'image/svg+xml; charset=utf-8')
  assert.match(svg.headers['content-disposition'], /^attachment; filename="whiteboard-/)
  assert.match(svg.headers['content-security-policy'], /sandbox/)
  assert.doesNotMatch(svg.text, /<script|javascript:|onerror=alert\(1\)>|href|url\(|<img/)
  assert.match(svg.text, /<title>&lt;script&gt;/)
  for (const tag of ['rect', 'ellipse', 'text', 'path']) assert.match(svg.text, new RegExp(`<${tag}[ >]`))
  assert.equal((svg.text.match(/<g[ >]/g) ?? []).length, (svg.text.match(/<\/g>/g) ?? []).length)
  const json = await who.apprenant1.get(`/api/whiteboards/${b.id}/export?format=json`)
  assert.equal(json.json.elements.length, 11)
  assertProblem(await who.apprenant1.get(`/api/whiteboards/${b.id}/export?format=png`), 400)
  await w.close()
})

test('random operations with cuts and offline queues: every client and the database end with one board', async () => {
  const { below, pick, chance } = randomFrom(SEED)
  const names = ['apprenant1', 'apprenant2', 'apprenant3', 'apprenant4']
  const b = await makeBoard(who.apprenant1, names.slice(1).map((n) => who[n]))
  const ids = ['a', 'b', 'c', 'd', 'e']
  const op = () => {
    const id = pick(ids)
    return pick([() => put(id, { x: below(100) }), () => ({ op: 'patch', id, set: { [pick(['x', 'y', 'fill'])]: below(100) } }),
      () => ({ op: 'patch', id, set: {}, unset: [pick(['x', 'fill'])] }), () => ({ op: 'del', id })])()
  }
  const clients = names.map((name) => ({ name, picture: new Picture(), queue: [], wire: null }))
  const connect = async (c) => {
    c.wire = await Wire.open(server, { cookie: who[c.name].cookie })
    c.read = 0
    const r = await c.wire.enter(b.topic, c.epoch ? { epoch: c.epoch, since: c.picture.seq } : {})
    c.epoch = r.epoch
  }
  const read = (c) => {
    for (; c.wire && c.read < c.wire.log.length; c.read++) if (c.wire.log[c.read][2] === b.topic) c.picture.take(c.wire.log[c.read])
  }
  const flush = async (c) => {
    while (c.queue.length) {
      await c.wire.done(b.topic, 'ops', c.queue[0])
      c.queue.shift()
    }
  }
  await Promise.all(clients.map(connect))
  for (let round = 0; round < 25; round++) {
    await Promise.all(clients.map(async (c) => {
      for (let i = 0; i < 3; i++) c.queue.push({ opId: opId(), ops: Array.from({ length: 1 + below(3) }, op) })
      if (c.wire && chance(0.25)) {
        for (const p of c.queue) c.wire.send([c.wire.joinRefs.get(b.topic), c.wire.ref(), b.topic, 'ops', p]) // sent, and the answers lost
        read(c)
        c.wire.ws.terminate()
        c.wire = null
      } else if (!c.wire && chance(0.6)) await connect(c)
      if (c.wire) await flush(c)
    }))
  }
  for (const c of clients) {
    if (!c.wire) await connect(c)
    await flush(c)
  }
  const [{ last_seq: head }] = await server.rows(`select last_seq from channels where topic = ${lit(b.topic)}`)
  await until('everybody to be at the head', () => {
    clients.forEach(read)
    return clients.every((c) => c.picture.seq === head)
  })
  const want = await stored(b.id)
  for (const c of clients) assert.deepEqual(c.picture.state(), want, c.name)
  await closeAll(...clients.map((c) => c.wire))
})
