// Small things every suite needs: seeded randomness, waiting for a condition, running a command. Waits are for events, with a
// generous bound that only a failure reaches; no test asserts how fast something was.
import { spawn } from 'node:child_process'
import assert from 'node:assert/strict'

export const SEED = Number(process.env.E2E_SEED ?? 20260131)
export const PASSWORD = 'stacgate-demo'
export const PATIENCE = 30000

// mulberry32: 32 bits of state, the same numbers on every machine.
export function randomFrom(seed) {
  let a = seed >>> 0
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    next,
    below: (n) => Math.floor(next() * n),
    pick: (list) => list[Math.floor(next() * list.length)],
    chance: (p) => next() < p,
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export async function until(what, condition, ms = PATIENCE, every = 20) {
  const end = Date.now() + ms
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > end) assert.fail(`waited ${ms} ms for: ${typeof what === 'function' ? what() : what}`)
    await sleep(every)
  }
}

export function within(promise, ms, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for: ${what}`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// Runs a command to its end: {code, signal, out, err}. Never throws for a bad exit.
export function run(command, args, { env, input, cwd, ms = 120000, uid, gid } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, uid, gid, stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), ms)
    child.stdout.setEncoding('utf8').on('data', (d) => (out += d))
    child.stderr.setEncoding('utf8').on('data', (d) => (err += d))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, out, err })
    })
    child.stdin.on('error', () => {}).end(input ?? '')
  })
}

let counter = 0
export const unique = (prefix) => `${prefix}-${process.pid}-${++counter}`
