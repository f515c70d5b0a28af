// Long polling, for schools whose proxy lets no WebSocket through: the stock phoenix client over its LongPoll transport, and bare polls.
// Whoever polls is a member like any other; what an answer held that did not arrive is in the next one; who does not come back is cut.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { LongPoll, Presence, Socket } from 'phoenix'
import { startServer } from './lib/server.mjs'
import { Api, Wire, codecs, joined, people, pushed, signIn } from './lib/client.mjs'
import { makeGroup, member, opId, say, text } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

const ORIGIN = 'http://school.example'
const WAIT = 1500
let server, who
before(async () => {
  server = await startServer({
    env: {
      STACGATE_LOOPS: '2', STACGATE_LONGPOLL_WAIT: `${WAIT}ms`, STACGATE_LONGPOLL_PATIENCE: '3s', STACGATE_GRACE: '500ms',
      STACGATE_ALLOWED_ORIGINS: ORIGIN, STACGATE_PUSH_RATE: '100000', STACGATE_QUEUE_HARD: '2m',
    },
  })
  who = await people(server, 'moliere', ['formateur', 'apprenant1', 'apprenant2', 'apprenant3'])
})
after(async () => {
  sockets.forEach((s) => s.disconnect())
  await server?.stop()
})

// ---- the clients

// The stock transport calls fetch and knows no cookies: a browser would add this person's. `as` in the address says whose.
const sockets = []
const cookies = new Map()
const lines = new Map() // what to do with somebody's requests: refuse them, as a network that is down
const fetched = globalThis.fetch
globalThis.fetch = (address, options) => {
  const as = new URL(address).searchParams.get('as')
  if (lines.get(as)) return Promise.reject(new TypeError('the network is down'))
  return fetched(address, { ...options, headers: { ...options.headers, ...(cookies.has(as) ? { cookie: cookies.get(as) } : {}) } })
}

let names = 0
function stock(person, options = {}) {
  const as = `p${++names}`
  cookies.set(as, person.cookie)
  const socket = new Socket(`${server.url.replace(/^http/, 'ws')}/socket`, {
    transport: LongPoll, params: { as }, reconnectAfterMs: () => 50, rejoinAfterMs: () => 50, ...options,
  })
  socket.down = (on) => (on ? lines.set(as, true) : lines.delete(as))
  socket.connect()
  sockets.push(socket)
  return socket
}

// A member by the stock client that notes each message, where it stands and how it came in.
async function follower(person, topic, options) {
  const socket = stock(person, options)
  const f = { socket, seen: [], joins: [], since: 0 }
  f.channel = socket.channel(topic, () => (f.epoch ? { epoch: f.epoch, since: f.since } : {}))
  f.presence = new Presence(f.channel)
  f.channel.on('message', (m) => {
    f.seen.push(m.content)
    f.since = m.seq
  })
  f.channel.join().receive('ok', (reply) => {
    if (!reply.recovered) f.since = reply.seq
    f.epoch = reply.epoch
    f.joins.push(reply.recovered)
  })
  await until('the join', () => f.joins.length === 1)
  return f
}

// Bare polls, as another client would send them.
class Poller {
  constructor(person, { query = '', headers = {} } = {}) {
    this.api = new Api(server, { headers: { ...(person ? { cookie: person.cookie } : {}), ...headers } })
    Object.assign(this, { query, token: null, messages: [], counter: 0, joinRef: null, encoding: 'json' })
  }

  url(token = this.token) {
    return `/socket/longpoll?vsn=2.0.0${this.query}${token ? `&token=${token}` : '&'}`
  }

  async get(options) {
    const r = await this.api.request('GET', this.url(), options)
    if (r.json?.token) this.token = r.json.token
    for (const m of r.json?.messages ?? []) this.messages.push(codecs[this.encoding].unpack(this.encoding === 'json' ? m : Buffer.from(m, 'base64')))
    return r
  }

  async open() {
    const r = await this.get()
    assert.deepEqual([r.status, r.json.status, r.json.messages], [200, 410, []])
    assert.match(r.json.token, /^lp\.[\w-]{64}$/)
    assert.equal(r.headers['cache-control'], 'no-store')
    return this
  }

  post(body, { type = 'application/x-ndjson', token = this.token, ...options } = {}) {
    return this.api.request('POST', this.url(token), { body, headers: { 'content-type': type, ...options.headers } })
  }

