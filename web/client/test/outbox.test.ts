/* The queue of unsent pushes: order, one at a time, the same opId until there is an answer. */
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test, type TestContext } from "node:test";
import { Outbox, type Entry, type OutboxOptions, type Shelf } from "../src/outbox";
import type { Answer } from "../src/wire";

/* Node 18 keeps it in a module only. */
if (!globalThis.crypto) Object.defineProperty(globalThis, "crypto", { value: webcrypto });

class MemoryShelf implements Shelf {
  kept: Entry[] = [];
  load = () => structuredClone(this.kept);
  save = (entries: readonly Entry[]) => {
    this.kept = structuredClone(entries) as Entry[];
  };
}

function setup(shelf: Shelf & { kept: Entry[] } = new MemoryShelf(), options: OutboxOptions = {}) {
  const sent: { entry: Entry; answer: (a: Answer) => void }[] = [];
  const outbox = new Outbox(shelf, (entry) => new Promise((answer) => sent.push({ entry: { ...entry }, answer })), options);
  return { outbox, sent, shelf, texts: () => sent.map((s) => s.entry.payload.content) };
}

const turn = () => new Promise((done) => setImmediate(done));
const ok: Answer = { status: "ok", reply: { seq: 1 } };
const say = (outbox: Outbox, content: string) => outbox.add("message:new", { content })!;

test("nothing goes while the channel is not joined; then in order, one at a time", async () => {
  const { outbox, sent, texts } = setup();
  say(outbox, "a");
  say(outbox, "b");
  assert.equal(sent.length, 0);
  outbox.opened();
  assert.deepEqual(texts(), ["a"]);
  sent[0]!.answer(ok);
  await turn();
  assert.deepEqual(texts(), ["a", "b"]);
  sent[1]!.answer(ok);
  await turn();
  assert.equal(outbox.list().length, 0);
});

test("what a cut left unanswered goes again with the same opId, and the late answer counts for nothing", async () => {
  const { outbox, sent } = setup();
  outbox.opened();
  say(outbox, "a");
  outbox.closed();
  sent[0]!.answer({ status: "error", reason: "invalid" });
  await turn();
  assert.equal(outbox.list()[0]!.state, "queued");
  outbox.opened();
  assert.equal(sent[1]!.entry.opId, sent[0]!.entry.opId);
});

test("our own event ends the wait even when the answer was lost", async () => {
  const { outbox, sent } = setup();
  outbox.opened();
  const entry = say(outbox, "a");
  outbox.closed();
  outbox.seen(entry.opId);
  outbox.opened();
  assert.equal(sent.length, 1);
  assert.equal(outbox.list().length, 0);
});

test("a refusal stays for the user to retry or discard, and does not hold up the rest", async () => {
  const { outbox, sent, texts } = setup();
  outbox.opened();
  const first = say(outbox, "a");
  say(outbox, "b");
  sent[0]!.answer({ status: "error", reason: "muted" });
  await turn();
  assert.deepEqual([first.state, first.reason], ["failed", "muted"]);
  assert.deepEqual(texts(), ["a", "b"]);
  sent[1]!.answer(ok);
  await turn();
  outbox.retry(first.opId);
  assert.deepEqual(texts(), ["a", "b", "a"]);
  assert.equal(sent[2]!.entry.opId, first.opId);
  outbox.discard(first.opId);
  assert.equal(outbox.list().length, 0);
});

/** Timers that fire when the test says so. */
function heldTimers(t: TestContext): () => void {
  const real = globalThis.setTimeout;
  let held: (() => void)[] = [];
  globalThis.setTimeout = ((run: () => void) => held.push(run)) as unknown as typeof setTimeout;
  t.after(() => void (globalThis.setTimeout = real));
  return () => {
    const due = held;
    held = [];
    for (const run of due) run();
  };
}

