// Who a socket is: API tokens among the subprotocols and in REST, tokens good for one connection, what each is not good for, and how
// soon a sign-in's end or a change of rights reaches what is open. Maintenance keeps out all but administrators.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Api, Wire, joined, people, pushed, signIn, stockSocket } from './lib/client.mjs'
import { makeGroup, members, say, text } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

let server, who
before(async () => {
  server = await startServer({ env: { STACGATE_SESSION_TOUCH: '3s' } })
  who = await people(server, 'moliere', ['admin', 'apprenant1', 'apprenant2', 'apprenant3', 'apprenant4'])
})
after(() => server?.stop())

const refusal = async (options) => {
  const e = await Wire.open(server, options).then(
    async (w) => (await w.close(), assert.fail('the handshake was accepted')),
    (error) => error,
  )
  assert.ok(e.status, String(e))
  return { status: e.status, body: JSON.parse(e.text), headers: e.headers }
}

async function makeToken(api, options = {}) {
  const r = await api.post('/api/auth/tokens', { name: 'essai', scopes: ['read', 'write', 'realtime'], ...options })
  assert.equal(r.status, 201, r.text)
  return r.json
}
const bearer = (token) => ({ authorization: `Bearer ${token}` })
const protocols = (token) => ['phoenix', `base64url.bearer.phx.${Buffer.from(token).toString('base64').replace(/=/g, '')}`]
const stranger = () => new Api(server)

// ---- API tokens

test('a token is shown once, kept as a hash, listed without its text', async () => {
  const t = await makeToken(who.apprenant1, { name: 'Tableau de bord', expiresInDays: 7 })
  assert.match(t.token, /^sgt_[A-Za-z0-9_-]{43}$/)
  assert.equal(t.prefix, t.token.slice(0, 8))
  assert.deepEqual(t.scopes, ['read', 'write', 'realtime'])
  assert.ok(Math.abs(Date.parse(t.expiresAt) - Date.now() - 7 * 86400000) < 3600000)
  const list = (await who.apprenant1.get('/api/auth/tokens')).json
  const mine = list.find((x) => x.id === t.id)
  assert.equal(mine.name, 'Tableau de bord')
  assert.equal(mine.lastUsedAt, null)
  assert.ok(!JSON.stringify(list).includes(t.token))
  assert.equal(await server.sql(`select count(*) from api_tokens where position('${t.token}' in api_tokens::text) > 0`), '0')
  assert.ok(!(await who.apprenant2.get('/api/auth/tokens')).json.some((x) => x.id === t.id))
})

test('wrong wishes are refused: scopes, days, names, more than fifty', async () => {
  for (const [field, wish] of [['scopes', { scopes: ['everything'] }], ['expiresInDays', { expiresInDays: 1000 }], ['name', { name: '' }]]) {
    const r = await who.apprenant1.post('/api/auth/tokens', { name: 'x', ...wish })
    assert.equal(r.status, 422, r.text)
    assert.equal(r.json.errors[0].field, field)
  }
  await server.sql(`insert into api_tokens (user_id, name, token_hash, prefix, scopes, expires_at)
    select '${who.apprenant3.user.id}', 'x', 'h' || n, 'sgt_', '{read}', now() at time zone 'utc' + interval '1 day' from generate_series(1, 50) n`)
  const r = await who.apprenant3.post('/api/auth/tokens', { name: 'x' })
  assert.equal(r.status, 409, r.text)
  assert.match(r.json.type, /too-many-tokens/)
})

test('Bearer on REST: instead of the cookie, without the rule against foreign pages, within its scopes', async () => {
  const t = await makeToken(who.apprenant1, { scopes: ['write'] })
  const r = await stranger().get('/api/auth/user', { headers: bearer(t.token) })
  assert.equal(r.status, 200, r.text)
  assert.equal(r.json.id ?? r.json.user.id, who.apprenant1.user.id)
  const made = await stranger().post('/api/study-groups', { name: 'Par jeton' }, { headers: { ...bearer(t.token), origin: 'https://elsewhere.example' } })
  assert.equal(made.status, 201, made.text)
  // The token counts, not the cookie beside it.
  const other = await who.apprenant2.get('/api/auth/user', { headers: bearer(t.token) })
  assert.equal(other.json.id ?? other.json.user.id, who.apprenant1.user.id)

  const reading = await makeToken(who.apprenant1, { scopes: ['read'] })
  assert.equal((await stranger().get('/api/study-groups', { headers: bearer(reading.token) })).status, 200)
  const no = await stranger().post('/api/study-groups', { name: 'Non' }, { headers: bearer(reading.token) })
  assert.equal(no.status, 403)
  assert.match(no.json.type, /scope/)
  const deaf = await makeToken(who.apprenant1, { scopes: ['realtime'] })
  assert.equal((await stranger().get('/api/study-groups', { headers: bearer(deaf.token) })).status, 403)
  assert.equal((await refusal({ protocols: protocols(reading.token) })).status, 403)
})

