// TLS end to end through `serve`: cookies, headers, stock clients over wss, what is refused; and plain text beyond loopback, from a
// network namespace that the test makes itself.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as plain } from 'node:net'
import { connect } from 'node:tls'
import { join } from 'node:path'
import { scratch, stacgate, startServer } from './lib/server.mjs'
import { Api, Wire, joined, people, pushed, stockSocket } from './lib/client.mjs'
import { makeGroup, member, say, text } from './lib/school.mjs'
import { until } from './lib/util.mjs'

const dir = scratch('tls')
const file = (name) => join(dir, name)

function certificate(name) {
  const r = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=stacgate test',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)], { encoding: 'utf8' })
  assert.equal(r.status, 0, r.stderr)
  chmodSync(file(`${name}.key`), 0o600)
}

let server, who
before(async () => {
  certificate('one')
  certificate('two')
  server = await startServer({ args: ['--tls-cert', file('one.pem'), '--tls-key', file('one.key')] })
  server.ca = readFileSync(file('one.pem'))
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2'])
})
after(() => server?.stop())

test('the ready line says https; pages and REST answer with HSTS; the cookie is __Host- and Secure', async () => {
  assert.match(server.url, /^https:/)
  const api = new Api(server)
  for (const path of ['/', '/api/system/health', '/api/nothing']) assert.equal((await api.get(path)).headers['strict-transport-security'], 'max-age=31536000', path)
  const r = await api.post('/api/auth/login', { email: 'apprenant1@moliere.test', password: 'stacgate-demo' })
  assert.equal(r.status, 200, r.text)
  const [name, ...attributes] = r.cookies[0].split(/;\s*/)
  assert.match(name, /^__Host-stacgate=/)
  for (const a of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) assert.ok(attributes.includes(a), `${a}: ${r.cookies[0]}`)
  assert.ok(!attributes.some((a) => /^domain/i.test(a)))
  // The cookie of the clear is none here.
  assert.equal((await new Api(server).get('/api/auth/user', { headers: { cookie: name.replace('__Host-stacgate', 'stacgate.sid') } })).status, 401)
})

for (const encoding of ['json', 'msgpack'])
  test(`the stock client over wss: join, push, cut, resume (${encoding})`, async () => {
    const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
    const socket = stockSocket(server, { cookie: who.apprenant1.cookie, encoding })
    socket.connect()
    const place = {}
    const seen = []
    const channel = socket.channel(topic, () => ({ ...place }))
    channel.on('message', (m) => (seen.push(m.content), (place.since = m.seq)))
    place.epoch = (await joined(channel)).epoch
    await pushed(channel, 'message:new', text('un'))
    await until('the first', () => seen.length === 1)
    const other = await member(server, who.apprenant2, topic)
    socket.wires.at(-1).terminate()
    await say(other, topic, 'deux')
    await until('what was missed', () => seen.length === 2)
    assert.deepEqual(seen, ['un', 'deux'])
    socket.disconnect()
    await other.close()
  })

// {protocol, alpn} of a handshake, or its error.
const handshake = (options) =>
  new Promise((done) => {
    const s = connect({ host: '127.0.0.1', port: server.port, ca: server.ca, ...options }, () => {
      done({ protocol: s.getProtocol(), alpn: s.alpnProtocol, cipher: s.getCipher().standardName })
      s.end()
    })
    s.on('error', (e) => done({ error: e.code ?? e.message }))
  })

