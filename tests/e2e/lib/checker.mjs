// Decides from what the clients wrote down and what the database holds whether the promises were kept. It knows nothing of the
// protocol: a ledger is a list of facts. checker.test.mjs plants faults in ledgers and expects each to be found.
//
//   sends: [{topic, opId, content, ack: {id, seq} | null}]   one entry per message somebody wanted sent, whatever became of it
//   members: [{name, topic, from, seen: [{epoch, seq, event, id, content}]}]  in the order of arrival; `from`: position at first join
//   messages: [{topic, id, seq, content}]                    rows of study_group_messages
//   events: [{topic, epoch, seq, event}]                     rows of channel_events

export function check({ sends, members, messages, events }) {
  return [...checkAcks(sends, messages), ...checkLog(events), ...members.flatMap((m) => [...checkMember(m, events, messages)])]
}

function groupBy(list, key) {
  const map = new Map()
  for (const item of list) {
    const k = key(item)
    if (!map.has(k)) map.set(k, [])
    map.get(k).push(item)
  }
  return map
}

// Every acknowledged message exactly once; every other at most once. Contents are unique per send.
function* checkAcks(sends, messages) {
  const byContent = groupBy(messages, (m) => `${m.topic} ${m.content}`)
  const acks = groupBy(sends.filter((s) => s.ack), (s) => `${s.topic} ${s.ack.seq}`)
  for (const send of sends) {
    const rows = byContent.get(`${send.topic} ${send.content}`) ?? []
    if (rows.length > 1) yield `doubled: '${send.content}' is in the database ${rows.length} times (${rows.map((r) => r.seq)})`
    if (send.ack && rows.length === 0) yield `lost: '${send.content}' was acknowledged as ${send.ack.seq} and is not in the database`
    if (send.ack && rows.length === 1 && (rows[0].id !== send.ack.id || rows[0].seq !== send.ack.seq))
      yield `wrong ack: '${send.content}' was acknowledged as ${send.ack.id}/${send.ack.seq}, stored as ${rows[0].id}/${rows[0].seq}`
  }
  for (const [key, list] of acks)
    if (new Set(list.map((s) => s.content)).size > 1) yield `one position acknowledged to several: ${key}: ${list.map((s) => s.content)}`
  const wanted = new Set(sends.map((s) => `${s.topic} ${s.content}`))
  for (const m of messages) if (!wanted.has(`${m.topic} ${m.content}`)) yield `nobody sent '${m.content}' (${m.topic} ${m.seq})`
}

// 1, 2, 3 … without holes and in one epoch.
function* checkLog(events) {
  for (const [topic, list] of groupBy(events, (e) => e.topic)) {
    if (new Set(list.map((e) => e.epoch)).size > 1) yield `epoch changed: ${topic}`
    const seqs = list.map((e) => e.seq).sort((a, b) => a - b)
    for (let i = 1; i < seqs.length; i++) if (seqs[i] !== seqs[i - 1] + 1) yield `hole in the log: ${topic} after ${seqs[i - 1]}`
  }
}

function* checkMember(member, events, messages) {
  const committed = new Map(events.filter((e) => e.topic === member.topic).map((e) => [`${e.epoch}/${e.seq}`, e]))
  const stored = new Map(messages.filter((m) => m.topic === member.topic).map((m) => [m.seq, m]))
  const got = new Map()
  let last = member.from
  for (const s of member.seen) {
    const key = `${s.epoch}/${s.seq}`
    const event = committed.get(key)
    if (!event) yield `phantom: ${member.name} saw ${s.event} ${key} ('${s.content}'), never committed`
    else if (event.event !== s.event) yield `${member.name} saw ${key} as ${s.event}, committed as ${event.event}`
    if (s.event === 'message' && event) yield* sameMessage(member, s, stored.get(s.seq))
    if (got.has(key)) {
      if (got.get(key) !== s.id) yield `${member.name} saw ${key} twice with different contents`
      continue
    }
    if (s.seq <= last) yield `out of order: ${member.name} saw ${s.seq} after ${last}`
    last = Math.max(last, s.seq)
    got.set(key, s.id)
  }
  const ids = [...got.values()].filter(Boolean)
  if (new Set(ids).size !== ids.length) yield `seen twice: ${member.name} saw a message under two positions`
  for (const [key, e] of committed)
    if (e.seq > member.from && !got.has(key)) yield `missed: ${member.name} never saw ${e.event} ${key}`
}

function* sameMessage(member, seen, row) {
  if (!row) yield `phantom: ${member.name} saw message ${seen.seq} ('${seen.content}'), not in the database`
  else if (row.content !== seen.content || row.id !== seen.id)
    yield `${member.name} saw message ${seen.seq} as '${seen.content}', stored as '${row.content}'`
}