test('a token manages no tokens, and bad ones are 401', async () => {
  const t = await makeToken(who.apprenant1)
  for (const [method, path, json] of [['GET', '/api/auth/tokens'], ['POST', '/api/auth/tokens', { name: 'x' }], ['DELETE', `/api/auth/tokens/${t.id}`], ['POST', '/api/auth/logout', {}]])
    assert.equal((await stranger().request(method, path, { json, headers: bearer(t.token) })).status, 403, path)
  for (const header of [`Bearer ${t.token.slice(0, -1)}`, `Bearer ${t.token.slice(0, -1)}!`, 'Bearer', `Basic ${t.token}`, `Bearer sgt_${'A'.repeat(43)}`]) {
    const r = await stranger().get('/api/study-groups', { headers: { authorization: header } })
    assert.equal(r.status, 401, header)
    assert.match(r.headers['www-authenticate'], /Bearer/)
  }
  await server.sql(`update api_tokens set expires_at = now() at time zone 'utc' - interval '1 second' where id = '${t.id}'`)
  assert.equal((await stranger().get('/api/study-groups', { headers: bearer(t.token) })).status, 401)
  assert.equal((await refusal({ protocols: protocols(t.token) })).status, 401)
})

test('the stock client with authToken, in a channel; its use is noted', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const t = await makeToken(who.apprenant1)
  const socket = stockSocket(server, { authToken: t.token })
  socket.connect()
  const channel = socket.channel(topic, {})
  assert.equal((await joined(channel)).role, 'admin')
  assert.equal(socket.conn.protocol, 'phoenix')
  assert.ok((await pushed(channel, 'message:new', text('par jeton'))).seq)
  socket.disconnect()
  await until('its use to be noted', async () => (await who.apprenant1.get('/api/auth/tokens')).json.find((x) => x.id === t.id).lastUsedAt)
})

test('the subprotocol: both alphabets pass, others are 401 even beside a good cookie', async () => {
  const t = await makeToken(who.apprenant1)
  for (const code of [protocols(t.token), protocols(t.token).map((p) => p.replaceAll('+', '-').replaceAll('/', '_'))]) {
    const w = await Wire.open(server, { protocols: code })
    assert.equal(w.ws.protocol, 'phoenix')
    await w.close()
  }
  for (const bad of ['base64url.bearer.phx.AAAA', 'base64url.bearer.phx.Zm9v'])
    assert.equal((await refusal({ cookie: who.apprenant1.cookie, protocols: ['phoenix', bad] })).status, 401)
})

test('a token that is revoked closes its sockets with 4001, and no others', async () => {
  const t = await makeToken(who.apprenant2)
  const wire = await Wire.open(server, { protocols: protocols(t.token) })
  const own = await Wire.open(server, { cookie: who.apprenant2.cookie })
  assert.equal((await who.apprenant1.request('DELETE', `/api/auth/tokens/${t.id}`)).status, 404, "another's token")
  assert.equal((await who.apprenant2.request('DELETE', `/api/auth/tokens/${t.id}`)).status, 200)
  assert.equal(await wire.closeCode(), 4001)
  await own.settle()
  await own.close()
  assert.equal((await refusal({ protocols: protocols(t.token) })).status, 401)
  assert.equal((await stranger().get('/api/study-groups', { headers: bearer(t.token) })).status, 401)
})

// ---- a token for one connection

const socketToken = async (api, json = {}, headers = {}) => {
  const r = await api.post('/api/auth/socket-token', json, { headers })
  assert.equal(r.status, 201, r.text)
  assert.equal(r.json.expiresIn, 30)
  return r.json.token
}

