// What no client should send: malformed HTTP, smuggled requests, broken JSON and msgpack, broken frames. Each gets the specified answer
// (or the connection ends), an embedded second request is never answered, and a neighbour's connection goes on working.
import { after, afterEach, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Api, codecs, people, Wire } from './lib/client.mjs'
import { connectRaw, frame, RawSocket } from './lib/rawws.mjs'
import { makeGroup, member, say, text } from './lib/school.mjs'
import { alive } from './lib/server.mjs'
import { randomFrom, SEED, until, within } from './lib/util.mjs'

let server, who, group, neighbour, api, pid
before(async () => {
  server = await startServer({ env: { STACGATE_RATE_LIMITS: 'off' } })
  pid = server.pid
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2'])
  group = await makeGroup(who.apprenant1, [who.apprenant2])
  neighbour = await member(server, who.apprenant2, group.topic)
  api = new Api(server)
})
after(async () => {
  await neighbour?.close()
  await server?.stop()
})
afterEach(async () => {
  assert.ok(alive(pid), `the server ended:\n${server.log().slice(-3000)}`)
  await neighbour.settle()
  assert.equal((await api.get('/api/system/health')).status, 200)
})

// ---- HTTP

const host = () => `127.0.0.1:${server.port}`
// A request that must never be answered, as what a smuggler hides.
const hidden = 'GET /api/establishments HTTP/1.1\r\nHost: hidden\r\n\r\n'
const get = (more = '', { target = '/api/system/health', version = 'HTTP/1.1', method = 'GET', h = `Host: ${host()}\r\n` } = {}) => `${method} ${target} ${version}\r\n${h}${more}\r\n`
const post = (more, body) => `POST /api/auth/login HTTP/1.1\r\nHost: ${host()}\r\nContent-Type: application/json\r\n${more}\r\n${body}`

