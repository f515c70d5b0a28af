// The clients of the tests: an HTTP caller with a cookie jar, a bare WebSocket that shows every envelope (Wire), and the stock
// phoenix Socket over `ws` in JSON or msgpack. Identity is the session cookie and nothing else.
import http from 'node:http'
import https from 'node:https'
import WebSocket from 'ws'
import { Socket } from 'phoenix'
import { Decoder, Encoder } from '@msgpack/msgpack'
import { after } from 'node:test'
import assert from 'node:assert/strict'
import { checkContract } from './contract.mjs'
import { PASSWORD, PATIENCE, until, within } from './util.mjs'

// What a failed test leaves open must not keep its file from ending.
const open = new Set()
after(() => {
  for (const hangUp of open) hangUp()
})

// ---- HTTP

// The certificate of a server that a test gave one.
const trust = (server) => (server.ca ? { ca: server.ca } : {})

export class Api {
  constructor(server, { headers = {} } = {}) {
    this.server = server
    this.headers = headers
    this.jar = new Map()
    this.web = server.url?.startsWith('https') ? https : http
    this.agent = new this.web.Agent({ keepAlive: true, maxSockets: 8, ...trust(server) })
    open.add(() => this.agent.destroy())
  }

  get cookie() {
    return [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  // {status, headers, cookies: [raw Set-Cookie], text, json}. `json`, `form` or `body` (raw) choose what is sent.
  request(method, path, { json, form, body, headers = {}, jar = true } = {}) {
    const all = { ...this.headers, ...headers }
    let bytes = body
    if (json !== undefined) {
      bytes = JSON.stringify(json)
      all['content-type'] ??= 'application/json'
    } else if (form !== undefined) {
      bytes = new URLSearchParams(form).toString()
      all['content-type'] ??= 'application/x-www-form-urlencoded'
    }
    if (bytes !== undefined) all['content-length'] = Buffer.byteLength(bytes)
    if (jar && this.jar.size && all.cookie === undefined) all.cookie = this.cookie
    for (const name of Object.keys(all)) if (all[name] === null) delete all[name]
    const url = new URL(this.server.url)
    return new Promise((resolve, reject) => {
      const req = this.web.request(
        { host: url.hostname, port: url.port, method, path, headers: all, agent: this.agent, timeout: 30000 },
        (res) => {
          const parts = []
          res.on('data', (d) => parts.push(d))
          res.on('error', reject)
          res.on('end', () => {
            try {
              const answer = this.#answer(res, Buffer.concat(parts), jar)
              checkContract(this.server, { method, path, headers: all, bytes }, answer)
              resolve(answer)
            } catch (error) {
              reject(error)
            }
          })
        },
      )
      req.on('timeout', () => req.destroy(new Error(`no answer to ${method} ${path} in 30 s`)))
      req.on('error', reject)
      req.end(bytes)
    })
  }

  #answer(res, raw, jar) {
    const cookies = res.headers['set-cookie'] ?? []
    if (jar) cookies.forEach((c) => this.#keep(c))
    const text = raw.toString('utf8')
    const answer = { status: res.statusCode, headers: res.headers, cookies, text, raw }
    if (/json/.test(res.headers['content-type'] ?? '') && !res.headers['content-encoding'] && text) answer.json = JSON.parse(text)
    return answer
  }

  #keep(line) {
    const [pair, ...attributes] = line.split(/;\s*/)
    const at = pair.indexOf('=')
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
    const gone = attributes.some((a) => /^max-age=(0|-\d+)$/i.test(a) || (/^expires=/i.test(a) && Date.parse(a.slice(8)) < Date.now()))
    if (gone || value === '') this.jar.delete(name)
    else this.jar.set(name, value)
  }

  get(path, options) {
    return this.request('GET', path, options)
  }

  post(path, json, options) {
    return this.request('POST', path, { json, ...options })
  }

  async signIn(email, password = PASSWORD) {
    const r = await this.post('/api/auth/login', { email, password })
    assert.equal(r.status, 200, `sign-in of ${email}: ${r.status} ${r.text}`)
    this.user = r.json.user ?? r.json
    return this
  }

  close() {
    this.agent.destroy()
  }
}

export const signIn = (server, email, password) => new Api(server).signIn(email, password)

// Several at once: {apprenant1: Api, …} of one school.
export async function people(server, school, names) {
  const entries = await Promise.all(names.map(async (n) => [n, await signIn(server, `${n}@${school}.test`)]))
  return Object.fromEntries(entries)
}

// ---- the two encodings

const encoder = new Encoder()
const decoder = new Decoder()
const plain = (bytes) => (bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes)

export const codecs = {
  json: { pack: (a) => JSON.stringify(a), unpack: (d) => JSON.parse(d.toString()) },
  msgpack: { pack: (a) => encoder.encode(a), unpack: (d) => decoder.decode(plain(d)) },
}

export const socketPath = (encoding, extra = '') => `/socket/websocket?vsn=2.0.0${encoding === 'msgpack' ? '&encoding=msgpack' : ''}${extra}`
export const wsUrl = (server, path) => server.url.replace(/^http/, 'ws') + path

// ---- a bare WebSocket

// A refused upgrade rejects with {status, headers, text}.
export class Wire {
  static open(server, { cookie, encoding = 'json', headers = {}, protocols = [], query = '', deflate = false, path } = {}) {
    const wire = new Wire()
    wire.encoding = encoding
    wire.codec = codecs[encoding]
    Object.assign(wire, { messages: [], log: [], counter: 0, joinRefs: new Map(), end: null })
    const ws = new WebSocket(wsUrl(server, path ?? socketPath(encoding, query)), protocols, {
      headers: { ...(cookie ? { cookie } : {}), ...headers },
      perMessageDeflate: deflate,
      ...trust(server),
      maxPayload: 64 << 20,
    })
    wire.ws = ws
    open.add(() => ws.terminate())
    wire.closed = new Promise((resolve) =>
      ws.on('close', (code, reason) => {
        wire.end = { code, reason: reason.toString() }
        resolve(wire.end)
      }),
    )
    ws.on('message', (data, isBinary) => wire.#take(data, isBinary))
    return new Promise((resolve, reject) => {
      ws.on('open', () => resolve(wire))
      ws.on('error', reject)
      ws.on('unexpected-response', (req, res) => {
        const parts = []
        res.on('data', (d) => parts.push(d))
        res.on('end', () => reject(Object.assign(new Error(`upgrade refused: ${res.statusCode}`), {
          status: res.statusCode, headers: res.headers, text: Buffer.concat(parts).toString(),
        })))
      })
    })
  }

  #take(data, isBinary) {
    assert.equal(isBinary, this.encoding === 'msgpack', 'the server sent a frame of the wrong type')
    const m = this.codec.unpack(data)
    this.messages.push(m)
    this.log.push(m)
  }

