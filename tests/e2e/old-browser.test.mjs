// The old browser client, call by call: a web client's directory served with --static, and from a page of it in Chromium every request which
// that client can send, in its words, with what it reads from the answer. Rows are named as old clients' facts name them: a letter for
// the part of the client, a number for the call. Sockets are another suite's.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratch, startServer } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { checkContract } from './lib/contract.mjs'
import { makeGroup } from './lib/school.mjs'
import { launch } from './browser/chromium.mjs'
import { PASSWORD, unique } from './lib/util.mjs'
import { vectors } from './lib/vectors.mjs'

// s text, n number, b true or false, d a time that Date understands, l list, o object; "?" may be null or absent.
const KINDS = {
  s: (v) => typeof v === 'string',
  n: (v) => typeof v === 'number' && Number.isFinite(v),
  b: (v) => typeof v === 'boolean',
  d: (v) => typeof v === 'string' && !Number.isNaN(Date.parse(v)),
  l: (v) => Array.isArray(v),
  o: (v) => v !== null && typeof v === 'object' && !Array.isArray(v),
  q: (v) => typeof v === 'number' || (typeof v === 'string' && !Number.isNaN(Number(v))), // a quantity, as a number or as text
}
function fits(value, shape, where) {
  if (typeof shape === 'string') {
    if (shape.endsWith('?') && (value === null || value === undefined)) return
    assert.ok(KINDS[shape[0]](value), `${where}: ${JSON.stringify(value)} is not ${shape}`)
  } else if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), `${where}: not a bare list: ${JSON.stringify(value)?.slice(0, 200)}`)
    value.forEach((v, i) => fits(v, shape[0], `${where}[${i}]`))
  } else {
    assert.ok(KINDS.o(value), `${where}: ${JSON.stringify(value)} is no object`)
    for (const [key, inner] of Object.entries(shape)) {
      const optional = key.endsWith('?')
      const v = value[optional ? key.slice(0, -1) : key]
      if (optional && (v === null || v === undefined)) continue
      fits(v, inner, `${where}.${key}`)
    }
  }
}

const user = { id: 's', firstName: 's', lastName: 's', email: 's', username: 's', role: 's', isActive: 'b', 'avatar?': 's', 'phoneNumber?': 's', 'department?': 's', 'position?': 's', 'bio?': 's' }
const school = { id: 's', name: 's', slug: 's', description: 's', isActive: 'b', 'stats?': { users: 'n', courses: 'n' } }
const theme = { id: 's', name: 's', isActive: 'b', primaryColor: 's', secondaryColor: 's', accentColor: 's' }
const block = { id: 's', blockKey: 's', blockType: 's', content: 's' }
const entry = { id: 's', label: 's', url: 's', 'icon?': 's', 'sortOrder?': 'n' }
const page = { pageTitle: 's', 'pageDescription?': 's', layout: { sections: [{ type: 's', components: [{ 'id?': 's' }] }] } }
const course = { id: 's', title: 's', description: 's', 'category?': 's', level: 's', 'duration?': 'n', rating: 'q', price: 'q', isFree: 'b', type: 's', 'thumbnailUrl?': 's', 'imageUrl?': 's' }
const group = { id: 's', name: 's', 'description?': 's', currentMembers: 'n', maxMembers: 'n', status: 's', createdAt: 'd', 'tags?': ['s'], isMember: 'b' }
const message = { id: 's', content: 's', createdAt: 'd', sender: { firstName: 's', lastName: 's', 'profileImageUrl?': 's' } }
const assessment = { id: 's', title: 's', 'description?': 's', assessmentType: 's', maxScore: 'n', passingScore: 'n', 'timeLimit?': 'n', 'maxAttempts?': 'n', 'dueDate?': 'd' }
const attempt = { id: 's', assessmentId: 's', 'score?': 'n', maxScore: 'n', status: 's', 'timeSpent?': 'n', 'completedAt?': 'd', 'assessment?': { title: 's', passingScore: 'n', 'course?': { title: 's', category: 's' } } }
const help = { id: 's', title: 's', content: 's', category: 's', role: 's', updatedAt: 'd' }
const job = { id: 's', type: 's', status: 's', progress: 'n', filename: 's', createdAt: 'd', 'error?': 's' }
const any = {} // an object; nothing of it is read

let server, browser, who, root, mine, id
const windows = {}

