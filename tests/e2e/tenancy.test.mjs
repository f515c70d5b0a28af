// Two schools in one database. Everything a person of one asks for with the other's ids is answered as if it did not exist, by every
// role, over REST and over sockets; and nothing anybody of one school ever receives holds a word of the other's. The same again with a
// build whose own checks are off: then the database alone must hold.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { binary, binaryChecksOff, lit, startServer } from './lib/server.mjs'
import { Api, people, signIn, Wire } from './lib/client.mjs'
import { assertProblem } from './lib/problem.mjs'
import { makeGroup, member, opId, say, text, uuid } from './lib/school.mjs'
import { sleep } from './lib/util.mjs'

const ROLES = ['apprenant1', 'formateur', 'manager', 'admin']
const CANARY = 'CANARYMOLIERE'

// An Api that writes down everything it was ever sent.
function tapped(api, tape) {
  const request = api.request.bind(api)
  api.request = async (...args) => {
    const r = await request(...args)
    tape.push(`${args[0]} ${args[1]}\n${JSON.stringify(r.headers)}\n${r.text}`)
    return r
  }
  return api
}

// School A with canaries in everything: names, words, cards, files, settings, courses.
async function schoolA(server) {
  const school = server.demo.establishments.find((e) => e.slug === 'lycee-moliere')
  await server.sql(`
    update users set first_name = first_name || '${CANARY}', last_name = last_name || '${CANARY}', bio = '${CANARY}' where establishment_id = ${lit(school.id)};
    update establishments set settings = '{"x": "${CANARY}"}' where id = ${lit(school.id)};
    update courses set title = title || '${CANARY}' where establishment_id = ${lit(school.id)};`)
  const who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'admin'])
  const group = await makeGroup(who.apprenant1, [who.apprenant2], { name: `Groupe ${CANARY}`, description: CANARY, tags: [CANARY] })
  const hidden = await makeGroup(who.apprenant1, [], { name: `Privé ${CANARY}`, isPublic: false })
  const wire = await member(server, who.apprenant1, group.topic)
  const message = await say(wire, group.topic, `mot secret ${CANARY}`)
  await wire.done(group.topic, 'reaction:add', { opId: opId(), messageId: message.id, emoji: '👍' })
  const course = server.demo.courses.find((c) => c.establishmentId === school.id)
  return { school, who, group, hidden, wire, message, course, epoch: wire.joined.epoch }
}

const strip = (r) => {
  const { requestId, instance, ...rest } = r.json ?? {}
  return { status: r.status, body: rest, headers: Object.keys(r.headers).sort() }
}

// [name, call(api, id)]: operations that name a group in the path.
const byGroup = [
  ['join', (api, id) => api.post(`/api/study-groups/${id}/join`, {})],
  ['leave', (api, id) => api.post(`/api/study-groups/${id}/join`, { action: 'leave' })],
  ['read messages', (api, id) => api.get(`/api/study-groups/${id}/messages`)],
  ['read messages after', (api, id) => api.get(`/api/study-groups/${id}/messages?after=0`)],
  ['write a message', (api, id) => api.post(`/api/study-groups/${id}/messages`, { content: 'coucou', type: 'text' })],
  ['write with an opId', (api, id) => api.post(`/api/study-groups/${id}/messages`, { content: 'coucou', type: 'text', opId: opId() })],
]