  raw(data, options) {
    this.ws.send(data, options)
  }

  send(envelope) {
    this.ws.send(this.codec.pack(envelope))
  }

  // The first message not yet taken that fits; waits for it.
  async next(what, fits, ms = PATIENCE) {
    let found
    await until(
      () => `${what}; connection ${this.end ? `closed ${this.end.code}` : 'open'}; not taken: ${JSON.stringify(this.messages).slice(0, 2000)}`,
      () => {
        const i = this.messages.findIndex(fits)
        if (i >= 0) [found] = this.messages.splice(i, 1)
        else assert.ok(!this.end, `closed ${JSON.stringify(this.end)} while waiting for ${what}`)
        return i >= 0
      },
      ms,
      2,
    )
    return found
  }

  event(topic, event, fits = () => true, ms) {
    return this.next(`${event} on ${topic}`, (m) => m[2] === topic && m[3] === event && fits(m[4]), ms)
  }

  ref() {
    return String(++this.counter)
  }

  // Sends and waits for the reply of that ref: the payload {status, response}; the envelope in `.envelope`.
  async call(topic, event, payload, { joinRef = this.joinRefs.get(topic) ?? null, ref = this.ref() } = {}) {
    this.send([joinRef, ref, topic, event, payload])
    return this.reply(topic, ref, event)
  }

  async reply(topic, ref, what = 'push') {
    const m = await this.next(`the reply to ${what} ${ref} on ${topic}`, (x) => x[1] === ref && x[2] === topic && x[3] === 'phx_reply')
    return Object.defineProperty(m[4], 'envelope', { value: m, enumerable: false })
  }

