// What a school shows: establishments made and found by slug and by domain, themes, texts, pages, menu, branding; what is cleaned when it is
// written, what stays one under concurrency, and what the world outside sees.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { unique } from './lib/util.mjs'

let server, who, other, anon, root
before(async () => {
  server = await startServer({ env: { STACGATE_RATE_LIMITS: 'off', STACGATE_PUBLIC_URL: 'https://ecoles.exemple.net' } })
  who = await people(server, 'moliere', ['admin', 'manager', 'apprenant1'])
  other = await people(server, 'turing', ['admin'])
  root = await signIn(server, 'superadmin@stacgate.test')
  anon = new Api(server)
})
after(() => server?.stop())

const put = (api, path, json, headers) => api.request('PUT', path, { json, headers })
const del = (api, path, headers) => api.request('DELETE', path, { headers })
const made = async (api, path, json) => {
  const r = await api.post(path, json)
  assert.equal(r.status, 201, `${path}: ${r.status} ${r.text}`)
  return r.json
}
const at = (host, path) => anon.get(path, { headers: { host } })

test('an establishment: a super_admin makes it, its slug comes from its name, slug and domain are one school\'s', async () => {
  assertProblem(await who.admin.post('/api/establishments', { name: 'École' }), 403)
  assertProblem(await anon.post('/api/establishments', { name: 'École' }), 401)
  const one = await made(root, '/api/establishments', { name: 'École Été', description: '', logo: '', domain: '', slug: '' })
  assert.equal(one.slug, 'ecole-ete')
  const two = await made(root, '/api/establishments', { name: 'École Été', description: '<b>D</b><script>1</script>', settings: { a: '<img src=x>b' } })
  assert.deepEqual([two.description, two.settings], ['<b>D</b>', { a: 'b' }])
  assert.equal((await put(root, `/api/establishments/${two.id}`, { description: '<svg onload=x>é' })).json.description, '')
  assert.match(two.slug, /^ecole-ete-[0-9a-f]{6}$/)
  assert.match((await made(root, '/api/establishments', { name: '日本' })).slug, /^ecole/)
  assertProblem(await root.post('/api/establishments', { name: 'X', slug: 'ecole-ete' }), 409)
  for (const slug of ['api', 'login', 'account', 'certificate', 'signin', 'Majuscule', '-x', 'a b', 'é', '../x']) assertProblem(await root.post('/api/establishments', { name: 'X', slug }), 422)
  const domain = 'Classe.Exemple.FR'
  const three = await made(root, '/api/establishments', { name: 'Trois', slug: 'trois', domain })
  assert.equal(three.domain, domain.toLowerCase())
  assertProblem(await root.post('/api/establishments', { name: 'X', domain }), 409)
  assertProblem(await put(who.admin, `/api/establishments/${who.admin.user.establishmentId}`, { domain }), 409)
  for (const bad of ['localhost', 'a..b', 'http://x.fr', 'x.fr/y', '127.0.0.1', '-a.fr', 'école.fr', 'a.fr:80', 'a.fr.', `${'a'.repeat(64)}.fr`]) assertProblem(await root.post('/api/establishments', { name: 'X', domain: bad }), 422)
  // Who cannot say what closes registration would leave it open.
  for (const selfRegistration of ['false', 0]) assertProblem(await root.post('/api/establishments', { name: 'X', settings: { selfRegistration } }), 422)
  const refused = await put(who.admin, `/api/establishments/${who.admin.user.establishmentId}`, { settings: { selfRegistration: 'false' } })
  assert.deepEqual(assertProblem(refused, 422).errors.map((e) => [e.field, e.code]), [['settings.selfRegistration', 'type']])
  // Six at once want one slug: one gets it.
  const same = await Promise.all(Array.from({ length: 6 }, () => root.post('/api/establishments', { name: 'Même', slug: 'meme' })))
  assert.deepEqual(same.map((r) => r.status).sort(), [201, 409, 409, 409, 409, 409])

  const seen = await anon.get('/api/establishments/slug/trois')
  assert.deepEqual(Object.keys(seen.json).sort(), ['description', 'domain', 'id', 'logo', 'name', 'slug'])
  assert.equal(seen.json.id, three.id)
  assertProblem(await anon.get('/api/establishments/slug/no-such'), 404)
  // The school works: somebody registers there, and it closes.
  const pupil = new Api(server)
  const joined = await pupil.post('/api/auth/register', { email: `${unique('p')}@trois.test`, password: 'une phrase que nul ne devine', establishmentSlug: 'trois' })
  assert.equal(joined.status, 201, joined.text)
  assert.equal(joined.json.establishmentId, three.id)
  assert.equal((await put(root, `/api/establishments/${three.id}`, { isActive: false })).status, 200)
  assertProblem(await anon.get('/api/establishments/slug/trois'), 404)
  assertProblem(await anon.get('/api/portal?slug=trois'), 404)
  assertProblem(await at(domain, '/api/portal'), 404)
})

