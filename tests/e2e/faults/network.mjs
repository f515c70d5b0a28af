// R5 to R7: the database, then clients, are cut off without a word; and lines that delay, cut to pieces and lose.
import { connect, createServer } from 'node:net'
import { Api } from '../lib/client.mjs'
import { Namespace } from '../lib/netns.mjs'
import { Postgres } from '../lib/postgres.mjs'
import { binary } from '../lib/server.mjs'
import { sleep, until } from '../lib/util.mjs'
import { judge, openClass, openClassOn, percentile } from './class.mjs'

const HERE = '10.213.78.1'
const THERE = '10.213.78.2'

function namespace({ after }, here = [`${HERE}/24`]) {
  const ns = Namespace.create({ here, there: [`${THERE}/24`] })
  if (!ns) throw new Error('this row needs root, iproute2 and iptables')
  after(() => ns.remove())
  return ns
}

// Each kind of silence between server and database: both ways, only its answers, only our questions.
const SILENCES = { 'both ways': ['INPUT', 'OUTPUT'], 'answers lost': ['OUTPUT'], 'questions lost': ['INPUT'] }

async function databaseCut(context) {
  const { figures, full, after } = context
  const ns = namespace(context)
  const pg = await (await Postgres.create({ namespace: ns, address: THERE })).start()
  after(() => pg.stop().catch(() => {}))
  const { server, gathering, talk } = await openClassOn(context, pg, { talkers: { answerMs: 20000 } })
  const probe = new Api(server)
  talk.start({ each: 0.5 })
  for (const [how, chains] of Object.entries(SILENCES))
    for (const seconds of full ? [5, 30, 120] : [5, 15]) {
      await sleep(1500)
      const lift = chains.map((chain) => ns.filter(chain, chain === 'INPUT' ? '-i' : '-o', `${ns.name}b`, '-p', 'tcp', '-j', 'DROP'))
      const at = Date.now()
      const noticed = seconds < 12 ? null : await until('the server to notice', async () => {
        const r = await probe.get('/api/system/health?ready=1')
        return r.status === 503 && Date.now() - at
      }, 30000, 50)
      await sleep(at + seconds * 1000 - Date.now())
      const wrong = talk.between(at + 300).length // what had been committed arrives within that
      lift.forEach((f) => f())
      const back = await talk.resumed(Date.now())
      if (noticed) figures.add(`${how}, ${seconds} s: noticed after`, noticed, { most: 10000 }, 'ms')
      figures.add(`${how}, ${seconds} s: acknowledged meanwhile`, wrong, { is: 0 })
      figures.tell(`acknowledging again ${back} ms after the line came back`)
    }
  await talk.stop()
  await judge(context, gathering)
}

// Members come from addresses of their own, so that a filter inside the server's namespace cuts one and not its neighbour.
async function clientsCut(context) {
  const { figures, full } = context
  const addresses = Array.from({ length: 6 }, (_, i) => `10.213.78.${10 + i}`)
  const ns = namespace(context, [`${HERE}/24`, ...addresses.map((a) => `${a}/24`)])
  const patience = { heartbeatIntervalMs: 2000 }
  const { server, gathering, talk } = await openClass(context, {
    clients: 36, groups: 3, bin: ns.wrap(binary()), args: ['--host', THERE, '--insecure-lan'],
    talkers: { of: (n) => ({ ...patience, wire: { localAddress: addresses[n % 6], handshakeTimeout: 2000 } }) },
  })
  const cutOnes = (i) => gathering.persons.filter((p) => p.n % 6 === i)
  talk.start({ each: 0.4, persons: gathering.persons.filter((p) => p.n % 6 > 2) }) // the cut ones listen
  const lift = [
    ['both ways', 0, [['INPUT', '-s', addresses[0]], ['OUTPUT', '-d', addresses[0]]]], ['its packets lost', 1, [['INPUT', '-s', addresses[1]]]],
    ['ours lost', 2, [['OUTPUT', '-d', addresses[2]]]],
  ]
  // Connections that the server's own side takes for open, of one address.
  const open = (address) => ns.run('ss', '-Htn', 'state', 'established', `sport = :${server.port} and dst ${address}`).stdout.split('\n').filter(Boolean).length
  for (const seconds of full ? [1, 10, 60, 600] : [1, 8, 70]) {
    const before = open(addresses[0])
    const rules = lift.flatMap(([, , filters]) => filters.map((f) => ns.filter(...f, '-j', 'DROP')))
    const at = Date.now()
    const missedFrom = gathering.persons.map((p) => p.seen.length)
    if (seconds > 60) {
      await until('dead peers to be dropped', () => open(addresses[0]) === 0, 65000, 250)
      figures.add(`${seconds} s: ${before} dead peers found after`, (Date.now() - at) / 1000, { most: 60 }, 's')
    }
    await sleep(at + seconds * 1000 - Date.now())
    rules.forEach((f) => f())
    const lifted = Date.now()
    const events = Math.max(...gathering.persons.map((p, i) => p.seen.length - missedFrom[i]))
    const heads = await gathering.heads()
    for (const [how, i] of lift) {
      await until(`${how}: back`, () => cutOnes(i).every((p) => p.channel.state === 'joined' && p.last >= heads[p.topic]), 60000, 20)
      const reloads = cutOnes(i).filter((p) => p.gaps).length
      figures.add(`${seconds} s, ${how}: ${events} events passed; loaded anew`, reloads, { is: events <= 1000 ? 0 : cutOnes(i).length })
    }
    figures.tell(`everybody back ${Date.now() - lifted} ms after the line`)
  }
  await talk.stop()
  await judge(context, gathering, { reloads: false })
}

