// The pushes of a study group: what each becomes for every member, what it answers, what it refuses, what the database holds.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startServer, lit } from './lib/server.mjs'
import { people } from './lib/client.mjs'
import { assertEvent, makeGroup, member, members, opId, say, text, uuid } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

let server, who, group, ada, bob
before(async () => {
  server = await startServer({ args: ['--edit-window', '4s'] })
  who = await people(server, 'moliere', ['apprenant1', 'apprenant2', 'apprenant3', 'formateur', 'manager', 'admin'])
  group = await makeGroup(who.apprenant1, [who.apprenant2, who.apprenant3])
  ;[ada, bob] = await members(server, [who.apprenant1, who.apprenant2], group.topic) // ada made the group: its admin
})
after(async () => {
  await Promise.all([ada?.close(), bob?.close()])
  await server?.stop()
})

const both = (event, fits) => Promise.all([ada, bob].map(async (w) => (await w.event(group.topic, event, fits))[4]))

// Does it as `wire`, and waits until both members have the event with the seq of the reply.
async function heard(wire, event, payload, becomes) {
  const reply = await wire.done(group.topic, event, { opId: opId(), ...payload })
  const [x, y] = await both(becomes, (p) => p.seq === reply.seq)
  assert.deepEqual(x, y, 'members see different things')
  assertEvent(x)
  assert.equal(x.by, wire.person.user.id)
  return { reply, event: x }
}

test('the join reply', async () => {
  const w = await member(server, who.apprenant2, group.topic)
  const r = w.joined
  assert.match(r.epoch, /^\S{8,}$/)
  assert.ok(Number.isInteger(r.seq) && Number.isInteger(r.head))
  assert.equal(r.seq, r.head, 'a first join stands at the head')
  assert.equal(r.recovered, false)
  assert.equal(r.role, 'member')
  assert.equal(r.readOnly, false)
  assert.equal(r.group.id, group.id)
  assert.equal(r.group.name, group.json.name)
  if (r.ticket !== undefined) assert.ok(r.ticket.length <= 256)
  assert.equal(ada.joined.role, 'admin')
  await w.close()
})

test('message:new becomes the whole message, the sender included; the reply names it', async () => {
  const payload = text('Bonjour à tous 👋', { metadata: { mentions: [who.apprenant1.user.id] } })
  const reply = await bob.done(group.topic, 'message:new', payload)
  assert.deepEqual(Object.keys(reply).sort(), ['createdAt', 'id', 'seq'])
  const [x, y] = await both('message', (p) => p.seq === reply.seq)
  assert.deepEqual(x, y)
  assertEvent(x)
  const { firstName, lastName } = who.apprenant2.user
  assert.equal(x.id, reply.id)
  assert.equal(x.createdAt, reply.createdAt)
  assert.equal(x.opId, payload.opId)
  assert.equal(x.senderId, who.apprenant2.user.id)
  assert.deepEqual(x.sender, { id: who.apprenant2.user.id, firstName, lastName, profileImageUrl: who.apprenant2.user.profileImageUrl ?? null })
  assert.equal(x.type, 'text')
  assert.equal(x.content, payload.content)
  assert.deepEqual(x.metadata, payload.metadata)
  assert.equal(x.replyToId ?? null, null)
})

test('acknowledged means committed: the row and its event are there when the reply is', async () => {
  const payload = text('sur le disque')
  const { id, seq } = await ada.done(group.topic, 'message:new', payload)
  const [row] = await server.rows(`
    select m.content, m.sender_id, e.event, e.op_id, c.last_seq from study_group_messages m
    join channels c on c.topic = ${lit(group.topic)} join channel_events e on e.channel = c.id and e.seq = m.seq
    where m.id = ${lit(id)} and m.seq = ${seq}`)
  assert.deepEqual({ ...row, last_seq: row.last_seq >= seq }, {
    content: payload.content, sender_id: who.apprenant1.user.id, event: 'message', op_id: payload.opId, last_seq: true,
  })
})