function suite(bin, checks) {
  const exact = checks === 'on'
  const tape = []
  let server, a, b
  before(async () => {
    server = await startServer({ binary: bin })
    a = await schoolA(server)
    b = {}
    for (const [name, api] of Object.entries(await people(server, 'turing', ROLES))) b[name] = tapped(api, tape)
  })
  after(() => server?.stop())

  for (const role of ROLES) {
    for (const [name, call] of byGroup)
      test(`${role} of the other school: ${name}: ${exact ? '404, as for an id nobody has' : 'nothing comes back'}`, async () => {
        const missing = await call(b[role], uuid)
        for (const id of [a.group.id, a.hidden.id]) {
          const r = await call(b[role], id)
          if (!exact) assert.ok(r.status >= 400, `${r.status} ${r.text}`)
          else {
            assertProblem(r, 404)
            assert.deepEqual(strip(r), strip(missing))
          }
        }
      })

    test(`${role}: lists, filters and searches hold nothing of the other school`, async () => {
      const api = b[role]
      for (const query of ['', '?limit=200', `?q=${CANARY}`, `?courseId=${a.course.id}`, '?mine=true', '?count=exact&limit=200', '?status=active']) {
        const r = await api.get(`/api/study-groups${query}`)
        assert.ok([200, 400, 404].includes(r.status))
        if (r.status === 200) assert.ok(r.json.every((g) => g.establishmentId !== a.school.id), query)
      }
      assert.equal((await api.get(`/api/establishments/${a.school.id}`)).json.settings, undefined)
      assert.equal((await api.get(`/api/study-groups?establishmentId=${a.school.id}`)).status === 200, false)
    })

    test(`${role}: bodies that name the other school or its things`, async () => {
      const api = b[role]
      const school = await api.post('/api/study-groups', { name: 'intrus', establishmentId: a.school.id })
      if (exact) assertProblem(school, 403)
      assert.ok(school.status >= 400 || school.json.establishmentId !== a.school.id)
      const course = await api.post('/api/study-groups', { name: 'intrus', courseId: a.course.id })
      if (exact) {
        assertProblem(course, 404)
        assert.deepEqual(strip(course), strip(await api.post('/api/study-groups', { name: 'intrus', courseId: uuid })))
      } else assert.ok(course.status >= 400)
    })

    test(`${role}: topics of the other school are not_found`, async () => {
      const w = await Wire.open(server, { cookie: b[role].cookie })
      const missing = await w.join(`group:${uuid}`)
      assert.equal(missing.response.reason, 'not_found')
      const tries = [{}, { epoch: a.epoch, since: 0 }, { last: 200 }, { ticket: a.wire.joined.ticket ?? 'x', epoch: a.epoch, since: 0 }]
      for (const id of [a.group.id, a.hidden.id])
        for (const params of tries) {
          const r = await w.join(`group:${id}`, params)
          assert.equal(r.status, 'error')
          if (exact) assert.deepEqual(r, missing)
        }
      const person = await w.join(`user:${a.who.apprenant1.user.id}`)
      assert.equal(person.status, 'error')
      if (exact) assert.deepEqual(person, await w.join(`user:${uuid}`))
      // Pushes to a topic that was never joined reach nobody.
      for (const [event, payload] of [['message:new', text('coucou')], ['history', {}], ['typing', { isTyping: true }], ['group:lock', { opId: opId() }]])
        await w.refused(a.group.topic, event, payload, 'not_joined')
      tape.push(JSON.stringify(w.log))
      await w.close()
    })
  }

  test("in one's own group the other school's ids name nothing", async () => {
    const own = await makeGroup(b.apprenant1)
    const w = await member(server, b.apprenant1, own.topic)
    const missing = (r) => {
      assert.equal(r.status, 'error')
      if (exact) assert.ok(['not_found', 'invalid'].includes(r.response.reason), JSON.stringify(r))
      return r
    }
    const pairs = (id) => [
      ['message:new', { type: 'text', content: 'x', replyToId: id.message }],
      ['message:edit', { id: id.message, content: 'x' }],
      ['message:delete', { id: id.message }],
      ['reaction:add', { messageId: id.message, emoji: '👍' }],
      ['reaction:remove', { messageId: id.message, emoji: '👍' }],
      ['member:mute', { userId: id.user }],
      ['member:kick', { userId: id.user }],
      ['member:role', { userId: id.user, role: 'moderator' }],
      ['message:report', { id: id.message, reason: 'x' }],
    ]
    const theirs = pairs({ message: a.message.id, user: a.who.apprenant2.user.id })
    const nobodys = pairs({ message: uuid, user: uuid })
    for (const [i, [event, payload]] of theirs.entries()) {
      const [r, none] = [await w.push(own.topic, event, payload), await w.push(own.topic, nobodys[i][0], nobodys[i][1])]
      missing(none)
      assert.deepEqual(missing(r), none, event)
    }
    // A mention tells nobody of the other school anything, and shows nothing of them.
    const mention = await w.push(own.topic, 'message:new', text('salut', { metadata: { mentions: [a.who.apprenant1.user.id] } }))
    if (mention.status === 'ok') await w.event(own.topic, 'message', (p) => p.seq === mention.response.seq)
    tape.push(JSON.stringify(w.log))
    await w.close()
  })

  test('a super_admin reaches both, each by its id', async () => {
    const root = await signIn(server, 'superadmin@stacgate.test')
    const w = await member(server, root, a.group.topic)
    assert.equal(w.joined.group.id, a.group.id)
    await w.close()
    assert.equal((await root.get(`/api/study-groups/${a.group.id}/messages`)).status, 200)
  })

  test("nothing was changed in the other school, and its people's sockets heard nothing", async () => {
    const [row] = await server.rows(`select current_members as n, (select count(*)::int from study_group_messages m where m.study_group_id = g.id) as messages,
      (select count(*)::int from study_group_members m join users u on u.id = m.user_id where m.study_group_id = g.id and u.establishment_id <> g.establishment_id and u.role <> 'super_admin') as strangers
      from study_groups g where id = ${lit(a.group.id)}`)
    assert.deepEqual(row, { n: 2, messages: 1, strangers: 0 })
    const [{ n }] = await server.rows(`select count(*)::int as n from study_groups where name = 'intrus' and establishment_id = ${lit(a.school.id)}`)
    assert.equal(n, 0)
    await a.wire.settle()
    assert.ok(!JSON.stringify(a.wire.log).includes('coucou'))
  })

  test('live traffic of one school reaches no socket of the other', async () => {
    const own = await makeGroup(b.apprenant1)
    const wires = [await member(server, b.apprenant1, own.topic), await member(server, b.admin, own.topic), await member(server, b.manager, `user:${b.manager.user.id}`)]
    for (let i = 0; i < 20; i++) await say(a.wire, a.group.topic, `encore ${CANARY} ${i}`)
    a.wire.send([a.wire.joinRefs.get(a.group.topic), a.wire.ref(), a.group.topic, 'typing', { isTyping: true }])
    await sleep(300)
    for (const w of wires) {
      await w.settle()
      tape.push(JSON.stringify(w.log))
      await w.close()
    }
  })

  test(`the canary is in nothing that ${ROLES.length} roles of the other school ever received`, async () => {
    assert.ok(tape.length > 50, 'the tape is empty')
    for (const piece of tape) {
      const [request, ...answer] = piece.split('\n')
      assert.ok(!answer.join('\n').includes(CANARY) && (piece.startsWith('[') ? !piece.includes(CANARY) : true), `${request}: ${piece.slice(0, 1500)}`)
    }
    // And it is there for who may see it.
    assert.ok((await a.who.apprenant2.get(`/api/study-groups/${a.group.id}/messages`)).text.includes(CANARY))
  })
}

describe('the application and the database', () => suite(binary(), 'on'))

const off = binaryChecksOff()
describe("with the application's own checks off, the database alone", { skip: existsSync(off) ? false : `no test build at ${off}: cmake --preset checks-off && cmake --build --preset checks-off` }, () =>
  suite(off, 'off'))

test('an anonymous caller gets neither', async () => {
  const server = await startServer()
  try {
    await schoolA(server)
    const api = new Api(server)
    for (const path of ['/api/establishments', '/api/study-groups', '/api/auth/user']) assert.ok(!(await api.get(path)).text.includes(CANARY))
  } finally {
    await server.stop()
  }
})
