// The interface's own page in Chromium: every operation is shown in the reader's language, nothing is refused by the policy, and a call
// that is tried there is made with the session's cookie.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from '../lib/server.mjs'
import { Api } from '../lib/client.mjs'
import { PASSWORD, until } from '../lib/util.mjs'
import { account, assertFits, launch, Window } from './chromium.mjs'

let server, browser, doc
before(async () => {
  server = await startServer()
  browser = await launch()
  doc = (await new Api(server).get('/api/openapi.json')).json
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const operation = (page, path) => page.locator('.opblock', { has: page.locator(`[data-path="${path}"]`) }).first()

// With these groups of operations open.
async function open(w, ...groups) {
  const answer = await w.page.goto(`${server.url}/api/docs`)
  for (const group of groups) await w.page.locator(`.opblock-tag[data-tag="${group}"]`).click()
  return answer
}

// What the page shows as the answer to an operation that is tried there.
async function tryOut(page, path) {
  const op = operation(page, path)
  await op.locator('.opblock-summary-control').click()
  await op.getByRole('button', { name: 'Try it out' }).click()
  await op.getByRole('button', { name: 'Execute' }).click()
  const answer = op.locator('.live-responses-table tbody .response')
  await answer.waitFor()
  return answer.textContent()
}

const PHONE = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true }

test('every group of operations is there, in French and in English, on a phone too; the policy is the strict one', async () => {
  const tags = Object.values(doc.paths).flatMap((methods) => Object.values(methods).map((op) => op.tags[0]))
  for (const [options, title, summary] of [
    [{ locale: 'fr-FR' }, 'Interface REST — StacGate', "l'état du serveur"],
    [{ locale: 'en-GB', ...PHONE }, 'REST interface — StacGate', 'the state of the server'],
  ]) {
    const w = await Window.open(browser, server, options)
    const answer = await open(w, 'system')
    assert.equal(answer.status(), 200)
    assert.match(answer.headers()['content-security-policy'], /script-src 'self'; style-src 'self';/)
    assert.doesNotMatch(answer.headers()['content-security-policy'], /unsafe/)
    assert.match(answer.headers().vary, /Accept-Language/)
    assert.equal(await w.page.title(), title)
    assert.equal(await w.page.evaluate(() => document.documentElement.lang), options.locale.slice(0, 2))
    const shown = await w.page.locator('.opblock-tag').evaluateAll((all) => all.map((tag) => tag.dataset.tag))
    assert.deepEqual(shown.sort(), [...new Set(tags)].sort())
    await until('its operations', async () => (await w.page.locator('.opblock').count()) === tags.filter((tag) => tag === 'system').length)
    assert.ok((await operation(w.page, '/api/system/health').textContent()).includes(summary))
    assert.equal(await w.page.locator('header a[href="/api/openapi.json"]').count(), 1)
    await assertFits(w.page, 'the operations')
    await w.close()
  }
})

test('what is tried is done, with the session that the browser has; the viewer is kept for a year, as it was compressed', async () => {
  const w = await Window.open(browser, server)
  const script = w.page.waitForResponse(/swagger-ui-bundle-/)
  await open(w, 'system', 'auth')
  const headers = (await script).headers()
  assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.equal(headers['content-encoding'], 'gzip')
  assert.ok(Number(headers['content-length']) < 500000)
  assert.match(await tryOut(w.page, '/api/system/health'), /^200/)
  assert.match(await tryOut(w.page, '/api/auth/tokens'), /^401/)
  const { email } = account(server, 'apprenant1@')
  await w.post('/api/auth/login', { email, password: PASSWORD })
  const me = await tryOut(w.page, '/api/auth/user')
  assert.match(me, /^200/)
  assert.ok(me.includes(email), me.slice(0, 300))
  // A change: the rule against foreign pages lets our own through.
  assert.match(await tryOut(w.page, '/api/auth/send-verification'), /^200/)
  await w.close()
})
