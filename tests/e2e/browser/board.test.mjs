// Boards in the page: two browsers draw together, one goes offline and comes back, everybody undoes their own; pens, fingers, keys alone;
// files; locks. What a page shows is read from its canvas, what is stored over REST.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { startServer } from '../lib/server.mjs'
import { until } from '../lib/util.mjs'
import { account, assertFits, groupOf, launch, Window } from './chromium.mjs'

let server, browser
before(async () => {
  server = await startServer({ args: ['--replay-max', '20'] })
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const enter = async (start, options) => (await Window.open(browser, server, options)).signIn(account(server, start).email)

// A board that the first one made over REST, open in every window at the same scale.
async function boardOf(...windows) {
  const group = await groupOf(...windows)
  const { id } = await windows[0].post(`/api/study-groups/${group.id}/whiteboards`, { title: 'Géométrie' })
  for (const w of windows) await openBoard(w, group.id, id)
  return { group, id }
}

async function openBoard(w, groupId, id) {
  await w.page.goto(`${w.server.url}/groups/${groupId}/boards/${id}`)
  await w.page.locator('.board-fate', { hasText: 'Enregistré' }).waitFor()
  w.area = await w.page.locator('.board-host').boundingBox()
}

const on = (w, x, y) => [w.area.x + x, w.area.y + y]
const tool = (w, name) => w.page.locator(`.board-tools [data-tool=${name}]`).click()

async function drag(w, points, { release = true } = {}) {
  w.area = await w.page.locator('.board-host').boundingBox() // a banner may have moved it
  await w.page.mouse.move(...on(w, ...points[0]))
  await w.page.mouse.down()
  for (const p of points.slice(1)) await w.page.mouse.move(...on(w, ...p), { steps: 5 })
  if (release) await w.page.mouse.up()
}

async function draw(w, name, from, to) {
  await tool(w, name)
  await drag(w, [from, to])
  await w.page.keyboard.press('Escape')
}

// Is there ink around this point of the area? layer 0: what is on the board; 1: what is in somebody's hands.
const inked = (w, x, y, layer = 0) =>
  w.page.evaluate(([x, y, layer]) => {
    const canvas = document.querySelectorAll('.canvases canvas')[layer]
    const scale = canvas.width / canvas.clientWidth
    const { data } = canvas.getContext('2d').getImageData((x - 4) * scale, (y - 4) * scale, 8 * scale, 8 * scale)
    return data.some((v, i) => i % 4 === 3 && v > 0)
  }, [x, y, layer])
const showsInk = (w, x, y, layer) => until(`ink at ${x},${y}`, () => inked(w, x, y, layer))
const showsNone = (w, x, y, layer) => until(`no ink at ${x},${y}`, async () => !(await inked(w, x, y, layer)))

const stored = async (w, id) => (await (await w.context.request.get(`${server.url}/api/whiteboards/${id}`)).json()).elements
const storedTypes = async (w, id) => (await stored(w, id)).map((e) => e.type).sort()
// What was just done is in the page's words two frames later at most; then the server has it when they say so.
async function saved(w) {
  await w.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  await w.page.locator('.board-fate', { hasText: 'Enregistré' }).waitFor()
}

test('two draw together: a stroke is seen while it is drawn, and each undoes their own', async () => {
  const [one, two] = [await enter('formateur@'), await enter('apprenant1@')]
  const { id } = await boardOf(one, two)
  await drag(one, [[100, 100], [200, 100], [300, 100]], { release: false })
  await showsInk(two, 200, 100, 1)
  assert.equal(await inked(two, 200, 100, 0), false, 'not on the board yet')
  assert.deepEqual(await stored(one, id), [])
  await one.page.mouse.up()
  await showsInk(two, 200, 100)
  await draw(two, 'rect', [150, 200], [350, 300])
  await showsInk(one, 150, 250)
  assert.deepEqual(await storedTypes(one, id), ['freehand', 'rect'])
  await one.page.locator('.faces', { hasText: 'Avec vous' }).waitFor()

  await one.page.getByRole('button', { name: 'Annuler' }).click()
  await showsNone(two, 200, 100)
  assert.ok(await one.page.getByRole('button', { name: 'Annuler' }).isDisabled(), 'the rectangle is not theirs')
  await one.page.getByRole('button', { name: 'Rétablir' }).click()
  await showsInk(two, 200, 100)

  await tool(two, 'select') // the rectangle is taken by its edge, and moved
  await drag(two, [[150, 250], [450, 250]])
  await showsInk(one, 450, 250)
  await showsNone(one, 150, 250)
  assert.equal(await two.page.locator('.board-editor').count(), 0, 'a drag right after another is no double click')
  await two.page.keyboard.press('Control+z')
  await showsInk(one, 150, 250)
  await two.page.keyboard.press('Control+Shift+z')
  await showsInk(one, 450, 250)
  await saved(two)
  await two.page.mouse.dblclick(...on(two, 450, 250))
  await two.page.keyboard.type('écrit')
  await two.page.mouse.click(...on(two, 700, 400)) // elsewhere
  await until('the label', async () => (await stored(one, id)).some((e) => e.label === 'écrit'))
  const rect = (await stored(one, id)).find((e) => e.type === 'rect')
  assert.deepEqual([rect.w, rect.h], [200, 100])
  await one.close()
  await two.close()
})

test('one goes offline, both draw, one returns: everything once, on both', async () => {
  const [one, two] = [await enter('formateur@'), await enter('apprenant1@')]
  const { id } = await boardOf(one, two)
  await two.context.setOffline(true)
  await two.page.locator('.banner', { hasText: 'Connexion perdue' }).waitFor()
  for (let i = 0; i < 5; i++) await draw(two, 'ellipse', [100 + i * 90, 100], [160 + i * 90, 160])
  await two.page.keyboard.press('Control+z')
  await two.page.locator('.board-fate', { hasText: 'en attente' }).waitFor()
  await showsInk(two, 100, 130)
  for (let i = 0; i < 25; i++) await draw(one, 'line', [100, 250 + i * 6], [300, 250 + i * 6]) // more than is replayed
  await saved(one)
  assert.equal(await inked(one, 100, 130), false)
  await two.context.setOffline(false)
  await showsInk(one, 100, 130)
  await saved(two)
  for (const w of [one, two]) {
    await showsInk(w, 200, 250)
    await showsInk(w, 370, 130)
    assert.equal(await inked(w, 460, 130), false, 'what was undone offline never came')
  }
  const types = await storedTypes(one, id)
  assert.deepEqual([types.filter((t) => t === 'ellipse').length, types.filter((t) => t === 'line').length, types.length], [4, 25, 29])
  await one.close()
  await two.close()
})

test('what was drawn without a server outlives the page', async () => {
  const one = await enter('formateur@')
  const { id } = await boardOf(one)
  const address = one.page.url()
  await server.kill9()
  await one.page.locator('.banner', { hasText: 'Connexion perdue' }).waitFor()
  await draw(one, 'rect', [150, 150], [350, 250])
  await one.page.locator('.board-fate', { hasText: 'en attente' }).waitFor()
  await until('the shelf to have it', () => one.page.evaluate(() => new Promise((resolve) => {
    indexedDB.open('stacgate.outbox').onsuccess = ({ target: { result: db } }) => {
      db.transaction('entries').objectStore('entries').count().onsuccess = (e) => (db.close(), resolve(e.target.result === 1))
    }
  })))
  await one.page.close()
  await server.start()
  one.page = await one.tab(new URL(address).pathname)
  await saved(one)
  await until('the rectangle', async () => (await storedTypes(one, id)).join() === 'rect')
  await one.close()
})

test('a pen presses, a finger draws, two fingers move the view and leave no mark (on a phone)', async () => {
  const one = await enter('formateur@', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true })
  const { id } = await boardOf(one)
  const device = await one.context.newCDPSession(one.page)
  const touch = (type, ...points) => device.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ ...Object.fromEntries([['x', on(one, x, y)[0]], ['y', on(one, x, y)[1]]]), id })) })
  const pen = (type, x, y, force) => device.send('Input.dispatchMouseEvent', { type, x: on(one, x, y)[0], y: on(one, x, y)[1], button: 'left', buttons: 1, pointerType: 'pen', force, clickCount: 1 })
  await assertFits(one.page, 'a board')
  for (const button of await one.page.locator('.board-page button:visible').all()) {
    const box = await button.boundingBox()
    assert.ok(box.width >= 44 && box.height >= 44, `${await button.getAttribute('aria-label')}: ${box.width} × ${box.height}`)
  }
  await tool(one, 'freehand')
  await touch('touchStart', [60, 100])
  for (let i = 1; i <= 10; i++) await touch('touchMove', [60 + i * 15, 100 + i * 3])
  await touch('touchEnd')
  await until('one stroke', async () => (await storedTypes(one, id)).join() === 'freehand')

  const scale = () => one.page.locator('.canvases').evaluate((e) => parseFloat(e.style.backgroundSize))
  const before = await scale()
  await touch('touchStart', [100, 300])
  await touch('touchMove', [104, 300])
  await touch('touchStart', [104, 300], [200, 300])
  for (let i = 1; i <= 10; i++) await touch('touchMove', [104 - i * 4, 300], [200 + i * 10, 300])
  await touch('touchEnd')
  assert.ok((await scale()) > before * 1.5, 'zoomed')
  await saved(one)
  assert.deepEqual(await storedTypes(one, id), ['freehand'])

  await pen('mousePressed', 50, 200, 0.25)
  for (let i = 1; i <= 12; i++) await pen('mouseMoved', 50 + i * 20, 200 + (i % 3) * 20, 0.25 + i * 0.05)
  await pen('mouseReleased', 290, 200, 0)
  await until('the pen', async () => (await stored(one, id)).length === 2)
  const [, stroke] = await stored(one, id)
  const pressures = stroke.points.map((p) => p[2])
  assert.ok(Math.min(...pressures) < 0.4 && Math.max(...pressures) > 0.6, `pressures ${pressures}`)
  await touch('touchStart', [60, 400]) // a hand that rests beside the pen
  for (let i = 1; i <= 5; i++) await touch('touchMove', [60 + i * 10, 400])
  await touch('touchEnd')
  await saved(one)
  assert.equal((await stored(one, id)).length, 2)
  await one.close()
})