before(async () => {
  const dir = scratch()
  mkdirSync(join(dir, 'assets'))
  writeFileSync(join(dir, 'index.html'), '<!doctype html><html><head><script type="module" src="/assets/app-a1b2c3d4.js"></script><style>p{color:#123456}</style></head><body><p id="root" style="margin:0"></p></body></html>')
  writeFileSync(join(dir, 'assets/app-a1b2c3d4.js'), 'document.getElementById("root").textContent = "client"')
  server = await startServer({ args: ['--static', dir], env: { STACGATE_RATE_LIMITS: 'off' } })
  who = await people(server, 'moliere', ['admin', 'formateur', 'apprenant1', 'apprenant2'])
  root = await signIn(server, 'superadmin@stacgate.test')
  mine = who.admin.user.establishmentId
  const made = async (api, path, json) => {
    const r = await api.post(path, json)
    assert.ok(r.status < 300, `${path}: ${r.status} ${r.text}`)
    return r.json.id
  }
  const quiz = await made(who.formateur, '/api/assessments', { title: 'Q', questions: [{ type: 'true-false', text: 'T', answer: true }] })
  await who.formateur.post(`/api/assessments/${quiz}/submit`)
  await who.admin.post(`/api/assessments/${quiz}/approve`)
  id = {
    quiz,
    group: (await makeGroup(who.apprenant1)).id,
    help: await made(who.admin, '/api/help', { title: 'H', content: '<p>C</p>', category: 'K' }),
    block: await made(who.admin, '/api/contents', { blockKey: 'heroTitle', blockType: 'html', content: 'Bienvenue' }),
    entry: await made(who.admin, '/api/menu-items', { label: 'Accueil', url: '/' }),
    theme: await made(who.admin, '/api/themes', { name: 'Bleu' }),
    course: await made(who.admin, '/api/courses', { title: 'À supprimer', description: 'D', category: 'K' }),
    version: await made(root, '/api/system/versions', { version: '1.2.3', title: 'V', description: 'D' }),
  }
  // Somebody of whom only the address is known: a null name would end the pages that list people.
  await server.sql(`insert into users (establishment_id, email, username, password) values ('${mine}', 'sans.nom@moliere.test', 'sans.nom', '!')`)
  browser = await launch()
  for (const [name, email] of [['admin', 'admin@moliere.test'], ['formateur', 'formateur@moliere.test'], ['learner', 'apprenant2@moliere.test'], ['root', 'superadmin@stacgate.test'], ['nobody', null]]) {
    const context = await browser.newContext()
    windows[name] = await context.newPage()
    await windows[name].goto(`${server.url}/login`)
    if (email) assert.equal((await call(name, 'POST', '/api/auth/login', { email, password: PASSWORD })).status, 200, email)
  }
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

// A call from that client's page: headers are the browser's own. `json`: a JSON content type, even with nothing behind it.
async function call(as, method, path, body, { json = body !== undefined } = {}) {
  const r = await windows[as].evaluate(
    async ([m, p, b, j]) => {
      const r = await fetch(p, { method: m, credentials: 'include', ...(j ? { headers: { 'Content-Type': 'application/json' } } : {}), ...(b === undefined ? {} : { body: JSON.stringify(b) }) })
      const text = await r.text()
      let parsed
      try {
        parsed = JSON.parse(text)
      } catch {}
      return { status: r.status, type: r.headers.get('content-type'), text, json: parsed, url: r.url }
    },
    [method, path, body, json],
  )
  const asked = { method, path, headers: json ? { 'content-type': 'application/json' } : {}, bytes: body === undefined ? undefined : JSON.stringify(body) }
  if (r.url.endsWith(path)) checkContract(server, asked, { ...r, headers: { 'content-type': r.type } }) // else it was led elsewhere
  return r
}

async function row(name, as, method, path, { body, shape, filled, status, options } = {}) {
  const r = await call(as, method, path, body, options)
  const what = `${name} ${method} ${path} by ${as}: ${r.status} ${r.text.slice(0, 300)}`
  assert.ok(status ? r.status === status : r.status >= 200 && r.status < 300, what)
  if (shape) fits(r.json, shape, name)
  if (filled) assert.ok(r.json.length > 0, `${name}: an empty list proves nothing`)
  return r
}

test('the client\'s directory: routes of pages answer its index, files are files, the interface stays the interface', async () => {
  const anon = new Api(server)
  for (const path of ['/', '/portal', '/establishment/lycee-moliere', '/login', '/dashboard', '/admin', '/super-admin', '/user-management', '/courses', '/assessments', '/manual', '/archive', '/system-updates', '/wysiwyg-editor', '/study-groups', '/analytics', '/help-center']) {
    const r = await anon.get(path)
    assert.equal(r.status, 200, path)
    assert.match(r.text, /assets\/app-a1b2c3d4\.js/)
    assert.match(r.headers['content-security-policy'], /style-src 'self' 'unsafe-inline'/)
    assert.ok(!/script-src[^;]*unsafe/.test(r.headers['content-security-policy']))
  }
  const script = await anon.get('/assets/app-a1b2c3d4.js')
  assert.match(script.headers['content-type'], /^text\/javascript/)
  assert.match(script.headers['cache-control'], /immutable/)
  assert.equal((await anon.get('/assets/no-such.js')).status, 404)
  const unknown = await anon.get('/api/no-such')
  assert.equal(unknown.status, 404)
  assert.match(unknown.headers['content-type'], /problem\+json/)
  // The page ran, and its inline styles were let through.
  assert.equal(await windows.nobody.locator('#root').textContent(), 'client')
  assert.equal(await windows.nobody.locator('#root').evaluate((e) => getComputedStyle(e).color), 'rgb(18, 52, 86)')
})

test('A: sign-in, who I am, registration, sign-out', async () => {
  const me = { id: 's', email: 's', 'firstName?': 's', 'lastName?': 's', role: 's', establishmentId: 's', 'profileImageUrl?': 's' }
  await row('A1', 'learner', 'GET', '/api/auth/user', { shape: me })
  assert.equal((await call('nobody', 'GET', '/api/auth/user')).status, 401)
  const wrong = await call('nobody', 'POST', '/api/auth/login', { email: 'admin@moliere.test', password: 'x' })
  assert.equal(wrong.status, 401)
  assert.equal(typeof wrong.json.message, 'string', 'what the login page shows')
  const context = await browser.newContext()
  windows.fresh = await context.newPage()
  await windows.fresh.goto(`${server.url}/login`)
  const schools = await row('E1', 'fresh', 'GET', '/api/establishments', { shape: [school], filled: true })
  const email = `${unique('p')}@moliere.test`
  const short = await call('fresh', 'POST', '/api/auth/register', { email, password: 'abcdef', firstName: 'A', lastName: 'B', establishmentId: schools.json[0].id, username: email })
  assert.equal(short.status, 422)
  assert.equal(typeof short.json.message, 'string')
  await row('A3', 'fresh', 'POST', '/api/auth/register', { body: { email, password: 'une longue phrase', firstName: 'A', lastName: 'B', establishmentId: schools.json[0].id, username: email }, status: 201 })
  assert.equal((await row('A1', 'fresh', 'GET', '/api/auth/user', { shape: me })).json.email, email)
  await row('A4', 'fresh', 'POST', '/api/auth/logout')
  assert.equal((await call('fresh', 'GET', '/api/auth/user')).status, 401)
})

test('A5: the client goes to the logout; a page of another site that leads there, or shows it, ends nothing', async () => {
  const context = await browser.newContext()
  const page = (windows.leaver = await context.newPage())
  await page.goto(`${server.url}/login`)
  await row('A2', 'leaver', 'POST', '/api/auth/login', { body: { email: 'apprenant2@moliere.test', password: PASSWORD } })
  const logout = `${server.url}/api/auth/logout`
  const elsewhere = createServer((req, res) => res.setHeader('content-type', 'text/html').end(`<a href="${logout}">x</a><img src="${logout}"><iframe src="${logout}"></iframe>`))
  await new Promise((done) => elsewhere.listen(0, '127.0.0.1', done))
  try {
    await page.goto(`http://localhost:${elsewhere.address().port}/`)
    await page.getByRole('link').click()
    await page.waitForURL(`${server.url}/`)
    await row('A1', 'leaver', 'GET', '/api/auth/user')
  } finally {
    elsewhere.close()
    elsewhere.closeAllConnections()
  }
  await page.evaluate(() => (location.href = '/api/auth/logout'))
  await page.waitForURL(`${server.url}/`)
  await page.locator('#root', { hasText: 'client' }).waitFor()
  assert.equal((await call('leaver', 'GET', '/api/auth/user')).status, 401)
  await context.close()
})

test('E: the portal, a school\'s page', async () => {
  await row('E1', 'nobody', 'GET', '/api/establishments', { shape: [school], filled: true })
  await row('E2', 'nobody', 'GET', '/api/establishments/slug/lycee-moliere', { shape: { name: 's', 'logo?': 's', 'description?': 's' } })
  await row('E2', 'nobody', 'GET', '/api/establishments/slug/no-such', { status: 404 })
  const front = await row('E3', 'nobody', 'GET', '/api/establishment-content/lycee-moliere/home', { shape: { 'heroTitle?': 's', 'heroDescription?': 's' } })
  assert.equal(front.json.heroTitle, 'Bienvenue')
})

test('C: courses', async () => {
  // An empty category ends that client's page; none is borne. A former server let it in.
  await server.sql(`insert into courses (id, establishment_id, title, description, category, is_active) values ('blank', '${mine}', 'Sans', 'D', '', true)`)
  assert.equal((await row('C1', 'learner', 'GET', '/api/courses', { shape: [course] })).json.find((c) => c.id === 'blank').category, null)
  assert.equal((await who.admin.get('/api/courses/blank')).json.category, null)
  await row('C1', 'learner', 'GET', '/api/courses', { shape: [course], filled: true })
  const me = who.formateur.user
  const asked = { title: 'Cours', description: 'D', shortDescription: '', category: 'web', type: 'cours', price: '12.50', isFree: false, duration: 60, level: 'débutant', language: 'français', tags: '', isPublic: true, isActive: true, establishmentId: me.establishmentId, instructorId: me.id, rating: '0.0', enrollmentCount: 0 }
  const made = await row('C2', 'formateur', 'POST', '/api/courses', { body: asked, shape: course })
  assert.equal(made.json.isActive, false, 'a teacher\'s course waits for approval, whatever the form says')
  assert.equal(Number(made.json.price), 12.5)
  await row('C3', 'admin', 'DELETE', `/api/courses/${id.course}`, { shape: any })
})

test('U and S: people', async () => {
  const r = await row('U1', 'admin', 'GET', '/api/users', { shape: [{ ...user, establishmentId: 's' }], filled: true })
  assert.ok(r.json.some((u) => u.email === 'sans.nom@moliere.test' && u.firstName === '' && u.lastName === ''))
  const form = (more) => ({ email: `${unique('u')}@moliere.test`, username: unique('u'), firstName: 'A', lastName: 'B', role: 'apprenant', phoneNumber: '', department: '', position: '', bio: '', establishmentId: mine, isActive: true, ...more })
  const u2 = await row('U2', 'admin', 'POST', '/api/users', { body: form(), shape: user, status: 201 })
  await row('U3', 'admin', 'PUT', `/api/users/${u2.json.id}`, { body: { ...form(), email: u2.json.email, department: 'D' }, shape: user })
  await row('U4', 'admin', 'DELETE', `/api/users/${u2.json.id}`, { shape: any })

  const s1 = await row('S1', 'root', 'GET', '/api/super-admin/users', { shape: [{ ...user, 'establishmentId?': 's', 'establishmentName?': 's' }], filled: true })
  assert.ok(new Set(s1.json.map((u) => u.establishmentId)).size >= 3, 'everybody: two schools, and the super_admin of none')
  assert.equal(s1.json.find((u) => u.email === 'admin@moliere.test').establishmentName, 'Lycée Molière')
  const s2 = await row('S2', 'root', 'POST', '/api/super-admin/users', { body: form({ role: 'manager' }), shape: user, status: 201 })
  await row('S3', 'root', 'PUT', `/api/super-admin/users/${s2.json.id}`, { body: { firstName: 'C', establishmentId: mine, isActive: false }, shape: user })
  await row('S4', 'root', 'DELETE', `/api/super-admin/users/${s2.json.id}`, { shape: any })
  const s5 = await row('S5', 'root', 'GET', '/api/super-admin/establishments', { shape: [{ ...school, stats: { users: 'n', courses: 'n', themes: 'n' } }], filled: true })
  assert.ok(s5.json.find((e) => e.id === mine).stats.users >= 9)
  for (const [method, path, body] of [['GET', '/api/super-admin/users'], ['POST', '/api/super-admin/users', form()], ['PUT', `/api/super-admin/users/${who.apprenant1.user.id}`, { firstName: 'X' }], ['DELETE', `/api/super-admin/users/${who.apprenant1.user.id}`], ['GET', '/api/super-admin/establishments']])
    for (const as of ['admin', 'learner', 'nobody']) await row('S by others', as, method, path, { body, status: 403 })
})

test('D: the administration of a school, by its admin', async () => {
  await row('D1', 'admin', 'GET', '/api/admin/themes', { shape: [theme], filled: true })
  const d2 = await row('D2', 'admin', 'POST', '/api/admin/themes', { body: { name: 'Vert', primaryColor: '#00ff00', secondaryColor: '#00aa00', accentColor: '#005500', backgroundColor: '#ffffff', textColor: '#000000', fontFamily: 'Inter', fontSize: '16px' }, shape: theme })
  await row('D3', 'admin', 'POST', `/api/admin/themes/${d2.json.id}/activate`, { options: { json: true }, shape: { ...theme } })
  assert.deepEqual((await row('D1', 'admin', 'GET', '/api/admin/themes')).json.filter((t) => t.isActive).map((t) => t.id), [d2.json.id])
  await row('D4', 'admin', 'GET', '/api/admin/customizable-contents', { shape: [block], filled: true })
  const d5 = await row('D5', 'admin', 'PATCH', `/api/admin/customizable-contents/${id.block}`, { body: { content: '<b>Salut</b><script>1</script>' }, shape: block })
  assert.equal(d5.json.content, '<b>Salut</b>')
  await row('D6', 'admin', 'GET', '/api/admin/menu-items', { shape: [entry], filled: true })
  const d7 = await row('D7', 'admin', 'GET', '/api/admin/establishments', { shape: [{ id: 's', name: 's', 'description?': 's', isActive: 'b' }], filled: true })
  assert.deepEqual(d7.json.map((e) => e.id), [mine], 'an admin manages one')
  await row('D8', 'admin', 'POST', '/api/admin/establishments', { body: { name: 'X', slug: 'x', description: '', logo: '', domain: '' }, status: 403 })
  const d9 = await row('D9', 'admin', 'GET', '/api/admin/users', { shape: [{ ...user, establishmentId: 's' }], filled: true })
  assert.ok(d9.json.every((u) => u.establishmentId === mine))
  const email = `${unique('d')}@moliere.test`
  const form = { firstName: 'A', lastName: 'B', email, password: 'une longue phrase', establishmentId: mine, role: 'formateur', username: email.split('@')[0] }
  await row('D10', 'admin', 'POST', '/api/admin/users', { body: form, shape: any, status: 201 })
  await row('D10', 'admin', 'POST', '/api/admin/users', { body: { ...form, email: `${unique('d')}@moliere.test`, role: 'super_admin' }, status: 403 })
  assert.equal((await signIn(server, email, form.password)).user.role, 'formateur')
  for (const name of ['home', 'dashboard-student', 'dashboard-trainer', 'courses', 'formations', 'admin', 'portal-home', 'portal-about', 'portal-contact']) await row('D11', 'admin', 'GET', `/api/admin/pages/${name}`, { shape: page })
  const layout = { sections: [{ id: 's1', type: 'body', components: [{ id: 'c1', type: 'text', data: { text: '<i>a</i><script>1</script>' }, styles: {} }] }] }
  for (const title of ['Accueil', 'Accueil, encore']) {
    await row('D12', 'admin', 'PATCH', '/api/admin/pages/home', { body: { pageTitle: title, pageDescription: '', layout } })
    const again = await row('D11', 'admin', 'GET', '/api/admin/pages/home', { shape: page })
    assert.equal(again.json.pageTitle, title)
    assert.equal(again.json.layout.sections[0].components[0].data.text, '<i>a</i>')
  }
  // Each component that is added saves the page by itself, so saves cross: there is one page all the same.
  await Promise.all(Array.from({ length: 5 }, () => row('D12', 'admin', 'PATCH', '/api/admin/pages/courses', { body: { pageTitle: 'C', layout } })))
  assert.equal(await server.sql(`select count(*) from customizable_pages where page_name = 'courses' and establishment_id = '${mine}'`), '1')
  await row('D13', 'admin', 'GET', '/api/admin/components', { shape: [any] })
})

test('D and P by a super_admin of no school: everything of the installation, nothing of a school', async () => {
  assert.ok((await row('D7', 'root', 'GET', '/api/admin/establishments', { shape: [{ id: 's', name: 's', isActive: 'b' }], filled: true })).json.length >= 2)
  assert.ok(new Set((await row('D9', 'root', 'GET', '/api/admin/users', { shape: [{ ...user, 'establishmentId?': 's' }], filled: true })).json.map((u) => u.establishmentId)).size >= 3)
  const d8 = await row('D8', 'root', 'POST', '/api/admin/establishments', { body: { name: 'École Été', slug: 'cole-t', description: '', logo: '', domain: '' }, shape: any, status: 201 })
  assert.equal(d8.json.slug, 'cole-t')
  // A slug that this client makes of a name is as long as the name.
  const name = `Lycée d'enseignement général et technologique agricole ${'et horticole '.repeat(10)}`.trim()
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  assert.ok(slug.length > 100)
  const long = await row('D8', 'root', 'POST', '/api/admin/establishments', { body: { name, slug, description: '', logo: '', domain: '' }, shape: any, status: 201 })
  assert.ok(slug.startsWith(long.json.slug) && long.json.slug.length > 55 && !long.json.slug.endsWith('-'), long.json.slug)
  assert.equal((await row('E2', 'nobody', 'GET', `/api/establishments/slug/${long.json.slug}`)).json.name, name)
  for (const path of ['/api/admin/themes', '/api/admin/customizable-contents', '/api/admin/menu-items', '/api/super-admin/portal-themes', '/api/super-admin/portal-contents', '/api/super-admin/portal-menu-items'])
    assert.deepEqual((await row('D, P', 'root', 'GET', path)).json, [])
  await row('D11', 'root', 'GET', '/api/admin/pages/portal-home', { shape: page })
  await row('P1', 'root', 'GET', `/api/super-admin/portal-themes?establishmentId=${mine}`, { shape: [{ ...theme, fontFamily: 's', fontSize: 's' }], filled: true })
  await row('P4', 'root', 'GET', `/api/super-admin/portal-contents?establishmentId=${mine}`, { shape: [block], filled: true })
  const p7 = await row('P7', 'root', 'POST', `/api/super-admin/portal-menu-items?establishmentId=${mine}`, { body: { label: 'Lien', url: '/lien', target: '_self', order: 0, isActive: true }, shape: entry })
  await row('P6', 'root', 'GET', `/api/super-admin/portal-menu-items?establishmentId=${mine}`, { shape: [{ ...entry, isActive: 'b' }], filled: true })
  await row('P8', 'root', 'DELETE', `/api/super-admin/portal-menu-items/${p7.json.id}?establishmentId=${mine}`, { body: {}, shape: any })
  const p2 = await row('P2', 'root', 'POST', '/api/super-admin/portal-themes', { body: { name: 'P', primaryColor: '#000000', establishmentId: mine }, shape: theme })
  await row('P3', 'root', 'POST', `/api/super-admin/portal-themes/${p2.json.id}/activate?establishmentId=${mine}`, { body: {}, shape: theme })
  await row('P5', 'root', 'PATCH', `/api/super-admin/portal-contents/${id.block}?establishmentId=${mine}`, { body: { content: 'Bienvenue' }, shape: block })
})

test('Q: assessments', async () => {
  await row('Q1', 'learner', 'GET', '/api/assessments', { shape: [assessment], filled: true })
  const courses = (await row('C1', 'formateur', 'GET', '/api/courses')).json
  const own = courses.find((c) => c.instructorId === who.formateur.user.id)
  for (const dueDate of ['', '2031-05-06T07:08'])
    await row('Q3', 'formateur', 'POST', '/api/assessments', { body: { courseId: own.id, title: 'E', description: '', assessmentType: 'quiz', maxScore: 20, passingScore: 10, timeLimit: 30, maxAttempts: 2, isPublic: true, dueDate, questions: [] }, shape: assessment })
  const started = await row('Q4', 'learner', 'POST', `/api/assessments/${id.quiz}/start`, { shape: { attemptId: 's' } })
  assert.equal((await who.apprenant2.post(`/api/attempts/${started.json.attemptId}/submit`, { answers: { q1: true } })).status, 200)
  const q2 = await row('Q2', 'learner', 'GET', '/api/assessments/attempts', { shape: [attempt], filled: true })
  const done = q2.json.find((a) => a.id === started.json.attemptId)
  assert.ok(['completed', 'graded'].includes(done.status), `the list shows only those: ${done.status}`)
  fits(done, { completedAt: 'd', score: 'n', timeSpent: 'n' }, 'Q2')
})

test('G: study groups', async () => {
  await row('G1', 'learner', 'GET', '/api/study-groups', { shape: [group], filled: true })
  await row('G2', 'learner', 'POST', '/api/study-groups', { body: { name: 'G', description: '', maxMembers: 10, isPublic: true, tags: ['a'] }, shape: group })
  await row('G3', 'learner', 'POST', `/api/study-groups/${id.group}/join`, { shape: any })
  assert.equal((await row('G1', 'learner', 'GET', '/api/study-groups')).json.find((g) => g.id === id.group).isMember, true)
  await row('G5', 'learner', 'POST', `/api/study-groups/${id.group}/messages`, { body: { content: 'un', type: 'text' }, shape: any })
  await row('G5', 'learner', 'POST', `/api/study-groups/${id.group}/messages`, { body: { content: 'deux', type: 'text' }, shape: any })
  const g4 = await row('G4', 'learner', 'GET', `/api/study-groups/${id.group}/messages`, { shape: [message], filled: true })
  assert.deepEqual(g4.json.slice(0, 2).map((m) => m.content), ['deux', 'un'], 'newest first')
  const refused = await call('formateur', 'GET', `/api/study-groups/${id.group}/messages`)
  assert.ok(refused.status === 200 || refused.status === 403, 'asked for non-members too, and never 401')
})

test('D12: nothing that was ever made to run does, in a page that puts texts in as they are; cleaning twice changes nothing', async () => {
  const layout = { sections: [{ type: 'body', components: vectors.map((text, i) => ({ id: `v${i}`, type: 'text', data: { text } })) }] }
  const saved = await row('D12', 'admin', 'PATCH', '/api/admin/pages/vectors', { body: { pageTitle: 'V', layout } })
  assert.deepEqual((await row('D12', 'admin', 'PATCH', '/api/admin/pages/vectors', { body: { pageTitle: 'V', layout: saved.json.layout } })).json.layout, saved.json.layout)
  const texts = saved.json.layout.sections[0].components.map((c) => c.data.text)
  assert.equal(texts.length, vectors.length)
  const bare = await browser.newPage() // without the pages' policy: nothing but the cleaning stands here
  const ran = await bare.evaluate(async (all) => {
    const found = []
    const frame = document.body.appendChild(document.createElement('iframe'))
    const look = (text, el) => {
      for (const e of el.querySelectorAll('*')) {
        if (/^(script|style|iframe|object|embed|img|image|svg|math|form|input|button|template|link|meta|base|video|audio|details)$/i.test(e.tagName)) found.push([text, e.tagName])
        for (const { name, value } of e.attributes) if (!(e.tagName === 'A' && (name === 'rel' || (name === 'href' && /^(https?|mailto):/.test(value))))) found.push([text, `${e.tagName} ${name}`])
      }
    }
    for (const text of all) {
      window.P = frame.contentWindow.P = () => found.push([text, 'it ran'])
      const div = document.body.appendChild(document.createElement('div'))
      div.innerHTML = text
      look(text, div)
      div.innerHTML = div.innerHTML // what a browser writes of what it read is read again
      look(text, div)
      for (const e of div.querySelectorAll('*')) e.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))
      div.remove()
      const link = Object.assign(document.createElement('a'), { href: text })
      div.innerHTML = `<a href="${text.replaceAll('"', '&quot;')}">x</a>` // an address that a template puts in
      for (const a of [link, div.firstChild]) if (/^(javascript|vbscript|data):/i.test(a.protocol)) found.push([text, a.href])
    }
    frame.contentDocument.write(all.join('<hr>'))
    frame.contentDocument.close()
    look('written', frame.contentDocument.body)
    await new Promise((done) => setTimeout(done, 50))
    frame.remove()
    return found
  }, texts)
  assert.deepEqual(ran, [])
})

