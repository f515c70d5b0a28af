// R8, R9, R11, R12: a full disk and one that fails, no descriptors left, a clock that jumps, processes that stand still.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { Api } from '../lib/client.mjs'
import { alive, childrenOf, postmasterFamily, postmasterPid, prepareData, scratch, Server, binary } from '../lib/server.mjs'
import { sleep, until } from '../lib/util.mjs'
import { cpuSeconds, descriptors, FREE, gather, judge, openClass } from './class.mjs'

const must = (command, ...args) => {
  const r = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(r.status, 0, `${command} ${args.join(' ')}: ${r.stderr}`)
  return r.stdout
}

// A small file system of its own.
function smallDisk({ after }, at, megabytes) {
  must('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=711`, 'tmpfs', at)
  after(() => must('umount', '-l', at))
  return {
    fill: () => spawnSync('dd', ['if=/dev/zero', `of=${join(at, 'fill')}`, 'bs=64k'], { stdio: 'ignore' }),
    free: () => rmSync(join(at, 'fill')),
  }
}

async function fullDisk(context) {
  const { figures } = context
  const [data, logs] = [scratch('sgd'), scratch('sgl')]
  const disks = [smallDisk(context, data, 400), smallDisk(context, logs, 2)]
  const from = await prepareData({ learners: 40, groups: 4 })
  must('cp', '-a', from.dataDir, join(data, 'd'))
  const server = new Server({ args: ['--log-file', join(logs, 'log'), '--log-level', 'debug'], env: FREE, bin: binary(), dataDir: join(data, 'd'), data: { learners: from.learners } })
  await server.start()
  const { gathering, talk } = await gather(context, server)
  talk.start({ each: 0.2 })
  await sleep(2000)
  disks[1].fill()
  let at = Date.now()
  await sleep(2500)
  figures.add('the log cannot be written: acknowledged meanwhile', talk.between(at + 500).length, { least: 1 })
  disks[1].free()

  disks[0].fill()
  at = Date.now()
  // WAL that is recycled and pages that exist already are written for a while yet.
  const refused = await until('a refusal', () => gathering.persons.flatMap((p) => p.refusals).find((x) => x > at), 90000, 50)
  figures.tell(`the disk of the database is full: first refusal after ${refused - at} ms`)
  await sleep(3000)
  disks[0].free()
  figures.add('acknowledging again after there is room', await talk.resumed(Date.now()), { most: 30000 }, 'ms')
  await talk.stop()
  await judge(context, gathering)
  await failingDisk(context)
}

// Every fdatasync of PostgreSQL's backends fails for a while. It then stops at once and recovers from its log (that is its own rule), so that nothing
// it could not store was acknowledged.
async function failingDisk(context) {
  const { figures } = context
  const { server, gathering, talk } = await openClass(context, { clients: 40, groups: 4 })
  talk.start({ each: 0.2 })
  for (let i = 0; i < 3; i++) {
    await sleep(1500)
    const pids = childrenOf(postmasterPid(server.dataDir))
    const tracer = spawn('strace', ['-qq', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:error=EIO', ...pids.flatMap((p) => ['-p', String(p)])], { stdio: 'ignore' })
    await until('PostgreSQL to have stopped', () => pids.filter(alive).length <= 1, 20000, 5) // its log's writer stays
    const at = Date.now()
    tracer.kill('SIGKILL')
    figures.add('fsync fails, PostgreSQL starts over: acknowledging again after', await talk.resumed(at), { most: 30000 }, 'ms')
  }
  await talk.stop()
  await judge(context, gathering)
}

async function noDescriptors(context) {
  const { figures } = context
  const { server, gathering, talk } = await openClass(context, { clients: 20, groups: 2 })
  const limit = descriptors(server.pid) + 40
  must('prlimit', '--pid', String(server.pid), `--nofile=${limit}:${limit}`)
  const held = []
  for (let i = 0; i < 120; i++) {
    const s = connect(server.port, '127.0.0.1')
    s.on('error', () => {})
    held.push(s)
  }
  await sleep(500)
  const cpu = cpuSeconds(server.pid)
  const late = await Promise.race([new Api(server).get('/api/system/health').catch(() => null), sleep(4000)])
  figures.add('a new connection is told to come again later', `${late?.status} ${late?.headers['retry-after']} s`, { is: '503 2 s' })
  figures.add('CPU of the server while it is full', (100 * (cpuSeconds(server.pid) - cpu)) / 4, { most: 5 }, '%')
  talk.start({ each: 0.2 })
  const at = Date.now()
  await sleep(2000)
  figures.add('members of before go on: acknowledged', talk.between(at).length, { least: 50 })
  for (const s of held) s.destroy()
  const freed = Date.now()
  await until('a new connection to be served', async () => (await new Api(server).get('/api/system/health').catch(() => ({}))).status === 200, 10000, 10)
  figures.add('served again', Date.now() - freed, { most: 1000 }, 'ms')
  await talk.stop()
  await judge(context, gathering)
}

// faketime (Debian's package) in front of the server and the cluster it starts: the wall clock jumps, the monotonic one does not.
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'

async function clockJumps(context) {
  const { figures } = context
  if (!existsSync(FAKETIME)) throw new Error('this row needs faketime (apt-get install faketime)')
  const clock = join(scratch('sgc'), 'offset')
  const set = (offset) => writeFileSync(clock, `${offset}\n`)
  set('+0')
  const { server, gathering, talk } = await openClass(context, {
    clients: 40, groups: 4, env: { LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
  })
  talk.start({ each: 0.3 })
  const connections = gathering.connections
  const reader = new Api(server, { headers: { cookie: gathering.server.learners[0].cookie } })
  for (const offset of ['+1d', '+0', '-1d', '+0']) {
    await sleep(1500)
    set(offset)
    const at = Date.now()
    await sleep(3000)
    figures.add(`clock at ${offset}: acknowledged in 3 s`, talk.between(at).length, { least: 100 })
    const r = await reader.get('/api/auth/user')
    figures.add(`clock at ${offset}: the server's date is off by`, Math.round((Date.parse(r.headers.date) - Date.now()) / 86400000), { is: parseInt(offset) }, 'd')
    figures.add(`clock at ${offset}: a session goes on`, r.status, { is: 200 })
  }
  figures.add('connections lost', gathering.connections - connections, { is: 0 })
  await talk.stop()
  await judge(context, gathering)
}

async function standsStill(context) {
  const { figures, full } = context
  const { server, gathering, talk } = await openClass(context, { clients: 60, groups: 6, talkers: { answerMs: 90000 } })
  const family = () => postmasterFamily(server.dataDir)
  const who = { server: () => [server.pid], PostgreSQL: family, both: () => [server.pid, ...family()] }
  talk.start({ each: 0.3 })
  for (const seconds of full ? [1, 10, 60] : [1, 12])
    for (const [name, pids] of Object.entries(who)) {
      await sleep(1500)
      const stopped = pids()
      for (const pid of stopped) process.kill(pid, 'SIGSTOP')
      const at = Date.now()
      await sleep(seconds * 1000)
      const wrong = talk.between(at + 300).length
      for (const pid of stopped) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGCONT')
      figures.add(`${name} still for ${seconds} s: acknowledged meanwhile`, wrong, { is: 0 })
      figures.add(`${name} still for ${seconds} s: acknowledging again after`, await talk.resumed(Date.now()), { most: 2000 }, 'ms')
    }
  await talk.stop()
  await judge(context, gathering)
}

export const campaigns = [
  { row: 'R8', about: 'the disk is full under PostgreSQL and under the log; fsync fails', run: fullDisk },
  { row: 'R9', about: 'no descriptors left', run: noDescriptors },
  { row: 'R11', about: 'the clock jumps by a day', run: clockJumps },
  { row: 'R12', about: 'the server or PostgreSQL stands still (SIGSTOP)', run: standsStill },
]