test('by keys alone: make, write, go through, move, stretch, delete, take back', async () => {
  const one = await enter('formateur@')
  const { id } = await boardOf(one)
  const press = async (...keys) => {
    for (const key of keys) await one.page.keyboard.press(key)
  }
  const heard = (text) => one.page.locator('.board-area > [aria-live]', { hasText: text }).waitFor()
  await one.page.locator('.board-host').focus()
  await press('r', 'Enter', 'Enter')
  await one.page.keyboard.type('Un & <b>deux</b>')
  await press('Escape', 'Escape', 'n', 'Enter')
  await one.page.keyboard.type('une note')
  await press('Escape', 'Escape')
  await saved(one)
  const [rect, note] = await stored(one, id)
  assert.deepEqual([rect.type, rect.label, note.type, note.text], ['rect', 'Un & <b>deux</b>', 'sticky', 'une note'])
  await press('ArrowRight')
  await heard('Rectangle, Un & <b>deux</b>, 1 sur 2')
  await press('PageDown')
  await heard('Note, une note, 2 sur 2')
  await press('ArrowRight', 'ArrowRight', 'Shift+ArrowDown', 'Alt+ArrowRight')
  await saved(one)
  const moved = (await stored(one, id))[1]
  assert.deepEqual([moved.x - note.x, moved.y - note.y, moved.w - note.w], [8, 40, 4])
  await press('[')
  await saved(one)
  assert.equal((await stored(one, id))[0].type, 'sticky')
  await press('Delete')
  await saved(one)
  assert.deepEqual(await storedTypes(one, id), ['rect'])
  await press('Control+z')
  await saved(one)
  assert.deepEqual(await storedTypes(one, id), ['rect', 'sticky'])
  await press('Control+a', 'Control+d')
  await saved(one)
  assert.equal((await stored(one, id)).length, 4)
  await press('Tab')
  assert.notEqual(await one.page.evaluate(() => document.activeElement.className), 'board-host', 'Tab leaves the board')
  await one.close()
})

