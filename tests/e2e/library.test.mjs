// The client library (web/client) in Node, against a real server: boards drawn on by several people with cuts and kills of the server
// end as one board, in both encodings; nothing that was shown as sent is lost or made twice.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { people } from './lib/client.mjs'
import * as seats from './lib/seats.mjs'
import { lib, quiet, ready, rect, state } from './lib/seats.mjs'
import { randomFrom, SEED, until } from './lib/util.mjs'

let server, who
before(async () => {
  server = await startServer({ args: ['--replay-max', '40'] })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3'])
})
after(() => server?.stop())

const makeBoard = (first, ...others) => seats.makeBoard(who[first], others.map((name) => who[name]))
const sit = (name, id, encoding) => seats.sit(server, who[name], id, encoding)
const stored = async (id) => (await who.apprenant1.get(`/api/whiteboards/${id}`)).json.elements

for (const encoding of ['json', 'msgpack']) {
  test(`two draw, see each other's hands, undo their own and no more (${encoding})`, async () => {
    const id = await makeBoard('apprenant1', 'apprenant2')
    const [one, two] = [sit('apprenant1', id, encoding), sit('apprenant2', id, encoding)]
    await ready(one, two)
    assert.equal(one.board.info.title, 'Bibliothèque')
    assert.ok(one.board.isModerator() && !two.board.isModerator())
    await until('two people', () => two.board.present.length === 2)
    two.board.hands.sayCursor(4, 5, 'pen')
    const them = who.apprenant2.user.id
    two.board.hands.sayStroke('s0', [[9, 9]])
    await until('a stroke', () => one.board.hands.strokes.get(them)?.id === 's0')
    two.board.hands.dropStroke('s0')
    await until('no stroke', () => !one.board.hands.strokes.has(them))
    two.board.hands.sayStroke('s1', [[1, 1, 0.5], [2, 2, 0.5]], { stroke: '#123' })
    await until('the stroke', () => one.board.hands.strokes.get(them)?.points.length === 2)
    assert.equal(one.board.hands.cursors.get(them).tool, 'pen')
    assert.equal(one.board.hands.strokes.get(them).style.stroke, '#123')
    two.board.act([{ op: 'put', el: { id: 's1', type: 'freehand', z: 'a0', x: 0, y: 0, points: [[1, 1, 0.5], [2, 2, 0.5]] } }])
    await until('the stroke, finished', () => one.board.board.get('s1') && !one.board.hands.strokes.has(them))
    one.board.act([{ op: 'put', el: rect('r', { z: lib.zAbove('a0') }) }])
    await until('the rectangle', () => two.board.board.get('r'))
    two.board.act([{ op: 'patch', id: 'r', set: { x: 50 } }])
    await until('it moved', () => one.board.board.get('r').x === 50)
    assert.ok(two.board.undo())
    await until('it moved back', () => one.board.board.get('r').x === 1)
    assert.ok(two.board.undo())
    assert.ok(!two.board.undo(), 'the rectangle is not theirs')
    await until('no stroke', () => !one.board.board.get('s1'))
    assert.ok(two.board.redo())
    await quiet([one, two])
    await until('the stroke again', () => one.board.board.get('s1'))
    assert.equal(state(await stored(id)), state(one.board.board.elements()))
    one.close()
    two.close()
  })
}