test('a socket token opens one connection, of the same origin, and is used up by a wrong try', async () => {
  const token = await socketToken(who.apprenant1)
  const wire = await Wire.open(server, { query: `&token=${token}` })
  await wire.enter(`user:${who.apprenant1.user.id}`)
  await wire.close()
  assert.equal((await refusal({ query: `&token=${token}` })).status, 401, 'a second time')
  assert.equal((await refusal({ query: '&token=nonsense', cookie: who.apprenant1.cookie })).status, 401, 'the address counts, not the cookie')

  const here = server.url
  const page = await socketToken(who.apprenant1, {}, { origin: here })
  assert.equal((await refusal({ query: `&token=${page}` })).status, 401, 'made in a page, used by no browser')
  assert.equal((await refusal({ query: `&token=${page}`, headers: { origin: here } })).status, 401, 'used up')
  const named = await socketToken(who.apprenant1, { origin: here })
  await (await Wire.open(server, { query: `&token=${named}`, headers: { origin: here } })).close()
  assert.equal((await stranger().post('/api/auth/socket-token', {})).status, 401)
  assert.ok(!server.log().includes(named), 'the token stands in the log')
})

test('a socket token dies with the session that made it', async () => {
  const api = await new Api(server).signIn('apprenant4@moliere.test')
  const token = await socketToken(api)
  assert.equal((await api.post('/api/auth/logout', {})).status, 200)
  assert.equal((await refusal({ query: `&token=${token}` })).status, 401)
})

test('forty socket tokens in their time, then 429', async () => {
  for (let i = 0; i < 40; i++) await socketToken(who.admin)
  const r = await who.admin.post('/api/auth/socket-token', {})
  assert.equal(r.status, 429)
  assert.ok(Number(r.headers['retry-after']) > 0)
})

// ---- coming back, and ends that meet a handshake

// Whoever asks the database for a session, a membership or the log waits for these locks.
const NO_QUESTIONS = 'lock table sessions, users, api_tokens, study_group_members, channels, channel_events in access exclusive mode'

test('connections that are cut come back, join and resume without asking the database, with tickets and without', async () => {
  const { topic } = await makeGroup(who.apprenant1, [who.apprenant2])
  const token = await makeToken(who.apprenant2)
  const { cookie } = await signIn(server, 'apprenant1@moliere.test') // of its own: nobody remembers it yet
  const ways = [
    ...Array.from({ length: 6 }, (_, i) => ({ open: { cookie }, ticket: i % 2 === 0 })),
    ...Array.from({ length: 6 }, (_, i) => ({ open: { protocols: protocols(token.token) }, ticket: i % 2 === 0 })),
  ]
  for (const w of ways) {
    w.wire = await Wire.open(server, w.open)
    w.place = await w.wire.enter(topic)
  }
  const { seq } = await ways[0].wire.done(topic, 'message:new', text('avant la coupure'))
  for (const w of ways) await w.wire.event(topic, 'message', (p) => p.seq === seq)
  const left = Promise.all(ways.map((w) => w.wire.closed))
  for (const w of ways) w.wire.ws.close(1001)
  await left
  const release = await server.hold(NO_QUESTIONS)
  try {
    const back = await Promise.all(ways.map(async (w) => {
      const wire = await Wire.open(server, w.open)
      const { epoch, seq: since, ticket } = w.place
      assert.equal((await wire.enter(topic, { epoch, since, ...(w.ticket ? { ticket } : {}) })).recovered, true)
      await wire.event(topic, 'message', (p) => p.seq === seq)
      return wire
    }))
    await Promise.all(back.map((wire) => wire.close()))
  } finally {
    await release()
  }
})

test('who was cut and has signed out meanwhile does not come back', async () => {
  const api = await new Api(server).signIn('apprenant3@moliere.test')
  const { cookie } = api
  const first = await Wire.open(server, { cookie })
  await first.close()
  assert.equal((await api.post('/api/auth/logout', {})).status, 200)
  assert.equal((await refusal({ cookie })).status, 401)
})

test('who came back without a question is looked up soon after: what was changed by hand in the database counts then', async () => {
  const api = await new Api(server).signIn('apprenant3@moliere.test')
  const first = await Wire.open(server, { cookie: api.cookie })
  await first.close()
  await server.sql(`update users set is_active = false where id = '${api.user.id}'`)
  const back = await Wire.open(server, { cookie: api.cookie }).catch((e) => e)
  if (back instanceof Wire) assert.equal(await back.closeCode(), 4001)
  else assert.equal(back.status, 401)
  await server.sql(`update users set is_active = true where id = '${api.user.id}'`)
})