test('selecting: a corner resizes, a colour and a fill apply, a frame takes several, the eraser takes what it meets', async () => {
  const one = await enter('formateur@')
  const { id } = await boardOf(one)
  await tool(one, 'rect')
  await drag(one, [[150, 150], [250, 200]]) // and it is selected
  await drag(one, [[250, 200], [350, 300]])
  await saved(one)
  const [big] = await stored(one, id)
  assert.deepEqual([big.w, big.h, big.fill], [200, 150, 'none'])
  await one.page.getByRole('button', { name: 'Couleur et trait' }).click()
  await one.page.getByRole('button', { name: 'Bleu' }).click()
  await one.page.getByLabel('Formes remplies').check()
  await until('blue, filled', async () => {
    const [e] = await stored(one, id)
    return e.stroke === '#2f67b1' && e.fill === '#cfe1f8'
  })
  await draw(one, 'ellipse', [450, 150], [550, 250])
  assert.equal(await one.page.locator('.board-style').isVisible(), false, 'out of the way when one draws')
  await draw(one, 'arrow', [150, 350], [550, 380])
  await tool(one, 'select')
  await drag(one, [[100, 100], [600, 320]]) // the rectangle and the ellipse, not the arrow
  await drag(one, [[500, 200], [500, 230]])
  await saved(one)
  const [rect, ellipse, arrow] = await stored(one, id)
  assert.equal(rect.y - big.y, 30)
  assert.deepEqual([ellipse.stroke, ellipse.fill, arrow.stroke], ['#2f67b1', '#cfe1f8', '#2f67b1'])
  await one.page.keyboard.press('Control+z')
  await saved(one)
  const back = await stored(one, id)
  assert.deepEqual([back[0].y, back[1].y - ellipse.y], [big.y, -30], 'both with one undo')
  await tool(one, 'eraser')
  await drag(one, [[500, 200], [500, 400]])
  await saved(one)
  assert.deepEqual(await storedTypes(one, id), ['rect'])
  await one.page.keyboard.press('Control+z')
  await saved(one)
  assert.deepEqual(await storedTypes(one, id), ['arrow', 'ellipse', 'rect'])
  await one.close()
})