test('themes: values that are CSS and nothing else, one of them active however many are chosen at once', async () => {
  const colours = { primaryColor: '#123456', secondaryColor: 'rgb(1, 2, 3)', accentColor: 'teal', backgroundColor: '#fff', textColor: '#000', fontFamily: "'Open Sans', sans-serif", fontSize: '16px' }
  const themes = []
  for (let i = 0; i < 4; i++) themes.push(await made(who.admin, '/api/themes', { name: `Thème ${i}`, ...colours }))
  assert.equal(themes[0].isActive, false)
  for (const [field, value] of Object.entries(colours)) assert.equal(themes[0][field], value)
  for (const bad of ['red;}body{display:none', 'url(//x)', 'url(x)', "red, Image-Set('x')", 'a:b', '</style>', '\\72 ed', '']) assertProblem(await who.admin.post('/api/themes', { name: 'X', primaryColor: bad }), 422)
  const answers = await Promise.all(themes.map((t) => who.admin.request('POST', `/api/themes/${t.id}/activate`, { headers: { 'content-type': 'application/json' } })))
  for (const r of answers) assert.equal(r.status, 200, r.text)
  const listed = (await who.admin.get('/api/themes')).json
  assert.equal(listed.filter((t) => t.isActive).length, 1)
  assert.deepEqual(listed.map((t) => t.id), themes.map((t) => t.id).reverse())
  const active = listed.find((t) => t.isActive)
  assert.deepEqual((await who.apprenant1.get('/api/themes')).json.map((t) => t.id), [active.id], 'learners see the one in use')
  assert.equal((await anon.get('/api/portal?slug=lycee-moliere')).json.theme.id, active.id)
  assert.equal(assertProblem(await del(who.admin, `/api/themes/${active.id}`), 409).type, '/problems/theme-active')
  // A stale tag changes nothing; choosing a theme is not a change of it.
  const one = themes.find((t) => t.id !== active.id)
  const tag = (await who.admin.get(`/api/themes/${one.id}`)).headers.etag
  assert.equal((await put(who.admin, `/api/themes/${one.id}`, { name: 'Autre' }, { 'if-match': tag })).json.name, 'Autre')
  assertProblem(await put(who.admin, `/api/themes/${one.id}`, { name: 'Encore' }, { 'if-match': tag }), 412)
  assertProblem(await del(who.admin, `/api/themes/${one.id}`, { 'if-match': tag }), 412)
  assert.equal((await del(who.admin, `/api/themes/${one.id}`)).status, 200)
  assertProblem(await who.admin.get(`/api/themes/${one.id}`), 404)
})

const dirty = [
  ['<p onclick="x()">a</p><script>alert(1)</script>', '<p>a</p>'],
  ['<img src=x onerror=alert(1)>b', 'b'],
  ['<a href="javascript:alert(1)">c</a>', '<a>c</a>'],
  ['<svg><script>1</script></svg>d<iframe src="//x">', 'd'],
  // An address that is a program is one no more; a lesson on a language keeps its words.
  ['java\tscript:alert(1)', 'java\tscript :alert(1)'],
  ['<x>JavaScript:alert(1)', 'JavaScript :alert(1)'],
  [' data:text/html,x', ' data :text/html,x'],
  ['data: text/html,x', 'data : text/html,x'],
  ['&#106;ava&Tab;script&colon;alert(1)', '&#106;ava&Tab;script &colon;alert(1)'],
  ['<p title="a > b">c</p>', '<p>c</p>'],
  ['JavaScript : les bases', 'JavaScript : les bases'],
  ['2 < 3 & 4 > 1', '2 < 3 & 4 > 1'],
]

