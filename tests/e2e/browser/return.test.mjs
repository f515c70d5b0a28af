// Networks fail, servers die, people sign out: nothing is lost or doubled, and nobody stays in who should not.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from '../lib/server.mjs'
import { until } from '../lib/util.mjs'
import { account, groupOf, launch, Window } from './chromium.mjs'

let server, browser
before(async () => {
  server = await startServer({ args: ['--replay-max', '20'] })
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const enter = async (start) => (await Window.open(browser, server)).signIn(account(server, start).email)

async function pair() {
  const one = await enter('formateur@')
  const two = await enter('apprenant1@')
  const group = await groupOf(one, two)
  await one.openGroup(group.id)
  await two.openGroup(group.id)
  return { one, two, group }
}

const banner = (w) => w.page.locator('.banner', { hasText: 'Connexion perdue' })

// Run in the page: how many pushes its browser keeps.
const unsent = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open('stacgate.outbox')
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      const count = request.result.transaction('entries').objectStore('entries').count()
      count.onsuccess = () => (request.result.close(), resolve(count.result))
    }
  })

// Run in the page: a push that somebody else left behind.
const keepOne = (user) =>
  new Promise((resolve) => {
    const request = indexedDB.open('stacgate.outbox')
    request.onsuccess = () => {
      const done = request.result.transaction('entries', 'readwrite')
      done.objectStore('entries').put({ user, topic: 'group:x', opId: 'o', event: 'message:new', payload: {}, at: 1, state: 'queued' })
      done.oncomplete = () => (request.result.close(), resolve())
    }
  })

// Both read the same, in one order, each text once, and nothing waits.
async function assertAgree(windows, texts) {
  for (const w of windows) {
    await until('every text', async () => {
      const seen = await w.contents()
      return texts.every((t) => seen.includes(t))
    })
    await w.pendingNone()
  }
  const [first, ...others] = await Promise.all(windows.map((w) => w.contents()))
  assert.deepEqual([...first].sort(), [...texts].sort())
  for (const other of others) assert.deepEqual(other, first)
}

test('one goes offline, both write, one returns: nothing lost, nothing doubled', async () => {
  const { one, two } = await pair()
  await one.say('avant')
  await two.sees('avant')
  await two.context.setOffline(true)
  await banner(two).waitFor()
  for (const text of ['hors ligne 1', 'hors ligne 2']) await two.say(text)
  await two.page.locator('.pending .fate', { hasText: 'En attente' }).first().waitFor()
  for (const text of ['pendant 1', 'pendant 2']) await one.say(text)
  await one.pendingNone()
  assert.deepEqual(await two.contents(), ['avant'])
  await two.context.setOffline(false)
  await assertAgree([one, two], ['avant', 'pendant 1', 'pendant 2', 'hors ligne 1', 'hors ligne 2'])
  await until('no banner', async () => (await two.page.locator('.banner').isHidden()))
  const order = await one.contents()
  assert.ok(order.indexOf('hors ligne 1') < order.indexOf('hors ligne 2'), 'in the order they were written')
  await one.close()
  await two.close()
})

test('the answer to a push is lost with the connection: the push is not made twice', async () => {
  const one = await enter('formateur@')
  const two = await Window.open(browser, server)
  let deaf = false
  let pushed = 0
  await two.context.routeWebSocket(/\/socket\//, (page) => {
    const upstream = page.connectToServer()
    page.onMessage((frame) => {
      if (JSON.parse(frame)[3] === 'message:new') pushed++
      upstream.send(frame)
    })
    upstream.onMessage((frame) => deaf || page.send(frame))
  })
  await two.page.reload()
  await two.signIn(account(server, 'apprenant1@').email)
  const group = await groupOf(one, two)
  await one.openGroup(group.id)
  await two.openGroup(group.id)
  deaf = true
  await two.say('une seule fois')
  await one.sees('une seule fois')
  await two.page.locator('.pending').waitFor()
  assert.equal(pushed, 1)
  deaf = false
  await two.page.evaluate(() => dispatchEvent(new Event('pagehide')) && dispatchEvent(new Event('pageshow'))) // as a phone does
  await two.sees('une seule fois')
  await two.say('et la suite')
  await assertAgree([one, two], ['une seule fois', 'et la suite'])
  await one.close()
  await two.close()
})

