// TLS end to end through `serve`: cookies, headers, stock clients over wss, what is refused; and plain text beyond loopback, from a
// network namespace that the test makes itself.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect as plain } from 'node:net'
import { connect } from 'node:tls'
import { join } from 'node:path'
import { scratch, stacgate, startServer } from './lib/server.mjs'
import { Api, Wire, joined, people, pushed, stockSocket } from './lib/client.mjs'
import { makeGroup, member, say, text } from './lib/school.mjs'
import { Namespace } from './lib/netns.mjs'
import { until } from './lib/util.mjs'

const dir = scratch('tls')
const file = (name) => join(dir, name)

function certificate(name, days = 60) {
  const r = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days), '-subj', `/CN=${name}`,
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
      done({ protocol: s.getProtocol(), alpn: s.alpnProtocol, cipher: s.getCipher().standardName, name: s.getPeerCertificate().subject.CN })
      s.end()
    })
    s.on('error', (e) => done({ error: e.code ?? e.message }))
  })

// What is refused must be the server's refusal: a client that cannot even ask (its own error) proves nothing.
test('TLS 1.2 and 1.3 with forward secrecy and AEAD; nothing older or weaker; ALPN is http/1.1', async () => {
  assert.equal((await handshake({})).protocol, 'TLSv1.3')
  assert.equal((await handshake({ maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2')
  assert.match((await handshake({ maxVersion: 'TLSv1.2' })).cipher, /^TLS_ECDHE_.*(GCM|CHACHA20)/)
  for (const version of ['TLSv1', 'TLSv1.1'])
    assert.equal((await handshake({ minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' })).error, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', version)
  for (const ciphers of ['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'AES128-GCM-SHA256', 'NULL-SHA256'])
    assert.match((await handshake({ maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` })).error ?? 'none', /^ERR_SSL_(SSLV3|SSL\/TLS)_ALERT_HANDSHAKE_FAILURE$/, ciphers)
  assert.equal((await handshake({ ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1')
  assert.equal((await handshake({ ALPNProtocols: ['h2'] })).error, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
})

// A tool that renews replaces both files at once.
const install = (from, to) => ['key', 'pem'].forEach((kind) => (copyFileSync(file(`${from}.${kind}`), file(`${to}.new`)), renameSync(file(`${to}.new`), file(`${to}.${kind}`))))
const events = (s, event) => s.log().split('\n').filter((l) => l.includes(`"${event}"`))

test('a new certificate is served without a restart and without a cut; a bad one is said and changes nothing; its end is announced', async (t) => {
  certificate('soon', 6)
  certificate('later', 20)
  certificate('long', 90)
  install('soon', 'live')
  const own = await startServer({ args: ['--tls-cert', file('live.pem'), '--tls-key', file('live.key')] })
  t.after(() => own.stop().catch(() => {}))
  own.ca = ['soon', 'later', 'long'].map((n) => readFileSync(file(`${n}.pem`)))
  const served = async () => (await handshake({ port: own.port, ca: own.ca })).name
  const shown = (name) => until(`${name} to be served`, async () => (await served()) === name, 15000, 200)
  const { apprenant1 } = await people(own, 'moliere', ['apprenant1'])
  const wire = await member(own, apprenant1, `user:${apprenant1.user.id}`)
  const lives = async () => assert.equal((await wire.call('phoenix', 'heartbeat', {})).status, 'ok')
  assert.match(events(own, 'tls_expiry')[0], /ends in [56] days/)

  install('later', 'live')
  own.child.kill('SIGHUP')
  await shown('later')
  await lives()
  assert.match(events(own, 'tls_expiry')[1], /ends in (19|20) days/)

  writeFileSync(file('live.pem'), 'no certificate')
  own.child.kill('SIGHUP')
  await until('the refusal', () => events(own, 'tls_refused').some((line) => /live\.pem.*stays in use/.test(line)))
  assert.equal(await served(), 'later')
  await lives()

  install('long', 'live') // no signal: it is found
  await shown('long')
  await lives()
  assert.equal(events(own, 'tls_expiry').length, 2)
  assert.equal(events(own, 'tls_reloaded').length, 2)
  await wire.close()
  const end = await own.stop()
  assert.equal(end.code, 0)
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

test('without a certificate SIGHUP, a closed terminal, drains', async (t) => {
  const plainly = await startServer()
  t.after(() => plainly.stop().catch(() => {}))
  assert.equal((await plainly.stop('SIGHUP')).code, 0)
})

test('mistakes stop the start with a sentence', async () => {
  const serve = (...args) => stacgate(['serve', '--port', '0', '--data', join(scratch(), 'd'), ...args])
  writeFileSync(file('broken.pem'), 'no certificate')
  chmodSync(file('two.key'), 0o644)
  assert.equal(spawnSync('openssl', ['ec', '-in', file('one.key'), '-aes128', '-passout', 'pass:secret', '-out', file('locked.key')]).status, 0)
  chmodSync(file('locked.key'), 0o600)
  const cases = [
    [['--tls-cert', file('one.pem')], /--tls-key/], [['--tls-key', file('one.key')], /--tls-cert/], [['--tls-cert', file('none.pem'), '--tls-key', file('one.key')], /none\.pem/],
    [['--tls-cert', file('broken.pem'), '--tls-key', file('one.key')], /broken\.pem/], [['--tls-cert', file('two.pem'), '--tls-key', file('one.key')], /one\.key/],
    [['--tls-cert', file('two.pem'), '--tls-key', file('two.key')], /chmod 600/], [['--tls-cert', file('one.pem'), '--tls-key', file('none.key')], /none\.key.*No such file/],
    [['--tls-cert', file('one.pem'), '--tls-key', file('locked.key')], /passphrase/],
  ]
  for (const [args, said] of cases) {
    const r = await serve(...args)
    assert.equal(r.code, 2, args.join(' '))
    assert.match(r.err + r.out, said)
  }
})

test('check reads the same pair: its days, and what is wrong with it', async () => {
  const check = (...args) => stacgate(['check', '--data', join(scratch(), 'd'), ...args])
  const good = await check('--tls-cert', file('one.pem'), '--tls-key', file('one.key'))
  assert.match(good.out, /certificate good for 59 days/)
  const bad = await check('--tls-cert', file('one.pem'), '--tls-key', file('two.key'))
  assert.equal(bad.code, 2)
  assert.match(bad.err, /chmod 600/)
  const french = await stacgate(['check', '--data', join(scratch(), 'd'), '--tls-cert', file('one.pem'), '--tls-key', file('none.key')], { env: { LC_ALL: 'fr_FR.UTF-8' } })
  assert.match(french.err, /ne peut être lue/)
})

// ---- beyond loopback

const host = '10.213.77.1'
const proxy = '10.213.77.2'
const stranger = '10.213.77.3'
const public_ = { here: '203.0.113.1', there: '203.0.113.2' } // RFC 5737: nobody's, and not a private address
let elsewhere

// A namespace with two private addresses and a public one, and this machine at the other end. false: not possible here.
function beyond(t) {
  elsewhere = Namespace.create({ here: [`${host}/29`, `${public_.here}/30`], there: [`${proxy}/29`, `${stranger}/29`, `${public_.there}/30`] })
  if (!elsewhere) return t.skip('needs root and network namespaces'), false
  t.after(() => elsewhere.remove())
  return true
}

// curl from inside; `more` are its own words.
const curl = (url, ...more) => {
  const r = elsewhere.run('curl', '-s', '-m', '10', '-i', ...more, url)
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(r.stdout)?.[1]), text: r.stdout }
}
const login = (email, password) => ['-H', 'content-type: application/json', '-d', JSON.stringify({ email, password })]
const demoLogin = login('apprenant1@moliere.test', 'stacgate-demo')
const upgrade = ['-H', 'connection: upgrade', '-H', 'upgrade: websocket', '-H', 'sec-websocket-version: 13', '-H', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==']

// The API refuses with 403, a page sends to https, and no cookie is ever set.
function assertRefused(base, ...more) {
  const page = curl(`${base}/`, ...more, '-H', 'accept: text/html')
  assert.equal(page.status, 308, page.text)
  assert.match(page.text, new RegExp(`location: https://${new URL(base).hostname}/`, 'i'))
  const rest = [curl(`${base}/api/system/health`, ...more), curl(`${base}/api/auth/login`, ...more, ...demoLogin), curl(`${base}/socket/websocket?vsn=2.0.0`, ...more, ...upgrade)]
  for (const r of rest) assert.equal(r.status, 403, r.text)
  for (const r of [page, ...rest]) assert.doesNotMatch(r.text, /set-cookie/i)
}

test('plain text beyond loopback only with --insecure-lan and a warning, and to private addresses; demo accounts stay at home', async (t) => {
  if (!beyond(t)) return
  const refused = await stacgate(['serve', '--host', host, '--port', '0', '--data', join(scratch(), 'd')])
  assert.equal(refused.code, 2)
  assert.match(refused.err + refused.out, /insecure-lan/)
  const lan = await startServer({ args: ['--host', '0.0.0.0', '--insecure-lan'] })
  t.after(() => lan.stop())
  assert.match(lan.log(), /"insecure_lan"/)
  const url = `http://${host}:${lan.port}`
  assert.equal(curl(`${url}/`).status, 200)
  assert.equal(curl(`${url}/api/system/health`).status, 200)
  const demo = curl(`${url}/api/auth/login`, ...demoLogin)
  assert.equal(demo.status, 403)
  assert.doesNotMatch(demo.text, /set-cookie/i)
  const email = `lan-${process.pid}@moliere.test`
  const made = await stacgate(['user', 'create', '--data', lan.dataDir, '--email', email, '--role', 'apprenant', '--establishment', 'lycee-moliere', '--password-stdin'], { input: 'une phrase que nul ne devine\n' })
  assert.equal(made.code, 0, made.err)
  const real = curl(`${url}/api/auth/login`, ...login(email, 'une phrase que nul ne devine'))
  assert.equal(real.status, 200, real.text)
  const socket = curl(`${url}/socket/websocket?vsn=2.0.0`, ...upgrade, '-H', `cookie: ${/set-cookie: ([^;]+)/i.exec(real.text)[1]}`, '-m', '1')
  assert.equal(socket.status, 101, socket.text)

  // A public peer, also one that says it is somebody else.
  const far = `http://${public_.here}:${lan.port}`
  assertRefused(far, '--interface', public_.there)
  assertRefused(far, '--interface', public_.there, '-H', 'x-forwarded-proto: https', '-H', 'x-forwarded-for: 127.0.0.1')
})

test('--demo-public opens the demo accounts beyond this machine, with a warning', async (t) => {
  if (!beyond(t)) return
  const lan = await startServer({ args: ['--host', host, '--insecure-lan', '--demo-public'] })
  t.after(() => lan.stop())
  assert.match(lan.log(), /"demo_public"/)
  const r = curl(`${lan.url}/api/auth/login`, ...demoLogin)
  assert.equal(r.status, 200, r.text)
  assert.match(r.text, /set-cookie/i)
})

test('behind --proxies only what the proxy says came by https; anybody else who says so is refused', async (t) => {
  if (!beyond(t)) return
  const behind = await startServer({ args: ['--host', host, '--proxies', proxy] })
  t.after(() => behind.stop())
  const url = behind.url
  const https = ['-H', 'x-forwarded-proto: https', '-H', `x-forwarded-for: ${public_.there}`]
  assertRefused(url, '--interface', proxy)
  assertRefused(url, '--interface', proxy, '-H', 'x-forwarded-proto: http')
  assertRefused(url, '--interface', proxy, '-H', 'x-forwarded-proto: https, http')
  assertRefused(url, '--interface', stranger)
  assertRefused(url, '--interface', stranger, ...https)
  assert.equal(curl(`${url}/`, '--interface', proxy, ...https).status, 200)
  const email = `proxied-${process.pid}@moliere.test`
  const made = await stacgate(['user', 'create', '--data', behind.dataDir, '--email', email, '--role', 'apprenant', '--establishment', 'lycee-moliere', '--password-stdin'], { input: 'une phrase que nul ne devine\n' })
  assert.equal(made.code, 0, made.err)
  const real = curl(`${url}/api/auth/login`, '--interface', proxy, ...https, '-H', 'sec-fetch-site: same-origin', ...login(email, 'une phrase que nul ne devine'))
  assert.equal(real.status, 200, real.text)
  assert.match(real.text, /set-cookie: __Host-stacgate=[^;]+;.*Secure/i)
  assert.match(real.text, /strict-transport-security: max-age=31536000/i)
  assert.equal(curl(`${url}/api/auth/login`, '--interface', proxy, ...https, ...demoLogin).status, 403)
})