test('what is locked does not change, is shown as it stands, and unlocking ends it', async () => {
  const id = await makeBoard('apprenant1', 'apprenant2')
  const one = sit('apprenant1', id)
  await ready(one)
  one.board.act([{ op: 'put', el: rect('a') }, { op: 'put', el: rect('b') }])
  one.board.lock(true, ['a'])
  await until('the lock', () => one.board.board.lockedIds.has('a'))
  const two = sit('apprenant2', id)
  await ready(two)
  assert.ok(!two.board.mayChange('a') && two.board.mayChange('b'))
  assert.ok(!two.board.act([{ op: 'del', id: 'a' }]))
  const refused = []
  two.board.refused.on((entry) => refused.push(entry.reason))
  two.board.board.lockedIds.clear() // a client that does not know of it
  two.board.act([{ op: 'patch', id: 'b', set: { x: 9 } }])
  two.board.act([{ op: 'del', id: 'a' }])
  two.board.act([{ op: 'patch', id: 'b', set: { y: 9 } }])
  assert.equal(two.board.board.get('a'), undefined)
  await quiet([one, two])
  assert.deepEqual(refused, ['locked'])
  assert.ok(two.board.board.get('a'), 'it came back')
  assert.deepEqual(two.board.board.get('b'), rect('b', { x: 9, y: 9 }), 'what was sent with it was not lost')
  one.board.lock(true)
  await until('all locked', () => !two.board.mayDraw())
  assert.ok(one.board.mayDraw())
  one.board.lock(false)
  await until('unlocked', () => two.board.mayDraw())
  one.close()
  two.close()
})

test('an element, or a board, that would be too large: the gesture is taken back, with the reason', async () => {
  const id = await makeBoard('apprenant1', 'apprenant2')
  const [one, two] = [sit('apprenant1', id, 'json'), sit('apprenant2', id, 'msgpack')]
  await ready(one, two)
  const refused = []
  one.board.refused.on((entry) => refused.push([entry.reason, entry.field]))
  const half = 'é'.repeat(8 * 1024) // 16 KiB
  one.board.act([{ op: 'put', el: rect('a') }, { op: 'put', el: rect('b') }])
  one.board.act([{ op: 'patch', id: 'a', set: { first: half } }])
  one.board.act([{ op: 'patch', id: 'b', set: { x: 7 } }])
  one.board.act([{ op: 'patch', id: 'a', set: { second: half } }]) // all four go as one push
  assert.ok(one.board.board.get('a').second)
  await quiet([one])
  assert.deepEqual(refused, [['too_large', 'ops.set']])
  assert.deepEqual(one.board.board.get('a'), rect('a', { first: half }), 'as if the last had not been')
  await until('the rest', () => two.board.board.get('a')?.first && two.board.board.get('b')?.x === 7)
  assert.equal(state(two.board.board.elements()), state(one.board.board.elements()))
  one.board.undo()
  await until('the gesture before it undone', () => two.board.board.get('b').x === 1)
  one.close()
  two.close()
})

test('three people, cuts, kills of the server, queues longer than a replay: one board', async () => {
  const { below, pick, chance } = randomFrom(SEED)
  const id = await makeBoard('apprenant1', 'apprenant2', 'apprenant3')
  const three = [sit('apprenant1', id, 'json'), sit('apprenant2', id, 'msgpack'), sit('apprenant3', id, 'msgpack')]
  await ready(...three)
  const op = (board) => {
    const el = `e${below(15)}`
    return pick([
      () => ({ op: 'put', el: rect(el, { z: lib.zAbove(board.elements().at(-1)?.z), x: below(100) }) }),
      () => ({ op: 'patch', id: el, set: { [pick(['x', 'y', 'fill'])]: below(100) } }),
      () => ({ op: 'patch', id: el, set: { z: lib.zBelow(board.elements()[0]?.z) }, unset: ['fill'] }),
      () => ({ op: 'del', id: el }),
    ])()
  }
  for (let round = 0; round < 40; round++) {
    for (const { board, cut } of three) {
      for (let i = 0; i < 5; i++) chance(0.15) ? board.undo() : board.act(Array.from({ length: 1 + below(3) }, () => op(board.board)))
      if (chance(0.1)) cut()
    }
    if (round % 15 === 14) await server.restart('SIGKILL')
    await new Promise((done) => setTimeout(done, 20))
  }
  await quiet(three)
  await until('everybody at one place', () => new Set(three.map((s) => s.board.board.seq)).size === 1)
  const want = state(await stored(id))
  for (const seat of three) {
    assert.equal(state(seat.board.board.elements()), want, seat.person.user.id)
    seat.close()
  }
})