test('N, H, M, X: figures, help, manual, exports', async () => {
  await row('N1', 'admin', 'GET', `/api/analytics/establishments/${mine}/analytics`, { shape: { 'totalUsers?': 'n', 'newUsersThisMonth?': 'n', 'activeCourses?': 'n', 'courseCompletionRate?': 'n', 'totalEnrollments?': 'n', 'enrollmentsThisWeek?': 'n', 'certificatesIssued?': 'n', 'recentActivity?': [{ 'description?': 's', 'timestamp?': 'd' }] } })
  await row('N2', 'admin', 'GET', `/api/analytics/establishments/${mine}/popular-courses`, { shape: [{ 'id?': 's', 'title?': 's', 'enrollmentCount?': 'n', 'completionRate?': 'n' }] })
  await row('N3', 'admin', 'GET', '/api/analytics/dashboard/stats', { shape: any })
  await row('H1', 'learner', 'GET', '/api/help/[object Object]', { shape: [help], filled: true })
  await row('H1', 'learner', 'GET', '/api/help/[object%20Object]', { shape: [help], filled: true })
  await row('H2', 'learner', 'GET', '/api/help/search/[object Object]', { shape: [help], filled: true })
  await row('M1', 'learner', 'GET', '/api/documentation/help/apprenant', { shape: [{ id: 's', title: 's', content: 's', 'subsections?': [{ id: 's', title: 's', content: 's' }] }] })
  for (const text of ['mot', 'a/b', 'a?b', 'é à', '100%25']) {
    const r = await call('learner', 'GET', `/api/documentation/search/${text}`)
    assert.ok(r.status === 200 ? Array.isArray(r.json) : r.status < 500 && r.status !== 401, `M2 ${text}: ${r.status} ${r.text}`)
  }
  await row('H3', 'admin', 'DELETE', `/api/help/${id.help}`)
  await row('X2', 'admin', 'POST', '/api/export/create', { body: { type: 'csv', dateRange: { start: '2020-01-01', end: '2031-01-01' }, includeData: { courses: false, users: true, assessments: false, results: false, content: false } }, shape: any })
  let x1
  for (let i = 0; i < 100; i++) {
    x1 = await row('X1', 'admin', 'GET', '/api/export/jobs', { shape: [job], filled: true })
    if (x1.json[0].status === 'completed') break
    await new Promise((r) => setTimeout(r, 100))
  }
  assert.equal(x1.json[0].status, 'completed')
  const file = await row('X3', 'admin', 'GET', `/api/export/download/${x1.json[0].id}`)
  assert.ok(file.text.includes('admin@moliere.test'))
  assert.ok(x1.json[0].filename.endsWith('.csv'))
})

