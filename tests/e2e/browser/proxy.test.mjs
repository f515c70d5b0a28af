// A school's proxy that lets no WebSocket through: the pages fall back to long polling by themselves, people on either side talk to each
// other, and a page that polls is back on a WebSocket when the proxy has changed its mind.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { startServer } from '../lib/server.mjs'
import { until } from '../lib/util.mjs'
import { account, groupOf, launch, Window } from './chromium.mjs'

let server, browser
const proxies = []
before(async () => {
  server = await startServer()
  browser = await launch()
})
after(async () => {
  await browser?.close()
  proxies.forEach((p) => p.close())
  await server?.stop()
})

// Requests go through, answers come when they are whole; an upgrade is refused, swallowed, or let through.
async function startProxy(upgrades) {
  const sockets = new Set()
  const proxy = { upgrades, polls: 0, pushes: 0, tunnels: 0 }
  const front = http.createServer((req, res) => {
    const parts = []
    req.on('data', (d) => parts.push(d)).on('end', () => {
      const polls = req.url.startsWith('/socket/longpoll')
      if (polls && proxy.away) return res.writeHead(503, { 'content-length': 0 }).end()
      if (polls) req.method === 'GET' ? proxy.polls++ : proxy.pushes++
      const asked = http.request({ host: '127.0.0.1', port: server.port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
        const whole = []
        answer.on('data', (d) => whole.push(d)).on('end', () => res.writeHead(answer.statusCode, answer.headers).end(Buffer.concat(whole)))
      })
      res.on('close', () => res.writableEnded || asked.destroy())
      asked.on('error', () => res.destroy())
      asked.end(Buffer.concat(parts))
    })
  })
  front.on('connection', (s) => sockets.add(s.on('close', () => sockets.delete(s)).on('error', () => {})))
  front.on('upgrade', (req, socket, head) => {
    if (proxy.upgrades === 'refused') return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    if (proxy.upgrades === 'swallowed') return
    proxy.tunnels++
    const to = net.connect(server.port, '127.0.0.1', () => {
      const fields = req.rawHeaders.reduce((all, x, i) => all + (i % 2 ? `: ${x}\r\n` : x), '')
      to.write(`${req.method} ${req.url} HTTP/1.1\r\n${fields}\r\n`)
      to.write(head)
      to.pipe(socket).pipe(to)
    })
    to.on('error', () => socket.destroy())
    socket.on('close', () => to.destroy())
  })
  await new Promise((done) => front.listen(0, '127.0.0.1', done))
  proxy.url = `http://127.0.0.1:${front.address().port}`
  proxy.cut = () => sockets.forEach((s) => s.destroy())
  proxy.close = () => (front.close(), proxy.cut())
  proxies.push(proxy)
  return proxy
}

const behind = (proxy) => Object.create(server, { url: { value: proxy.url } })

async function pair(proxy) {
  const one = await (await Window.open(browser, behind(proxy))).signIn(account(server, 'apprenant1@').email)
  const two = await (await Window.open(browser, server)).signIn(account(server, 'formateur@').email)
  const group = await groupOf(one, two)
  await one.openGroup(group.id)
  await two.openGroup(group.id)
  return { one, two, group }
}

for (const upgrades of ['refused', 'swallowed'])
  test(`upgrades are ${upgrades}: the page polls, and both sides talk`, async () => {
    const proxy = await startProxy(upgrades)
    const { one, two } = await pair(proxy)
    await one.say('Bonjour depuis l’école')
    await two.sees('Bonjour depuis l’école')
    await two.say('Bienvenue')
    await one.sees('Bienvenue')
    await one.pendingNone()
    for (const w of [one, two]) await until('two people present', async () => (await w.page.locator('.person').count()) === 2)
    assert.ok(proxy.polls > 2 && proxy.pushes > 1, JSON.stringify(proxy))
    await one.close()
    await two.close()
  })

test('a page that polls, cut off, tries a WebSocket first when it comes back, and loses nothing', async () => {
  const proxy = await startProxy('refused')
  const { one, two } = await pair(proxy)
  await one.say('par interrogation')
  await two.sees('par interrogation')
  // A poll whose connection dies is sent again by the browser itself, and goes on as if nothing had been.
  const before = proxy.polls
  proxy.cut()
  await until('the poll again', () => proxy.polls > before)
  await two.say('après une coupure')
  await one.sees('après une coupure')
  Object.assign(proxy, { upgrades: 'through', away: true })
  proxy.cut()
  await two.say('pendant la coupure')
  await until('a WebSocket through the proxy', () => proxy.tunnels > 0)
  await one.sees('pendant la coupure')
  const polls = proxy.polls
  await one.say('par WebSocket')
  await two.sees('par WebSocket')
  assert.deepEqual(await one.contents(), ['par interrogation', 'après une coupure', 'pendant la coupure', 'par WebSocket'])
  assert.equal(proxy.polls, polls, 'nothing is polled any more')
  // And from then on a WebSocket that is cut is no reason to poll.
  proxy.cut()
  await until('the next WebSocket', () => proxy.tunnels > 1)
  await two.say('encore')
  await one.sees('encore')
  assert.equal(proxy.polls, polls)
  await one.close()
  await two.close()
})