test('a sign-out that meets handshakes under way leaves no socket open', async () => {
  for (let round = 0; round < 12; round++) {
    const api = await new Api(server).signIn('apprenant3@moliere.test')
    const { cookie } = api
    const opening = Array.from({ length: 8 }, () => Wire.open(server, { cookie }).catch((e) => (assert.equal(e.status, 401), null)))
    const [, ...wires] = await Promise.all([api.post('/api/auth/logout', {}), ...opening])
    for (const wire of wires) if (wire) assert.equal(await wire.closeCode(), 4001)
    api.close()
  }
})

// Whatever changed, a socket looks itself up when its sign-in may have ended; here that is every few seconds.
test('a change of rights: out of every topic, and back as who one is now; an account that is off: 4001', async (t) => {
  const own = await startServer({ env: { STACGATE_SESSION_IDLE: '2s', STACGATE_SESSION_TOUCH: '100ms' } })
  t.after(() => own.stop())
  const [a, b] = Object.values(await people(own, 'moliere', ['apprenant1', 'apprenant2']))
  const { topic } = await makeGroup(a, [b])
  const foreign = await makeGroup(a, [])
  const [ada, bob] = await members(own, [a, b], topic)
  await bob.enter(`user:${b.user.id}`)
  assert.equal((await bob.join(foreign.topic)).response.reason, 'forbidden')
  await own.sql(`update users set role = 'manager' where id = '${b.user.id}'`)
  await bob.event(topic, 'phx_error')
  await bob.event(`user:${b.user.id}`, 'phx_error')
  await bob.enter(foreign.topic)
  await bob.enter(topic)
  await say(bob, topic, 'de retour')
  await own.sql(`update users set is_active = false where id = '${b.user.id}'`)
  assert.equal(await bob.closeCode(), 4001)
  await say(ada, topic, 'sans lui')
  await ada.close()
})

// ---- maintenance

test('maintenance: all but administrators are put out and kept out, over a restart, until it ends', async () => {
  const root = await signIn(server, 'superadmin@stacgate.test')
  const learner = await Wire.open(server, { cookie: who.apprenant1.cookie })
  const admin = await Wire.open(server, { cookie: who.admin.cookie })
  assert.equal((await who.admin.request('PUT', '/api/system/maintenance', { json: { isMaintenance: true } })).status, 403, 'one school is not the system')
  assert.equal((await root.request('PUT', '/api/system/maintenance', { json: {} })).status, 422)
  const on = await root.request('PUT', '/api/system/maintenance', { json: { isMaintenance: true, message: 'Retour à midi' } })
  assert.equal(on.status, 200, on.text)
  assert.equal(await learner.closeCode(), 1012)
  for (const restarted of [false, true]) {
    if (restarted) {
      await admin.close()
      // The door is shut from the first moment: who asks again and again while the server comes back is never let in.
      await server.stop()
      const back = server.start()
      let up = false
      back.then(() => (up = true))
      for (let status = 0; !up || !status; await sleep(1)) {
        status = await who.apprenant1.get('/api/study-groups').then((r) => r.status, () => 0)
        assert.ok(status === 0 || status === 503, `${status}`)
      }
      await back
    } else {
      await admin.settle()
    }
    const r = await refusal({ cookie: who.apprenant1.cookie })
    assert.equal(r.status, 503)
    assert.match(r.body.type, /maintenance/)
    assert.deepEqual([r.body.detail, r.body.message], ['Retour à midi', 'Le service est en maintenance. Réessayez un peu plus tard. Retour à midi'], 'who is turned away is told what was said')
    assert.ok(Number(r.headers['retry-after']) > 0)
    const api = await who.apprenant1.get('/api/study-groups')
    assert.deepEqual([api.status, api.headers['retry-after'], api.json.detail], [503, '60', 'Retour à midi'])
    assert.equal((await stranger().get('/api/establishments')).status, 503)
    assert.equal((await stranger().get('/api/system/maintenance')).json.message, 'Retour à midi')
    assert.equal((await who.apprenant1.get('/api/auth/user')).status, 200)
    assert.equal((await who.admin.get('/api/study-groups')).status, 200)
    const inside = await Wire.open(server, { cookie: who.admin.cookie })
    await inside.settle()
    await inside.close()
  }
  const off = await root.request('PUT', '/api/system/maintenance', { json: { enabled: false } })
  assert.deepEqual(off.json, { isMaintenance: false, enabled: false, message: null, since: null })
  assert.equal((await who.apprenant1.get('/api/study-groups')).status, 200)
  await (await Wire.open(server, { cookie: who.apprenant1.cookie })).close()
})