test('files: SVG, JSON and PNG of what is drawn', async () => {
  const one = await enter('formateur@')
  await boardOf(one)
  await draw(one, 'rect', [100, 100], [300, 200])
  await draw(one, 'ellipse', [350, 100], [450, 200])
  await saved(one)
  const file = async (entry) => {
    await one.page.getByRole('button', { name: 'Autres actions' }).click()
    const [download] = await Promise.all([one.page.waitForEvent('download'), one.page.getByRole('menuitem', { name: entry }).click()])
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) }
  }
  const svg = await file('SVG')
  assert.match(svg.bytes.toString(), /^<\?xml[^]*<title>Géométrie<\/title>[^]*<rect[^>]*width="200"[^]*<ellipse[^>]*rx="50"/)
  const json = JSON.parse((await file('JSON')).bytes)
  assert.deepEqual(json.elements.map((e) => e.type), ['rect', 'ellipse'])
  const png = await file('PNG')
  assert.equal(png.name, 'Géométrie.png')
  assert.deepEqual([...png.bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])
  assert.ok(png.bytes.readUInt32BE(16) >= 2 * 350 && png.bytes.readUInt32BE(20) >= 2 * 100, 'twice the size of what is drawn')
  await one.close()
})

test('locks: the board for all, one element; what crossed a lock is taken back, with a word', async () => {
  const [one, two] = [await enter('formateur@'), await enter('apprenant1@')]
  const { id } = await boardOf(one, two)
  const menu = async (w, entry) => {
    await w.page.getByRole('button', { name: 'Autres actions' }).click()
    await w.page.getByRole('menuitem', { name: entry }).click()
  }
  await tool(one, 'rect')
  await drag(one, [[150, 150], [350, 250]]) // and it is selected
  await one.page.locator('.board-selection').getByRole('button', { name: 'Verrouiller' }).click()
  await one.page.locator('.board-selection').getByRole('button', { name: 'Déverrouiller' }).waitFor()
  await showsInk(two, 150, 200)
  const [{ x }] = await stored(one, id)
  await tool(two, 'select')
  await drag(two, [[150, 200], [500, 200]])
  await saved(two)
  assert.equal((await stored(one, id))[0].x, x)
  assert.ok(await inked(two, 150, 200), 'it did not move')

  await two.context.setOffline(true)
  await two.page.locator('.banner', { hasText: 'Connexion perdue' }).waitFor()
  await draw(two, 'ellipse', [500, 300], [600, 400])
  await menu(one, 'Verrouiller le tableau')
  await until('the lock', async () => {
    await one.page.getByRole('button', { name: 'Autres actions' }).click()
    const locked = await one.page.getByRole('menuitem', { name: 'Déverrouiller le tableau' }).count()
    await one.page.keyboard.press('Escape')
    return locked
  })
  await two.context.setOffline(false)
  await two.page.locator('.toast', { hasText: 'verrouillé' }).waitFor()
  await showsNone(two, 500, 350)
  await two.page.locator('.board-note', { hasText: 'verrouillé' }).waitFor()
  assert.equal(await two.page.locator('.board-tools [data-tool=freehand]').isVisible(), false)
  assert.ok(await one.page.locator('.board-tools [data-tool=freehand]').isVisible(), 'moderators go on')
  await menu(one, 'Déverrouiller le tableau')
  await two.page.locator('.board-tools [data-tool=freehand]').waitFor()
  await draw(two, 'ellipse', [500, 300], [600, 400])
  await showsInk(one, 500, 350)
  await one.close()
  await two.close()
})

