// How smoothly the page draws a large board: a board of N elements (half rectangles, half strokes of 30 points) in headless Chromium, which
// draws in software; the time between frames while the view moves and while a stroke is drawn.
//   node bench/page.mjs [elements]      5,000 unless told otherwise; build first
import { startServer } from '../tests/e2e/lib/server.mjs'
import { account, groupOf, launch, Window } from '../tests/e2e/browser/chromium.mjs'
import { people, Wire } from '../tests/e2e/lib/client.mjs'
import { opId } from '../tests/e2e/lib/school.mjs'

const count = Number(process.argv[2] ?? 5000)
const PUSH = 200
const server = await startServer({ args: ['--rate-limits', 'off'] })
const browser = await launch()
const one = await (await Window.open(browser, server)).signIn(account(server, 'formateur@').email)
const group = await groupOf(one)
const { id } = await one.post(`/api/study-groups/${group.id}/whiteboards`, { title: 'Bench' })
await fill(`whiteboard:${id}`)

const page = one.page
const began = Date.now()
await page.goto(`${server.url}/groups/${group.id}/boards/${id}`)
await page.locator('.board-fate', { hasText: 'Enregistré' }).waitFor()
console.log(`open: ${Date.now() - began} ms from the address to the whole board`)
const area = await page.locator('.board-host').boundingBox()
const pan = async () => {
  for (let i = 0; i < 60; i++) await page.mouse.wheel(10, 0)
}
await page.mouse.move(area.x + 600, area.y + 300)
await frames('view moves, everything in it', pan)
await page.locator('.board-tools [data-tool=freehand]').click()
await frames('a stroke, everything in view', async () => {
  await page.mouse.move(area.x + 200, area.y + 300)
  await page.mouse.down()
  for (let i = 0; i < 120; i++) await page.mouse.move(area.x + 200 + i * 4, area.y + 300 + 40 * Math.sin(i / 8))
  await page.mouse.up()
})
for (let i = 0; i < 8; i++) await page.getByRole('button', { name: 'Agrandir' }).click()
await frames('view moves, from near', pan)
await browser.close()
await server.stop()
process.exit(0)

async function fill(topic) {
  const { formateur } = await people(server, 'moliere', ['formateur'])
  const wire = await Wire.open(server, { cookie: formateur.cookie })
  await wire.enter(topic)
  for (let i = 0; i < count; i += PUSH) {
    await wire.done(topic, 'ops', { opId: opId(), ops: Array.from({ length: Math.min(PUSH, count - i) }, (_, k) => ({ op: 'put', el: element(i + k) })) })
  }
  await wire.close()
}

function element(n) {
  const place = { id: `e${n}`, z: 'a0', x: (n % 100) * 60, y: Math.floor(n / 100) * 60 }
  if (n % 2) return { ...place, type: 'rect', w: 40, h: 30, stroke: '#14535a' }
  return { ...place, type: 'freehand', points: Array.from({ length: 30 }, (_, j) => [j * 1.5, 15 + 12 * Math.sin(j / 3)]), stroke: '#b3402c' }
}

async function frames(name, act) {
  await page.evaluate(() => {
    const times = (window.times = [])
    const tick = (now) => times.push(now) && window.ticking && requestAnimationFrame(tick)
    window.ticking = true
    requestAnimationFrame(tick)
  })
  await act()
  const gaps = await page.evaluate(() => {
    window.ticking = false
    return window.times.slice(1).map((t, i) => t - window.times[i]).sort((a, b) => a - b)
  })
  const at = (q) => gaps[Math.floor(gaps.length * q)].toFixed(1)
  console.log(`${name}: ${gaps.length} frames, median ${at(0.5)} ms, p95 ${at(0.95)} ms`)
}
