// The stock npm phoenix client as it is shipped, in Chromium, in both encodings: join, push, presence, resume by a params function.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { startServer } from '../lib/server.mjs'
import { account, groupOf, launch, Window } from './chromium.mjs'

const require = createRequire(import.meta.url)
const phoenix = readFileSync(join(dirname(require.resolve('phoenix')), 'phoenix.min.js'), 'utf8')
const msgpack = readFileSync(require.resolve('@msgpack/msgpack').replace(/dist\.\w+\/.*$/, 'dist.umd/msgpack.min.js'), 'utf8')

let server, browser
before(async () => {
  server = await startServer()
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

// In the page: a client that notes what it gets. `window.client` is made by it.
function makeClient([topic, encoding]) {
  const { Socket, Presence } = window.Phoenix
  const { encode, decode } = window.MessagePack ?? {}
  const binary = {
    params: { encoding: 'msgpack' },
    encode: ({ join_ref, ref, topic, event, payload }, done) => done(encode([join_ref, ref, topic, event, payload], { ignoreUndefined: true })),
    decode: (raw, done) => {
      const [join_ref, ref, topic, event, payload] = decode(new Uint8Array(raw))
      done({ join_ref, ref, topic, event, payload })
    },
  }
  const socket = new Socket('/socket', { reconnectAfterMs: () => 50, rejoinAfterMs: () => 50, ...(encoding === 'msgpack' ? binary : {}) })
  const client = (window.client = { socket, joins: [], events: [], epoch: null, since: 0 })
  client.channel = socket.channel(topic, () => (client.epoch ? { epoch: client.epoch, since: client.since } : {}))
  client.presence = new Presence(client.channel)
  client.channel.on('message', (m) => {
    client.events.push([m.seq, m.content])
    client.since = m.seq
  })
  socket.connect()
  return new Promise((resolve, reject) => {
    client.channel
      .join()
      .receive('ok', (reply) => {
        client.joins.push(reply.recovered)
        if (!reply.recovered) client.since = reply.seq
        client.epoch = reply.epoch
        resolve(reply)
      })
      .receive('error', (r) => reject(new Error(JSON.stringify(r))))
  })
}

const push = (page, opId, content) =>
  page.evaluate(
    ([opId, content]) =>
      new Promise((resolve, reject) => {
        window.client.channel.push('message:new', { opId, type: 'text', content }).receive('ok', resolve).receive('error', (r) => reject(new Error(JSON.stringify(r))))
      }),
    [opId, content],
  )

for (const encoding of ['json', 'msgpack']) {
  test(`the stock client joins, pushes, sees presence and resumes (${encoding})`, async () => {
    const one = await (await Window.open(browser, server)).signIn(account(server, 'formateur@').email)
    const two = await (await Window.open(browser, server)).signIn(account(server, 'apprenant1@').email)
    const group = await groupOf(one, two)
    for (const w of [one, two]) {
      await w.page.goto(`${server.url}/groups`)
      await w.page.evaluate(phoenix)
      await w.page.evaluate(msgpack)
      const reply = await w.page.evaluate(makeClient, [`group:${group.id}`, encoding])
      assert.equal(reply.recovered, false)
      assert.equal(typeof reply.epoch, 'string')
    }
    for (const w of [one, two]) await w.page.waitForFunction(() => window.client.presence.list().length === 2)
    const first = await push(one.page, 'a', 'premier')
    const again = await push(one.page, 'a', 'premier')
    assert.deepEqual(again, first)
    await two.page.waitForFunction(() => window.client.events.length === 1)

    await two.page.evaluate(() => window.client.socket.conn.close())
    for (const [op, text] of [['b', 'pendant'], ['c', 'encore']]) await push(one.page, op, text)
    await two.page.waitForFunction(() => window.client.joins.length === 2 && window.client.events.length === 3)
    await push(one.page, 'd', 'après')
    for (const w of [one, two]) {
      await w.page.waitForFunction(() => window.client.events.length === 4)
      const events = await w.page.evaluate(() => window.client.events)
      assert.deepEqual(events.map((e) => e[1]), ['premier', 'pendant', 'encore', 'après'])
      assert.deepEqual(events.map((e) => e[0]), [0, 1, 2, 3].map((i) => first.seq + i))
    }
    assert.deepEqual(await two.page.evaluate(() => window.client.joins), [false, true])
    await one.close()
    await two.close()
  })
}