test('the list: make, rename, delete; who is on a board that ends is told; in English too', async () => {
  const [one, two] = [await enter('formateur@'), await enter('apprenant1@')]
  const group = await groupOf(one, two)
  await one.openGroup(group.id)
  await one.page.getByRole('link', { name: 'Tableaux' }).click()
  await one.page.getByText('Aucun tableau pour l’instant').waitFor()
  await one.page.getByRole('button', { name: 'Nouveau tableau' }).click()
  await one.page.getByLabel('Titre du tableau').fill('Brouillon')
  await one.page.keyboard.press('Enter')
  await one.page.getByRole('heading', { name: 'Brouillon' }).waitFor()
  await two.page.goto(one.page.url())
  await two.page.getByRole('heading', { name: 'Brouillon' }).waitFor()
  await one.page.getByRole('link', { name: 'Retour aux tableaux' }).click()
  const act = async (name, entry) => {
    await one.page.getByRole('button', { name: `Actions pour ${name}` }).click()
    await one.page.getByRole('menuitem', { name: entry }).click()
  }
  await act('Brouillon', 'Renommer')
  await one.page.getByLabel('Titre du tableau').fill('Thalès')
  await one.page.keyboard.press('Enter')
  await one.page.getByRole('link', { name: 'Thalès' }).waitFor()
  await two.page.getByRole('heading', { name: 'Thalès' }).waitFor()
  await act('Thalès', 'Supprimer')
  await one.page.getByRole('dialog').getByRole('button', { name: 'Supprimer' }).click()
  await one.page.getByText('Aucun tableau pour l’instant').waitFor()
  await two.page.locator('.toast', { hasText: 'n’existe plus' }).waitFor()
  await two.page.getByText('Aucun tableau pour l’instant').waitFor()
  await two.page.getByLabel('Langue').selectOption('en')
  await two.page.getByText('No board yet').waitFor()
  await one.close()
  await two.close()
})