  async join(topic, params = {}) {
    const ref = this.ref()
    const reply = await this.call(topic, 'phx_join', params, { joinRef: ref, ref })
    if (reply.status === 'ok') this.joinRefs.set(topic, ref)
    return reply
  }

  // Joins or fails; returns the response.
  async enter(topic, params) {
    const r = await this.join(topic, params)
    assert.equal(r.status, 'ok', `join of ${topic}: ${JSON.stringify(r)}`)
    return r.response
  }

  push(topic, event, payload) {
    return this.call(topic, event, payload)
  }

  // A push that must succeed; returns the response.
  async done(topic, event, payload) {
    const r = await this.push(topic, event, payload)
    assert.equal(r.status, 'ok', `${event} on ${topic}: ${JSON.stringify(r)}`)
    return r.response
  }

  // A push that must be refused with this reason; returns the response.
  async refused(topic, event, payload, reason) {
    const r = await this.push(topic, event, payload)
    assert.equal(r.status, 'error', `${event} on ${topic} should be refused: ${JSON.stringify(r)}`)
    assert.equal(r.response.reason, reason, `${event} on ${topic}: ${JSON.stringify(r)}`)
    return r.response
  }

  // Everything the server put on the wire before now has been read when this returns: its replies are in order.
  async settle() {
    const r = await this.call('phoenix', 'heartbeat', {}, { joinRef: null })
    assert.equal(r.status, 'ok')
  }

  seen(topic, event) {
    return this.log.filter((m) => m[2] === topic && m[3] === event)
  }

  closeCode(ms = PATIENCE) {
    return within(this.closed, ms, 'the connection to be closed').then((e) => e.code)
  }

  async close() {
    if (!this.end) this.ws.close(1000)
    await within(this.closed, 3000, 'close').catch(() => this.ws.terminate())
  }

  cut() {
    this.ws.terminate()
  }
}

// ---- the stock client

// phoenix.js knows no headers: a transport that adds the cookie is what a browser does by itself.
export function stockSocket(server, { cookie, encoding = 'json', headers = {}, wire = {}, ...options } = {}) {
  class Transport extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols ?? [], { headers: { ...(cookie ? { cookie } : {}), ...headers }, perMessageDeflate: false, ...trust(server), ...wire })
      this.on('error', () => {})
      socket.wires.push(this)
    }
  }
  const packing =
    encoding === 'msgpack'
      ? {
          encode: (m, done) => done(codecs.msgpack.pack([m.join_ref, m.ref, m.topic, m.event, m.payload])),
          decode: (raw, done) => {
            const [join_ref, ref, topic, event, payload] = codecs.msgpack.unpack(raw)
            done({ join_ref, ref, topic, event, payload })
          },
        }
      : {}
  const socket = new Socket(wsUrl(server, '/socket'), {
    transport: Transport,
    params: encoding === 'msgpack' ? { encoding } : {},
    reconnectAfterMs: () => 50,
    rejoinAfterMs: () => 50,
    heartbeatIntervalMs: 30000,
    ...packing,
    ...options,
  })
  socket.wires = []
  open.add(() => (socket.disconnect(), socket.wires.forEach((w) => w.terminate())))
  // What a lost network looks like: no close frame.
  socket.cut = () => socket.wires.at(-1)?.terminate()
  return socket
}

export function joined(channel, ms = PATIENCE) {
  return new Promise((resolve, reject) => {
    channel
      .join(ms)
      .receive('ok', resolve)
      .receive('error', (r) => reject(new Error(`join refused: ${JSON.stringify(r)}`)))
      .receive('timeout', () => reject(new Error('join timed out')))
  })
}

export function pushed(channel, event, payload, ms = PATIENCE) {
  return new Promise((resolve, reject) => {
    channel
      .push(event, payload, ms)
      .receive('ok', resolve)
      .receive('error', (r) => reject(Object.assign(new Error(`${event}: ${JSON.stringify(r)}`), { response: r })))
      .receive('timeout', () => reject(new Error(`${event} timed out`)))
  })
}
