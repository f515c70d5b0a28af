// What our mails lead to, and one's own account: a forgotten password from the mail in `stacgate outbox` to the sign-in, an invitation,
// a proven address, links that are of no more use; changing the password and ending other sessions; in both languages, on a phone.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, stacgate } from '../lib/server.mjs'
import { Api, signIn } from '../lib/client.mjs'
import { PASSWORD, unique, until } from '../lib/util.mjs'
import { assertFits, launch, Window } from './chromium.mjs'

let server, browser, admin
before(async () => {
  server = await startServer({ args: ['--public-url', 'https://ecole.example', '--rate-limits', 'off'] })
  browser = await launch()
  admin = await signIn(server, 'admin@moliere.test')
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const NEW = 'une phrase que nul ne devine'
const address = () => `${unique('p')}@moliere.test`
const ok = (r) => (assert.ok(r.status < 300, r.text), r.json)

async function person(password = PASSWORD) {
  const email = address()
  ok(await admin.post('/api/users', { email, ...(password ? { password } : {}), firstName: 'Lou', lastName: 'Martin' }))
  return email
}

// The link of this person's newest mail, as an installer sees it, at the server's own address.
async function linkFor(email, args = ['--data', server.dataDir]) {
  const list = (await stacgate(['outbox', ...args])).out.split('\n').filter((line) => line.includes(email))
  const text = (await stacgate(['outbox', ...args, '--id', list[0].split(/\s+/)[0]])).out
  const link = /https:\/\/ecole\.example(\/\S+)/.exec(text)
  assert.ok(link, text)
  return link[1]
}

const submit = (w) => w.page.locator('form button[type=submit]').click()
const fill = (w, name, text) => w.page.locator(`input[name=${name}]`).fill(text)
const says = (w, text) => w.page.getByText(text).waitFor()

test('a forgotten password: asked for, the mail\'s link opened, set, signed in with; the link is good once', async () => {
  const email = await person()
  const before = await signIn(server, email)
  const w = await Window.open(browser, server)
  await w.page.getByRole('link', { name: 'Mot de passe oublié ?' }).click()
  await until('the focus in the address field', () => w.page.evaluate(() => document.activeElement?.getAttribute('name') === 'email'))
  await w.page.keyboard.type(email)
  await w.page.keyboard.press('Enter')
  await says(w, 'le lien vient de partir')
  assert.ok(await w.page.evaluate(() => document.activeElement?.tagName === 'H1'), 'the news has the focus')
  const link = await linkFor(email)
  await w.page.goto(server.url + link)
  await until('the focus in the password field', () => w.page.evaluate(() => document.activeElement?.getAttribute('name') === 'password'))
  assert.equal(new URL(w.page.url()).search, '', 'the code does not stay in the address')
  assert.ok(await w.page.locator('input[name=token]').isHidden())
  assert.match(await w.page.title(), /Choisissez votre mot de passe/)
  // A reload and another language keep the code; what is wrong is told beside the field.
  await w.page.reload()
  await w.page.locator('select.language').selectOption('en')
  await fill(w, 'password', 'password1')
  await submit(w)
  await w.page.locator('.field.wrong', { hasText: 'too short or too common' }).waitFor()
  assert.equal(await w.page.locator('input[name=password]').getAttribute('aria-invalid'), 'true')
  await fill(w, 'password', NEW)
  await submit(w)
  await says(w, 'Your password is saved')
  assert.equal((await before.get('/api/auth/user')).status, 401)
  await fill(w, 'email', email)
  await fill(w, 'password', NEW)
  await submit(w)
  await w.page.locator('.sidebar').waitFor()
  // Used: said clearly, with the way to another.
  await w.page.goto(server.url + link)
  await fill(w, 'password', `${NEW} encore`)
  await submit(w)
  await says(w, 'of no more use')
  await w.page.getByRole('link', { name: 'Ask for a new link' }).waitFor()
  await w.close()
})

test('an invitation sets the first password, on a phone; without a link the code is asked for', async () => {
  const email = await person(null)
  const link = await linkFor(email)
  const w = await Window.open(browser, server, { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true })
  await w.page.goto(`${server.url}/forgot-password`)
  await w.page.locator('input[name=email]').waitFor()
  await assertFits(w.page, 'a forgotten password')
  await w.page.goto(`${server.url}/set-password`)
  await fill(w, 'token', link.split('token=')[1])
  await fill(w, 'password', NEW)
  await assertFits(w.page, 'a new password')
  await submit(w)
  await says(w, 'Votre mot de passe est enregistré')
  await fill(w, 'email', email)
  await fill(w, 'password', NEW)
  await submit(w)
  await w.page.locator('.sidebar').waitFor()
  await w.page.getByRole('link', { name: 'Mon compte' }).click()
  await w.page.locator('.account-row').waitFor()
  await assertFits(w.page, 'the account')
  await w.close()
})

test('an address is proven from the mail, by whoever has it; the second time says why not', async () => {
  const email = await person()
  const w = await (await Window.open(browser, server, { locale: 'en-GB' })).signIn(email)
  await w.page.getByRole('link', { name: 'My account' }).click()
  await says(w, 'not confirmed yet')
  await w.page.getByRole('button', { name: 'Send the link' }).click()
  await says(w, 'Mail sent')
  const link = await linkFor(email)
  const stranger = await Window.open(browser, server)
  await stranger.page.goto(server.url + link)
  await stranger.page.getByRole('button', { name: 'Confirmer mon adresse' }).click()
  await says(stranger, 'Tout est en ordre')
  await stranger.page.goto(server.url + link)
  await submit(stranger)
  await says(stranger, 'Ce lien ne sert plus')
  await says(stranger, 'Connectez-vous et ouvrez')
  await w.page.reload()
  await w.page.locator('.account p[role=status]', { hasText: 'confirmed' }).waitFor()
  assert.equal(await w.page.getByText('not confirmed yet').count(), 0)
  await Promise.all([w.close(), stranger.close()])
})

test('a certificate is verified by anybody who has its code, in both languages, also on a phone; revoked, it says so', async () => {
  const learner = await signIn(server, 'apprenant2@moliere.test')
  const { id } = ok(await learner.get('/api/auth/user'))
  const course = ok(await admin.post('/api/courses', { title: unique('Certifié'), description: 'D', category: 'C' }))
  ok(await learner.post(`/api/courses/${course.id}/enroll`))
  ok(await admin.post(`/api/courses/${course.id}/complete`, { learnerId: id }))
  const [certificate] = ok(await learner.get(`/api/certificates?courseId=${course.id}`))
  const w = await Window.open(browser, server, { viewport: { width: 360, height: 740 } })
  await w.page.getByRole('link', { name: 'Vérifier un certificat' }).click()
  await fill(w, 'code', '0'.repeat(32))
  await submit(w)
  await says(w, 'Aucun certificat n’a ce code')
  assert.match(w.trouble.splice(0).join(), /^Failed to load resource: the server responded with a status of 404/) // the browser's own word
  await fill(w, 'code', ` ${certificate.verificationCode} `)
  await submit(w)
  await says(w, 'Ce certificat est valable')
  for (const text of ['Noah', course.title, 'Lycée Molière', certificate.certificateNumber]) await says(w, text)
  await assertFits(w.page, 'a certificate')
  assert.match(w.page.url(), new RegExp(`/certificate/${certificate.verificationCode}$`)) // what can be sent on
  ok(await admin.post(`/api/certificates/${certificate.id}/revoke`, { reason: 'Erreur' }))
  const english = await Window.open(browser, server, { locale: 'en-GB' })
  await english.page.goto(w.page.url())
  await says(english, 'This certificate was revoked')
  await says(english, 'Revoked on')
  await Promise.all([w.close(), english.close()])
})

test('the account: another password, sessions that are ended, access tokens that are revoked', async () => {
  const email = await person()
  const other = new Api(server, { headers: { 'user-agent': 'Autre navigateur 1.0' } })
  await other.signIn(email)
  const third = await signIn(server, email)
  ok(await third.post('/api/auth/tokens', { name: 'Mon programme' }))
  const w = await (await Window.open(browser, server)).signIn(email)
  await w.page.getByRole('link', { name: 'Mon compte' }).click()
  await w.page.getByRole('button', { name: 'Fermer la session : Autre navigateur 1.0' }).click()
  await until('its end', async () => (await other.get('/api/auth/user')).status === 401)
  await says(w, 'celle-ci')
  await w.page.getByRole('button', { name: 'Révoquer Mon programme' }).click()
  await w.page.locator('dialog .danger').click()
  await w.page.locator('section', { has: w.page.getByRole('heading', { name: 'Jetons d’accès' }) }).getByText('Aucun.').waitFor()
  assert.deepEqual(ok(await third.get('/api/auth/tokens')), [])
  await fill(w, 'currentPassword', 'pas celui-là')
  await fill(w, 'newPassword', NEW)
  await submit(w)
  await w.page.locator('.field.wrong', { hasText: 'Ce n’est pas votre mot de passe' }).waitFor()
  await fill(w, 'currentPassword', PASSWORD)
  await submit(w)
  await says(w, 'Mot de passe changé')
  await until('the others ended', async () => (await third.get('/api/auth/user')).status === 401)
  await until('one row', async () => (await w.page.locator('.account-row').count()) === 1)
  await signIn(server, email, NEW)
  await w.page.reload()
  await until('two rows', async () => (await w.page.locator('.account-row').count()) === 2)
  await w.page.getByRole('button', { name: 'Fermer toutes les autres' }).click()
  await w.page.locator('dialog .danger').click()
  await until('one row again', async () => (await w.page.locator('.account-row').count()) === 1)
  await w.close()
})
