// The handshake, the frames and the connection itself: who may open a socket, in which encoding, and what ends it.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people, signIn, socketPath, Wire, Api } from './lib/client.mjs'
import { connectRaw, frame } from './lib/rawws.mjs'
import { makeGroup, member, say } from './lib/school.mjs'
import { until } from './lib/util.mjs'

let server, who
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2'])
})
after(() => server?.stop())

const refusal = (options) => Wire.open(server, options).then(
  async (w) => (await w.close(), assert.fail('the handshake was accepted')),
  (e) => (e.status ? e : Promise.reject(e)),
)

for (const [name, cookie] of [['no cookie', undefined], ['an unknown cookie', 'stacgate.sid=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'], ['a broken cookie', 'stacgate.sid=;;=']])
  test(`${name}: 401 before the upgrade`, async () => {
    const r = await refusal({ cookie })
    assert.equal(r.status, 401)
    assert.match(r.headers['content-type'], /application\/problem\+json/)
  })

test('an expired session opens no socket', async () => {
  const late = await signIn(server, 'apprenant6@moliere.test')
  await server.sql(`update sessions set expire = now() at time zone 'utc' - interval '1 s' where sess ->> 'userId' = ${lit(late.user.id)};`)
  // The look-up of a living session may be remembered for a moment, never longer.
  await until('401 for the expired session', async () => {
    try {
      await (await Wire.open(server, { cookie: late.cookie })).close()
      return false
    } catch (e) {
      return e.status === 401
    }
  })
})

test('a bearer token or socket token nobody issued: 401', async () => {
  const token = Buffer.from('not-a-token').toString('base64').replace(/=+$/, '')
  assert.equal((await refusal({ protocols: ['phoenix', `base64url.bearer.phx.${token}`] })).status, 401)
  assert.equal((await refusal({ query: '&token=nope' })).status, 401)
})

test('what a client says about who it is counts for nothing', async () => {
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie, query: `&userId=${who.apprenant2.user.id}&userRole=admin` })
  assert.equal((await wire.join(`user:${who.apprenant2.user.id}`)).status, 'error')
  assert.equal((await wire.join(`user:${who.apprenant1.user.id}`)).status, 'ok')
  await wire.close()
})

const own = () => server.url
const foreign = {
  'another site': () => 'http://evil.example',
  null: () => 'null',
  'a look-alike host': () => `${server.url}.evil.example`,
  'another port': () => `http://127.0.0.1:${server.port + 1}`,
  'another scheme': () => `https://127.0.0.1:${server.port}`,
  'another name of this machine': () => `http://localhost:${server.port}`,
}
for (const [name, origin] of Object.entries(foreign))
  test(`Origin: ${name}: 403`, async () => {
    assert.equal((await refusal({ cookie: who.apprenant1.cookie, headers: { origin: origin() } })).status, 403)
  })

test("Origin: none and the server's own are accepted", async () => {
  await (await Wire.open(server, { cookie: who.apprenant1.cookie })).close()
  await (await Wire.open(server, { cookie: who.apprenant1.cookie, headers: { origin: own() } })).close()
})

test('a plain GET of the socket path is 426, another method 405', async () => {
  const api = new Api(server)
  const r = await api.get(socketPath('json'))
  assert.equal(r.status, 426)
  assert.match(r.headers.upgrade ?? '', /websocket/i)
  const post = await api.post(socketPath('json'), {})
  assert.equal(post.status, 405)
  assert.match(post.headers.allow, /GET/)
  api.close()
})

for (const encoding of ['json', 'msgpack'])
  test(`heartbeat in ${encoding}`, async () => {
    const wire = await Wire.open(server, { cookie: who.apprenant1.cookie, encoding })
    const r = await wire.call('phoenix', 'heartbeat', {}, { joinRef: null, ref: '77' })
    assert.deepEqual(r.envelope, [null, '77', 'phoenix', 'phx_reply', { status: 'ok', response: {} }])
    await wire.close()
  })

const closings = [
  ['a binary frame on a JSON connection', 'json', () => [Buffer.from([1, 2, 3]), { binary: true }], 1003],
  ['a text frame on a msgpack connection', 'msgpack', () => ['[null,"1","phoenix","heartbeat",{}]', { binary: false }], 1003],
  ['text that is not JSON', 'json', () => ['[null,"1","phoenix",', {}], 1007],
  ['JSON with something after it', 'json', () => ['[null,"1","phoenix","heartbeat",{}] x', {}], 1007],
  ['bytes that are not UTF-8', 'json', () => [Buffer.from('5b22c3285d', 'hex'), { binary: false }], 1007],
  ['bytes that are not msgpack', 'msgpack', () => [Buffer.from([0xc1]), { binary: true }], 1007],
  ['msgpack that ends early', 'msgpack', () => [Buffer.from([0x95, 0xc0, 0xa1]), { binary: true }], 1007],
  ['a frame above 256 KiB', 'json', () => [' '.repeat(262145), {}], 1009],
]
for (const [name, encoding, data, code] of closings)
  test(`${name}: ${code}`, async () => {
    const wire = await Wire.open(server, { cookie: who.apprenant1.cookie, encoding })
    const neighbour = await Wire.open(server, { cookie: who.apprenant2.cookie, encoding })
    wire.raw(...data())
    assert.equal(await wire.closeCode(), code)
    await neighbour.settle()
    await neighbour.close()
  })