  line(envelope) {
    const bytes = codecs[this.encoding].pack(envelope)
    return this.encoding === 'json' ? bytes : Buffer.from(bytes).toString('base64')
  }

  async send(...envelopes) {
    const r = await this.post(envelopes.map((e) => this.line(e)).join('\n'))
    assert.deepEqual([r.status, r.json], [200, { status: 200 }])
  }

  // Polls until a message fits.
  async next(what, fits) {
    for (const end = Date.now() + 15000; ; ) {
      const i = this.messages.findIndex(fits)
      if (i >= 0) return this.messages.splice(i, 1)[0]
      assert.ok(Date.now() < end, `waited for ${what}; not taken: ${JSON.stringify(this.messages).slice(0, 500)}`)
      const r = await this.get()
      assert.ok([200, 204].includes(r.json.status), `${what}: ${r.status} ${r.text}`)
    }
  }

  async call(topic, event, payload = {}) {
    const ref = String(++this.counter)
    if (event === 'phx_join') this.joinRef = ref
    await this.send([this.joinRef, ref, topic, event, payload])
    return (await this.next(`the reply to ${event}`, (m) => m[1] === ref && m[3] === 'phx_reply'))[4]
  }

  close() {
    this.api.close()
  }
}

const longpolls = async () => {
  const text = await (await fetched(`${server.url}/metrics`)).text()
  return [...text.matchAll(/^stacgate_connections\{[^}]*transport="longpoll"[^}]*\} (\d+)/gm)].reduce((n, m) => n + Number(m[1]), 0)
}

// ---- the stock client

test('two people talk, one by WebSocket and one by long polling: pushes, replies, presence, what matters only now, leaving', async () => {
  const { topic } = await makeGroup(who.formateur, [who.apprenant1])
  const polling = await follower(who.apprenant1, topic)
  const wire = await member(server, who.formateur, topic)
  await until('both in the poller’s presence', () => polling.presence.list().length === 2)
  await wire.next('the poller in presence', (m) => /^presence_/.test(m[3]) && JSON.stringify(m[4]).includes(who.apprenant1.user.id))

  const reply = await pushed(polling.channel, 'message:new', text('bonjour « à » tous \n\u2028 "oui"'))
  const heard = (await wire.event(topic, 'message'))[4]
  assert.deepEqual([heard.content, heard.seq, heard.by], ['bonjour « à » tous \n\u2028 "oui"', reply.seq, who.apprenant1.user.id])
  await say(wire, topic, 'et à toi')
  await until('the answer', () => polling.seen.includes('et à toi'))
  await assert.rejects(pushed(polling.channel, 'message:edit', { messageId: 'nope', content: 'x' }), (e) => e.response.reason !== undefined)

  polling.channel.push('typing', { isTyping: true })
  await wire.event(topic, 'ephemeral', (p) => p.typing?.[who.apprenant1.user.id]?.isTyping === true)
  assert.ok(polling.socket.ping(() => (polling.pinged = true)))
  await until('the heartbeat’s answer', () => polling.pinged)

  polling.channel.leave()
  await wire.next('the leave', (m) => m[3] === 'presence_diff' && m[4].leaves?.[who.apprenant1.user.id])
  polling.socket.disconnect()
  await wire.close()
})

test('a thousand messages arrive whole and in order, and a thousand pushes in one go are each answered', async () => {
  const { topic } = await makeGroup(who.formateur, [who.apprenant1])
  const polling = await follower(who.apprenant1, topic)
  const wire = await member(server, who.formateur, topic)
  const wanted = Array.from({ length: 1000 }, (_, i) => `aller ${i}`)
  for (let i = 0; i < 1000; i += 25) await Promise.all(wanted.slice(i, i + 25).map((t) => say(wire, topic, t)))
  await until(() => `all of them: ${polling.seen.length}`, () => polling.seen.length === 1000)
  assert.deepEqual(polling.seen, wanted)
  assert.deepEqual(polling.joins, [false], 'it was never cut')

  // Answers and messages of a thousand pushes, 0.6 MB, are less than may wait for its next poll.
  const back = Array.from({ length: 1000 }, (_, i) => `retour ${i}`)
  const replies = await Promise.all(back.map((t) => pushed(polling.channel, 'message:new', text(t), 30000)))
  assert.deepEqual(replies.map((r) => r.seq), replies.map((_, i) => replies[0].seq + i))
  await until('all of them at the other end', () => wire.seen(topic, 'message').length === 2000)
  assert.deepEqual(wire.seen(topic, 'message').slice(1000).map((m) => m[4].content), back)
  assert.deepEqual(polling.joins, [false], 'nor then')
  polling.socket.disconnect()
  await wire.close()
})