// Sends the bytes; returns the statuses answered until the connection ends, or until nothing more is owed.
async function statuses(bytes) {
  const raw = new RawSocket(server)
  raw.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  await within(raw.over, 15000, `the end of the connection; so far: ${raw.text.slice(0, 300)}`).catch((e) => {
    raw.destroy()
    throw e
  })
  return [...raw.text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((m) => Number(m[1]))
}

const refused = {
  'a bare LF ends a line': [() => `GET /api/system/health HTTP/1.1\nHost: ${host()}\n\n`, 400],
  'a bare CR in a head line': [() => get('X-A: b\rTransfer-Encoding: chunked\r\n') + hidden, 400],
  'a space before the colon': [() => get('X-A : b\r\n'), 400],
  'Content-Length with a space before the colon': [() => post('Content-Length : 5\r\n', hidden), 400],
  'a folded line': [() => get('X-A: b\r\n folded\r\n'), 400],
  'a folded Transfer-Encoding': [() => post('Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`), 400],
  'an empty field name': [() => get(': b\r\n'), 400],
  'a field line without a colon': [() => get('nonsense\r\n'), 400],
  'NUL in a value': [() => get('X-A: a\0b\r\n'), 400],
  'a control character in a value': [() => get('X-A: a\x01b\r\n'), 400],
  'a space in a field name': [() => get('X A: b\r\n'), 400],
  'no Host': [() => get('', { h: '' }), 400],
  'two Hosts': [() => get(`Host: other\r\n`), 400],
  'a Host with a path': [() => get('', { h: 'Host: a/b\r\n' }), 400],
  'a Host with a user': [() => get('', { h: 'Host: a@b\r\n' }), 400],
  'Content-Length and Transfer-Encoding': [() => post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`), 400],
  'Transfer-Encoding and Content-Length': [() => post('Transfer-Encoding: chunked\r\nContent-Length: 6\r\n', `0\r\n\r\n${hidden}`), 400],
  'two different Content-Lengths': [() => post('Content-Length: 5\r\nContent-Length: 6\r\n', `{"a":1}${hidden}`), 400],
  'two equal Content-Lengths': [() => post('Content-Length: 5\r\nContent-Length: 5\r\n', `{"a":1}${hidden}`), 400],
  'a list as Content-Length': [() => post('Content-Length: 5, 5\r\n', `{"a":1}${hidden}`), 400],
  'a signed Content-Length': [() => post('Content-Length: +5\r\n', `{"a":1}${hidden}`), 400],
  'a negative Content-Length': [() => post('Content-Length: -5\r\n', `{"a":1}${hidden}`), 400],
  'a hexadecimal Content-Length': [() => post('Content-Length: 0x5\r\n', `{"a":1}${hidden}`), 400],
  'a Content-Length beyond 64 bits': [() => post('Content-Length: 99999999999999999999999\r\n', hidden), [400, 413]],
  'a huge Content-Length': [() => post('Content-Length: 18446744073709551615\r\n', hidden), [400, 413]],
  'Transfer-Encoding: gzip, chunked': [() => post('Transfer-Encoding: gzip, chunked\r\n', `0\r\n\r\n${hidden}`), [400, 501]],
  'Transfer-Encoding: identity': [() => post('Transfer-Encoding: identity\r\n', hidden), [400, 501]],
  'Transfer-Encoding: xchunked': [() => post('Transfer-Encoding: xchunked\r\n', hidden), [400, 501]],
  'Transfer-Encoding twice': [() => post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`), [400, 501]],
  'Transfer-Encoding: chunked, identity': [() => post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${hidden}`), [400, 501]],
  'Transfer-Encoding with a vertical tab': [() => post('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${hidden}`), [400, 501]],
  'Transfer-Encoding on HTTP/1.0': [() => `POST /api/auth/login HTTP/1.0\r\nHost: ${host()}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`, [400, 501]],
  'a chunk size that is no number': [() => post('Transfer-Encoding: chunked\r\n', `xyz\r\n{}\r\n0\r\n\r\n${hidden}`), 400],
  'a chunk size beyond 64 bits': [() => post('Transfer-Encoding: chunked\r\n', `fffffffffffffffff\r\n${hidden}`), [400, 413]],
  'a negative chunk size': [() => post('Transfer-Encoding: chunked\r\n', `-1\r\n${hidden}`), 400],
  'a chunk longer than it says': [() => post('Transfer-Encoding: chunked\r\n', `2\r\n{}xx\r\n0\r\n\r\n${hidden}`), 400],
  'an endless chunk extension': [() => post('Transfer-Encoding: chunked\r\n', `2;${'x'.repeat(200000)}`), [400, 413, 431]],
  'endless trailers': [() => post('Transfer-Encoding: chunked\r\n', `2\r\n{}\r\n0\r\n${'X-T: y\r\n'.repeat(5000)}`), [400, 413, 431]],
  'HTTP/2.0': [() => get('', { version: 'HTTP/2.0' }), 505],
  'HTTP/1.2': [() => get('', { version: 'HTTP/1.2' }), 505],
  'HTTP/0.9': [() => 'GET /api/system/health\r\n\r\n', 400],
  'the preface of HTTP/2': [() => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 405, 501, 505]],
  RTSP: [() => get('', { version: 'RTSP/1.0' }), [400, 505]],
  CONNECT: [() => get('', { method: 'CONNECT', target: 'evil.example:443' }), [400, 405, 501]],
  'a method in lower case': [() => get('', { method: 'get' }), [400, 501]],
  'an unknown method': [() => get('', { method: 'BREW' }), [400, 501]],
  'target *': [() => get('', { target: '*' }), [400, 404]],
  'target *, and something': [() => get('', { method: 'OPTIONS', target: '*?x' }), 400],
  'a fragment in the target': [() => get('', { target: '/api/system/health#x' }), 400],
  'a target that is no path': [() => get('', { target: 'api/system/health' }), 400],
  'a tab in the request line': [() => `GET\t/api/system/health HTTP/1.1\r\nHost: ${host()}\r\n\r\n`, 400],
  'two spaces in the request line': [() => `GET  /api/system/health HTTP/1.1\r\nHost: ${host()}\r\n\r\n`, 400],
  '8-bit bytes in the target': [() => get('', { target: '/api/\xff' }), 400],
  'a broken percent-escape': [() => get('Connection: close\r\n', { target: '/api/%zz' }), [400, 404]],
  'an escaped NUL': [() => get('Connection: close\r\n', { target: '/api/study-groups/%00/messages' }), [400, 401, 404]],
  'an overlong UTF-8 escape': [() => get('Connection: close\r\n', { target: '/api/%c0%ae%c0%ae/x' }), [400, 404]],
  'a long target': [() => get('', { target: `/${'x'.repeat(100000)}` }), [400, 414, 431]],
  'a long header': [() => get(`X-A: ${'x'.repeat(200000)}\r\n`), [400, 431]],
  'a thousand headers': [() => get('X-A: b\r\n'.repeat(2000)), [400, 431]],
  'an unknown expectation': [() => post('Expect: 200-maybe\r\nContent-Length: 2\r\nConnection: close\r\n', '{}'), 417],
  'a TLS hello on the plain port': [() => Buffer.from('16030100c8010000c4030300000000000000000000000000000000000000000000000000000000000000', 'hex'), 400],
  'random bytes': [() => Buffer.concat([Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 89 + 13) & 255)), Buffer.from('\r\n\r\n')]), 400],
}

