// R14, R15: the primary dies and a synchronous standby takes over; a lock on the row of one channel.
import { sleep, until } from '../lib/util.mjs'
import { Postgres } from '../lib/postgres.mjs'
import { judge, openClass, openClassOn, percentile } from './class.mjs'

async function failOver(context) {
  const { figures, after } = context
  const first = await (await Postgres.create()).start()
  after(() => first.stop('SIGKILL').catch(() => {}))
  await first.sql('select 1') // the database is there before it is copied
  const second = await first.standby()
  after(() => second.stop().catch(() => {}))
  await second.start()
  await first.sql(`alter system set synchronous_standby_names = '*'`)
  await first.sql('select pg_reload_conf()')
  await until('the standby to be synchronous', async () => (await first.sql('select sync_state from pg_stat_replication')) === 'sync', 20000, 50)
  const hosts = [first, second].map((pg) => encodeURIComponent(pg.dir)).join(',')
  const url = `postgresql://owner@/school?host=${hosts}&target_session_attrs=read-write`
  const { gathering, talk } = await openClassOn(context, { url }, { clients: 60, groups: 6 })
  talk.start({ each: 0.2 })
  await sleep(4000)
  await first.stop('SIGKILL')
  const at = Date.now()
  await second.sql('select pg_promote()')
  await second.sql(`alter system set synchronous_standby_names = ''`) // it is alone now
  await second.sql('select pg_reload_conf()')
  figures.tell(`promoted after ${Date.now() - at} ms`)
  figures.add('acknowledging again after the primary died', await talk.resumed(at + 100), { most: 5000 }, 'ms')
  await sleep(3000)
  await talk.stop()
  await judge(context, gathering)
}

// p99 of the acknowledgements of other channels than `topic` in a time.
const othersP99 = (talk, topic, from) => percentile(talk.between(from).filter((s) => s.topic !== topic).map((s) => s.ms), 99)

async function hotRow(context) {
  const { figures, full } = context
  const { server, gathering, talk } = await openClass(context, { clients: 80, groups: 8, args: ['--loops', '1'] })
  const [topic] = gathering.persons.map((p) => p.topic)
  const seconds = full ? 30 : 8
  talk.start({ each: 0.2 })
  await sleep(1500)
  let from = Date.now()
  await sleep(seconds * 1000)
  const before = othersP99(talk, topic, from)
  from = Date.now()
  for (let i = 0; i < seconds / 4; i++) {
    const release = await server.hold(`select 1 from channels where topic = '${topic}' for update`)
    await sleep(4000)
    await release()
  }
  const mine = talk.between(from).filter((s) => s.topic === topic)
  figures.add('others: p99 of an acknowledgement, beside the same without the lock', othersP99(talk, topic, from) / before, { most: 2 }, '×')
  figures.tell(`others: ${before.toFixed(1)} ms without; the locked channel's own: ${mine.length} acknowledged, median ${percentile(mine.map((s) => s.ms), 50)?.toFixed(0)} ms`)
  await talk.stop()
  await judge(context, gathering)
}

export const campaigns = [
  { row: 'R14', about: 'PostgreSQL fails over to a synchronous standby', run: failOver },
  { row: 'R15', about: 'the row of one channel is locked by somebody else', run: hotRow },
]