test('a network that is away, and a restart of the server: nothing is lost and nothing comes twice', async () => {
  const { topic } = await makeGroup(who.formateur, [who.apprenant1])
  const polling = await follower(who.apprenant1, topic)
  const sent = []
  const speak = async (wire, ...all) => {
    for (const t of all) sent.push((await say(wire, topic, t), t))
  }
  let wire = await member(server, who.formateur, topic)
  await speak(wire, 'un', 'deux')
  await until('the first two', () => polling.seen.length === 2)
  polling.socket.down(true)
  polling.socket.conn.closeAndRetry('cut', 1006, 'cut', false) // the poll under way ends with the network
  await speak(wire, 'trois', 'quatre', 'cinq')
  polling.socket.down(false)
  await until('what was said meanwhile', () => polling.seen.length === 5)
  assert.deepEqual(polling.joins, [false, true])
  await speak(wire, 'six')
  await wire.close()
  await server.restart()
  wire = await member(server, who.formateur, topic)
  await speak(wire, 'sept')
  await until('the first after the restart', () => polling.seen.includes('sept'))
  assert.deepEqual(polling.seen, sent)
  assert.deepEqual(polling.joins, [false, true, true])
  polling.socket.disconnect()
  await wire.close()
})

test('the stock client falls back by itself where WebSockets fail', async () => {
  const { topic } = await makeGroup(who.formateur, [who.apprenant1])
  class Blocked {
    constructor() {
      this.readyState = 0
      setTimeout(() => this.onerror?.(new Error('blocked')), 5)
    }
    close() {
      this.readyState = 3
    }
  }
  const polling = await follower(who.apprenant1, topic, { transport: Blocked, longPollFallbackMs: 2000 })
  assert.equal(polling.socket.transport, LongPoll)
  await pushed(polling.channel, 'message:new', text('par le repli'))
  await until('its own message', () => polling.seen.length === 1)
  polling.socket.disconnect()
})

test('an API token by authToken, which pushes do not carry', async () => {
  const { topic } = await makeGroup(who.apprenant2)
  const t = (await who.apprenant2.post('/api/auth/tokens', { name: 'interrogation', scopes: ['read', 'realtime'] })).json
  const socket = stock({ cookie: '' }, { authToken: t.token })
  await joined(socket.channel(topic))
  socket.disconnect()
  const poller = new Poller(null, { headers: { 'x-phoenix-authtoken': t.token } })
  await poller.open()
  poller.api.headers = {}
  const r = await poller.get()
  assert.deepEqual([r.status, r.json.status], [403, 403], 'a poll without it')
  poller.close()
})

// ---- the token

test('a token is its sign-in’s alone, and a forged or unknown one is 410', async () => {
  const mine = await new Poller(who.apprenant1).open()
  for (const person of [who.apprenant2, null]) {
    const thief = new Poller(person)
    thief.token = mine.token
    const r = await thief.get()
    assert.deepEqual([r.status, r.json.status, r.json.messages], [403, 403, []])
    assert.equal(r.json.problem.status, 403)
    assert.equal((await thief.post(thief.line([null, '1', 'phoenix', 'heartbeat', {}]), { token: mine.token })).status, 403)
    thief.close()
  }
  assert.equal((await mine.call('phoenix', 'heartbeat')).status, 'ok', 'it lives on')
  const flipped = mine.token.slice(0, -1) + (mine.token.endsWith('A') ? 'B' : 'A')
  for (const token of [flipped, `lp.${'A'.repeat(64)}`, 'lp.short', `lp.${'_'.repeat(64)}`, `lp.${'%20'.repeat(64)}`]) {
    const other = new Poller(who.apprenant1)
    other.token = token
    const r = await other.get()
    assert.deepEqual([r.status, r.json], [200, { status: 410, token: null, messages: [] }], token)
    const push = await other.post('[]', { token })
    assert.deepEqual([push.status, push.json.status], [200, 410])
    other.close()
  }
  assert.notEqual((await new Poller(who.apprenant1).open()).token, mine.token)
  mine.close()
})