test('an arrow drawn from one shape to another hangs on both and follows them; a laser is seen, and leaves nothing', async () => {
  const [one, two] = [await enter('formateur@'), await enter('apprenant1@')]
  const { id } = await boardOf(one, two)
  await draw(one, 'rect', [100, 100], [200, 200])
  await draw(one, 'rect', [500, 100], [600, 200])
  await draw(one, 'arrow', [160, 150], [540, 150])
  await saved(one)
  const elements = await stored(one, id)
  const [a, b, arrow] = elements
  assert.deepEqual([arrow.type, arrow.from, arrow.to], ['arrow', a.id, b.id])
  await showsInk(two, 350, 150)
  await tool(two, 'select')
  await drag(two, [[600, 180], [600, 380]], { release: false }) // by its edge
  await showsInk(two, 350, 250) // half-way: the arrow goes with it
  await showsNone(two, 350, 150)
  await two.page.mouse.up()
  await showsNone(one, 350, 150)
  await saved(two)
  await two.page.keyboard.press('Control+a')
  await two.page.keyboard.press('Escape')

  // By what is selected: two shapes, and the button.
  await draw(one, 'ellipse', [100, 300], [200, 400])
  await tool(one, 'select')
  await one.page.mouse.click(...on(one, 100, 120))
  await one.page.keyboard.down('Shift')
  await one.page.mouse.click(...on(one, 100, 350))
  await one.page.keyboard.up('Shift')
  await one.page.getByRole('button', { name: 'Relier par une flèche' }).click()
  await saved(one)
  await showsInk(two, 150, 250)
  assert.equal((await stored(one, id)).filter((e) => e.type === 'arrow').length, 2)

  await tool(one, 'laser')
  const count = (await stored(one, id)).length
  await drag(one, [[300, 420], [400, 420]], { release: false })
  await showsInk(two, 400, 420, 1)
  await one.page.mouse.up()
  await one.page.mouse.move(...on(one, 700, 60)) // the cursor too
  await showsNone(two, 400, 420, 1)
  assert.equal((await stored(one, id)).length, count)
  assert.equal(await inked(two, 400, 420), false)
  await one.close()
  await two.close()
})

test('the history of a board, step by step', async () => {
  const one = await enter('formateur@')
  await boardOf(one)
  for (let i = 0; i < 3; i++) await draw(one, 'rect', [100 + i * 200, 100], [200 + i * 200, 200])
  await saved(one)
  await one.page.getByRole('button', { name: 'Autres actions' }).click()
  await one.page.getByRole('menuitem', { name: 'Histoire' }).click()
  await one.page.locator('.history-when', { hasText: 'Étape 3 sur 3' }).waitFor()
  const ink = () => one.page.locator('.history-picture').evaluate((c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 0 && v < 128).length)
  const all = await ink()
  await one.page.locator('.history-slider').focus()
  await one.page.keyboard.press('Home')
  await one.page.locator('.history-when', { hasText: 'Étape 1 sur 3' }).waitFor()
  const first = await ink()
  assert.ok(first > 0 && Math.abs(first * 3 - all) < all * 0.1, `${first} of ${all}`)
  await one.close()
})