test("unavailable, rate limits and time-outs are tried again later, in order", async (t) => {
  const fire = heldTimers(t);
  const { outbox, sent, texts } = setup();
  outbox.opened();
  say(outbox, "a");
  say(outbox, "b");
  const passing: Answer[] = [{ status: "error", reason: "unavailable" }, { status: "timeout" }, { status: "error", reason: "rate_limited", retryAfter: 2 }];
  for (const answer of passing) {
    sent[sent.length - 1]!.answer(answer);
    await turn();
    const before = sent.length;
    fire();
    assert.equal(sent.length, before + 1);
  }
  assert.deepEqual(texts(), ["a", "a", "a", "a"]);
  assert.equal(new Set(sent.map((s) => s.entry.opId)).size, 1);
});

test("the queue outlives a reload, and what was on its way is queued again", () => {
  const { outbox, shelf } = setup();
  outbox.opened();
  const entry = say(outbox, "a");
  assert.equal(shelf.kept[0]!.state, "sending");
  const after = setup(shelf);
  after.outbox.opened();
  assert.equal(after.sent[0]!.entry.opId, entry.opId);
});

test("it is bounded", () => {
  const { outbox } = setup();
  for (let i = 0; i < 100; i++) assert.ok(outbox.add("message:new", { content: String(i) }));
  assert.equal(outbox.add("message:new", { content: "one too many" }), null);
});

/** Contents as lists, put together up to three. */
const merging: OutboxOptions = {
  merge: (a, b) => {
    const content = [...(a.content as string[]), ...(b.content as string[])];
    return content.length > 3 ? null : { content };
  },
};
const draw = (outbox: Outbox, content: string) => outbox.add("ops", { content: [content] })!;

test("what waits behind one another goes together, in order, as far as it may", async () => {
  const { outbox, sent, texts } = setup(new MemoryShelf(), merging);
  outbox.opened();
  const entries = ["a", "b", "c", "d", "e"].map((text) => draw(outbox, text));
  assert.deepEqual(texts(), [["a"]], "what is on its way is not touched");
  sent[0]!.answer(ok);
  await turn();
  assert.deepEqual(texts(), [["a"], ["b", "c", "d"]]);
  assert.equal(sent[1]!.entry.opId, entries[1]!.opId);
  assert.deepEqual(outbox.seen(entries[1]!.opId), entries.slice(1, 4).map((e) => e.opId), "its event tells all that it was made of");
  assert.deepEqual(texts()[2], ["e"]);
});

test("what was sent once is sent again as it was, though more waits behind it", () => {
  const { outbox, texts } = setup(new MemoryShelf(), merging);
  outbox.opened();
  draw(outbox, "a");
  outbox.closed();
  draw(outbox, "b");
  outbox.opened();
  assert.deepEqual(texts(), [["a"], ["a"]]);
});

test("refused together, they go one by one, and only the culprit fails", async () => {
  const { outbox, sent, texts } = setup(new MemoryShelf(), merging);
  for (const text of ["a", "b", "c"]) draw(outbox, text);
  outbox.opened();
  assert.deepEqual(texts(), [["a", "b", "c"]]);
  sent[0]!.answer({ status: "error", reason: "locked" });
  await turn();
  sent[1]!.answer(ok);
  await turn();
  sent[2]!.answer({ status: "error", reason: "locked" });
  await turn();
  assert.deepEqual(texts().slice(1), [["a"], ["b"], ["c"]]);
  assert.deepEqual(outbox.list().map((e) => [e.payload.content, e.state]), [[["b"], "failed"], [["c"], "sending"]]);
});

test("nothing goes before what an earlier page left is known; that goes first, and alone", async () => {
  const shelf = new MemoryShelf();
  draw(setup(shelf, merging).outbox, "old");
  let give!: (entries: Entry[]) => void;
  const slow = { kept: [] as Entry[], load: () => new Promise<Entry[]>((resolve) => (give = resolve)), save: () => undefined };
  const { outbox, texts } = setup(slow, merging);
  outbox.opened();
  draw(outbox, "new");
  assert.deepEqual(texts(), []);
  give(shelf.load());
  assert.deepEqual((await outbox.restored).map((e) => e.payload.content), [["old"]]);
  assert.deepEqual(texts(), [["old"]]);
});