test('no two answers hold the same text for one token, and each is good', async () => {
  const poller = await new Poller(who.apprenant1).open()
  const seen = new Set([poller.token])
  for (let i = 0; i < 3; i++) {
    await poller.call('phoenix', 'heartbeat')
    seen.add(poller.token)
  }
  assert.equal(seen.size, 4)
  poller.close()
})

test('an answer that did not arrive is given again; older ones are gone', async () => {
  const poller = await new Poller(who.apprenant1).open()
  const first = poller.token
  await poller.send([null, '1', 'phoenix', 'heartbeat', {}])
  const answer = (await poller.get()).text
  poller.token = first // as a proxy that asks again, because the answer was cut
  assert.equal((await poller.get()).text, answer)
  await poller.call('phoenix', 'heartbeat')
  await poller.call('phoenix', 'heartbeat')
  poller.token = first
  assert.equal((await poller.get()).json.status, 410)
  poller.close()
})

test('of two polls at once the older is answered 204; one that finds nothing is, after its time', async () => {
  const poller = await new Poller(who.apprenant1).open()
  const older = poller.get()
  await sleep(100)
  const newer = poller.get()
  assert.equal((await older).json.status, 204)
  await poller.send([null, '7', 'phoenix', 'heartbeat', {}])
  assert.equal((await newer).json.status, 200)
  const began = Date.now()
  const r = await poller.get()
  assert.deepEqual([r.json.status, r.json.messages], [204, []])
  assert.ok(Date.now() - began >= WAIT - 300, 'it waited')
  assert.equal((await poller.call('phoenix', 'heartbeat')).status, 'ok')
  poller.close()
})

test('one connection a request, so that they land on any loop', async () => {
  const { topic } = await makeGroup(who.apprenant1)
  const poller = new Poller(who.apprenant1)
  poller.api.agent.destroy()
  poller.api.agent = new poller.api.web.Agent({ keepAlive: false })
  await poller.open()
  assert.equal((await poller.call(topic, 'phx_join')).status, 'ok')
  for (let i = 0; i < 20; i++) assert.equal((await poller.call(topic, 'message:new', text(`${i}`))).status, 'ok')
  poller.close()
})

test('a socket token opens one, and polls need nothing more', async () => {
  const made = await who.apprenant1.post('/api/auth/socket-token', {})
  const poller = new Poller(null, { query: `&token=${made.json.token}` })
  await poller.open()
  assert.equal((await poller.call(`user:${who.apprenant1.user.id}`, 'phx_join')).status, 'ok')
  const again = await new Poller(null, { query: `&token=${made.json.token}` }).get()
  assert.deepEqual([again.status, again.json.status], [401, 403])
  poller.close()
})

// ---- who may open one

