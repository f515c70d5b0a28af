// Presence in the stock format, judged by the stock Presence class: who is here, gathered diffs, grace, take-over, restarts, counts.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { Presence } from 'phoenix'
import { startServer } from './lib/server.mjs'
import { Wire, joined, people, stockSocket } from './lib/client.mjs'
import { makeGroup, member, opId, say } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

const GRACE = 1500
let server, who
before(async () => {
  server = await startServer({ args: ['--grace', `${GRACE}ms`] })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'apprenant4', 'apprenant5', 'formateur'])
})
after(() => server?.stop())

const id = (name) => who[name].user.id

// A stock client in the topic with its Presence: {socket, channel, presence, ids(), log: ['+ada', '-bob' …], diffs, states}.
async function stock(name, topic, options = {}) {
  const socket = stockSocket(server, { cookie: who[name].cookie, ...options })
  socket.connect()
  const channel = socket.channel(topic, options.joinParams ?? {})
  const s = { socket, channel, log: [], diffs: [], states: [] }
  s.presence = new Presence(channel)
  s.presence.onJoin((key, current) => current || s.log.push(`+${key}`))
  s.presence.onLeave((key, current) => current.metas.length || s.log.push(`-${key}`))
  channel.on('presence_diff', (d) => s.diffs.push(d))
  channel.on('presence_state', (d) => s.states.push(d))
  s.ids = () => s.presence.list((key) => key).sort()
  s.metas = (key) => s.presence.state[key]?.metas ?? []
  s.close = () => socket.disconnect()
  await joined(channel)
  return s
}

const here = (s, ...names) => until(() => `${names} to be here; here: ${s.ids()}`, () => JSON.stringify(s.ids()) === JSON.stringify(names.map(id).sort()))

for (const encoding of ['json', 'msgpack'])
  test(`${encoding}: the state after the join reply, then diffs; a leave at once`, async () => {
    const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
    const a = await stock('apprenant1', topic, { encoding })
    await here(a, 'apprenant1')
    const [meta] = a.metas(id('apprenant1'))
    assert.match(meta.phx_ref, /.+/)
    assert.ok(meta.online_at)
    assert.equal(typeof meta.name, 'string')
    assert.ok(meta.name.includes(who.apprenant1.user.lastName), meta.name)
    assert.ok(meta.role)
    assert.ok(meta.status)
    const b = await stock('apprenant2', topic, { encoding })
    await here(b, 'apprenant1', 'apprenant2')
    await here(a, 'apprenant1', 'apprenant2')
    assert.equal(a.states.length, 1, 'others get diffs, not a new state')
    b.channel.leave()
    await here(a, 'apprenant1')
    a.close()
    b.close()
  })

test('the envelope: presence_state to one member, presence_diff to all, after the replay', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await member(server, who.apprenant1, topic)
  for (let i = 0; i < 5; i++) await say(a, topic, `m ${i}`)
  await a.event(topic, 'presence_state') // who joins within the same moment is in it already
  const b = await member(server, who.apprenant2, topic, { params: { epoch: a.joined.epoch, since: a.joined.head } })
  const state = await b.event(topic, 'presence_state')
  assert.deepEqual(Object.keys(state[4]).sort(), [id('apprenant1'), id('apprenant2')].sort())
  for (const entry of Object.values(state[4])) assert.ok(Array.isArray(entry.metas))
  const order = b.log.filter((m) => m[2] === topic).map((m) => m[3])
  assert.equal(order[0], 'phx_reply')
  assert.ok(order.lastIndexOf('message') < order.indexOf('presence_state'), `the state comes after the replay: ${order}`)
  const diff = await a.event(topic, 'presence_diff', (d) => d.joins[id('apprenant2')])
  assert.deepEqual(diff.slice(0, 4), [null, null, topic, 'presence_diff'])
  assert.deepEqual(diff[4].leaves, {})
  await Promise.all([a.close(), b.close()])
})

test('two connections of one person are two metas under one key', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await stock('apprenant1', topic)
  const one = await stock('apprenant2', topic)
  const two = await stock('apprenant2', topic)
  await until('two metas', () => a.metas(id('apprenant2')).length === 2)
  assert.notEqual(a.metas(id('apprenant2'))[0].phx_ref, a.metas(id('apprenant2'))[1].phx_ref)
  one.channel.leave()
  await until('one meta', () => a.metas(id('apprenant2')).length === 1)
  assert.ok(a.ids().includes(id('apprenant2')))
  for (const s of [a, one, two]) s.close()
})

test('presence:update changes one\'s own status with phx_ref_prev, in one diff', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await stock('apprenant1', topic)
  const b = await stock('apprenant2', topic)
  await here(a, 'apprenant1', 'apprenant2')
  const [old] = a.metas(id('apprenant2'))
  b.channel.push('presence:update', { status: 'away' })
  await until('the new status', () => a.metas(id('apprenant2'))[0]?.status === 'away')
  assert.equal(a.metas(id('apprenant2')).length, 1)
  const [now] = a.metas(id('apprenant2'))
  assert.notEqual(now.phx_ref, old.phx_ref)
  assert.equal(now.phx_ref_prev, old.phx_ref)
  assert.ok(!a.log.includes(`-${id('apprenant2')}`), 'an update is no leave')
  const diff = a.diffs.find((d) => d.joins[id('apprenant2')]?.metas.some((m) => m.status === 'away'))
  assert.ok(diff.leaves[id('apprenant2')]?.metas.some((m) => m.phx_ref === old.phx_ref), JSON.stringify(diff))
  const w = await member(server, who.apprenant2, topic)
  for (const status of [5, 'x'.repeat(200), null]) await w.refused(topic, 'presence:update', { status }, 'invalid')
  await w.close()
  a.close()
  b.close()
})

