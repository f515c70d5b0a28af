// Help: two languages without accents, ranked and highlighted; typing errors; who may read and write what; the old client's addresses.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer } from './lib/server.mjs'
import { Api, people, signIn } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'

let server, who, stranger
before(async () => {
  server = await startServer()
  who = await people(server, 'moliere', ['apprenant1', 'formateur', 'manager'])
  stranger = await signIn(server, 'manager@turing.test')
  const write = async (json) => {
    const r = await who.manager.post('/api/help', json)
    assert.equal(r.status, 201, r.text)
    return r.json
  }
  await write({ title: 'Gérer les élèves', content: 'Ajouter un élève, le déplacer, et <b>désactiver</b> son compte <script>x</script>.', category: 'Zélèves', searchKeywords: ['étudiants'] })
  await write({ title: 'Calendrier des évaluations', content: 'Le calendrier montre les dates limites des élèves.', category: 'Zélèves', tags: ['échéances'] })
  await write({ title: 'Running meetings', content: 'How teachers run their classes and share screens.', category: 'Zen', language: 'en', role: 'formateur' })
})
after(() => server?.stop())

const search = async (api, q, extra = '') => (await api.get(`/api/help/search?q=${encodeURIComponent(q)}${extra}`)).json
const titles = (list) => list.map((h) => h.title)

test('French without accents, stemmed, ranked by where the words stand', async () => {
  for (const q of ['eleve', 'élèves', 'ÉLÈVE', 'gerer eleve']) assert.equal(titles(await search(who.apprenant1, q))[0], 'Gérer les élèves', q)
  const both = await search(who.apprenant1, 'eleve')
  assert.deepEqual(titles(both).slice(0, 2), ['Gérer les élèves', 'Calendrier des évaluations'])
  assert.ok(both[0].rank > both[1].rank)
  assert.match(both[1].highlight, /<mark>élèves<\/mark>/)
  assert.ok(!/<(?!\/?mark>)/.test(both[0].highlight), both[0].highlight)
  assert.equal(titles(await search(who.apprenant1, 'etudiant'))[0], 'Gérer les élèves')
  assert.equal(titles(await search(who.apprenant1, 'calend'))[0], 'Calendrier des évaluations')
})

test('English is stemmed as English; texts for other roles stay theirs', async () => {
  assert.deepEqual(titles(await search(who.formateur, 'meeting class')), ['Running meetings'])
  assert.deepEqual(await search(who.apprenant1, 'meeting'), [])
  assert.deepEqual(titles(await search(who.manager, 'meeting')), ['Running meetings'])
  assert.deepEqual(titles(await search(who.manager, 'meeting', '&role=apprenant')), [])
  assert.deepEqual(titles(await search(who.formateur, 'meeting', '&language=fr')), [])
})

test('a typing error finds what was meant, and says so', async () => {
  const found = await search(who.apprenant1, 'calandrier')
  assert.equal(found[0].title, 'Calendrier des évaluations')
  assert.equal(found[0].suggestion, 'calendrier')
  assert.equal((await search(who.apprenant1, 'calendrier'))[0].suggestion, undefined)
  const suggest = async (q, extra = '') => (await who.apprenant1.get(`/api/help/suggest?q=${encodeURIComponent(q)}${extra}`)).json
  assert.ok((await suggest('evaluasions')).includes('évaluations'))
  // Two letters swapped, where a short word has no three in common with what was meant; the same letters otherwise are another word.
  for (const [q, suggestion] of [['dtaes', 'dates'], ['adtes', 'dates'], ['sdate', undefined]]) assert.equal((await search(who.apprenant1, q))[0]?.suggestion, suggestion, q)
  // Words that only the texts have, in both languages; what is right stays as it was asked, with its signs; a text that is changed, its words.
  const help = await who.manager.post('/api/help', { title: 'Bulletins', content: '<p>Imprimer le relev&eacute; : 1 &lt; 2 &amp; 3. The summary arrives immediately.</p>', category: 'Z' })
  for (const [q, suggestion] of [['imprimr', 'imprimer'], ['immediatly', 'immediately'], ['sumary imprimr', 'summary imprimer'], ['bulletin imprimr -calandrier', 'bulletins imprimer -calendrier']]) {
    const [first] = await search(who.apprenant1, q)
    assert.deepEqual([first?.title, first?.suggestion], ['Bulletins', suggestion], q)
  }
  assert.ok(!titles(await search(who.apprenant1, 'imprimer -bulletin')).includes('Bulletins'), 'what was ruled out is not found by leaving the sign away')
  const [shown] = await search(who.apprenant1, 'imprimer')
  assert.ok(shown.highlight.includes('1 &lt; 2 &amp; 3'), shown.highlight)
  assert.match((await search(who.apprenant1, 'relevé'))[0].highlight, /<mark>relevé<\/mark>/) // an editor's &eacute; is a letter
  await who.manager.request('PUT', `/api/help/${help.json.id}`, { json: { content: 'Rien de tout cela' } })
  assert.deepEqual(await search(who.apprenant1, 'imprimr'), [])
  // Nobody learns a word of a text that is not theirs to read.
  assert.deepEqual([await suggest('teachrs'), await suggest('meetngs')], [[], []])
  assert.deepEqual((await who.formateur.get('/api/help/suggest?q=meetngs')).json, ['meetings'])
  assert.deepEqual((await who.formateur.get('/api/help/suggest?q=meetngs&language=fr')).json, [])
  assert.deepEqual((await stranger.get('/api/help/suggest?q=evaluasions')).json, [])
  assert.deepEqual(await search(who.apprenant1, 'xyzzyplugh'), [])
  for (const q of ["'", '\\', '%', '()', '& |', 'a:*', '<->', '!']) assert.equal((await who.apprenant1.get(`/api/help/search?q=${encodeURIComponent(q)}`)).status, 200, q)
  assertProblem(await who.apprenant1.get('/api/help/search'), 400)
})