test('who is not signed in, or says the wrong things, is refused in words that the transport knows', async () => {
  const cases = [
    [new Poller(null), 401, 403],
    [new Poller({ cookie: 'stacgate.sid=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }), 401, 403],
    [new Poller(null, { query: '&token=nope' }), 401, 403],
    [new Poller(who.apprenant1, { query: '&encoding=xml' }), 400, 403],
  ]
  for (const [poller, status, told] of cases) {
    const r = await poller.get()
    assert.deepEqual([r.status, r.json.status, r.json.token, r.json.messages, r.json.problem.status], [status, told, null, [], status])
    assert.equal(r.headers['cache-control'], 'no-store')
    poller.close()
  }
  const api = new Api(server, { headers: { cookie: who.apprenant1.cookie } })
  assert.equal((await api.get('/socket/longpoll')).status, 400, 'without vsn')
  assert.equal((await api.request('HEAD', '/socket/longpoll?vsn=2.0.0')).status, 405)
  const put = await api.request('PUT', '/socket/longpoll?vsn=2.0.0', { json: {} })
  assert.deepEqual([put.status, put.headers.allow], [405, 'GET, HEAD, POST, OPTIONS'])
  api.close()
})

test('pages of other sites neither open one nor push; those of the list may, with CORS', async () => {
  const foreign = [
    { origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { referer: 'http://evil.example/page' },
    { 'sec-fetch-site': 'cross-site', referer: `${server.url}/` }, { referer: `${server.url}.evil.example/` },
  ]
  const mine = await new Poller(who.apprenant1).open()
  for (const headers of foreign) {
    const r = await new Poller(who.apprenant1, { headers }).get()
    assert.deepEqual([r.status, r.json.status], [403, 403], JSON.stringify(headers))
    assert.equal(r.headers['access-control-allow-origin'], undefined)
    const push = await mine.post(mine.line([null, '1', 'phoenix', 'heartbeat', {}]), { headers })
    assert.equal(push.status, 403, JSON.stringify(headers))
  }
  for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: server.url }, { referer: `${server.url}/groups` }, { origin: ORIGIN, 'sec-fetch-site': 'cross-site' }]) {
    const poller = await new Poller(who.apprenant1, { headers }).open()
    assert.equal((await poller.call('phoenix', 'heartbeat')).status, 'ok')
    poller.close()
  }
  const asked = await mine.api.request('OPTIONS', '/socket/longpoll', { headers: { origin: ORIGIN, 'access-control-request-method': 'POST' } })
  assert.equal(asked.status, 204)
  assert.equal(asked.headers['access-control-allow-origin'], ORIGIN)
  assert.match(asked.headers['access-control-allow-headers'], /Content-Type.*X-Phoenix-AuthToken/)
  mine.close()
})

// A page of our own gets a token for its origin, and its GET says no Origin: the rest of what it says has to do.
test('a socket token made by a page of ours is good for that page’s polls', async () => {
  const made = await who.apprenant1.post('/api/auth/socket-token', {}, { headers: { origin: server.url } })
  assert.equal(made.status, 201, made.text)
  await (await new Poller(null, { query: `&token=${made.json.token}`, headers: { 'sec-fetch-site': 'same-origin' } }).open()).close()
})

// ---- what is said

test('bodies that cannot be: refused in clear, and where a WebSocket would be closed the session is', async () => {
  const beat = '[null,"1","phoenix","heartbeat",{}]'
  const poller = await new Poller(who.apprenant1).open()
  assert.equal((await poller.post('')).status, 400)
  assert.equal((await poller.post(beat, { type: 'text/plain' })).status, 415)
  assert.equal((await poller.post(beat, { token: null })).status, 400)
  assert.equal((await poller.post(' '.repeat((1 << 20) + 1))).status, 413)
  assert.equal((await poller.post(`${beat}\r\n\n${beat}\n`)).status, 200, 'empty lines are none')
  assert.equal((await poller.post(beat, { type: 'application/json; charset=utf-8' })).status, 200)
  await until('three answers', async () => (await poller.get(), poller.messages.length === 3))
  poller.close()
  for (const [body, status] of [['[null,"1","phoenix",', 400], ['{}', 400], [Buffer.from('5b22c3285d', 'hex'), 400], [' '.repeat(262145), 413]]) {
    const bad = await new Poller(who.apprenant1).open()
    const r = await bad.post(body)
    assert.equal(r.status, status)
    assert.match(r.headers['content-type'], /problem\+json/)
    assert.equal((await bad.get()).json.status, 410, 'the session is over')
    bad.close()
  }
})

test('msgpack travels as base64, both ways', async () => {
  const { topic } = await makeGroup(who.apprenant1)
  const poller = new Poller(who.apprenant1, { query: '&encoding=msgpack' })
  poller.encoding = 'msgpack'
  await poller.open()
  assert.equal((await poller.call(topic, 'phx_join')).status, 'ok')
  assert.equal((await poller.call(topic, 'message:new', text('binaire'))).status, 'ok')
  assert.equal((await poller.next('its own message', (m) => m[3] === 'message'))[4].content, 'binaire')
  assert.equal((await poller.post('[null,"1","phoenix","heartbeat",{}]')).status, 400, 'text, to a session in msgpack')
  poller.close()
})

// ---- ends

test('signing out ends it: the session is told, then gone, then refused', async () => {
  const person = await signIn(server, 'apprenant4@moliere.test')
  const poller = await new Poller(person).open()
  assert.equal((await poller.call(`user:${person.user.id}`, 'phx_join')).status, 'ok')
  const polled = poller.get()
  await person.post('/api/auth/logout', {})
  await polled
  await poller.next('the end', (m) => m[3] === 'session:revoked')
  assert.equal((await poller.get()).json.status, 410)
  poller.token = null
  const r = await poller.get()
  assert.deepEqual([r.status, r.json.status], [401, 403])
  poller.close()
})

test('who stops polling is cut: gone from presence after the grace, and from memory', async () => {
  const { topic } = await makeGroup(who.formateur, [who.apprenant1])
  const wire = await member(server, who.formateur, topic)
  const poller = await new Poller(who.apprenant1).open()
  await poller.call(topic, 'phx_join')
  await wire.next('the end', (m) => m[3] === 'presence_diff' && m[4].leaves?.[who.apprenant1.user.id])
  assert.equal((await poller.get()).json.status, 410)
  await until('nothing to be left', async () => (await longpolls()) === 0)
  poller.close()
  await wire.close()
})

test('a poll whose connection dies, and is not asked again, is the end of it', async () => {
  const poller = await new Poller(who.apprenant1).open()
  const asked = poller.get().catch(() => 'cut')
  await sleep(100)
  poller.api.agent.destroy()
  assert.equal(await asked, 'cut')
  await until('it to be gone', async () => (await longpolls()) === 0)
})

test('what waits for an absent poller is bounded: it is closed as too slow, and resumes whole', async () => {
  const { topic } = await makeGroup(who.formateur, [who.apprenant1])
  const wire = await member(server, who.formateur, topic)
  const poller = await new Poller(who.apprenant1).open()
  const place = (await poller.call(topic, 'phx_join')).response
  const content = 'x'.repeat(3500)
  const all = Array.from({ length: 700 }, (_, i) => `${i} ${content}`) // 2.5 MB of 2
  for (let i = 0; i < all.length; i += 25) await Promise.all(all.slice(i, i + 25).map((t) => say(wire, topic, t)))
  assert.equal((await poller.get()).json.status, 410, 'more than queue-hard waited')
  poller.token = null
  await poller.open()
  assert.equal((await poller.call(topic, 'phx_join', { epoch: place.epoch, since: place.seq })).response.recovered, true)
  for (const wanted of all) assert.equal((await poller.next(wanted.slice(0, 4), (m) => m[3] === 'message'))[4].content, wanted)
  poller.close()
  await wire.close()
})

test('ten times over a limit ends it, and maintenance keeps it out', async () => {
  const poller = await new Poller(who.apprenant1).open()
  const joins = Array.from({ length: 3000 }, (_, i) => poller.line([`${i}`, `${i}`, `group:${i}`, 'phx_join', {}]))
  assert.equal((await poller.post(joins.join('\n'))).status, 429)
  await until('the end, behind what was still to be said', async () => (await poller.get()).json.status === 410)
  assert.ok(poller.messages.some((m) => m[4].response?.reason === 'rate_limited'))
  poller.close()
  const root = await signIn(server, 'superadmin@stacgate.test')
  const kept = await new Poller(who.apprenant2).open()
  assert.equal((await root.request('PUT', '/api/system/maintenance', { json: { enabled: true } })).status, 200)
  await until('the open one to end', async () => (await kept.get()).json.status === 410)
  kept.token = null
  const r = await kept.get()
  assert.deepEqual([r.status, r.json.status, r.json.problem.type], [503, 500, '/problems/maintenance'])
  assert.ok(Number(r.headers['retry-after']) > 0)
  await root.request('PUT', '/api/system/maintenance', { json: { enabled: false } })
  await kept.open()
  kept.close()
})

test('its sockets count like any others of its person', async () => {
  const person = await signIn(server, 'apprenant5@moliere.test')
  const first = await new Poller(person).open()
  const rest = []
  for (let i = 0; i < 20; i++) rest.push(await Wire.open(server, { cookie: person.cookie }))
  await until('the silent one to be closed', async () => (await first.get()).json.status === 410)
  assert.ok(rest.every((w) => !w.end))
  first.close()
  await Promise.all(rest.map((w) => w.close()))
})

test('a stop answers the polls that wait, with what is left to say, and waits for nobody', async (t) => {
  const { topic } = await makeGroup(who.formateur, [who.apprenant1])
  const poller = await new Poller(who.apprenant1).open()
  await poller.call(topic, 'phx_join')
  const absent = await new Poller(who.apprenant2).open()
  await absent.send([null, '1', 'phoenix', 'heartbeat', {}])
  const waiting = poller.get()
  await sleep(100)
  const exit = server.stop()
  assert.ok([200, 410].includes((await waiting).json.status))
  const { code, ms } = await exit
  assert.equal(code, 0)
  t.diagnostic(`${ms} ms, with a poll that waits and an answer that nobody comes for`)
  absent.close()
  poller.close()
  await server.start()
})