describe('HTTP', () => {
  for (const [name, [bytes, wanted]] of Object.entries(refused))
    test(`${name}: ${[wanted].flat().join(' or ')}, and nothing after it is answered`, async () => {
      const got = await statuses(bytes())
      assert.equal(got.length, 1, `answers: ${got}`)
      assert.ok([wanted].flat().includes(got[0]), `answered ${got}`)
    })

  test('the refusal is a problem document', async () => {
    const raw = new RawSocket(server)
    raw.socket.write(get('X-A : b\r\n'))
    await raw.over
    const [head, body] = raw.text.split('\r\n\r\n')
    assert.match(head, /application\/problem\+json/)
    assert.match(head, /connection: close/i)
    assert.equal(JSON.parse(Buffer.from(body, 'latin1')).status, 400)
  })

  // What no route has seen says what was wrong in the language of its head, as far as that came. The last line of each head is `more`.
  const socket = 'Upgrade: websocket\r\nConnection: Upgrade, close\r\n'
  const explained = {
    'a bad field': [(more) => get(`${more}X-A : b\r\n`), 400, "un nom d'en-tête contient un caractère interdit", 'a field name is not a token'],
    'no Host': [(more) => get(more, { h: '' }), 400, 'il faut exactement un Host valable', 'exactly one valid Host is needed'],
    'a bad escape': [(more) => get(`${more}Connection: close\r\n`, { target: '/api/%zz' }), 400, "la cible n'est pas de l'UTF-8 bien encodé, ou a trop de paramètres", 'the target is not well percent-encoded UTF-8, or has too many parameters'],
    'a bad chunk': [(more) => post(`${more}Transfer-Encoding: chunked\r\n`, 'xyz\r\n'), 400, "un morceau n'a pas de taille", 'a chunk has no size'],
    'a bad key': [(more) => get(`${more}${socket}Cookie: ${who.apprenant1.cookie}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n`, { target: '/socket/websocket?vsn=2.0.0' }), 400, 'Sec-WebSocket-Key doit être 16 octets en base64', 'Sec-WebSocket-Key must be 16 bytes in base64'],
    'an old version of the protocol': [(more) => get(`${more}${socket}`, { target: '/socket/websocket?vsn=1.0.0' }), 400, 'vsn doit être 2.0.0', 'vsn must be 2.0.0'],
    'nobody': [(more) => get(`${more}${socket}`, { target: '/socket/websocket?vsn=2.0.0' }), 401, "connectez-vous d'abord : la demande ne porte ni session ni jeton valable", 'sign in first: the handshake carries no valid session or token'],
    'no such path': [(more) => get(`${more}Connection: close\r\n`, { target: '/api/nothing' }), 404, "il n'y a rien à ce chemin", 'there is nothing at this path'],
    'another method': [(more) => get(`${more}Connection: close\r\n`, { target: '/api/auth/login', method: 'PUT' }), 405, "ce chemin n'accepte pas cette méthode", 'this path does not take this method'],
    CONNECT: [(more) => get(more, { target: 'evil.example:443', method: 'CONNECT' }), 405, "CONNECT n'est pas servi", 'CONNECT is off'],
    'a body where none is': [(more) => get(`${more}Content-Length: 2\r\n`), 413, 'cette opération ne prend pas de corps', 'this operation takes no body'],
    'a body that is too large': [(more) => post(`${more}Content-Length: 99999999\r\n`, ''), 413, 'le corps est trop grand', 'the body is too large'],
    'an expectation': [(more) => post(`${more}Expect: 200-maybe\r\nContent-Length: 2\r\n`, '{}'), 417, 'seul 100-continue peut être attendu', 'only 100-continue can be expected'],
    'no upgrade': [(more) => get(`${more}Connection: close\r\n`, { target: '/socket/websocket?vsn=2.0.0' }), 426, 'ce chemin est pour les connexions WebSocket', 'this path is for WebSocket connections'],
    'a long head': [(more) => get(`${more}X-A: ${'x'.repeat(20000)}\r\n`), 431, 'la tête de la requête est trop longue', 'the request head is too long'],
    'many fields': [(more) => get(`${more}${'X-A: b\r\n'.repeat(200)}`), 431, "il y a trop de lignes d'en-tête", 'there are too many header fields'],
    'an unknown method': [(more) => get(more, { method: 'BREW' }), 501, "cette méthode n'est pas connue ici", 'this method is not implemented'],
    'an unknown coding': [(more) => post(`${more}Transfer-Encoding: xchunked\r\n`, ''), 501, 'Transfer-Encoding : seul chunked est connu ici', 'Transfer-Encoding: only chunked is known here'],
    'another version': [(more) => get(more, { version: 'HTTP/1.2' }), 505, 'seuls HTTP/1.1 et HTTP/1.0 sont parlés ici', 'only HTTP/1.1 and HTTP/1.0 are spoken here'],
  }
  test('its detail is French, or English when asked, also where the head is all that came', async () => {
    const told = async (bytes) => {
      const raw = new RawSocket(server)
      raw.socket.write(Buffer.from(bytes, 'latin1'))
      await within(raw.over, 15000, 'the end of the connection')
      const [head, body] = raw.bytes.toString().split('\r\n\r\n')
      return [head, JSON.parse(body)]
    }
    for (const [what, [bytes, status, french, english]] of Object.entries(explained)) {
      const [head, fr] = await told(bytes(''))
      const [, en] = await told(bytes('Accept-Language: en-GB,en;q=0.9\r\n'))
      assert.deepEqual([fr.status, en.status], [status, status], what)
      assert.deepEqual([fr.detail, en.detail], [french, english], what)
      assert.equal(fr.type, en.type)
      assert.notEqual(fr.title, en.title, what)
      assert.notEqual(fr.message, en.message, what)
      assert.match(head, /content-language: fr/i, what)
    }
  })

  test('what was complete before the error stays valid: one good answer, one 400', async () => {
    const got = await statuses(get() + get('X-A : b\r\n') + hidden)
    assert.deepEqual(got, [200, 400])
  })

  test('pipelined requests are answered in order; byte by byte is the same', async () => {
    const bytes = get() + get('', { target: '/api/nothing' }) + get('', { target: '/api/establishments' }) + get('Connection: close\r\n', { target: '/api/auth/user' })
    assert.deepEqual(await statuses(bytes), [200, 404, 200, 401])
    const raw = new RawSocket(server)
    raw.socket.setNoDelay(true)
    for (const b of Buffer.from(bytes)) if (!raw.socket.write(Buffer.from([b]))) await new Promise((r) => raw.socket.once('drain', r))
    await raw.over
    assert.deepEqual([...raw.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => Number(m[1])), [200, 404, 200, 401])
  })

  test('OPTIONS * says what the server takes, and the connection goes on; with a body it ends', async () => {
    const raw = new RawSocket(server)
    raw.socket.write(get('', { method: 'OPTIONS', target: '*' }) + get('Connection: close\r\n', { target: '/api/nothing' }))
    await within(raw.over, 15000, 'the end of the connection')
    const [head, ...rest] = raw.text.split('\r\n\r\n')
    assert.match(head, /^HTTP\/1\.1 204 /)
    assert.match(head, /\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS(\r\n|$)/i)
    assert.match(rest[0], /^HTTP\/1\.1 404 /, 'the answer has no body')
    assert.deepEqual(await statuses(get('Content-Length: 2\r\n', { method: 'OPTIONS', target: '*' }) + '{}' + hidden), [204])
  })

  test('Expect: 100-continue', async () => {
    const raw = new RawSocket(server)
    const body = JSON.stringify({ email: 'nobody@e.fr', password: 'x' })
    raw.socket.write(post(`Expect: 100-continue\r\nContent-Length: ${body.length}\r\nConnection: close\r\n`, ''))
    await until('100', () => raw.text.startsWith('HTTP/1.1 100'))
    raw.socket.write(body)
    await raw.over
    assert.match(raw.text, /HTTP\/1\.1 401/)
  })

  test('a chunked body works as any other', async () => {
    const body = JSON.stringify({ email: 'nobody@e.fr', password: 'x' })
    const chunks = [...body].map((c) => `1\r\n${c}\r\n`).join('')
    assert.deepEqual(await statuses(post('Transfer-Encoding: chunked\r\nConnection: close\r\n', `${chunks}0\r\n\r\n`)), [401])
  })

  test('HTTP/1.0 without Host is answered and closed', async () => {
    assert.deepEqual(await statuses('GET /api/system/health HTTP/1.0\r\n\r\n'), [200])
  })

  test('an upgrade with a body, by POST, on 1.0, without a key, with a bad key, with an old version: no 101', async () => {
    const ws = (line, more) => `${line}\r\nHost: ${host()}\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nCookie: ${who.apprenant1.cookie}\r\n${more}\r\n`
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    const path = '/socket/websocket?vsn=2.0.0'
    for (const bytes of [
      `${ws(`GET ${path} HTTP/1.1`, `${key}Sec-WebSocket-Version: 13\r\nContent-Length: 2\r\n`)}{}`,
      ws(`POST ${path} HTTP/1.1`, `${key}Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n`),
      ws(`GET ${path} HTTP/1.0`, `${key}Sec-WebSocket-Version: 13\r\n`),
      ws(`GET ${path} HTTP/1.1`, 'Sec-WebSocket-Version: 13\r\n'),
      ws(`GET ${path} HTTP/1.1`, 'Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n'),
      ws(`GET ${path} HTTP/1.1`, `${key}Sec-WebSocket-Version: 8\r\n`),
    ]) {
      const [first] = await statuses(bytes)
      assert.ok([400, 405, 426].includes(first), `${first}: ${bytes.slice(0, 200)}`)
    }
  })
})

