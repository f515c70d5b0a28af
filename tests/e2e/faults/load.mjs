// R20: hours at half load. Several times what the machine can do (R21) is a row of bench/run.
import { sleep } from '../lib/util.mjs'
import { descriptors, openClass, percentile, rssMiB } from './class.mjs'

// The slope of a straight line through (x, y), least squares.
function slope(points) {
  const n = points.length
  const [mx, my] = [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / n)
  return points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0)
}

const WINDOW_MS = 60000
const WARM_MINUTES = 1.5 // by then every channel keeps as many events for who comes back as it ever will

// STACGATE_SOAK_MINUTES sets the length, warm-up aside. The ledger is judged and begun anew every minute, so that this process is not what grows.
async function soak(context) {
  const { figures, full } = context
  const minutes = Number(process.env.STACGATE_SOAK_MINUTES ?? (full ? 480 : 4))
  const { server, gathering, talk } = await openClass(context, { clients: 200, groups: 20 })
  const began = Date.now()
  const minute = () => (Date.now() - began) / 60000 - WARM_MINUTES
  const samples = [] // [hours, MiB, descriptors]
  const spans = [] // p99 of each window after warm-up
  let found = []
  let acknowledged = 0
  while (minute() < minutes) {
    const start = Date.now()
    talk.start({ each: 0.5 })
    while (Date.now() - start < WINDOW_MS && minute() < minutes) {
      await sleep(2000)
      talk.random.pick(gathering.persons).socket.cut()
      if (minute() > 0) samples.push([minute() / 60, rssMiB(server.pid), descriptors(server.pid)])
    }
    await talk.stop()
    if (minute() > 0) spans.push(percentile(gathering.acknowledged.map((s) => s.ms), 99))
    acknowledged += gathering.acknowledged.length
    found = [...found, ...(await gathering.faults())].slice(0, 20)
    gathering.forget()
  }
  const tenth = Math.ceil(spans.length / 10)
  const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length
  const grown = slope(samples) * (minutes / 60)
  figures.tell(`${minutes} min: ${acknowledged} acknowledged; memory ${samples[0][1].toFixed(1)} to ${samples.at(-1)[1].toFixed(1)} MiB, slope ${slope(samples).toFixed(2)} MiB/h`)
  // Over minutes a slope is noise: what it makes of the time is judged, by the hour's measure from an hour on.
  figures.add('memory grown, by its slope', grown, { most: Math.max(1, minutes / 60) }, 'MiB')
  figures.add('descriptors grown', samples.at(-1)[2] - samples[0][2], { most: 4 })
  figures.add('p99 of an acknowledgement, the last part beside the first', mean(spans.slice(-tenth)) / mean(spans.slice(0, tenth)), { most: minutes >= 60 ? 1.1 : 1.5 }, '×')
  for (const f of found.slice(0, 5)) figures.tell(f)
  figures.add('lost, doubled, out of order, phantom, missed', found.length, { is: 0 })
}

export const campaigns = [
  { row: 'R20', about: 'a long time at half load, with people who come and go', run: soak },
]