test('away for more than is replayed: the latest come, the rest by scrolling', async () => {
  const { one, two, group } = await pair()
  await one.say('avant')
  await two.sees('avant')
  await two.context.setOffline(true)
  await banner(two).waitFor()
  for (let i = 1; i <= 70; i++) await one.post(`/api/study-groups/${group.id}/messages`, { content: `m${i}`, type: 'text' })
  await two.context.setOffline(false)
  await two.sees('m70')
  assert.ok((await two.contents()).length < 71, 'reloaded, not replayed')
  await until('the rest, by scrolling', async () => {
    await two.page.locator('.scroller').evaluate((e) => (e.scrollTop = 0))
    return (await two.contents()).length >= 71
  })
  await assertAgree([one, two], ['avant', ...Array.from({ length: 70 }, (_, i) => `m${i + 1}`)])
  await one.close()
  await two.close()
})

test('the server is killed while both write: what was shown as sent is there once, in one order', async () => {
  const { one, two } = await pair()
  const texts = []
  const write = async (w, name, n) => {
    for (let i = 1; i <= n; i++) {
      texts.push(`${name} ${i}`)
      await w.say(`${name} ${i}`)
    }
  }
  await Promise.all([write(one, 'une', 10), write(two, 'deux', 10)])
  const killed = server.restart('SIGKILL')
  await Promise.all([write(one, 'une encore', 10), write(two, 'deux encore', 10)])
  await killed
  await assertAgree([one, two], texts)
  await one.page.reload()
  await one.sees('une 1')
  await assertAgree([one, two], texts)
  await one.close()
  await two.close()
})

test('what was not sent outlives a reload of the page', async () => {
  const { one, two, group } = await pair()
  await server.kill9()
  await banner(two).waitFor()
  await two.say('écrit sans serveur')
  await two.page.locator('.pending').waitFor()
  await until('the message on the shelf', async () => (await two.page.evaluate(unsent)) === 1)
  await server.start()
  await two.page.reload()
  await two.page.locator(`.group-link[href="/groups/${group.id}"]`).waitFor()
  await assertAgree([one, two], ['écrit sans serveur'])
  await one.close()
  await two.close()
})

test('signing out in one tab closes the others, and leaves nothing of theirs behind', async () => {
  const w = await enter('apprenant2@')
  const other = await w.tab('/groups')
  await other.locator('.sidebar').waitFor()
  await w.page.evaluate(keepOne, 'somebody-else')
  await w.page.getByRole('button', { name: 'Se déconnecter' }).click()
  for (const page of [w.page, other]) {
    await page.locator('input[name=password]').waitFor()
    await page.getByText('Vous êtes déconnecté').waitFor()
    await until('an empty shelf', async () => (await page.evaluate(unsent)) === 0)
  }
  assert.equal((await w.context.request.get(`${server.url}/api/auth/user`)).status(), 401)
  await w.signIn(account(server, 'apprenant2@').email)
  await other.locator('.sidebar').waitFor()
  await w.close()
})

test('a session that the server ends closes its page, without a word from another tab', async () => {
  const w = await Window.open(browser, server)
  const heard = w.page.waitForEvent('websocket').then((socket) => socket.waitForEvent('framereceived'))
  await w.signIn(account(server, 'apprenant3@').email)
  const cookies = (await w.context.cookies()).map((c) => `${c.name}=${c.value}`).join('; ')
  await heard
  const answer = await fetch(`${server.url}/api/auth/logout`, { method: 'POST', headers: { cookie: cookies } })
  assert.equal(answer.status, 200)
  await w.page.getByText('Votre session est terminée').waitFor()
  await w.page.locator('input[name=password]').waitFor()
  await w.close()
})