// A line between client and server that `shape` spoils: each piece of data goes on after its delay, in pieces of `piece` bytes.
function badLine(target, shape) {
  const to = new URL(target.url)
  const open = new Set()
  const pass = (from, into) => {
    const waiting = [] // in order: what comes later never leaves sooner
    let due = 0
    const release = () => {
      for (; waiting.length && waiting[0].due <= Date.now(); waiting.shift()) {
        const { d } = waiting[0]
        for (let i = 0; i < d.length && !into.destroyed; i += shape.piece ?? d.length) into.write(d.subarray(i, i + (shape.piece ?? d.length)))
      }
      if (waiting.length) setTimeout(release, waiting[0].due - Date.now())
    }
    from.on('data', (d) => {
      due = Math.max(due, Date.now() + shape.delay + (Math.random() - 0.5) * 2 * shape.jitter)
      if (waiting.push({ d, due }) === 1) setTimeout(release, due - Date.now())
    })
  }
  const proxy = createServer((near) => {
    const far = connect(to.port, to.hostname)
    for (const s of [near, far]) s.setNoDelay(true)
    open.add(near)
    pass(near, far)
    pass(far, near)
    for (const [a, b] of [[near, far], [far, near]]) {
      a.on('close', () => (open.delete(near), b.destroy()))
      a.on('error', () => {})
    }
  })
  return new Promise((done) =>
    proxy.listen(0, '127.0.0.1', () => done({ url: `http://127.0.0.1:${proxy.address().port}`, shape, reset: () => [...open][0]?.resetAndDestroy(), close: () => proxy.close() })),
  )
}

const ackP99 = (talk, from) => percentile(talk.between(from).map((s) => s.ms), 99)

async function badLines(context) {
  const { figures, full, after } = context
  const shape = { delay: 0, jitter: 0 }
  let line
  const { gathering, talk } = await openClass(context, { clients: 40, groups: 4, talkers: { answerMs: 10000 }, via: async (server) => (line = await badLine(server, shape)) })
  after(() => line.close())
  const seconds = full ? 20 : 5
  const phase = async (change) => {
    Object.assign(shape, { delay: 0, jitter: 0, piece: undefined }, change)
    await sleep(1000)
    const from = Date.now()
    await sleep(seconds * 1000)
    return ackP99(talk, from)
  }
  talk.start({ each: 0.4 })
  const plain = await phase({})
  const late = await phase({ delay: 50 })
  const jitter = await phase({ delay: 50, jitter: 40 })
  const bytes = await phase({ piece: 1 })
  figures.tell(`p99 of an acknowledgement on a good line ${plain.toFixed(1)} ms, in segments of one byte ${bytes.toFixed(1)} ms`)
  figures.add('100 ms there and back: p99 grown by', late - plain, { most: 100 + 20 }, 'ms')
  figures.add('100 ± 80 ms: p99 grown by', jitter - plain, { most: 180 + 20 }, 'ms')
  for (let i = 0; i < (full ? 200 : 40); i++) {
    line.reset()
    await sleep(50)
  }
  await talk.stop()
  await judge(context, gathering)
  await lossyLine(context)
}

async function lossyLine(context) {
  const ns = namespace(context)
  const { gathering, talk } = await openClass(context, {
    clients: 40, groups: 4, bin: ns.wrap(binary()), args: ['--host', THERE, '--insecure-lan'], talkers: { answerMs: 20000 },
  })
  talk.start({ each: 0.4 })
  for (const loss of [0.01, 0.05, 0.1]) {
    const lift = ['INPUT', 'OUTPUT'].map((chain) => ns.filter(chain, '-p', 'tcp', '-m', 'statistic', '--mode', 'random', '--probability', String(loss), '-j', 'DROP'))
    const from = Date.now()
    await sleep(context.full ? 30000 : 6000)
    context.figures.tell(`${loss * 100} % of packets lost each way: p99 of an acknowledgement ${ackP99(talk, from).toFixed(0)} ms`)
    lift.forEach((f) => f())
  }
  await talk.stop()
  await judge(context, gathering)
}

export const campaigns = [
  { row: 'R5', about: 'the server is cut off from PostgreSQL, both ways and one way', run: databaseCut },
  { row: 'R6', about: 'clients are cut off without a close, both ways and one way', run: clientsCut },
  { row: 'R7', about: 'delay, jitter, segments of one byte, resets, lost packets', run: badLines },
]
