// Debian's Chromium without its window (chromium-headless-shell: the same engine and half the CPU of `chromium --headless`, which draws
// its own window too) with an empty profile, people signed in by the page itself, and a watch on every page: an error on the console,
// an exception or a refusal by the content security policy fails the test that caused it. CHROMIUM=/usr/bin/chromium takes another.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'
import { PASSWORD, PATIENCE, until } from '../lib/util.mjs'

const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic', '--no-first-run',
  '--disable-component-update', '--disable-sync',
]
// What a browser says of its own accord when a server refuses or a network is away; the page has no say in it.
const NETWORK = /^Failed to load resource: (the server responded with a status of (401|422|503)|net::ERR_(INTERNET_DISCONNECTED|CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE))|^WebSocket connection to '.*' failed/

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell', args: ARGS })

export class Window {
  // A browser of its own: cookies and storage are shared only by the tabs opened with `tab`.
  static async open(browser, server, options = {}) {
    const window = new Window()
    window.server = server
    window.trouble = []
    window.context = await browser.newContext({ locale: 'fr-FR', viewport: { width: 1280, height: 800 }, ...options })
    window.context.setDefaultTimeout(PATIENCE)
    await window.context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`))
    })
    window.page = await window.tab()
    return window
  }

  async tab(path = '/') {
    const page = await this.context.newPage()
    page.on('pageerror', (e) => this.trouble.push(e.stack ?? e.message))
    page.on('console', (m) => {
      if (m.type() === 'error' && !NETWORK.test(m.text())) this.trouble.push(m.text())
    })
    await page.goto(this.server.url + path)
    return page
  }

  async signIn(email, page = this.page) {
    await page.locator('input[name=email]').fill(email)
    await page.locator('input[name=password]').fill(PASSWORD)
    await page.locator('form button[type=submit]').click()
    await page.locator('.sidebar').waitFor()
    return this
  }

  async openGroup(id, page = this.page) {
    await page.locator(`.group-link[href="/groups/${id}"]`).click()
    await page.locator('.who-button .dot').waitFor({ state: 'attached' })
    await page.locator('.person').first().waitFor({ state: 'attached' })
  }

  async say(text, page = this.page) {
    await page.locator('.write textarea').fill(text)
    await page.keyboard.press('Enter')
  }

  // What this person reads as sent, in order.
  contents(page = this.page) {
    return page.locator('.message:not(.pending) .content').allTextContents()
  }

  sees(text, page = this.page) {
    return page.locator('.message:not(.pending) .content', { hasText: text }).first().waitFor()
  }

  async pendingNone(page = this.page) {
    await until('nothing unsent', async () => (await page.locator('.pending').count()) === 0)
  }

  // The menu of a message, by its text, and one of its entries.
  async act(text, entry, page = this.page) {
    const message = page.locator('.message', { has: page.locator('.content', { hasText: text }) }).last()
    // A message that arrives at this very moment may take the focus's row from under the key.
    await until(`the menu of ${text}`, async () => {
      await message.focus()
      await page.keyboard.press('Enter')
      return page.locator('.menu').waitFor({ timeout: 1000 }).then(() => true, () => false)
    })
    await page.locator('.menu').getByRole(/^\p{L}/u.test(entry) ? 'menuitem' : 'menuitemcheckbox', { name: entry }).click()
  }

  // REST as this person: the same cookie, not from a page.
  async post(path, data) {
    const answer = await this.context.request.post(this.server.url + path, { data })
    assert.ok(answer.ok(), `POST ${path}: ${answer.status()} ${await answer.text()}`)
    return answer.json()
  }

  async close() {
    await this.context.close()
    assert.deepEqual(this.trouble, [], 'errors on the console, exceptions or policy violations')
  }
}

export const account = (server, start) => {
  const user = server.demo.users.find((u) => u.email.startsWith(start))
  assert.ok(user, `a demo account ${start}`)
  return user
}

// A group made by the first person over REST, joined by the others.
let made = 0
export async function groupOf(first, ...others) {
  const group = await first.post('/api/study-groups', { name: `Groupe ${process.pid}-${++made}`, description: '', maxMembers: 30, isPublic: true })
  for (const other of others) await other.post(`/api/study-groups/${group.id}/join`, { action: 'join' })
  for (const w of [first, ...others]) {
    await w.page.reload()
    await w.page.locator(`.group-link[href="/groups/${group.id}"]`).waitFor()
  }
  return group
}

// The width that the page needs is at most the one it has.
export async function assertFits(page, what) {
  const wide = await page.evaluate(() => {
    const limit = document.documentElement.clientWidth
    const over = [...document.querySelectorAll('body *')].filter((e) => {
      const box = e.getBoundingClientRect()
      return box.width > 1 && box.right > limit + 1 && !e.closest('.unseen')
    })
    return { scroll: document.documentElement.scrollWidth - limit, over: over.slice(0, 5).map((e) => `${e.tagName}.${e.className}`) }
  })
  assert.ok(wide.scroll <= 0 && wide.over.length === 0, `${what}: ${JSON.stringify(wide)}`)
}
