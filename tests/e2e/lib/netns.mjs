// A network namespace at the end of a veth pair, so that a test can be somewhere else: other addresses, and packets that get lost. Needs root.
// Nothing outside the namespace is filtered or changed but for the pair's near end, and both go with it.
import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { scratch } from './server.mjs'

const run = (command, ...args) => spawnSync(command, args, { encoding: 'utf8' })
let count = 0

export class Namespace {
  // `here`, `there`: addresses with their prefix length. null where namespaces or veth pairs cannot be made.
  static create({ here, there }) {
    const ns = new Namespace()
    ns.name = `sg${process.pid}n${count++}`
    const near = `${ns.name}a`
    const far = `${ns.name}b`
    if (process.getuid() !== 0 || run('ip', 'netns', 'add', ns.name).status !== 0) return null
    const steps = [
      ['link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', ns.name],
      ...here.map((address) => ['addr', 'add', address, 'dev', near]),
      ['link', 'set', near, 'up'],
      ...there.map((address) => ['-n', ns.name, 'addr', 'add', address, 'dev', far]),
      ['-n', ns.name, 'link', 'set', far, 'up'], ['-n', ns.name, 'link', 'set', 'lo', 'up'],
    ]
    for (const args of steps) if (run('ip', ...args).status !== 0) return ns.remove(), null
    return ns
  }

  // Runs a command inside to its end: {status, stdout, stderr}.
  run(...args) {
    return run('ip', 'netns', 'exec', this.name, ...args)
  }

  // The path of a command that runs `program` inside.
  wrap(program) {
    const path = join(scratch('sgn'), 'inside')
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${this.name} ${program} "$@"\n`)
    chmodSync(path, 0o755)
    return path
  }

  // A packet filter rule inside, in iptables' words; returns what takes it away again.
  filter(...rule) {
    const r = this.run('iptables', '-A', ...rule)
    assert.equal(r.status, 0, r.stderr)
    return () => this.run('iptables', '-D', ...rule)
  }

  // The pair goes first: a namespace lives on while a connection inside waits for an answer.
  remove() {
    run('ip', 'link', 'del', `${this.name}a`)
    run('ip', 'netns', 'del', this.name)
  }
}
