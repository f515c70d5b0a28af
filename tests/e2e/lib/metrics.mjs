// GET /metrics as numbers. The format is checked on the way: HELP and TYPE once and before their samples, names by Prometheus' conventions,
// histograms whose buckets only grow and end with the count.
import assert from 'node:assert/strict'
import { Api } from './client.mjs'

const SAMPLE = /^(stacgate_\w+)(\{(\w+="[^"]*"(?:,\w+="[^"]*")*)?\})? (\d+(?:\.\d+)?)$/
const readers = new WeakMap()

function parse(text) {
  const types = new Map()
  const samples = []
  let helped = null
  for (const line of text.split('\n').filter(Boolean)) {
    const head = /^# (HELP|TYPE) (stacgate_\w+) (.+)$/.exec(line)
    if (head?.[1] === 'HELP') {
      assert.ok(!types.has(head[2]), `${head[2]} twice`)
      helped = head[2]
    } else if (head) {
      assert.equal(head[2], helped, `${head[2]} without HELP in front`)
      assert.ok(['counter', 'gauge', 'histogram'].includes(head[3]), line)
      types.set(head[2], head[3])
    } else {
      const m = SAMPLE.exec(line)
      assert.ok(m, `no sample: ${line}`)
      const labels = Object.fromEntries((m[3] ?? '').split(',').filter(Boolean).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 2, -1)]))
      const family = types.has(m[1]) ? m[1] : m[1].replace(/_(bucket|sum|count)$/, '')
      assert.equal(family, helped, `${m[1]} not below its own head`)
      if (family !== m[1]) assert.equal(types.get(family), 'histogram', line)
      samples.push({ name: m[1], labels, value: Number(m[4]) })
    }
  }
  for (const [name, type] of types) {
    assert.equal(type === 'counter', name.endsWith('_total'), name)
    assert.ok(!/_(milliseconds|micro\w*|ms|us|kilobytes|mb|kb)(_|$)/.test(name), `${name}: no base unit`)
    assert.ok(samples.some((s) => s.name === name || s.name === `${name}_count`), `${name} without a sample`)
    if (type === 'histogram') histogram(name, samples)
  }
  return samples
}

function histogram(name, samples) {
  const series = new Map()
  for (const s of samples.filter((x) => x.name.startsWith(`${name}_`))) {
    const { le, ...labels } = s.labels
    const key = JSON.stringify(labels)
    if (!series.has(key)) series.set(key, { last: -1, bound: -1 })
    const one = series.get(key)
    if (s.name === `${name}_bucket`) {
      const bound = le === '+Inf' ? Infinity : Number(le)
      assert.ok(bound > one.bound && s.value >= one.last, `${name}: buckets in order`)
      Object.assign(one, { last: s.value, bound })
    } else if (s.name === `${name}_count`) {
      assert.equal(one.bound, Infinity)
      assert.equal(s.value, one.last, `${name}: the last bucket is the count`)
    }
  }
}

// A function: the sum of a metric's samples that have these labels.
export async function readMetrics(server) {
  if (!readers.has(server)) readers.set(server, new Api(server))
  const r = await readers.get(server).get('/metrics')
  assert.equal(r.status, 200)
  assert.equal(r.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const samples = parse(r.text)
  return (name, labels = {}) => {
    const found = samples.filter((s) => s.name === `stacgate_${name}` && Object.entries(labels).every(([k, v]) => s.labels[k] === String(v)))
    assert.ok(found.length, `no sample of ${name} ${JSON.stringify(labels)}`)
    return found.reduce((sum, s) => sum + s.value, 0)
  }
}

// The same of what was counted since.
export async function metricsSince(server, first) {
  const now = await readMetrics(server)
  return (name, labels) => now(name, labels) - first(name, labels)
}