// ---- frames

const heartbeat = '[null,"1","phoenix","heartbeat",{}]'
const longest = (n) => {
  const h = Buffer.alloc(14)
  h[0] = 0x81
  h[1] = 0xff
  h.writeBigUInt64BE(n, 2)
  return h
}
const frames = {
  'a reserved opcode': [() => frame(3, 'x'), 1002],
  'a reserved control opcode': [() => frame(11, 'x'), 1002],
  'RSV1 without deflate': [() => frame(1, heartbeat, { rsv: 4 }), 1002],
  'RSV2': [() => frame(1, heartbeat, { rsv: 2 }), 1002],
  'a fragmented ping': [() => frame(9, 'x', { fin: false }), 1002],
  'a ping above 125 bytes': [() => frame(9, 'x'.repeat(126)), 1002],
  'a continuation of nothing': [() => frame(0, 'x'), 1002],
  'a new message inside fragments': [() => Buffer.concat([frame(1, '[', { fin: false }), frame(1, heartbeat)]), 1002],
  'an unmasked frame': [() => frame(1, heartbeat, { mask: false }), 1002],
  'a close body of one byte': [() => frame(8, 'x'), 1002],
  'close code 999': [() => frame(8, Buffer.from([3, 231])), 1002],
  'close code 1005': [() => frame(8, Buffer.from([3, 237])), 1002],
  'close code 1006': [() => frame(8, Buffer.from([3, 238])), 1002],
  'a close reason that is no UTF-8': [() => frame(8, Buffer.from([3, 232, 0xff])), 1007],
  'a length with its top bit set': [() => longest(1n << 63n), [1002, 1009]],
  'a length of a terabyte': [() => longest(1n << 40n), 1009],
  'a length that is not the shortest form': [() => Buffer.from([0x81, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5]), [1002, 1007]],
  'text that is no UTF-8': [() => frame(1, Buffer.from([0x22, 0xc3, 0x28, 0x22])), 1007],
  'text that ends inside a character': [() => frame(1, Buffer.from([0x22, 0xe2, 0x82])), 1007],
  'an overlong character': [() => frame(1, Buffer.from([0x22, 0xc0, 0xaf, 0x22])), 1007],
  'a surrogate in UTF-8': [() => frame(1, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), 1007],
  'endless empty fragments': [() => Buffer.concat([frame(1, '[', { fin: false }), ...Array.from({ length: 50000 }, () => frame(0, '', { fin: false }))]), [1002, 1008, 1009]],
}

