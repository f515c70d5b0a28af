// Thirty people with the client library at one board of a real server, in both encodings: puts, patches, deletions, clears, locks, undo and
// redo; sockets cut, devices without network that go on drawing, the server killed on the way. It ends with one board: in every client, for
// whoever comes then, over REST, in the data that the server folds when it stops; and its history leads through every board that somebody
// saw on the way. More by hand: CONVERGE_SEEDS=50 E2E_SEED=1 node --test converge.test.mjs
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { lit, startServer } from './lib/server.mjs'
import { people } from './lib/client.mjs'
import { lib, makeBoard, quiet, ready, rect, sit, state } from './lib/seats.mjs'
import { randomFrom, SEED, sleep, until } from './lib/util.mjs'

const SEEDS = Number(process.env.CONVERGE_SEEDS ?? 2)
const SEATS = 30
const ROUNDS = 12
const names = ['apprenant1', 'apprenant2', 'apprenant3', 'apprenant4', 'apprenant5', 'formateur']

let server, who
before(async () => {
  server = await startServer({ args: ['--replay-max', '40', '--rate-limits', 'off'] })
  who = await people(server, 'moliere', names)
})
after(() => server?.stop())

function operation({ below, pick, chance }, board) {
  const id = `e${below(15)}`
  const z = () => (chance(0.5) ? lib.zAbove(board.elements().at(-1)?.z) : lib.zBelow(board.elements()[0]?.z))
  return pick([
    () => ({ op: 'put', el: rect(id, { z: z(), x: below(100) }) }),
    () => ({ op: 'patch', id, set: { [pick(['x', 'y', 'fill'])]: below(100) } }),
    () => ({ op: 'patch', id, set: { z: z() }, unset: ['fill'] }),
    () => ({ op: 'del', id }),
  ])()
}

function gesture(random, { board }) {
  const what = random.below(20)
  if (what < 14) board.act(Array.from({ length: 1 + random.below(3) }, () => operation(random, board.board)))
  else if (what < 17) board.undo()
  else if (what < 19) board.redo()
  else if (random.chance(0.1)) board.clear()
  else if (board.isModerator()) board.lock(random.chance(0.5), [`e${random.below(15)}`])
}

// Keeps what somebody sees whose gestures all have their place: the board at a seq. One in five, or comparing them takes longer than all the rest.
function watch(saw, { board: { board } }) {
  board.changed.on(() => board.seq % 5 === 0 && board.pendingCount() === 0 && saw.push([board.seq, state(board.elements())]))
}

// The log from its beginning, and the board that it makes at each seq.
async function history(whiteboard) {
  const at = new Map()
  const board = new lib.Board()
  for (let more = true; more; ) {
    const { status, reply } = await whiteboard.history({ after: board.seq, limit: 100 })
    assert.equal(status, 'ok')
    for (const { event, payload } of reply.events) {
      event === 'ops' ? board.apply(payload.seq, payload.ops) : board.passed(payload.seq)
      at.set(payload.seq, state(board.elements()))
    }
    more = reply.hasMore
  }
  return at
}

async function draw(random, seats) {
  const away = new Set()
  for (let round = 0; round < ROUNDS; round++) {
    for (const seat of seats) {
      for (let i = random.below(3); i > 0; i--) gesture(random, seat)
      if (away.has(seat)) random.chance(0.4) && away.delete(seat) && seat.back()
      else if (random.chance(0.08)) away.add(seat) && seat.away()
      else if (random.chance(0.08)) seat.cut()
    }
    if (round === ROUNDS >> 1) await server.restart('SIGKILL')
    await sleep(20)
  }
  away.forEach((seat) => seat.back())
}

async function play(seed) {
  const random = randomFrom(seed)
  const id = await makeBoard(who[names[0]], names.slice(1).map((n) => who[n]))
  const seats = Array.from({ length: SEATS }, (_, i) => sit(server, who[names[i % names.length]], id, i % 2 ? 'msgpack' : 'json'))
  const saw = []
  seats.forEach((seat) => watch(saw, seat))
  await ready(...seats)
  await draw(random, seats)
  await quiet(seats)
  const [{ last_seq: head }] = await server.rows(`select last_seq from channels where topic = ${lit(`whiteboard:${id}`)}`)
  await until('everybody at the head', () => seats.every((s) => s.board.board.seq === head))
  const late = sit(server, who.formateur, id, 'msgpack')
  await ready(late)
  const want = state((await who.apprenant1.get(`/api/whiteboards/${id}`)).json.elements)
  for (const [i, seat] of [...seats, late].entries()) assert.equal(state(seat.board.board.elements()), want, `seat ${i}`)
  const past = await history(late.board)
  assert.equal(past.get(head), want, 'what history leads to')
  assert.ok(saw.length > SEATS, `${saw.length} boards on the way`)
  for (const [seq, picture] of saw) assert.equal(picture, past.get(seq) ?? '[]', `the board at ${seq}`)
  for (const seat of [...seats, late]) seat.close()
  await folded(id, want)
}

// A server that stops folds what it has in memory.
async function folded(id, want) {
  await server.restart()
  const [{ data, at, last }] = await server.rows(
    `select w.data, w.data_seq as at, c.last_seq as last from whiteboards w join channels c on c.topic = 'whiteboard:' || w.id where w.id = ${lit(id)}`)
  assert.equal(at, last)
  assert.equal(state(data.elements), want)
}

for (let seed = SEED; seed < SEED + SEEDS; seed++) {
  test(`thirty people, cuts, queues made offline, a killed server: one board (CONVERGE_SEEDS=1 E2E_SEED=${seed})`, () => play(seed))
}