test('texts are cleaned when they are written, and a key is used once', async () => {
  for (const [sent, kept] of dirty) {
    const c = await made(who.admin, '/api/contents', { blockKey: unique('k'), blockType: 'html', content: sent })
    assert.equal(c.content, kept)
    assert.equal((await put(who.admin, `/api/contents/${c.id}`, { content: sent })).json.content, kept)
  }
  // A name of nothing but tags is none.
  for (const [path, json] of [['contents', { blockKey: '<x>', content: '' }], ['menu-items', { label: '<script>x</script>', url: '/' }], ['pages', { pageName: 'p', pageTitle: ' <x> ' }], ['themes', { name: '<!-- -->' }]])
    assert.equal(assertProblem(await who.admin.post(`/api/${path}`, json), 422).errors[0].code, 'required')
  assertProblem(await put(who.admin, `/api/establishments/${who.admin.user.establishmentId}`, { name: '<script>x</script>' }), 422)
  const key = unique('k')
  const same = await Promise.all(Array.from({ length: 6 }, () => who.admin.post('/api/contents', { blockKey: key, content: 'x' })))
  assert.deepEqual(same.map((r) => r.status).sort(), [201, 409, 409, 409, 409, 409])
  assert.equal((await who.apprenant1.get(`/api/contents?blockKey=${key}`)).json.length, 1)
  const id = same.find((r) => r.status === 201).json.id
  assert.equal((await put(who.admin, `/api/contents/${id}`, { isActive: false })).status, 200)
  assert.deepEqual((await who.apprenant1.get(`/api/contents?blockKey=${key}`)).json, [])
  assertProblem(await who.apprenant1.get(`/api/contents/${id}`), 404)
  assert.equal((await who.manager.get(`/api/contents/${id}`)).status, 200)
  await made(other.admin, '/api/contents', { blockKey: key, content: 'another school\'s' })
})

