// The pages by themselves: by keyboard alone, in both languages, on a phone of 320 px, in light and dark.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from '../lib/server.mjs'
import { PASSWORD, until, unique } from '../lib/util.mjs'
import { account, assertFits, groupOf, launch, Window } from './chromium.mjs'

let server, browser
before(async () => {
  server = await startServer()
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('name') ?? document.activeElement?.textContent ?? '')

test('one signs in, opens a group, writes and reacts with the keyboard alone', async () => {
  const helper = await (await Window.open(browser, server)).signIn(account(server, 'formateur@').email)
  const group = await groupOf(helper)
  const w = await Window.open(browser, server)
  await w.page.locator('form').waitFor()
  await until('the focus in the address field', async () => (await focused(w.page)) === 'email')
  await w.page.keyboard.type(account(server, 'formateur@').email)
  await w.page.keyboard.press('Tab')
  await w.page.keyboard.type(PASSWORD)
  await w.page.keyboard.press('Enter')
  const link = w.page.locator(`.group-link[href="/groups/${group.id}"]`)
  await link.waitFor()
  for (let i = 0; i < 60 && !(await link.evaluate((e) => e === document.activeElement)); i++) await w.page.keyboard.press('Tab')
  assert.ok(await link.evaluate((e) => e === document.activeElement && e.matches(':focus-visible')), 'the group is reached by Tab, visibly')
  await w.page.keyboard.press('Enter')
  await until('the focus in the composer', () => w.page.evaluate(() => document.activeElement?.tagName === 'TEXTAREA'))
  await w.page.locator('.person').waitFor()
  await w.page.keyboard.type('premier')
  await w.page.keyboard.press('Shift+Enter')
  await w.page.keyboard.type('deuxième ligne')
  await w.page.keyboard.press('Enter')
  await w.sees('premier')
  await w.pendingNone()
  assert.deepEqual(await w.contents(), ['premier\ndeuxième ligne'])
  await w.page.keyboard.press('Shift+Tab')
  await w.page.keyboard.press('Enter')
  await until('the focus in the menu', () => w.page.evaluate(() => document.activeElement?.closest('.menu') !== null))
  await w.page.keyboard.press('Enter')
  await w.page.locator('.chip[aria-pressed=true]').waitFor()
  await helper.close()
  await w.close()
})

test('wrong passwords are told in words, in the language of the reader', async () => {
  for (const [locale, words] of [['fr-FR', 'incorrect'], ['en-GB', 'Wrong'], ['de-DE', 'incorrect']]) {
    const w = await Window.open(browser, server, { locale })
    await w.page.locator('input[name=email]').fill(`${unique('nobody')}@moliere.test`)
    await w.page.locator('input[name=password]').fill('not the password')
    await w.page.locator('form button[type=submit]').click()
    await w.page.locator('.alert', { hasText: words }).waitFor()
    await w.close()
  }
})

test('the language switch changes everything and is remembered', async () => {
  const w = await (await Window.open(browser, server)).signIn(account(server, 'apprenant1@').email)
  await w.page.getByRole('heading', { name: 'Mes groupes' }).waitFor()
  await w.page.locator('select.language').selectOption('en')
  await w.page.getByRole('heading', { name: 'My groups' }).waitFor()
  assert.equal(await w.page.evaluate(() => document.documentElement.lang), 'en')
  await w.page.reload()
  await w.page.getByRole('heading', { name: 'My groups' }).waitFor()
  await w.close()
})

test('one registers at a school and is in', async () => {
  const w = await Window.open(browser, server)
  await w.page.getByRole('link', { name: 'Créer un compte' }).click()
  const school = w.page.locator('select[name=establishmentId]')
  await until('the schools', async () => (await school.locator('option').count()) > 1)
  await school.selectOption(account(server, 'apprenant1@').establishmentId)
  const email = `${unique('nouvelle').toLowerCase().replace(/[^a-z0-9]+/g, '-')}@moliere.test`
  await w.page.locator('input[name=firstName]').fill('<b>Zoé</b>')
  await w.page.locator('input[name=lastName]').fill('Nouvelle')
  await w.page.locator('input[name=email]').fill(email)
  await w.page.locator('input[name=password]').fill('un-mot-de-passe-rare')
  await w.page.locator('form button[type=submit]').click()
  await w.page.locator('.sidebar').waitFor()
  assert.match(await w.page.locator('.me-name').textContent(), /^<b>Zoé<\/b> Nouvelle$/)
  await w.close()
})

test('a group is created, found by search, left', async () => {
  const w = await (await Window.open(browser, server)).signIn(account(server, 'apprenant2@').email)
  const name = unique('Révisions')
  await w.page.getByRole('button', { name: 'Nouveau groupe' }).click()
  await w.page.locator('dialog input').first().fill(name)
  await w.page.locator('dialog button[type=submit]').click()
  await w.page.locator('.conversation-head h1', { hasText: name }).waitFor()
  await w.page.locator('.search').fill(name.slice(0, 12).toUpperCase())
  await until('one match', async () => (await w.page.locator('.group-link').count()) === 1)
  await w.page.locator('.search').fill('zzzz')
  await until('no match', async () => (await w.page.locator('.group-link').count()) === 0)
  await w.page.locator('.search').fill('')
  await w.page.getByRole('button', { name: 'Quitter le groupe' }).click()
  await w.page.locator('dialog .danger').click()
  await w.page.getByRole('button', { name: `Rejoindre ${name}` }).waitFor()
  assert.equal(await w.page.locator('.group-link', { hasText: name }).count(), 0)
  await w.close()
})

test('what people write is text: no markup, links that open apart', async () => {
  const w = await (await Window.open(browser, server)).signIn(account(server, 'apprenant1@').email)
  const group = await groupOf(w)
  await w.openGroup(group.id)
  const evil = '<img src=x onerror=alert(1)> <script>document.title="x"</script> javascript:alert(1) https://example.org/?a=<b>.'
  await w.say(evil)
  await w.sees('onerror')
  await w.pendingNone()
  assert.deepEqual(await w.contents(), [evil])
  assert.equal(await w.page.locator('.content img, .content script').count(), 0)
  const links = await w.page.locator('.content a').evaluateAll((all) => all.map((a) => [a.getAttribute('href'), a.target, a.rel]))
  assert.deepEqual(links, [['https://example.org/?a=', '_blank', 'noopener noreferrer nofollow']])
  await w.close()
})

for (const colorScheme of ['light', 'dark']) {
  test(`nothing is wider than a phone of 320 px (${colorScheme})`, async () => {
    const w = await Window.open(browser, server, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true, colorScheme })
    await w.page.locator('form').waitFor()
    await assertFits(w.page, 'sign in')
    await w.page.getByRole('link', { name: 'Créer un compte' }).click()
    await w.page.locator('select[name=establishmentId]').waitFor()
    await assertFits(w.page, 'register')
    await w.page.goBack()
    await w.signIn(account(server, 'apprenant1@').email)
    const group = await groupOf(w)
    await assertFits(w.page, 'groups')
    await w.openGroup(group.id)
    await w.page.locator('.write textarea').fill(`${'Donaudampfschifffahrt'.repeat(9)} https://example.org/${'x'.repeat(120)}`)
    await w.page.locator('.send').click()
    await w.sees('Donau')
    await assertFits(w.page, 'a group')
    await w.page.locator('.message .more').last().click()
    await assertFits(w.page, 'a menu')
    await w.page.keyboard.press('Escape')
    await w.page.locator('.who-button').click()
    await w.page.locator('.panel.open .person').waitFor()
    await assertFits(w.page, 'people')
    await w.close()
  })
}

test('an address that is nobody\'s group, and a session that is not there, end in words', async () => {
  const w = await (await Window.open(browser, server)).signIn(account(server, 'apprenant1@').email)
  await w.page.goto(`${server.url}/groups/00000000-0000-4000-8000-000000000000`)
  await w.page.getByText('Ce groupe n’existe pas').waitFor()
  await w.context.clearCookies()
  await w.page.reload()
  await w.page.locator('input[name=password]').waitFor()
  await w.close()
})
