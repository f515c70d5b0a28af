// People at boards with the client library (web/client) in Node: whole Whiteboards over real sockets that a test can cut.
import { createRequire } from 'node:module'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import WebSocket from 'ws'
import { after } from 'node:test'
import assert from 'node:assert/strict'
import { makeGroup } from './school.mjs'
import { scratch } from './server.mjs'
import { until } from './util.mjs'

const web = join(dirname(fileURLToPath(import.meta.url)), '../../../web')

// The library as it is in the sources, as one module.
async function library() {
  const { buildSync } = createRequire(join(web, 'app/package.json'))('esbuild')
  const { outputFiles } = buildSync({
    entryPoints: [join(web, 'client/src/index.ts')], bundle: true, write: false, format: 'esm', platform: 'node',
    alias: { phoenix: join(web, 'app/node_modules/phoenix') },
  })
  const file = join(scratch(), 'client.mjs')
  writeFileSync(file, outputFiles[0].contents)
  return import(pathToFileURL(file))
}

export const lib = await library()

const seats = new Set()
after(() => seats.forEach((seat) => seat.close()))

// A person's connection at a board: `cut` ends its sockets (it comes again by itself), `away` until `back` is a device without network.
export function sit(server, person, id, encoding) {
  const sockets = new Set()
  class Transport extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers: { cookie: person.cookie } })
      this.on('error', () => {})
      sockets.add(this)
      this.on('close', () => sockets.delete(this))
    }
  }
  const connection = new lib.Connection({ url: `${server.url.replace('http', 'ws')}/socket`, transport: Transport, encoding })
  const board = new lib.Whiteboard(connection, id, person.user.id, { shelf: lib.memoryShelf() })
  const close = () => {
    seats.delete(seat)
    board.close()
    connection.close()
  }
  const seat = { person, board, connection, close, cut: () => sockets.forEach((s) => s.terminate()), away: () => connection.close(), back: () => connection.open() }
  seats.add(seat)
  connection.open()
  return seat
}

export async function makeBoard(creator, others = [], title = 'Bibliothèque') {
  const group = await makeGroup(creator, others)
  const made = await creator.post(`/api/study-groups/${group.id}/whiteboards`, { title })
  assert.equal(made.status, 201, made.text)
  return made.json.id
}

export const ready = (...some) => until('the boards', () => some.every((s) => s.board.ready), 60000)
export const quiet = (some) => until('nothing unsent', () => some.every((s) => s.board.outbox.list().length === 0 && s.board.board.pendingCount() === 0), 60000)
// In drawing order, properties by name: two boards are the same when their states are.
export const state = (elements) => JSON.stringify([...elements].sort(lib.compareOrder).map((e) => Object.entries(e).sort(([a], [b]) => (a < b ? -1 : 1))))
export const rect = (id, more = {}) => ({ id, type: 'rect', z: 'a0', x: 1, y: 2, w: 3, h: 4, ...more })