const kinds = {
  file: { fileId: uuid, name: 'devoir.pdf', size: 12345, mimeType: 'application/pdf' },
  image: { fileId: uuid, name: 'schéma.png', size: 99, mimeType: 'image/png' },
  link: { url: 'https://example.org/a?b=c', title: 'Un lien' },
}
for (const [type, metadata] of Object.entries(kinds))
  test(`a message of type ${type}`, async () => {
    const { seq } = await say(ada, group.topic, `un ${type}`, { type, metadata })
    const [x] = await both('message', (p) => p.seq === seq)
    assert.equal(x.type, type)
    assert.deepEqual(x.metadata, metadata)
    await ada.refused(group.topic, 'message:new', text('incomplet', { type, metadata: {} }), 'invalid')
  })

test('a link that runs script is refused', async () => {
  await ada.refused(group.topic, 'message:new', text('clic', { type: 'link', metadata: { url: 'javascript:alert(1)' } }), 'invalid')
})

test('8,000 characters are 8,000 characters, not bytes', async () => {
  const content = '🎓'.repeat(8000)
  const { seq } = await say(ada, group.topic, content)
  const [x] = await both('message', (p) => p.seq === seq)
  assert.equal(x.content, content)
  await ada.refused(group.topic, 'message:new', text('🎓'.repeat(8001)), 'invalid')
})

test('metadata above 16 KiB is refused', async () => {
  const r = await ada.push(group.topic, 'message:new', text('gros', { type: 'link', metadata: { url: 'https://e.org', title: 'x'.repeat(16384) } }))
  assert.equal(r.status, 'error')
  assert.ok(['too_large', 'invalid'].includes(r.response.reason), JSON.stringify(r))
})

test('text arrives as it was written: markup, quotes, newlines, other scripts', async () => {
  const content = `<script>alert('1')</script> "quoted" \\ back\nligne 2\tآ 漢字 é\u2028fin`
  const { seq } = await say(bob, group.topic, content)
  const [x] = await both('message', (p) => p.seq === seq)
  assert.equal(x.content, content)
})

test('NUL in content is refused', async () => {
  const w = await member(server, who.apprenant1, group.topic)
  await w.refused(group.topic, 'message:new', text('a\u0000b'), 'invalid')
  await w.close()
})

test('replyToId: a message of this group, and no other', async () => {
  const first = await say(ada, group.topic, 'une question ?')
  const { seq } = await say(bob, group.topic, 'une réponse', { replyToId: first.id })
  const [x] = await both('message', (p) => p.seq === seq)
  assert.equal(x.replyToId, first.id)
  const other = await makeGroup(who.apprenant3)
  const w = await member(server, who.apprenant3, other.topic)
  const elsewhere = await say(w, other.topic, 'ailleurs')
  for (const replyToId of [elsewhere.id, uuid]) {
    const r = await ada.push(group.topic, 'message:new', text('réponse égarée', { replyToId }))
    assert.equal(r.status, 'error')
    assert.ok(['not_found', 'invalid'].includes(r.response.reason), JSON.stringify(r))
  }
  await w.close()
})

test('message:edit by its sender within the window; not by another member; not after it, but then by a moderator', async () => {
  const { id } = await say(bob, group.topic, 'fote')
  const { event } = await heard(bob, 'message:edit', { id, content: 'faute' }, 'message:updated')
  assert.equal(event.id, id)
  assert.equal(event.content, 'faute')
  const third = await member(server, who.apprenant3, group.topic)
  await third.refused(group.topic, 'message:edit', { opId: opId(), id, content: 'pas à moi' }, 'forbidden')
  await third.close()
  const [m] = (await bob.done(group.topic, 'history', { limit: 1 })).events
  assert.equal(m.payload.id, id)
  assert.equal(m.payload.content, 'faute')
  assert.ok(m.payload.editedAt)
  await sleep(4200)
  await bob.refused(group.topic, 'message:edit', { opId: opId(), id, content: 'trop tard' }, 'forbidden')
  assert.equal((await heard(ada, 'message:edit', { id, content: 'corrigé' }, 'message:updated')).event.content, 'corrigé')
  await bob.refused(group.topic, 'message:edit', { opId: opId(), id: uuid, content: 'rien' }, 'not_found')
})