test('a word that nothing is like is left out, and the answer says what was looked for', async () => {
  for (const [q, suggestion] of [
    ['calendrier xyzzyplugh', 'calendrier'], ['xyzzyplugh calendrier', 'calendrier'], ['xyzzyplugh calandrier, évaluation', 'calendrier, évaluation'],
    ['le calendrier qwertzuiop xyzzyplugh', 'le calendrier'], ['xyzzyplugh "calendrier montre"', '"calendrier montre"'], ['calendrier xyzzyplugh -meeting', 'calendrier -meeting'],
  ]) {
    const [first] = await search(who.apprenant1, q)
    assert.deepEqual([first?.title, first?.suggestion], ['Calendrier des évaluations', suggestion], q)
  }
  const [meeting] = await search(who.formateur, 'teachers xyzzyplugh meetngs')
  assert.deepEqual([meeting?.title, meeting?.suggestion], ['Running meetings', 'teachers meetings'])
  // Who may not read the text gets nothing by its words either; another language's, another category's are none.
  assert.deepEqual(await search(who.apprenant1, 'xyzzyplugh meeting'), [])
  assert.deepEqual(await search(who.formateur, 'xyzzyplugh meeting', '&language=fr'), [])
  // Nothing but unknown words, stop words, what is ruled out; and words that are known, but not together.
  for (const q of ['xyzzyplugh qwertzuiop', 'le xyzzyplugh', 'the xyzzyplugh', '-calendrier xyzzyplugh', 'xyzzyplugh-calendrier', 'déplacer échéances']) assert.deepEqual(await search(who.apprenant1, q), [], q)
})

test('another school finds none of it; nobody signed in gets 401', async () => {
  assert.deepEqual(titles(await search(stranger, 'calandrier')).filter((t) => /évaluations/.test(t)), [])
  assertProblem(await new Api(server).get('/api/help'), 401)
  const item = (await who.manager.get(`/api/help?category=${encodeURIComponent('Zélèves')}`)).json[0]
  assertProblem(await stranger.get(`/api/help/${item.id}`), 404)
  assertProblem(await stranger.request('DELETE', `/api/help/${item.id}`), 404)
  assertProblem(await who.apprenant1.post('/api/help', { title: 'T', content: 'C', category: 'K' }), 403)
})

test('changing, reading counts for the FAQ, deleting', async () => {
  const made = (await who.manager.post('/api/help', { title: 'Provisoire', content: 'Texte', category: 'Zut' })).json
  for (let i = 0; i < 3; i++) assert.equal((await who.apprenant1.get(`/api/help/${made.id}`)).json.title, 'Provisoire')
  assert.equal((await who.apprenant1.get('/api/help/faq?limit=1')).json[0].id, made.id)
  const tag = (await who.manager.get(`/api/help/${made.id}`)).headers.etag
  const put = (json) => who.manager.request('PUT', `/api/help/${made.id}`, { json, headers: { 'if-match': tag } })
  assert.equal((await put({ content: 'Autre' })).json.content, 'Autre')
  assertProblem(await put({ content: 'Encore' }), 412)
  assert.equal((await who.manager.request('DELETE', `/api/help/${made.id}`)).status, 200)
  assertProblem(await who.manager.get(`/api/help/${made.id}`), 404)
})

test('what is stored cannot run in a page', async () => {
  const r = await who.manager.post('/api/help', { title: 'HTML', content: '<p onclick="x()">Bon</p><script>alert(1)</script><img src=x onerror=y>', category: 'Zhtml' })
  assert.equal(r.json.content, '<p>Bon</p>')
  assert.ok(!/onclick|script|onerror/.test((await who.apprenant1.get('/api/documentation/help/apprenant')).text))
})

test('the old client: lost filters give everything, the manual is an array, nobody gets 403', async () => {
  for (const path of ['/api/help/[object%20Object]', '/api/help/search/[object%20Object]', '/api/documentation/help/apprenant', '/api/documentation/search/calendrier/x']) {
    const r = await who.apprenant1.get(path)
    assert.equal(r.status, 200, `${path} ${r.text}`)
    assert.ok(Array.isArray(r.json), path)
  }
  assert.ok((await who.apprenant1.get('/api/help/[object%20Object]')).json.length >= 2)
  assertProblem(await new Api(server).get('/api/documentation/help/apprenant'), 403)
})
