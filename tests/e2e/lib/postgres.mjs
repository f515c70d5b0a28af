// A PostgreSQL of the test's own, for what a supervised private cluster hides: an external database that stays away for as long
// as the test wants. Trust on a Unix socket below a scratch directory; run as user postgres when the tests run as root.
import { appendFileSync, mkdirSync, chownSync, writeFileSync, readdirSync } from 'node:fs'
import { spawn, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { scratch, cleanEnv, alive } from './server.mjs'
import { run, until } from './util.mjs'

const versions = () => readdirSync('/usr/lib/postgresql').sort((a, b) => b - a)
const tool = (name) => join('/usr/lib/postgresql', versions()[0], 'bin', name)

function account() {
  if (process.getuid() !== 0) return {}
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

export class Postgres {
  // `namespace`, `address`: it also listens there, inside that network namespace (netns.mjs). `settings`: more lines of its configuration.
  static async create({ namespace, address = '', settings = [] } = {}) {
    const pg = new Postgres()
    pg.who = account()
    pg.namespace = namespace
    pg.dir = scratch('sgp')
    pg.data = join(pg.dir, 'pg') // where the exit handler of server.mjs looks for a postmaster
    mkdirSync(pg.data, { mode: 0o700 })
    if (pg.who.uid !== undefined) for (const d of [pg.dir, pg.data]) chownSync(d, pg.who.uid, pg.who.gid)
    const r = await run(tool('initdb'), ['-D', pg.data, '-A', 'trust', '-U', 'owner', '-E', 'UTF8', '--locale=C.UTF-8', '-N'], {
      env: cleanEnv({ LC_ALL: 'C.UTF-8' }), cwd: '/', ...pg.who,
    })
    assert.equal(r.code, 0, r.err)
    writeFileSync(join(pg.data, 'postgresql.auto.conf'), [`listen_addresses='${address}'`, `unix_socket_directories='${pg.dir}'`, 'max_connections=100', ...settings, ''].join('\n'))
    if (address) appendFileSync(join(pg.data, 'pg_hba.conf'), 'host all all samenet trust\n')
    pg.socket = `postgresql://owner@/school?host=${encodeURIComponent(pg.dir)}`
    pg.url = address ? `postgresql://owner@${address}/school` : pg.socket
    return pg
  }

  async start() {
    this.child = this.#spawn()
    const options = ['-X', '-q', '-h', this.dir, '-U', 'owner', '-d', 'postgres', '-At']
    await until('PostgreSQL to accept', async () => (await run('psql', [...options, '-c', 'select 1'], { env: cleanEnv({ LC_ALL: 'C.UTF-8' }) })).code === 0, 30000, 50)
    const there = await run('psql', [...options, '-c', "select 1 from pg_database where datname = 'school'"], { env: cleanEnv({ LC_ALL: 'C.UTF-8' }) })
    if (!there.out.trim()) {
      const made = await run('psql', [...options, '-c', 'create database school'], { env: cleanEnv({ LC_ALL: 'C.UTF-8' }) })
      assert.equal(made.code, 0, made.err)
    }
    return this
  }

  #spawn() {
    const rest = { env: cleanEnv({ LC_ALL: 'C.UTF-8' }), cwd: '/', stdio: 'ignore' }
    if (!this.namespace) return spawn(tool('postgres'), ['-D', this.data], { ...rest, ...this.who })
    const as = ['setpriv', `--reuid=${this.who.uid}`, `--regid=${this.who.gid}`, '--clear-groups']
    return spawn('ip', ['netns', 'exec', this.namespace.name, ...as, tool('postgres'), '-D', this.data], rest)
  }

  // A standby of this one that every commit waits for; not started yet.
  async standby() {
    const other = Object.assign(new Postgres(), { who: this.who, dir: scratch('sgp') })
    other.data = join(other.dir, 'pg')
    if (this.who.uid !== undefined) chownSync(other.dir, this.who.uid, this.who.gid)
    const r = await run(tool('pg_basebackup'), ['-D', other.data, '-R', '-h', this.dir, '-U', 'owner', '-X', 'stream', '--checkpoint=fast'], {
      env: cleanEnv({ LC_ALL: 'C.UTF-8' }), cwd: '/', ...this.who,
    })
    assert.equal(r.code, 0, r.err)
    appendFileSync(join(other.data, 'postgresql.auto.conf'), `unix_socket_directories='${other.dir}'\n`)
    return other
  }

  // Statements as the owner; what psql prints.
  async sql(text, database = 'school') {
    const r = await run('psql', ['-X', '-q', '-At', '-h', this.dir, '-U', 'owner', '-d', database, '-c', text], { env: cleanEnv({ LC_ALL: 'C.UTF-8' }) })
    assert.equal(r.code, 0, r.err)
    return r.out.trim()
  }

  // SIGINT: fast shutdown. SIGKILL kills the postmaster; its children notice and end.
  async stop(signal = 'SIGINT') {
    const { pid } = this.child
    process.kill(pid, signal)
    await until('PostgreSQL to end', () => this.child.exitCode !== null || this.child.signalCode !== null || !alive(pid), 20000, 10)
  }
}