test('Y and W: the system, the other page editor', async () => {
  const status = { currentVersion: 's', 'lastUpdateCheck?': 'd', 'nextScheduledUpdate?': 'd', autoUpdatesEnabled: 'b', maintenanceMode: 'b', 'backupStatus?': 's' }
  const version = { id: 's', version: 's', title: 's', description: 's', releaseDate: 'd', isActive: 'b', 'changelogMarkdown?': 's' }
  assert.equal((await row('Y1', 'admin', 'GET', '/api/system/status', { shape: status })).json.currentVersion.split('.').length, 3)
  await row('Y2', 'admin', 'GET', '/api/system/version/active', { shape: { version: 's' } })
  await row('Y3', 'admin', 'GET', '/api/system/maintenance', { shape: { isMaintenance: 'b' } })
  await row('Y4', 'admin', 'GET', '/api/system/versions', { shape: [version], filled: true })
  await row('Y5', 'admin', 'POST', '/api/system/update', { body: { updateId: id.version }, status: 403 })
  await row('Y5', 'root', 'POST', '/api/system/update', { body: { updateId: id.version }, shape: any })
  assert.equal((await row('Y2', 'admin', 'GET', '/api/system/version/active')).json.version, '1.2.3')
  assert.equal((await row('Y1', 'admin', 'GET', '/api/system/status')).json.currentVersion, '1.2.3')
  const sections = [{ id: 's1', type: 'hero', content: { title: '<b>x</b>', link: 'javascript:alert(1)' }, styles: {} }]
  for (let i = 0; i < 2; i++) {
    const saved = await row('W2', 'admin', 'POST', '/api/wysiwyg/save', { body: { id: 'page-1', name: 'Page', sections, settings: { theme: 'x', layout: 'y', backgroundColor: '#fff' } }, shape: any })
    assert.equal(saved.json.layout.sections[0].content.link, 'javascript :alert(1)')
  }
  assert.equal((await row('W1', 'admin', 'GET', '/api/wysiwyg/pages', { shape: [any], filled: true })).json.filter((p) => p.pageName === 'page-1').length, 1)
  const size = await windows.admin.evaluate(() => new Promise((done, fail) => {
    const picture = new Image()
    picture.onload = () => done([picture.naturalWidth, picture.naturalHeight])
    picture.onerror = () => fail(new Error('the picture is refused'))
    picture.src = '/api/placeholder/400/300'
  }))
  assert.deepEqual(size, [400, 300])
})

test('lists are whole: more rows than a page of the new interface has', async () => {
  await server.sql(`insert into users (establishment_id, email, username, password) select '${mine}', 'p' || n || '@foule.test', 'p' || n, '!' from generate_series(1, 300) n`)
  for (const [as, path] of [['admin', '/api/users'], ['admin', '/api/admin/users'], ['root', '/api/super-admin/users']]) assert.ok((await row('whole', as, 'GET', path)).json.length > 300, path)
})

test('nobody signed in: no read of a page that asks without looking answers 401, which would blank it', async () => {
  for (const path of ['/api/establishments', '/api/courses', '/api/admin/establishments', '/api/admin/users', '/api/admin/themes', '/api/admin/customizable-contents', '/api/admin/menu-items', '/api/admin/pages/home', '/api/admin/components', '/api/export/jobs', '/api/super-admin/users', '/api/super-admin/establishments', '/api/super-admin/portal-themes', '/api/wysiwyg/pages', '/api/help/search/[object Object]', '/api/assessments/attempts', '/api/documentation/help/apprenant', '/api/system/status', '/api/system/version/active'])
    assert.notEqual((await call('nobody', 'GET', path)).status, 401, path)
})