test('message:delete: its sender, moderators, nobody else; the content is gone everywhere', async () => {
  const canary = `SECRET-${opId()}`
  const mine = await say(bob, group.topic, canary)
  const theirs = await say(bob, group.topic, `${canary}-2`)
  await bob.done(group.topic, 'message:edit', { opId: opId(), id: mine.id, content: `${canary}-edited` })
  const third = await member(server, who.apprenant3, group.topic)
  await third.refused(group.topic, 'message:delete', { opId: opId(), id: mine.id }, 'forbidden')
  assert.equal((await heard(bob, 'message:delete', { id: mine.id }, 'message:deleted')).event.id, mine.id)
  assert.equal((await heard(ada, 'message:delete', { id: theirs.id, reason: 'hors sujet' }, 'message:deleted')).event.id, theirs.id)
  // Not in the tables, not in a replay, not in the history, not over REST.
  const [{ found }] = await server.rows(`select
    (select count(*) from study_group_messages where content like '%${canary}%') + (select count(*) from channel_events where payload::text like '%${canary}%') as found`)
  assert.equal(Number(found), 0)
  const again = await member(server, who.apprenant3, group.topic, { params: { epoch: ada.joined.epoch, since: mine.seq - 1 } })
  assert.equal(again.joined.recovered, true)
  await again.settle()
  const history = await again.done(group.topic, 'history', { limit: 100 })
  const gone = history.events.find((e) => e.payload.id === mine.id)
  assert.equal(gone.payload.isDeleted, true)
  const rest = await who.apprenant3.get(`/api/study-groups/${group.id}/messages`)
  assert.ok(!JSON.stringify([again.log, history, rest.text]).includes(canary))
  await third.refused(group.topic, 'message:delete', { opId: opId(), id: uuid }, 'not_found')
  // What was deleted takes no edit and no reaction.
  assert.equal((await bob.push(group.topic, 'message:edit', { opId: opId(), id: mine.id, content: 'revenant' })).status, 'error')
  await Promise.all([third.close(), again.close()])
})

test('reactions: added, once per person and emoji, removed; a push that changes nothing is still an event', async () => {
  const { id } = await say(ada, group.topic, 'réagissez')
  for (const emoji of ['👍', '👨‍👩‍👧‍👦']) {
    const { event } = await heard(bob, 'reaction:add', { messageId: id, emoji }, 'reaction:added')
    assert.equal(event.messageId, id)
    assert.equal(event.emoji, emoji)
  }
  const first = await bob.done(group.topic, 'reaction:add', { opId: opId(), messageId: id, emoji: '👍' })
  const again = await bob.done(group.topic, 'reaction:add', { opId: opId(), messageId: id, emoji: '👍' })
  assert.equal(again.seq, first.seq + 1)
  await heard(ada, 'reaction:add', { messageId: id, emoji: '👍' }, 'reaction:added')
  const [{ n }] = await server.rows(`select count(*)::int as n from message_reactions where message_id = ${lit(id)} and emoji = '👍'`)
  assert.equal(n, 2)
  const message = async () => (await ada.done(group.topic, 'history', { limit: 5 })).events.find((e) => e.payload.id === id).payload
  assert.match(JSON.stringify((await message()).reactions), /👍/)
  await heard(bob, 'reaction:remove', { messageId: id, emoji: '👍' }, 'reaction:removed')
  await heard(ada, 'reaction:remove', { messageId: id, emoji: '👍' }, 'reaction:removed')
  assert.doesNotMatch(JSON.stringify((await message()).reactions), /👍/)
  for (const emoji of ['', 'x'.repeat(300), 5]) await bob.refused(group.topic, 'reaction:add', { opId: opId(), messageId: id, emoji }, 'invalid')
  await bob.refused(group.topic, 'reaction:add', { opId: opId(), messageId: uuid, emoji: '👍' }, 'not_found')
})