describe('frames', () => {
  for (const [name, [bytes, wanted]] of Object.entries(frames))
    test(`${name}: ${[wanted].flat().join(' or ')}`, async () => {
      const raw = await connectRaw(server, { cookie: who.apprenant1.cookie })
      raw.socket.write(bytes())
      await within(raw.over, 15000, 'the end of the connection')
      assert.ok([wanted].flat().includes(raw.closeCode()), `closed with ${raw.closeCode()}`)
    })

  test('fragments with pings between them, in one-byte segments, are a good message', async () => {
    const raw = await connectRaw(server, { cookie: who.apprenant1.cookie })
    raw.socket.setNoDelay(true)
    const bytes = Buffer.concat([frame(1, heartbeat.slice(0, 9), { fin: false }), frame(9, 'p'), frame(0, heartbeat.slice(9, 20), { fin: false }), frame(0, heartbeat.slice(20))])
    for (const b of bytes) raw.socket.write(Buffer.from([b]))
    await until('the reply', () => raw.frames().some((f) => f.opcode === 1 && f.payload.includes('"ok"')))
    assert.ok(raw.frames().some((f) => f.opcode === 10 && f.payload.toString() === 'p'))
    raw.destroy()
  })

  test('a flood of pings harms nobody', async () => {
    const raw = await connectRaw(server, { cookie: who.apprenant1.cookie })
    const many = Buffer.concat(Array.from({ length: 5000 }, () => frame(9, 'x')))
    for (let i = 0; i < 4 && !raw.ended; i++) raw.socket.write(many)
    await say(neighbour, group.topic, 'toujours là')
    raw.destroy()
  })
})

