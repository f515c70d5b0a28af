// Two browsers in one group: what one does the other sees, live. And what moderators can do.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from '../lib/server.mjs'
import { until } from '../lib/util.mjs'
import { account, groupOf, launch, Window } from './chromium.mjs'

let server, browser
before(async () => {
  server = await startServer()
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const enter = async (start) => (await Window.open(browser, server)).signIn(account(server, start).email)

// A teacher, who made the group, and a learner, both in it.
async function pair() {
  const teacher = await enter('formateur@')
  const learner = await enter('apprenant1@')
  const group = await groupOf(teacher, learner)
  await teacher.openGroup(group.id)
  await learner.openGroup(group.id)
  return { teacher, learner, group }
}

test('they talk, and see each other here, typing and reading', async () => {
  const { teacher, learner } = await pair()
  for (const w of [teacher, learner]) await until('two people here', async () => (await w.page.locator('.person').count()) === 2)
  await learner.page.locator('.write textarea').pressSequentially('Bonjour')
  await teacher.page.locator('.typing', { hasText: 'écrit' }).waitFor()
  await learner.page.keyboard.press('Enter')
  await teacher.sees('Bonjour')
  await until('no longer typing', async () => (await teacher.page.locator('.typing').textContent()) === '')
  await learner.page.locator('.read-by').waitFor()
  await teacher.say('Bonjour à vous')
  await learner.sees('Bonjour à vous')
  await until('the words read out', async () => /Bonjour à vous$/.test(await learner.page.locator('.timeline [aria-live]').textContent()))
  for (const w of [teacher, learner]) {
    await w.pendingNone()
    assert.deepEqual(await w.contents(), ['Bonjour', 'Bonjour à vous'])
  }
  await learner.close()
  await until('one person here', async () => (await teacher.page.locator('.person').count()) === 1)
  await teacher.close()
})

test('reactions, answers, edits and deletions reach both', async () => {
  const { teacher, learner } = await pair()
  await teacher.say('Exercice 4 pour lundi')
  await learner.sees('Exercice 4')
  await learner.act('Exercice 4', '👍')
  await teacher.page.locator('.chip', { hasText: '1' }).waitFor()
  await learner.page.locator('.chip[aria-pressed=true]').click()
  await until('the reaction gone', async () => (await teacher.page.locator('.chip').count()) === 0)
  await learner.act('Exercice 4', 'Répondre')
  await learner.say('Lequel ?')
  await teacher.page.locator('.quote', { hasText: 'Exercice 4' }).waitFor()
  await teacher.act('Exercice 4 pour lundi', 'Modifier')
  await teacher.say('Exercice 5 pour lundi')
  await learner.page.locator('.content', { hasText: 'Exercice 5' }).first().waitFor()
  await learner.page.locator('.edited').first().waitFor()
  await learner.page.locator('.message', { hasText: 'Lequel' }).last().focus()
  await learner.page.keyboard.press('Enter')
  await teacher.act('Lequel', '🎉')
  await teacher.page.locator('.chip').waitFor() // a change under an open menu leaves the menu open
  await learner.page.getByRole('menuitem', { name: 'Supprimer' }).click()
  await learner.page.locator('dialog .danger').click()
  await teacher.page.locator('.gone').waitFor()
  assert.deepEqual(await teacher.contents(), ['Exercice 5 pour lundi'])
  await learner.close()
  await teacher.close()
})

test('a mention stands out for the one it names', async () => {
  const { teacher, learner } = await pair()
  await until('two people here', async () => (await teacher.page.locator('.person').count()) === 2)
  await teacher.page.locator('.write textarea').pressSequentially('Merci @')
  await teacher.page.locator('.mentions li').first().waitFor()
  await teacher.page.keyboard.press('Enter')
  await teacher.page.keyboard.press('Enter')
  await learner.page.locator('.message.to-me .mention.me').waitFor()
  await teacher.page.locator('.message:not(.to-me) .mention').waitFor()
  await learner.close()
  await teacher.close()
})

test('what arrives elsewhere is counted in the list, and reading it clears the count', async () => {
  const { teacher, learner, group } = await pair()
  const badge = learner.page.locator(`.group-link[href="/groups/${group.id}"] .badge`)
  await learner.page.goto(`${server.url}/groups`)
  await learner.page.locator('.group-link').first().waitFor()
  for (const text of ['un', 'deux', 'trois']) await teacher.say(text)
  await badge.filter({ hasText: '3' }).waitFor()
  assert.match(await learner.page.title(), /^\(\d+\)/)
  await learner.openGroup(group.id)
  await learner.page.locator('.day.fresh').waitFor()
  await until('no count', async () => (await badge.count()) === 0)
  await until('the server knows', async () => {
    const list = await (await learner.context.request.get(`${server.url}/api/study-groups?limit=200`)).json()
    return list.find((g) => g.id === group.id).unreadCount === 0
  })
  await learner.page.reload()
  await learner.page.locator('.message').first().waitFor()
  assert.equal(await badge.count(), 0)
  await learner.close()
  await teacher.close()
})

test('older messages come in when one scrolls up, and the reader stays where they were', async () => {
  const { teacher, learner, group } = await pair()
  await learner.close()
  for (let i = 1; i <= 130; i++) await teacher.post(`/api/study-groups/${group.id}/messages`, { content: `message ${i}`, type: 'text' })
  await teacher.page.reload()
  await teacher.sees('message 130')
  const count = async () => (await teacher.contents()).length
  assert.ok((await count()) < 130, 'not everything at once')
  await until('everything, by scrolling', async () => {
    await teacher.page.locator('.scroller').evaluate((e) => (e.scrollTop = 0))
    return (await count()) === 130
  })
  assert.deepEqual(await teacher.contents(), Array.from({ length: 130 }, (_, i) => `message ${i + 1}`))
  await teacher.page.getByText('Début de la conversation').waitFor()
  await teacher.page.locator('.scroller').evaluate((e) => (e.scrollTop = 0))
  await teacher.page.locator('.latest').click()
  await until('at the bottom', () => teacher.page.locator('.scroller').evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 80))
  await teacher.close()
})

test('moderators mute, lock and remove; the others see why', async () => {
  const { teacher, learner, group } = await pair()
  await until('two people here', async () => (await teacher.page.locator('.person').count()) === 2)
  const choose = async (entry) => {
    await teacher.page.locator('.person .more').click()
    await teacher.page.getByRole('menuitem', { name: entry }).click()
  }
  await choose('Retirer la parole…')
  await teacher.page.locator('dialog .choices button').first().click()
  await learner.page.locator('.barred', { hasText: 'retiré la parole' }).waitFor()
  await choose('Rendre la parole')
  await learner.page.locator('.write textarea').waitFor()
  await teacher.page.getByRole('button', { name: 'Verrouiller le groupe' }).click()
  await learner.page.locator('.barred', { hasText: 'verrouillé' }).waitFor()
  await teacher.page.getByRole('button', { name: 'Déverrouiller le groupe' }).click()
  await learner.page.locator('.write textarea').waitFor()
  await choose('Exclure du groupe')
  await teacher.page.locator('dialog .danger').click()
  await learner.page.locator('.toast.shown').waitFor()
  await until('back at the list', () => !learner.page.url().includes(group.id))
  await until('one person here', async () => (await teacher.page.locator('.person').count()) === 1)
  await learner.close()
  await teacher.close()
})