test('history: ascending by seq, before, after, hasMore, and nothing above 100', async () => {
  const { topic } = await makeGroup(who.apprenant3)
  const w = await member(server, who.apprenant3, topic)
  const sent = []
  for (let i = 0; i < 25; i++) sent.push(await say(w, topic, `message ${i}`))
  const seqs = (page) => page.events.map((e) => e.payload.seq)
  const all = sent.map((m) => m.seq)
  for (const e of (await w.done(topic, 'history', { limit: 3 })).events) assert.equal(e.event, 'message')

  const last = await w.done(topic, 'history', { limit: 10 })
  assert.deepEqual(seqs(last), all.slice(15))
  assert.equal(last.hasMore, true)
  const older = await w.done(topic, 'history', { limit: 10, before: seqs(last)[0] })
  assert.deepEqual(seqs(older), all.slice(5, 15))
  const oldest = await w.done(topic, 'history', { limit: 10, before: seqs(older)[0] })
  assert.deepEqual(seqs(oldest), all.slice(0, 5))
  assert.equal(oldest.hasMore, false)
  const forward = await w.done(topic, 'history', { limit: 10, after: all[4] })
  assert.deepEqual(seqs(forward), all.slice(5, 15))
  assert.equal(forward.hasMore, true)
  assert.deepEqual(seqs(await w.done(topic, 'history', { after: all.at(-1) })), [])
  for (const bad of [{ limit: 0 }, { limit: 101 }, { limit: 'x' }, { before: -1 }, { before: 'x' }, { after: 1.5 }]) await w.refused(topic, 'history', bad, 'invalid')
  await w.close()
})

test('typing reaches the others as one ephemeral frame, not its sender, and is never in the log', async () => {
  const [{ n: before }] = await server.rows(`select last_seq as n from channels where topic = ${lit(group.topic)}`)
  ada.messages.length = bob.messages.length = 0
  bob.send([bob.joinRefs.get(group.topic), bob.ref(), group.topic, 'typing', { isTyping: true }])
  const m = await ada.event(group.topic, 'ephemeral', (p) => p.typing)
  assert.deepEqual(m.slice(0, 4), [null, null, group.topic, 'ephemeral'])
  assert.deepEqual(Object.keys(m[4].typing), [who.apprenant2.user.id])
  await bob.settle()
  assert.equal(bob.messages.filter((x) => x[3] === 'ephemeral' && x[4].typing).length, 0, 'a lone one does not go to its sender')
  assert.equal(bob.messages.filter((x) => x[3] === 'phx_reply').length, 0, 'no reply unless refused')
  await bob.refused(group.topic, 'typing', { isTyping: 'oui' }, 'invalid')
  const [{ n: now }] = await server.rows(`select last_seq as n from channels where topic = ${lit(group.topic)}`)
  assert.equal(now, before)
})

test('read: the others see it, the list counts by it, it never goes back', async () => {
  const third = await member(server, who.apprenant3, group.topic)
  const one = await say(ada, group.topic, 'lisez')
  const two = await say(ada, group.topic, 'et ceci')
  const unread = async () => (await who.apprenant3.get('/api/study-groups?mine=true')).json.find((g) => g.id === group.id)
  const push = (seq) => third.send([third.joinRefs.get(group.topic), third.ref(), group.topic, 'read', { seq }])
  push(one.seq)
  await ada.event(group.topic, 'ephemeral', (p) => p.read?.[who.apprenant3.user.id] === one.seq)
  await until('the list to count from the mark', async () => (await unread()).lastReadSeq === one.seq)
  assert.equal((await unread()).unreadCount, 1)
  push(two.seq)
  await until('the list to count from the second mark', async () => (await unread()).lastReadSeq === two.seq)
  assert.equal((await unread()).unreadCount, 0)
  push(one.seq)
  await say(third, group.topic, 'lu')
  await sleep(1200)
  assert.ok((await unread()).lastReadSeq >= two.seq, 'a mark went back')
  // A mark above the head would hide messages to come.
  const { head } = (await member(server, who.apprenant2, group.topic)).joined
  push(head + 1000)
  await sleep(1200)
  assert.ok((await unread()).lastReadSeq <= head)
  await third.refused(group.topic, 'read', { seq: 'x' }, 'invalid')
  await third.close()
})