test('grace: a cut connection leaves only after it; a rejoin of the same session within it shows nothing to others', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await stock('apprenant1', topic)
  const b = await stock('apprenant2', topic)
  await here(a, 'apprenant1', 'apprenant2')
  let ref, diffs
  for (let took = GRACE; took > GRACE - 500; ) { // a machine that let it come too late is no fault of the server's
    await here(a, 'apprenant1', 'apprenant2')
    ;[{ phx_ref: ref }] = a.metas(id('apprenant2'))
    diffs = a.diffs.length
    const [joins, cut] = [b.states.length, Date.now()]
    b.socket.cut()
    await until('the client to rejoin', () => b.states.length > joins)
    took = Date.now() - cut
  }
  assert.equal(b.metas(id('apprenant2'))[0].phx_ref, ref, 'the meta is taken over')
  await sleep(GRACE + 600)
  assert.equal(a.diffs.length, diffs, 'others saw something of it')
  assert.equal(a.metas(id('apprenant2'))[0].phx_ref, ref)
  // And without a rejoin.
  b.close() // ws close 1000 without phx_leave counts as lost
  assert.ok(a.ids().includes(id('apprenant2')))
  await here(a, 'apprenant1')
  a.close()
})

test('a rejoin of another session of the same person takes nothing over', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const a = await stock('apprenant1', topic)
  const b = await member(server, who.apprenant2, topic)
  await here(a, 'apprenant1', 'apprenant2')
  const [{ phx_ref: ref }] = a.metas(id('apprenant2'))
  b.cut()
  const other = (await people(server, 'moliere', ['apprenant2'])).apprenant2
  const c = await member(server, other, topic)
  await until('a meta of its own', () => a.metas(id('apprenant2')).some((m) => m.phx_ref !== ref))
  await until('the old meta to end', () => a.metas(id('apprenant2')).every((m) => m.phx_ref !== ref))
  await c.close()
  a.close()
})

test('a kick and the end of a session leave at once, without grace', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const mod = await member(server, who.apprenant1, topic)
  const a = await stock('apprenant1', topic)
  const b = await member(server, who.apprenant2, topic)
  const session = (await people(server, 'moliere', ['apprenant3'])).apprenant3
  const c = await member(server, session, topic)
  await here(a, 'apprenant1', 'apprenant2', 'apprenant3')
  await mod.done(topic, 'member:kick', { opId: opId(), userId: id('apprenant2') })
  await here(a, 'apprenant1', 'apprenant3')
  await session.post('/api/auth/logout', {})
  await here(a, 'apprenant1')
  a.close()
  await Promise.all([mod, b, c].map((w) => w.close()))
})

test('many joins within a moment come gathered', async () => {
  const names = ['apprenant2', 'apprenant3', 'apprenant4', 'apprenant5', 'formateur']
  const { topic } = await makeGroup(who.apprenant1, names.map((n) => who[n]))
  const a = await stock('apprenant1', topic)
  const wires = await Promise.all(names.flatMap((n) => [0, 1, 2, 3].map(() => Wire.open(server, { cookie: who[n].cookie }))))
  await Promise.all(wires.map((w) => w.enter(topic))) // a moment, however long the handshakes took
  await here(a, 'apprenant1', ...names)
  await until('all metas', () => names.every((n) => a.metas(id(n)).length === 4))
  assert.ok(a.diffs.length < 20, `20 joins made ${a.diffs.length} diffs`)
  await Promise.all(wires.map((w) => w.close()))
  a.close()
})

test('after a restart who resumes keeps the old list and then gets the true one', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  const position = {}
  const a = await stock('apprenant1', topic, { joinParams: () => ({ ...position }) })
  const b = await stock('apprenant2', topic)
  const c = await member(server, who.apprenant3, topic)
  await here(a, 'apprenant1', 'apprenant2', 'apprenant3')
  const probe = await member(server, who.apprenant1, topic)
  Object.assign(position, { epoch: probe.joined.epoch, since: probe.joined.head })
  await probe.close()
  await server.restart('SIGKILL') // c does not come back
  await here(a, 'apprenant1', 'apprenant2')
  a.close()
  b.close()
  await c.close()
})

test('above the limit a count replaces the list; below it the list comes back', async () => {
  const other = await startServer({ args: ['--presence-full', '10', '--grace', '200ms'] })
  try {
    const crowd = await people(other, 'moliere', ['apprenant1', 'apprenant2'])
    const { topic } = await makeGroup(crowd.apprenant1, [crowd.apprenant2])
    const wires = []
    for (let i = 0; i < 14; i++) wires.push(await member(other, i % 2 ? crowd.apprenant1 : crowd.apprenant2, topic))
    const count = await wires[0].event(topic, 'presence_count', (p) => p.count === 14)
    assert.deepEqual(count[4], { count: 14 })
    const before = wires[0].seen(topic, 'presence_state').length
    for (const w of wires.splice(4)) {
      await w.push(topic, 'phx_leave', {})
      await w.close()
    }
    await until('the list', () => wires[0].seen(topic, 'presence_state').length > before)
    const state = wires[0].seen(topic, 'presence_state').at(-1)[4]
    assert.deepEqual(Object.keys(state).sort(), [crowd.apprenant1.user.id, crowd.apprenant2.user.id].sort())
    await Promise.all(wires.map((w) => w.close()))
  } finally {
    await other.stop()
  }
})