// ---- messages

const T = () => group.topic
const push = (payload) => ['1', '9', T(), 'message:new', payload]
const deep = (n) => Array.from({ length: n }).reduce((x) => [x], 0)

// The server either refuses with an error reply or ends the connection with one of these codes.
async function refusesOrCloses(encoding, bytes, codes = [1007, 1008]) {
  const w = await Wire.open(server, { cookie: who.apprenant1.cookie, encoding })
  await w.call(T(), 'phx_join', {}, { joinRef: '1', ref: '1' })
  const from = w.log.length
  w.raw(bytes, { binary: encoding === 'msgpack' })
  await until(
    () => `a refusal or the end; got ${JSON.stringify(w.log.slice(from))}`,
    () => w.end || w.log.slice(from).some((m) => m[3] === 'phx_reply' && m[4].status === 'error'),
  )
  if (w.end) assert.ok(codes.includes(w.end.code), `closed with ${w.end.code}`)
  const stored = await api.get('/api/system/health')
  assert.equal(stored.status, 200)
  await w.close()
}

const json = {
  'no array': ['{"a":1}', '5', '"x"', 'null', 'true'],
  'an array of the wrong length': ['[]', '["1"]', '["1","2","t","e"]', '["1","2","t","e",{},6]'],
  'a topic that is no string': ['["1","9",5,"message:new",{}]', '["1","9",null,"message:new",{}]', '["1","9",{},"x",{}]'],
  'an event that is no string': ['["1","9","T",7,{}]', '["1","9","T",null,{}]'],
  'refs that are no strings': ['[1,9,"T","message:new",{}]', '[{},[],"T","message:new",{}]', '[true,false,"T","message:new",{}]'],
  'a payload nested too deep': [JSON.stringify(['1', '9', 'T', 'message:new', { content: 'x', metadata: deep(100) }])],
  'a very deep array': ['['.repeat(100000)],
  'a key given twice': ['["1","9","T","message:new",{"opId":"dup-1","type":"text","content":"a","content":"b"}]'],
  NaN: ['["1","9","T","message:new",{"content":NaN}]'],
  Infinity: ['["1","9","T","message:new",{"content":Infinity}]', '["1","9","T","read",{"seq":1e999}]'],
  'a lone surrogate': ['["1","9","T","message:new",{"type":"text","content":"\\ud800"}]'],
  'an escaped NUL': ['["1","9","T","message:new",{"type":"text","content":"a\\u0000b"}]'],
  'a control character': ['["1","9","T","message:new",{"type":"text","content":"a\u0001b"}]'],
  'a comment': ['["1","9","T","message:new",{} /* x */]'],
  'a byte order mark': ['\ufeff["1","9","T","message:new",{}]'],
  'a number where a seq should be': ['["1","9","T","read",{"seq":1.5}]', '["1","9","T","read",{"seq":99999999999999999999}]', '["1","9","T","read",{"seq":-1}]', '["1","9","T","history",{"limit":1e3000}]'],
  'names of what JavaScript inherits': ['["1","9","T","__proto__",{}]', '["1","9","T","constructor",{"__proto__":{}}]'],
}

