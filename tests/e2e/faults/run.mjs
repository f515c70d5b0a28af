// Faults on purpose, long ones too, and the figures that are promised for them (docs/reliability.md). Beside the suites, because a campaign takes
// minutes and some need root (namespaces, packet filters, mounts).
//   node faults/run.mjs                 every row, shortened: about ten minutes
//   node faults/run.mjs R5 R12          only these
//   node faults/run.mjs --full R1       at full length
//   node faults/run.mjs --list          the rows
// E2E_SEED replays random choices. Ends with "N reached, M missed"; exit 1 when a figure was missed.
import { existsSync } from 'node:fs'
import { binary, sweepTemplates } from '../lib/server.mjs'
import { SEED } from '../lib/util.mjs'
import { campaigns as kills } from './kills.mjs'
import { campaigns as network } from './network.mjs'
import { campaigns as machine } from './machine.mjs'
import { campaigns as database } from './database.mjs'
import { campaigns as load } from './load.mjs'

const rows = [...kills, ...network, ...machine, ...database, ...load].sort((a, b) => a.row.slice(1) - b.row.slice(1))
const words = process.argv.slice(2)
const full = words.includes('--full')
const names = words.filter((w) => !w.startsWith('--'))

if (words.includes('--help') || words.includes('-h') || names.some((n) => !rows.some((r) => r.row === n))) {
  console.error(`usage: run.mjs [--full] [--list] [row …]\n${rows.map((r) => `  ${r.row.padEnd(4)} ${r.about}`).join('\n')}`)
  process.exit(2)
}
if (words.includes('--list')) {
  for (const r of rows) console.log(`${r.row.padEnd(4)} ${r.about}`)
  process.exit(0)
}
if (!existsSync(binary())) {
  console.error(`no server at ${binary()}: build it (cmake --preset release && cmake --build --preset release) or set STACGATE_BIN`)
  process.exit(2)
}

// What a campaign measured. `limit`: {most} or {least} or {is}.
class Figures {
  list = []

  add(what, value, limit, unit = '') {
    const ok = limit.most !== undefined ? value <= limit.most : limit.least !== undefined ? value >= limit.least : value === limit.is
    const word = limit.most !== undefined ? `≤ ${limit.most}` : limit.least !== undefined ? `≥ ${limit.least}` : `${limit.is}`
    const shown = typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(value < 10 ? 2 : 0) : value
    this.list.push(ok)
    console.log(`  ${ok ? 'ok  ' : 'MISS'} ${what.padEnd(58)} ${`${shown} ${unit}`.padEnd(14)} ${word}`)
  }

  // Said, not judged.
  tell(text) {
    console.log(`       ${text}`)
  }
}

let reached = 0
let missed = 0
console.log(`seed ${SEED} · node ${process.version} · ${binary()}${full ? ' · full length' : ''}`)
for (const campaign of rows.filter((r) => !names.length || names.includes(r.row))) {
  const began = Date.now()
  const figures = new Figures()
  console.log(`\n${campaign.row} ${campaign.about}`)
  const cleanups = []
  try {
    await campaign.run({ figures, full, after: (f) => cleanups.push(f) })
  } catch (error) {
    console.log(`  MISS ${error.stack}`)
    figures.list.push(false)
  }
  for (const f of cleanups.reverse()) await Promise.resolve().then(f).catch((error) => console.log(`       cleaning up: ${error.message}`))
  reached += figures.list.filter(Boolean).length
  missed += figures.list.filter((ok) => !ok).length
  console.log(`       ${((Date.now() - began) / 1000).toFixed(0)} s`)
}
sweepTemplates()
console.log(`\n${reached} reached, ${missed} missed`)
process.exit(missed ? 1 : 0)