test('pages: a layout that editors can go through, cleaned to its depths; sections that are rows', async () => {
  const name = unique('accueil')
  const layout = { sections: [{ type: 'body', components: [{ id: 'c1', type: 'text', data: { html: '<b>x</b><script>1</script>', link: 'JavaScript:alert(1)', list: ['<i onx=1>y'], '<img src=x>k': 1 }, styles: {} }] }], settings: { theme: 'x' } }
  const page = await made(who.admin, '/api/pages', { pageName: name, pageTitle: 'Accueil', layout })
  const [component] = page.layout.sections[0].components
  assert.deepEqual(component.data, { html: '<b>x</b>', link: 'JavaScript :alert(1)', list: ['<i>y</i>'], k: 1 })
  assert.equal(assertProblem(await who.admin.post('/api/pages', { pageName: name, pageTitle: 'Encore' }), 409).type, '/problems/key-taken')
  for (const bad of [{ sections: {} }, { sections: [1] }, { sections: [{ components: 'x' }] }, { sections: [{ components: [1] }] }])
    assertProblem(await put(who.admin, `/api/pages/${page.id}`, { layout: bad }), 422)
  const first = await made(who.admin, `/api/pages/${page.id}/sections`, { sectionType: 'header', components: [{ id: 'a', type: 'text', data: { html: '<script>1</script>h' } }] })
  const second = await made(who.admin, `/api/pages/${page.id}/sections`, { sectionType: 'footer' })
  assert.deepEqual([first.sectionOrder, second.sectionOrder], [1, 2])
  assert.equal(first.components[0].data.html, 'h')
  assert.equal((await put(who.admin, `/api/page-sections/${first.id}`, { sectionOrder: 9 })).json.sectionOrder, 9)
  assert.equal((await put(who.admin, `/api/page-sections/${second.id}`, { isActive: false })).status, 200)
  assert.deepEqual((await who.admin.get(`/api/pages/${page.id}/sections`)).json.map((s) => s.id), [second.id, first.id])
  assert.deepEqual((await who.apprenant1.get(`/api/pages/${page.id}`)).json.sections.map((s) => s.id), [first.id])
  const shown = (await anon.get(`/api/portal/pages/${name}?slug=lycee-moliere`)).json
  assert.deepEqual(shown.layout.sections.map((s) => s.type), ['body', 'header'])
  assertProblem(await anon.get(`/api/portal/pages/${name}?slug=campus-turing`), 404)
  assert.equal((await put(who.admin, `/api/pages/${page.id}`, { isActive: false })).status, 200)
  for (const path of [`/api/pages/${page.id}`, `/api/portal/pages/${name}?slug=lycee-moliere`]) assertProblem(await who.apprenant1.get(path), 404)
  assert.equal((await who.apprenant1.get(`/api/admin/pages/${name}`)).json.id, null, 'nor by the old address')
  assert.equal((await who.manager.get(`/api/admin/pages/${name}`)).json.id, page.id)
  assert.equal((await del(who.admin, `/api/page-sections/${second.id}`)).status, 200)
  assert.equal((await del(who.admin, `/api/pages/${page.id}`)).status, 200)
  assertProblem(await who.admin.get(`/api/page-sections/${first.id}`), 404)
  const kit = await made(who.admin, '/api/page-components', { componentName: 'Bandeau', componentType: 'hero', componentData: { t: '<style>x</style>z' } })
  assert.equal(kit.componentData.t, 'z')
  assert.equal((await put(who.admin, `/api/page-components/${kit.id}`, { componentName: 'Autre' })).json.componentName, 'Autre')
})

test('the menu: order, one level below, who sees what, addresses that are no programs', async () => {
  for (const url of ['javascript:alert(1)', 'data:text/html,x', '//evil.test', 'x y', '']) assertProblem(await who.admin.post('/api/menu-items', { label: 'X', url }), 422)
  const items = []
  for (const [label, more] of [['A', {}], ['B', {}], ['C', { permissions: ['admin'] }]]) items.push(await made(who.admin, '/api/menu-items', { label, url: `/${label}`, ...more }))
  const [a, b, c] = items
  const below = await made(who.admin, '/api/menu-items', { label: 'Dessous', url: 'https://exemple.fr/', parentId: a.id })
  assertProblem(await who.admin.post('/api/menu-items', { label: 'X', url: '/', parentId: below.id }), 404)
  assert.equal(assertProblem(await put(who.admin, `/api/menu-items/${a.id}`, { parentId: b.id }), 409).type, '/problems/menu-depth')
  assertProblem(await put(who.admin, `/api/menu-items/${b.id}`, { parentId: b.id }), 404)
  const mine = await made(other.admin, '/api/menu-items', { label: 'Theirs', url: '/' })
  assertProblem(await who.admin.post('/api/menu-items', { label: 'X', url: '/', parentId: mine.id }), 404)
  assertProblem(await put(who.admin, '/api/menu-items/order', { ids: [c.id, mine.id] }), 404)
  assertProblem(await put(who.admin, '/api/menu-items/order', { ids: [c.id, c.id] }), 422)
  assert.deepEqual((await put(who.admin, '/api/menu-items/order', { ids: [c.id, below.id] })).json.map((m) => m.label), ['C', 'Dessous', 'A', 'B'])
  assert.deepEqual((await who.admin.get('/api/menu-items')).json.map((m) => m.label), ['C', 'Dessous', 'A', 'B'])
  assert.deepEqual((await who.apprenant1.get('/api/menu-items')).json.map((m) => m.label), ['Dessous', 'A', 'B'])
  assert.deepEqual((await anon.get('/api/portal?slug=lycee-moliere')).json.menuItems.map((m) => m.label), ['Dessous', 'A', 'B'])
  assertProblem(await who.apprenant1.get(`/api/menu-items/${c.id}`), 404)
  assert.equal((await who.admin.get(`/api/menu-items/${c.id}`)).status, 200)
  assertProblem(await who.admin.post('/api/menu-items', { label: 'X', url: '/', permissions: ['no-role'] }), 422)
  // What hangs below an entry is not shown to whom that one is not.
  const hidden = await made(who.admin, '/api/menu-items', { label: 'Caché', url: '/', parentId: c.id })
  for (const change of [{}, { permissions: [], isActive: false }]) {
    assert.equal((await put(who.admin, `/api/menu-items/${c.id}`, change)).status, 200)
    assertProblem(await who.apprenant1.get(`/api/menu-items/${hidden.id}`), 404)
    assert.deepEqual((await who.apprenant1.get('/api/menu-items')).json.map((m) => m.label), ['Dessous', 'A', 'B'])
    assert.deepEqual((await anon.get('/api/portal?slug=lycee-moliere')).json.menuItems.map((m) => m.label), ['Dessous', 'A', 'B'])
    assert.deepEqual((await who.manager.get('/api/menu-items')).json.map((m) => m.label), ['C', 'Dessous', 'A', 'B', 'Caché'])
  }
  assert.equal((await put(who.admin, `/api/menu-items/${c.id}`, { isActive: true })).status, 200)
  assert.equal((await who.apprenant1.get(`/api/menu-items/${hidden.id}`)).status, 200)
  assert.equal((await del(who.admin, `/api/menu-items/${a.id}`)).status, 200)
  assertProblem(await who.admin.get(`/api/menu-items/${below.id}`), 404)
})