describe('JSON', () => {
  for (const [name, texts] of Object.entries(json))
    test(name, async () => {
      for (const t of texts) await refusesOrCloses('json', t.replaceAll('"T"', JSON.stringify(T())))
    })
})

const str = (s) => Buffer.from(codecs.msgpack.pack(s))
const env = (payload, { topic = str(T()), event = str('message:new') } = {}) => Buffer.concat([Buffer.from([0x95]), str('1'), str('9'), topic, event, payload])
const map = (...pairs) => Buffer.concat([Buffer.from([0x80 | pairs.length]), ...pairs.flat()])
const msgpack = {
  'no array': () => [str('x'), Buffer.from([0x80]), Buffer.from([0x05]), Buffer.from([0xc0])],
  'an array of the wrong length': () => [Buffer.from([0x90]), Buffer.from([0x91, 0xc0])],
  'an array of four billion': () => [Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0])],
  'a map of four billion': () => [env(Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]))],
  'a string of four gigabytes': () => [env(Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]))],
  'an array a thousand deep': () => [Buffer.alloc(1000, 0x91), Buffer.alloc(200000, 0x91)],
  'a payload too deep': () => [env(map([str('metadata'), Buffer.concat([Buffer.alloc(100, 0x91), Buffer.from([0])])]))],
  'an unused byte': () => [Buffer.from([0xc1])],
  'bytes after the message': () => [Buffer.concat([env(map()), Buffer.from([0])])],
  'a string that is no UTF-8': () => [env(map([str('type'), str('text')], [str('content'), Buffer.from([0xa2, 0xc3, 0x28])]))],
  'NaN and infinity': () => [env(map([str('seq'), Buffer.from('cb7ff8000000000000', 'hex')]), { event: str('read') }), env(map([str('seq'), Buffer.from('cb7ff0000000000000', 'hex')]), { event: str('read') })],
  'an extension type': () => [env(Buffer.from([0xd4, 1, 0])), env(map([str('content'), Buffer.from([0xc7, 4, 0xff, 0, 0, 0, 0])]))],
  'bytes where text should be': () => [env(map([str('type'), str('text')], [str('content'), Buffer.from([0xc4, 2, 0x61, 0x62])]))],
  'keys that are no strings': () => [env(map([Buffer.from([5]), Buffer.from([5])]))],
  'a key given twice': () => [env(map([str('type'), str('text')], [str('content'), str('a')], [str('content'), str('b')]))],
  'a topic of bytes': () => [env(map(), { topic: Buffer.from([0xc4, 1, 0x61]) })],
  'NUL in text': () => [env(map([str('type'), str('text')], [str('content'), str('a\0b')]))],
}

describe('msgpack', () => {
  for (const [name, make] of Object.entries(msgpack))
    test(name, async () => {
      for (const bytes of make()) await refusesOrCloses('msgpack', bytes)
    })
})

// ---- a seeded storm of almost good messages

for (const encoding of ['json', 'msgpack'])
  test(`600 mutated messages in ${encoding}: nobody else notices`, async (t) => {
    const random = randomFrom(SEED + (encoding === 'json' ? 1 : 2))
    t.diagnostic(`seed ${SEED}`)
    const seeds = [
      push(text('bonjour')), ['1', '1', T(), 'phx_join', { epoch: 'x', since: 1, last: 5 }], ['1', '3', T(), 'history', { limit: 10, before: 3 }],
      ['1', '4', T(), 'reaction:add', { opId: 'r', messageId: 'x', emoji: '👍' }], ['1', '5', T(), 'member:mute', { userId: 'x', minutes: 1 }], [null, '6', 'phoenix', 'heartbeat', {}],
    ].map((m) => Buffer.from(codecs[encoding].pack(m)))
    let w = null
    for (let i = 0; i < 600; i++) {
      if (!w || w.end || w.ws.readyState !== 1) w = await Wire.open(server, { cookie: who.apprenant1.cookie, encoding })
      const bytes = Buffer.from(random.pick(seeds))
      for (let k = random.below(4); k >= 0; k--) bytes[random.below(bytes.length)] = random.below(256)
      w.raw(random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length)) : bytes, { binary: encoding === 'msgpack' })
      if (i % 20 === 19) await Promise.race([w.closed, w.settle().catch(() => {})])
    }
    await w.close()
    await say(neighbour, group.topic, 'rien remarqué')
  })