test('read marks are told at most once a second, and the last one always', async () => {
  const third = await member(server, who.apprenant3, group.topic)
  const marks = []
  for (let i = 0; i < 6; i++) marks.push((await say(ada, group.topic, `marque ${i}`)).seq)
  await sleep(1100) // whatever was told before
  const [from, began] = [ada.log.length, Date.now()]
  for (const seq of marks) third.send([third.joinRefs.get(group.topic), third.ref(), group.topic, 'read', { seq }])
  const mine = (m) => m[3] === 'ephemeral' && m[4].read?.[who.apprenant3.user.id]
  await until('the last mark', () => ada.log.slice(from).some((m) => mine(m) === marks.at(-1)))
  const told = ada.log.slice(from).filter(mine)
  assert.ok(told.length <= 1.5 + (Date.now() - began) / 1000, JSON.stringify(told)) // two, where nothing is in the way
  await third.close()
})

test('REST posts through the same actor: same order, same event, same opId space', async () => {
  const key = opId()
  const posted = await who.apprenant2.post(`/api/study-groups/${group.id}/messages`, { content: 'par REST', type: 'text', opId: key })
  assert.equal(posted.status, 201)
  const [x] = await both('message', (p) => p.id === posted.json.id)
  assert.equal(x.seq, posted.json.seq)
  assert.equal(x.content, 'par REST')
  assert.equal(x.senderId, who.apprenant2.user.id)
  // The socket repeats what REST did, and REST what the socket did: no effect, the original reply.
  const again = await bob.done(group.topic, 'message:new', { opId: key, type: 'text', content: 'par REST' })
  assert.deepEqual([again.id, again.seq], [posted.json.id, posted.json.seq])
  const mine = text('par le socket')
  const first = await bob.done(group.topic, 'message:new', mine)
  const rest = await who.apprenant2.post(`/api/study-groups/${group.id}/messages`, mine)
  assert.ok([200, 201].includes(rest.status), `${rest.status} ${rest.text}`)
  assert.equal(rest.json.id, first.id)
  const other = await who.apprenant2.post(`/api/study-groups/${group.id}/messages`, { ...mine, content: 'autre chose' })
  assert.equal(other.status, 409)
})

test('staff of the school may join a group they are not in; a stranger of the school may not', async () => {
  const closed = await makeGroup(who.apprenant1, [], { isPublic: false })
  for (const name of ['manager', 'admin']) await (await member(server, who[name], closed.topic)).close()
  for (const topic of [group.topic, closed.topic]) {
    const w = await member(server, who.formateur, `user:${who.formateur.user.id}`)
    const r = await w.join(topic)
    assert.equal(r.status, 'error')
    assert.ok(['forbidden', 'not_found'].includes(r.response.reason), JSON.stringify(r))
    await w.close()
  }
})

test('moderatorOnly: members may not write, moderators may', async () => {
  const quiet = await makeGroup(who.apprenant1, [who.apprenant2], { settings: { moderatorOnly: true } })
  const [a, b] = await members(server, [who.apprenant1, who.apprenant2], quiet.topic)
  await b.refused(quiet.topic, 'message:new', text('puis-je ?'), 'forbidden')
  await say(a, quiet.topic, 'annonce')
  await b.event(quiet.topic, 'message')
  await Promise.all([a.close(), b.close()])
})