// Each has begun, and waits for the one before it, when the next one begins.
test('what is deleted while something comes to hang on it: one comes first, and the other knows', async () => {
  const locked = (table, id) => `select from ${table} where id = '${id}' for update`
  const statuses = async (...meeting) => (await server.meet(...meeting)).map((r) => r.status)
  const [used, chosen] = [await made(who.admin, '/api/themes', { name: 'U' }), await made(who.admin, '/api/themes', { name: 'C' })]
  const activate = (t) => who.admin.request('POST', `/api/themes/${t.id}/activate`, { headers: { 'content-type': 'application/json' } })
  await activate(used)
  assert.deepEqual(await statuses(locked('themes', chosen.id), () => del(who.admin, `/api/themes/${chosen.id}`), () => activate(chosen)), [200, 404])
  assert.deepEqual((await who.apprenant1.get('/api/themes')).json.map((t) => t.id), [used.id], 'one is still in use')

  const parent = await made(who.admin, '/api/menu-items', { label: 'P', url: '/p' })
  const below = () => who.admin.post('/api/menu-items', { label: 'E', url: '/e', parentId: parent.id })
  assert.deepEqual(await statuses(locked('menu_items', parent.id), () => del(who.admin, `/api/menu-items/${parent.id}`), below), [200, 404])
  assert.equal(await server.sql('select count(*) from menu_items m where parent_id is not null and not exists (select from menu_items p where p.id = m.parent_id)'), '0')

  const page = await made(who.admin, '/api/pages', { pageName: unique('p'), pageTitle: 'P' })
  const add = () => who.admin.post(`/api/pages/${page.id}/sections`, { sectionType: 's' })
  const added = await server.meet(locked('customizable_pages', page.id), add, add, () => del(who.admin, `/api/pages/${page.id}`))
  assert.deepEqual(added.map((r) => r.status), [201, 201, 200])
  assert.deepEqual(added.slice(0, 2).map((r) => r.json.sectionOrder), [1, 2])
  assertProblem(await who.admin.get(`/api/page-sections/${added[0].json.id}`), 404)
})

