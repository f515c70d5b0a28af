// One member reads ten kilobits a second while the others are sent more than that: the server's memory stays bounded, the slow one is
// closed with 4008 and resumes whole once the load has stopped, and nobody else misses anything.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { startServer } from './lib/server.mjs'
import { Wire } from './lib/client.mjs'
import { connectRaw, frame } from './lib/rawws.mjs'
import { text } from './lib/school.mjs'
import { sleep, until } from './lib/util.mjs'

const MEMBERS = Number(process.env.E2E_MEMBERS ?? 500)
const MESSAGES = 400
let server, topic, learners
before(async () => {
  server = await startServer({ template: { learners: MEMBERS, groups: 1 }, env: { STACGATE_RATE_LIMITS: 'off' } })
  learners = server.learners
  topic = learners[0].topic
})
after(() => server?.stop())

const memory = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024

// A member that only counts: the seqs of the messages it was sent, found in the bytes without building objects.
async function counter(cookie) {
  const raw = await connectRaw(server, { cookie })
  const c = { raw, seqs: [], rest: Buffer.alloc(0), joined: false }
  const pending = raw.bytes.subarray(raw.headEnd)
  raw.socket.removeAllListeners('data')
  raw.parts = []
  const take = (data) => {
    c.rest = c.rest.length ? Buffer.concat([c.rest, data]) : data
    for (let at = 0; ; ) {
      let n = c.rest[at + 1] & 0x7f
      let from = at + 2
      if (n === 126 && c.rest.length >= at + 4) [n, from] = [c.rest.readUInt16BE(at + 2), at + 4]
      else if (n === 127 && c.rest.length >= at + 10) [n, from] = [Number(c.rest.readBigUInt64BE(at + 2)), at + 10]
      if (!(from + n <= c.rest.length)) {
        c.rest = c.rest.subarray(at)
        return
      }
      const opcode = c.rest[at] & 15
      const body = c.rest.subarray(from, from + n)
      if (opcode === 8) c.close = body.readUInt16BE(0)
      else if (opcode === 9) raw.socket.write(frame(10, body))
      else if (opcode === 1) {
        // Heads of messages: everything before the content's own text.
        const head = body.subarray(0, 400).toString('latin1') + body.subarray(-400).toString('latin1')
        if (head.includes('"message",{')) c.seqs.push(Number(/"seq":(\d+)/.exec(head)[1]))
        else if (head.includes('phx_reply')) Object.assign(c, { joined: true, reply: JSON.parse(body)[4] })
      }
      at = from + n
    }
  }
  c.take = take
  if (pending.length) take(pending)
  raw.socket.on('data', take)
  raw.socket.write(frame(1, JSON.stringify(['1', '1', topic, 'phx_join', {}])))
  await until('the join', () => c.joined)
  assert.equal(c.reply.status, 'ok', JSON.stringify(c.reply))
  return c
}

test(`a slow reader among ${MEMBERS}`, async (t) => {
  const others = []
  for (let i = 1; i < MEMBERS; i += 50) others.push(...(await Promise.all(learners.slice(i, i + 50).map((l) => counter(l.cookie)))))
  const slow = await counter(learners[0].cookie)
  const { epoch } = slow.reply.response
  const speaker = await Wire.open(server, { cookie: learners[1].cookie })
  await speaker.enter(topic)
  await sleep(1000)
  const calm = memory()
  let peak = calm

  // From here on it reads 125 bytes every 100 ms.
  slow.raw.socket.off('data', slow.take)
  slow.raw.socket.pause()
  const sip = setInterval(() => {
    const d = slow.raw.socket.read(125)
    if (d) slow.take(d)
  }, 100)

  const content = 'lent '.repeat(1200)
  const refs = []
  for (let i = 0; i < MESSAGES; i++) {
    refs.push(speaker.ref())
    speaker.send([speaker.joinRefs.get(topic), refs.at(-1), topic, 'message:new', text(content + i)])
    if (i % 8 === 7) await speaker.reply(topic, refs.at(-1))
    peak = Math.max(peak, memory())
  }
  const sent = []
  for (const [i, ref] of refs.entries()) {
    const m = i % 8 === 7 ? speaker.log.find((x) => x[1] === ref && x[3] === 'phx_reply')[4] : await speaker.reply(topic, ref)
    assert.equal(m.status, 'ok')
    sent.push(m.response.seq)
  }
  const last = Math.max(...sent)
  await until(() => `everybody else to have all: ${others.filter((o) => o.seqs.at(-1) !== last).length} have not`, () => others.every((o) => o.seqs.at(-1) === last), 60000)
  peak = Math.max(peak, memory())
  clearInterval(sip)

  for (const o of others) assert.deepEqual(o.seqs, sent, 'somebody else missed something')
  const megabytes = (MESSAGES * content.length * MEMBERS) / 2 ** 20
  t.diagnostic(`${megabytes.toFixed(0)} MiB delivered; memory ${calm.toFixed(1)} → ${peak.toFixed(1)} MiB`)
  assert.ok(peak - calm < 48, `memory grew by ${(peak - calm).toFixed(1)} MiB`)

  // The load has stopped: it reads what there is, finds itself closed, and resumes.
  slow.raw.socket.on('data', slow.take)
  slow.raw.socket.resume()
  await until('the slow connection to be closed', () => slow.raw.ended, 30000)
  assert.equal(slow.close, 4008)
  assert.ok(slow.seqs.length < sent.length, 'it was not slow enough to be closed')
  const since = slow.seqs.at(-1) ?? slow.reply.response.seq
  const back = await Wire.open(server, { cookie: learners[0].cookie })
  const r = await back.enter(topic, { epoch, since })
  assert.equal(r.recovered, true)
  const got = () => back.seen(topic, 'message').map((m) => m[4].seq)
  await until('the resumed member to be whole', () => got().at(-1) === last)
  assert.deepEqual([...slow.seqs, ...got()], sent)

  await Promise.all([back.close(), speaker.close()])
  others.forEach((o) => o.raw.destroy())
})

test('members that never read at all cost a bounded amount, and the others are served', async (t) => {
  const deaf = []
  for (const l of learners.slice(0, Math.min(100, MEMBERS - 2))) {
    const raw = await connectRaw(server, { cookie: l.cookie })
    raw.socket.write(frame(1, JSON.stringify(['1', '1', topic, 'phx_join', {}])))
    await until('the join', () => raw.frames().some((f) => f.payload.includes('phx_reply')))
    raw.socket.pause()
    deaf.push(raw)
  }
  const [speaker, listener] = [await Wire.open(server, { cookie: learners[MEMBERS - 2].cookie }), await Wire.open(server, { cookie: learners[MEMBERS - 1].cookie })]
  await speaker.enter(topic)
  await listener.enter(topic)
  const calm = memory()
  let peak = calm
  let lastSeq = 0
  for (let i = 0; i < 300; i++) {
    const r = await speaker.done(topic, 'message:new', text('sourd '.repeat(1000) + i))
    lastSeq = r.seq
    peak = Math.max(peak, memory())
  }
  await until('the listener', () => listener.seen(topic, 'message').at(-1)?.[4].seq === lastSeq)
  assert.equal(listener.seen(topic, 'message').length, 300)
  t.diagnostic(`memory ${calm.toFixed(1)} → ${peak.toFixed(1)} MiB for ${deaf.length} that do not read`)
  assert.ok(peak - calm < 64, `memory grew by ${(peak - calm).toFixed(1)} MiB`)
  deaf.forEach((d) => d.destroy())
  await Promise.all([speaker.close(), listener.close()])
})