test('a message of exactly 256 KiB is taken, in one frame and in fragments', async () => {
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie })
  for (const ref of ['a', 'b']) {
    const whole = `[null,"${ref}","phoenix","heartbeat",{}]`.padEnd(262144, ' ')
    if (ref === 'a') wire.raw(whole)
    else for (let i = 0; i < 8; i++) wire.raw(whole.slice(i * 32768, (i + 1) * 32768), { fin: i === 7, binary: false })
    assert.equal((await wire.reply('phoenix', ref)).status, 'ok')
  }
  await wire.close()
})

test('fragments that together exceed 256 KiB: 1009', async () => {
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie })
  for (let i = 0; i < 10 && !wire.end; i++) wire.raw(' '.repeat(32768), { fin: false, binary: false })
  assert.equal(await wire.closeCode(), 1009)
})

test('permessage-deflate without context takeover, where the client offers it', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const packed = await member(server, who.apprenant1, topic, { deflate: { threshold: 0 } })
  const plain = await member(server, who.apprenant2, topic)
  assert.match(packed.ws.extensions, /permessage-deflate/) // `ws` says the name; that no context is kept shows in each message standing alone
  assert.equal(plain.ws.extensions, '')
  const content = 'Les mêmes mots, encore et encore. '.repeat(100)
  await say(packed, topic, content)
  for (const w of [packed, plain]) assert.equal((await w.event(topic, 'message'))[4].content, content)
  await Promise.all([packed.close(), plain.close()])
})

test('a ping is answered with the same bytes', async () => {
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie })
  const pong = new Promise((resolve) => wire.ws.on('pong', (d) => resolve(d.toString())))
  wire.ws.ping('toujours là ?')
  assert.equal(await pong, 'toujours là ?')
  await wire.close()
})

test('a close frame is answered with its code', async () => {
  const wire = await Wire.open(server, { cookie: who.apprenant1.cookie })
  wire.ws.close(1000, 'bye')
  assert.equal(await wire.closeCode(), 1000)
})

test('more than 20 sockets of one user: the longest silent one is closed', async () => {
  const cookie = (await signIn(server, 'apprenant5@moliere.test')).cookie
  const wires = []
  for (let i = 0; i < 20; i++) wires.push(await Wire.open(server, { cookie }))
  // All but number 7 speak again.
  for (const [i, w] of wires.entries()) if (i !== 7) await w.settle()
  const one = await Wire.open(server, { cookie })
  await until('the longest silent connection to be closed', () => wires[7].end)
  for (const w of [...wires, one]) if (w !== wires[7]) await w.settle()
  await Promise.all([...wires, one].map((w) => w.close()))
})

test('other servers\' settings: an allowed origin; pings after silence; a dead peer is dropped', async () => {
  const other = await startServer({ args: ['--allowed-origins', 'https://lms.example', '--ping-after', '300ms', '--dead-after', '1500ms'] })
  try {
    const api = await signIn(other, 'apprenant1@moliere.test')
    await (await Wire.open(other, { cookie: api.cookie, headers: { origin: 'https://lms.example' } })).close()
    await assert.rejects(Wire.open(other, { cookie: api.cookie, headers: { origin: 'https://lms.example.evil.test' } }), { status: 403 })

    // `ws` answers pings by itself and so lives; a bare socket that answers nothing is dropped.
    const polite = await Wire.open(other, { cookie: api.cookie })
    let pings = 0
    polite.ws.on('ping', () => pings++)
    const dead = await connectRaw(other, { cookie: api.cookie })
    await until('the silent peer to be dropped', () => dead.ended)
    assert.ok(dead.frames().some((f) => f.opcode === 9), 'it was never pinged')
    await until('pings', () => pings > 0)
    await polite.settle()
    await polite.close()
    api.close()
  } finally {
    await other.stop()
  }
})

test('an unmasked frame from a client: the connection ends with 1002', async () => {
  const raw = await connectRaw(server, { cookie: who.apprenant1.cookie })
  raw.socket.write(frame(1, '[null,"1","phoenix","heartbeat",{}]', { mask: false }))
  await until('the end of the connection', () => raw.ended)
  assert.equal(raw.closeCode(), 1002)
})