test('branding: there before it is set, changed by version, and a style sheet that fetches nothing', async () => {
  const before = await who.apprenant1.get('/api/branding')
  assert.equal(before.json.primaryColor, '#3b82f6')
  assertProblem(await put(who.apprenant1, '/api/branding', { primaryColor: '#000000' }), 403)
  const set = await put(who.admin, '/api/branding', { primaryColor: '#010203', logoUrl: 'https://exemple.fr/l.png', customCss: '.x { color: red }', footerConfig: { text: '<script>1</script>pied' } }, { 'if-match': before.headers.etag })
  assert.equal(set.status, 200, set.text)
  assert.equal(set.json.footerConfig.text, 'pied')
  assertProblem(await put(who.admin, '/api/branding', { primaryColor: '#000000' }, { 'if-match': before.headers.etag }), 412)
  assert.equal((await put(who.admin, '/api/branding', { accentColor: '#030201' })).json.primaryColor, '#010203')
  for (const customCss of ['@import "x"', 'a{b:URL(//x)}', '</style><script>', 'a{b:\\75rl(x)}', 'a{x:expression(1)}']) assertProblem(await put(who.admin, '/api/branding', { customCss }), 422)
  // What is refused says what to change, in both languages.
  for (const [language, words] of [['fr', /retirez url\(\)/], ['en', /take out url\(\)/]])
    assert.match(assertProblem(await put(who.admin, '/api/branding', { customCss: 'a{b:url(x)}' }, { 'accept-language': language }), 422).message, words)
  assert.match(assertProblem(await put(who.admin, '/api/branding', { logoUrl: 'javascript:alert(1)' }), 422).errors[0].message, /https:\/\//)
  assert.equal((await anon.get('/api/portal?slug=lycee-moliere')).json.branding.primaryColor, '#010203')
  assert.equal((await put(who.admin, '/api/branding', { customCss: 'html { scroll-behavior: smooth }' })).json.logoUrl, 'https://exemple.fr/l.png')
  assert.equal((await put(who.admin, '/api/branding', { logoUrl: '' })).json.logoUrl, 'https://exemple.fr/l.png', 'old clients send it so')
  assert.equal((await put(who.admin, '/api/branding', { logoUrl: null })).json.logoUrl, null)
  const mine = `/api/establishments/${who.admin.user.establishmentId}`
  assert.equal((await put(who.admin, mine, { logo: '/logo.png' })).json.logo, '/logo.png')
  assert.equal((await put(who.admin, mine, { logo: null })).json.logo, null)
})

test('what an adopted school has for style fetches nothing either, and may be sent back as it came', async () => {
  const school = other.admin.user.establishmentId
  await server.sql(`insert into establishment_branding (id, establishment_id, primary_color, custom_css) values ('adopted', '${school}', 'url(//evil.test/a)',
    '@import "//evil.test/b";.x:before{content:"\\201C";background:u\\rl(//evil.test/c),-webkit-image-set("//evil.test/d" 1x)}</style><img src=//evil.test/e>')
    on conflict (establishment_id) do update set custom_css = excluded.custom_css, primary_color = excluded.primary_color;
    insert into themes (id, establishment_id, name, is_active, font_family) values ('adopted', '${school}', 'Vieux', true, 'x;src:URL(//evil.test/f)')`)
  const css = '@_import "//evil.test/b";.x:before{content:"\u201c";background:u_rl(//evil.test/c),-webkit-image-set_("//evil.test/d" 1x)} /style> img src=//evil.test/e>'
  const style = (await other.admin.get('/api/branding')).json
  assert.deepEqual([style.customCss, style.primaryColor], [css, 'url_(//evil.test/a)'])
  const shown = (await anon.get('/api/portal?slug=campus-turing')).json
  assert.deepEqual([shown.branding.customCss, shown.branding.primaryColor, shown.theme.fontFamily], [css, 'url_(//evil.test/a)', 'x;src:URL_(//evil.test/f)'])
  assert.equal((await other.admin.get('/api/themes/adopted')).json.fontFamily, 'x;src:URL_(//evil.test/f)')
  // Where others have an object it may have anything; a domain may be written as an address, and a menu go round in a circle.
  const school9 = '/api/establishments/e9'
  await server.sql(`insert into establishments (id, name, slug, domain, settings) values ('e9', 'Neuf', 'Ecole-Neuf', 'https://www.neuve.fr:8443/', '[1]');
    update themes set header_settings = '"x"' where id = 'adopted'; update establishment_branding set footer_config = '[1]' where id = 'adopted';
    insert into customizable_pages (id, establishment_id, page_name, page_title, layout) values ('adopted', '${school}', 'vieille', 'V', '"x"');
    insert into page_sections (id, page_id, establishment_id, section_type, section_order, components, section_styles) values ('adopted', 'adopted', '${school}', 'x', 2147483647, 'null', '[]');
    insert into menu_items (id, establishment_id, label, url, parent_id, sort_order) values ('m1', '${school}', 'A', '/', 'm3', 2147483647), ('m2', '${school}', 'B', '/', 'm1', 1), ('m3', '${school}', 'C', '/', 'm2', null)`)
  for (const settings of [undefined, { a: 1 }]) assert.deepEqual((await put(root, school9, { name: 'N', settings })).json.settings, settings ?? {})
  assert.equal((await at('neuve.fr', '/api/portal')).json.establishment.id, 'e9')
  assertProblem(await put(other.admin, `/api/establishments/${school}`, { domain: 'neuve.fr' }), 409)
  assertProblem(await root.post('/api/establishments', { name: 'X', slug: 'ecole-neuf' }), 409)
  assert.deepEqual((await other.admin.get('/api/pages/adopted')).json.layout, { sections: [] })
  assert.equal((await other.admin.get('/api/pages/adopted')).json.sections[0].sectionStyles, null)
  assert.equal((await made(other.admin, '/api/pages/adopted/sections', { sectionType: 'y' })).sectionOrder, 1000000)
  assert.equal((await made(other.admin, '/api/menu-items', { label: 'D', url: '/' })).sortOrder, 1000000)
  assert.deepEqual([(await other.admin.get('/api/themes/adopted')).json.headerSettings, (await other.admin.get('/api/branding')).json.footerConfig], [null, null])
  assert.equal((await del(other.admin, '/api/menu-items/m2')).status, 200)
  assert.equal(await server.sql("select count(*) from menu_items where id in ('m1', 'm2', 'm3')"), '0')
  const back = await put(other.admin, '/api/branding', { customCss: css })
  assert.deepEqual([back.status, back.json.customCss], [200, css], back.text)
})

test('on a school\'s domain, signing up and the public catalogue mean that school unless another is named; null takes the domain away', async () => {
  const domain = 'inscription.exemple.org'
  const school = await made(root, '/api/establishments', { name: 'Inscriptions', slug: 'inscriptions', domain })
  const register = (host, more = {}) => new Api(server).post('/api/auth/register', { email: `${unique('r')}@exemple.org`, password: 'une longue phrase', ...more }, { headers: { host } })
  for (const host of [domain, `www.${domain}:8443`]) {
    const r = await register(host)
    assert.equal(r.status, 201, r.text)
    assert.equal(r.json.establishmentId, school.id)
  }
  const other = await register(domain, { establishmentSlug: 'campus-turing' })
  assert.equal(other.json.establishment.slug, 'campus-turing', 'what is named comes first')
  const nowhere = assertProblem(await register('nulle.part.org'), 422)
  assert.deepEqual(nowhere.errors.map((e) => [e.field, e.code]), [['establishmentId', 'required']])
  assertProblem(await register(domain, { establishmentSlug: 'aucune-ecole' }), 404)

  const course = await made(root, '/api/courses', { title: 'Ouvert', description: 'D', category: 'K', isPublic: true, establishmentId: school.id })
  await root.post(`/api/courses/${course.id}/approve?establishmentId=${school.id}`)
  const seen = async (host, query = '') => (await at(host, `/api/courses${query}`)).json.map((c) => c.id)
  assert.deepEqual(await seen(domain), [course.id])
  assert.deepEqual(await seen('nulle.part.org'), [])
  assert.ok(!(await seen(domain, `?establishmentId=${who.admin.user.establishmentId}`)).includes(course.id))
  const own = await who.apprenant1.get('/api/courses', { headers: { host: domain } })
  assert.ok(!own.json.some((c) => c.id === course.id), 'who is signed in sees their own school')

  assert.equal((await put(root, `/api/establishments/${school.id}`, { name: 'Autre nom' })).json.domain, domain)
  assert.equal((await put(root, `/api/establishments/${school.id}`, { domain: '' })).json.domain, domain, 'old clients send it so')
  assert.equal((await put(root, `/api/establishments/${school.id}`, { domain: null })).json.domain, null)
  assertProblem(await register(domain), 422)
  assert.deepEqual(await seen(domain), [])
  assert.equal((await made(root, '/api/establishments', { name: 'Après', domain })).domain, domain, 'it is free again')
})

test('null takes an entry of the menu out from under its parent', async () => {
  const parent = await made(who.admin, '/api/menu-items', { label: 'P', url: '/p' })
  const child = await made(who.admin, '/api/menu-items', { label: 'E', url: '/e', parentId: parent.id, icon: 'x' })
  assert.equal((await put(who.admin, `/api/menu-items/${child.id}`, { icon: null })).json.icon, null)
  assert.equal((await put(who.admin, `/api/menu-items/${child.id}`, { label: 'F' })).json.parentId, parent.id)
  assert.equal((await put(who.admin, `/api/menu-items/${child.id}`, { parentId: null })).json.parentId, null)
  assert.equal((await who.admin.get(`/api/menu-items/${child.id}`)).json.parentId, null)
})

test('from outside: a domain is its school, with and without www; any other host is nobody\'s', async () => {
  const domain = 'lycee.exemple.org'
  assert.equal((await put(who.admin, `/api/establishments/${who.admin.user.establishmentId}`, { domain })).status, 200)
  const theirs = await made(other.admin, '/api/contents', { blockKey: 'heroTitle', content: 'canari de Turing' })
  const ours = await made(who.admin, '/api/contents', { blockKey: 'heroTitle', content: 'canari de Molière' })
  for (const host of [domain, `www.${domain}`, `${domain}:8443`, domain.toUpperCase(), `${domain}.`, `WWW.${domain}.:80`]) {
    const r = await at(host, '/api/portal')
    assert.equal(r.status, 200, `${host}: ${r.text}`)
    assert.equal(r.json.establishment.slug, 'lycee-moliere')
    assert.ok(r.text.includes(ours.content) && !r.text.includes(theirs.content))
  }
  assert.equal((await at(domain, '/api/portal?slug=campus-turing')).json.establishment.slug, 'campus-turing', 'a slug that is named comes first')
  for (const host of ['exemple.org', `x.${domain}`, '127.0.0.1', '[::1]']) assertProblem(await at(host, '/api/portal'), 404)
  for (const header of ['x-forwarded-host', 'forwarded']) assertProblem(await anon.get('/api/portal', { headers: { [header]: `host=${domain}` } }), 404)
  // Both spellings are the school's: another one cannot answer at the second. The site's own name is no school's to take.
  const theirSchool = `/api/establishments/${other.admin.user.establishmentId}`
  for (const taken of [`www.${domain}`, `WWW.${domain}`, 'ecoles.exemple.net', 'www.ecoles.exemple.net']) assertProblem(await put(other.admin, theirSchool, { domain: taken }), 409)
  const race = await Promise.all(['neuf.exemple.org', 'www.neuf.exemple.org'].map((d, i) => put([who, other][i].admin, `/api/establishments/${[who, other][i].admin.user.establishmentId}`, { domain: d })))
  assert.deepEqual(race.map((r) => r.status).sort(), [200, 409])
  assert.equal((await put(who.admin, `/api/establishments/${who.admin.user.establishmentId}`, { domain })).status, 200)
  const again = await anon.get('/api/portal?slug=lycee-moliere')
  assert.equal((await anon.get('/api/portal?slug=lycee-moliere', { headers: { 'if-none-match': again.headers.etag } })).status, 304)
  assert.ok(!/settings|databaseUrl/.test(again.text))
  // A page's address below a school's slug is the pages', not the interface's.
  const page = await anon.get('/lycee-moliere')
  assert.equal(page.status, 200)
  assert.match(page.headers['content-type'], /^text\/html/)
})
