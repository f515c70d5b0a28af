// R1 to R4: the server, its database and both are killed outright under load; a graceful stop under load.
import { Postgres } from '../lib/postgres.mjs'
import { childrenOf } from '../lib/server.mjs'
import { sleep, until } from '../lib/util.mjs'
import { judge, openClass, openClassOn, percentile, rssMiB } from './class.mjs'

const SCHOOL = { clients: 200, groups: 20 }

// From a moment on: when the first connection's channel is joined anew, and when the last is. A channel that was cut says so by its state.
async function everybodyBack(gathering, since) {
  await until('everybody to be back', () => gathering.persons.every((p) => p.joinedAt > since && p.channel.state === 'joined'), 60000, 5)
  return Math.max(...gathering.persons.map((p) => p.joinedAt)) - since
}

async function killServer(context) {
  const { figures, full } = context
  const { server, gathering, talk } = await openClass(context, SCHOOL)
  const ready = []
  const back = []
  talk.start({ each: 0.4 })
  for (let i = 0; i < (full ? 100 : 8); i++) {
    await sleep(600 + talk.random.below(600))
    const at = Date.now()
    await server.restart('SIGKILL')
    ready.push(Date.now() - at)
    back.push(await everybodyBack(gathering, at))
  }
  await enough(talk, full)
  figures.add('accepting again, worst', Math.max(...ready), { most: 1000 }, 'ms')
  figures.add('all caught up, worst', Math.max(...back), { most: 5000 }, 'ms')
  figures.tell(`medians: accepting ${percentile(ready, 50)} ms, caught up ${percentile(back, 50)} ms`)
  await judge(context, gathering)
}

// The promise names 50,000 acknowledged messages; a shortened run takes what it had.
async function enough(talk, full) {
  if (full) await until('50,000 acknowledgements', () => talk.gathering.acknowledged.length >= 50000, 900000, 1000)
  await talk.stop()
}

// The postmaster and all its children at once, so that none of them tidies up.
async function killDatabase(pg) {
  const all = [pg.child.pid, ...childrenOf(pg.child.pid)]
  for (const pid of all) process.kill(pid, 'SIGKILL')
  await until('PostgreSQL to be gone', () => pg.child.signalCode !== null, 10000, 2)
}

async function killsOfDatabase(context, { withServer }) {
  const { figures, full } = context
  const pg = await (await Postgres.create()).start()
  context.after(() => pg.stop().catch(() => {}))
  const { server, gathering, talk } = await openClassOn(context, pg, SCHOOL)
  const back = []
  const grown = []
  let early = 0
  let refused = 0
  talk.start({ each: 0.4 })
  for (let i = 0; i < (full ? 20 : 4); i++) {
    await sleep(1000)
    const memory = rssMiB(server.pid)
    await killDatabase(pg)
    const away = Date.now()
    if (withServer) await server.kill9()
    await sleep(1500)
    const tries = gathering.sends.reduce((n, s) => n + s.tries, 0)
    await sleep(1000)
    refused += gathering.sends.reduce((n, s) => n + s.tries, 0) - tries
    if (!withServer) grown.push(rssMiB(server.pid) - memory)
    early += talk.between(away + 50).length // what was on its way when the database died arrives within that
    if (withServer) await server.start({ ready: false })
    await pg.start()
    const at = Date.now()
    if (withServer) await server.ready()
    back.push(await talk.resumed(at))
  }
  await enough(talk, full)
  figures.add('acknowledged while the database was away', early, { is: 0 })
  figures.add('acknowledging again after it accepts, worst', Math.max(...back), { most: withServer ? 5000 : 2000 }, 'ms')
  if (!withServer) {
    figures.add('refused `unavailable` and sent again meanwhile', refused, { least: 1 })
    figures.add('memory grown while away, worst', Math.max(...grown), { most: 10 }, 'MiB')
  }
  await judge(context, gathering)
}

async function drain(context) {
  const { figures, full } = context
  const { server, gathering, talk } = await openClass(context, SCHOOL)
  talk.start({ each: 0.4 })
  const took = []
  for (let i = 0; i < (full ? 20 : 4); i++) {
    await sleep(1000)
    const exit = await server.stop()
    took.push(exit.ms)
    figures.add('exit code', exit.code, { is: 0 })
    await server.start()
  }
  await enough(talk, full)
  figures.add('exit after SIGTERM, worst', Math.max(...took), { most: 10000 }, 'ms')
  await judge(context, gathering)
}

export const campaigns = [
  { row: 'R1', about: 'kill -9 of the server under load', run: killServer },
  { row: 'R2', about: 'kill -9 of all of PostgreSQL under load', run: (c) => killsOfDatabase(c, { withServer: false }) },
  { row: 'R3', about: 'both at once', run: (c) => killsOfDatabase(c, { withServer: true }) },
  { row: 'R4', about: 'SIGTERM under load', run: drain },
]