test('TLS 1.2 and 1.3 with forward secrecy and AEAD; nothing older or weaker; ALPN is http/1.1', async () => {
  assert.equal((await handshake({})).protocol, 'TLSv1.3')
  assert.equal((await handshake({ maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2')
  assert.match((await handshake({ maxVersion: 'TLSv1.2' })).cipher, /^TLS_ECDHE_.*(GCM|CHACHA20)/)
  assert.ok((await handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).error)
  for (const ciphers of ['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA', 'AES128-GCM-SHA256', 'NULL-SHA256'])
    assert.ok((await handshake({ maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` })).error, ciphers)
  assert.equal((await handshake({ ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1')
  assert.ok((await handshake({ ALPNProtocols: ['h2'] })).error)
})

test('plain bytes and broken handshakes harm nobody', async () => {
  const wire = await member(server, who.apprenant1, `user:${who.apprenant1.user.id}`)
  await Promise.all(Array.from({ length: 50 }, (_, i) => new Promise((done) => {
    const s = plain(server.port, '127.0.0.1', () => s.end(i % 2 ? 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' : Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0])))
    s.on('error', () => {})
    s.on('close', done)
    s.resume()
  })))
  assert.equal((await wire.call('phoenix', 'heartbeat', {})).status, 'ok')
  assert.equal((await who.apprenant1.get('/api/auth/user')).status, 200)
  await wire.close()
})

test('a drain over TLS closes with 1012', async (t) => {
  const own = await startServer({ args: ['--tls-cert', file('one.pem'), '--tls-key', file('one.key')] })
  t.after(() => own.stop().catch(() => {}))
  own.ca = server.ca
  const { apprenant1 } = await people(own, 'moliere', ['apprenant1'])
  const wire = await Wire.open(own, { cookie: apprenant1.cookie })
  const ended = own.stop()
  assert.equal(await wire.closeCode(), 1012)
  assert.equal((await ended).code, 0)
})

test('mistakes stop the start with a sentence', async () => {
  const serve = (...args) => stacgate(['serve', '--port', '0', '--data', join(scratch(), 'd'), ...args])
  writeFileSync(file('broken.pem'), 'no certificate')
  chmodSync(file('two.key'), 0o644)
  const cases = [
    [['--tls-cert', file('one.pem')], /--tls-key/], [['--tls-key', file('one.key')], /--tls-cert/], [['--tls-cert', file('none.pem'), '--tls-key', file('one.key')], /none\.pem/],
    [['--tls-cert', file('broken.pem'), '--tls-key', file('one.key')], /broken\.pem/], [['--tls-cert', file('two.pem'), '--tls-key', file('one.key')], /one\.key/],
    [['--tls-cert', file('two.pem'), '--tls-key', file('two.key')], /chmod 600/],
  ]
  for (const [args, said] of cases) {
    const r = await serve(...args)
    assert.equal(r.code, 2, args.join(' '))
    assert.match(r.err + r.out, said)
  }
})

// ---- beyond loopback

const ip = (...args) => spawnSync('ip', args, { encoding: 'utf8' })
const name = `sg${process.pid}`
const here = '10.213.77.1'
const namespace = () => process.getuid() === 0 && ip('netns', 'add', name).status === 0

test('plain text beyond loopback only with --insecure-lan and a warning; demo accounts stay at home', async (t) => {
  if (!namespace()) return t.skip('needs root and network namespaces')
  t.after(() => ip('netns', 'del', name))
  for (const args of [['link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name], ['addr', 'add', `${here}/30`, 'dev', `${name}a`], ['link', 'set', `${name}a`, 'up'],
    ['-n', name, 'addr', 'add', '10.213.77.2/30', 'dev', `${name}b`], ['-n', name, 'link', 'set', `${name}b`, 'up']])
    if (ip(...args).status !== 0) return t.skip('no veth pair here')
  const refused = await stacgate(['serve', '--host', here, '--port', '0', '--data', join(scratch(), 'd')])
  assert.equal(refused.code, 2)
  assert.match(refused.err + refused.out, /insecure-lan/)
  const lan = await startServer({ args: ['--host', here, '--insecure-lan'] })
  t.after(() => lan.stop())
  assert.match(lan.log(), /"insecure_lan"/)
  const curl = (path, ...more) => {
    const r = spawnSync('ip', ['netns', 'exec', name, 'curl', '-s', '-m', '10', '-i', ...more, lan.url + path], { encoding: 'utf8' })
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(r.stdout)?.[1]), text: r.stdout }
  }
  assert.equal(curl('/').status, 200)
  assert.equal(curl('/api/system/health').status, 200)
  const demo = curl('/api/auth/login', '-H', 'content-type: application/json', '-d', '{"email":"apprenant1@moliere.test","password":"stacgate-demo"}')
  assert.equal(demo.status, 403)
  assert.doesNotMatch(demo.text, /set-cookie/i)
  const email = `lan-${process.pid}@moliere.test`
  const made = await stacgate(['user', 'create', '--data', lan.dataDir, '--email', email, '--role', 'apprenant', '--establishment', 'lycee-moliere', '--password-stdin'], { input: 'une phrase que nul ne devine\n' })
  assert.equal(made.code, 0, made.err)
  const real = curl('/api/auth/login', '-H', 'content-type: application/json', '-d', JSON.stringify({ email, password: 'une phrase que nul ne devine' }))
  assert.equal(real.status, 200, real.text)
  const socket = curl('/socket/websocket?vsn=2.0.0', '-H', 'connection: upgrade', '-H', 'upgrade: websocket', '-H', 'sec-websocket-version: 13', '-H', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    '-H', `cookie: ${/set-cookie: ([^;]+)/i.exec(real.text)[1]}`, '-m', '1')
  assert.equal(socket.status, 101, socket.text)
})
