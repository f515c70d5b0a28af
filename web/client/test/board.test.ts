/*
 * The board model: whatever crosses on the way, everybody ends with the server's board; and what each sees meanwhile is the server's
 * order with their own gestures on top. The server here is 30 lines with a log, an opId memory and its own idea of what operations do.
 */
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";
import { Board } from "../src/board";
import { applied, compareOrder, targetOf, zAbove, zBelow, type Element, type ElementOp, type Op } from "../src/elements";
import { Outbox } from "../src/outbox";
import { memoryShelf } from "../src/shelf";
import { mergeOps } from "../src/whiteboard";
import type { Answer } from "../src/wire";

if (!globalThis.crypto) Object.defineProperty(globalThis, "crypto", { value: webcrypto });

function randomFrom(seed: number) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { below: (n: number) => Math.floor(next() * n), chance: (p: number) => next() < p };
}
type Random = ReturnType<typeof randomFrom>;

const rect = (id: string, more = {}): Element => ({ id, type: "rect", z: "a0", x: 0, y: 0, ...more });
const state = (elements: readonly Element[]) => JSON.stringify(elements.map((e) => Object.entries(e).sort()));

interface Logged { seq: number; opId: string; ops: Op[] }

class Server {
  elements = new Map<string, Record<string, unknown>>();
  log: Logged[] = [];
  locked = new Set<string>();
  private memory = new Map<string, number>();

  push(opId: string, ops: Op[]): Answer {
    const known = this.memory.get(opId);
    if (known !== undefined) {
      assert.deepEqual(this.log[known - 1]!.ops, ops, "an opId never comes with other content");
      return { status: "ok", reply: { seq: known } };
    }
    if (ops.some((op) => op.op !== "clear" && this.locked.has(targetOf(op)))) return { status: "error", reason: "locked" };
    for (const op of ops) this.one(structuredClone(op));
    const seq = this.log.length + 1;
    this.log.push({ seq, opId, ops: structuredClone(ops) });
    this.memory.set(opId, seq);
    return { status: "ok", reply: { seq } };
  }

  private one(op: Op): void {
    if (op.op === "clear") this.elements.clear();
    else if (op.op === "put") this.elements.set(op.el.id, op.el);
    else if (op.op === "del") this.elements.delete(op.id);
    else {
      const el = this.elements.get(op.id);
      if (!el) return;
      Object.assign(el, op.set);
      for (const key of op.unset ?? []) delete el[key];
    }
  }

  list(): Element[] {
    return structuredClone([...this.elements.values()] as Element[]).sort(compareOrder);
  }
}

class Client {
  board = new Board();
  outbox: Outbox;
  private flying: (() => void)[] = [];
  private events: Logged[] = [];
  private online = false;

  constructor(private readonly server: Server, private readonly random: Random) {
    this.outbox = new Outbox(memoryShelf(), (entry) => this.transmit(entry.opId, entry.payload.ops as Op[]), { max: 1000, merge: mergeOps });
    this.outbox.acknowledged.on(({ entry, reply }) => this.board.acknowledged((entry.parts ?? [entry]).map((p) => p.opId), reply.seq!));
    this.outbox.refused.on((entry) => {
      this.outbox.discard(entry.opId);
      this.board.refused(entry.opId);
    });
  }

  act(ops: ElementOp[]): void {
    const entry = this.outbox.add("ops", { ops })!;
    this.board.propose(entry.opId, ops);
  }

  private transmit(opId: string, ops: Op[]): Promise<Answer> {
    const sent = structuredClone(ops);
    return new Promise((resolve) => this.flying.push(() => resolve(this.server.push(opId, sent))));
  }

  /** The push reaches the server; its answer may be lost with the connection. */
  arrive(): void {
    this.flying.shift()?.();
  }

  join(resume: boolean): void {
    this.online = true;
    if (resume) this.events = this.server.log.slice(this.board.seq);
    else {
      this.events = [];
      const list = this.server.list();
      const half = list.length >> 1;
      this.board.snapshot(1, 2, this.server.log.length, list.slice(0, half));
      this.board.snapshot(2, 2, this.server.log.length, list.slice(half));
    }
    this.outbox.opened();
  }

  cut(): void {
    this.online = false;
    this.events = [];
    if (this.random.chance(0.5)) this.arrive();
    this.flying = [];
    this.outbox.closed();
  }

  /** The next event of the log. */
  hear(): boolean {
    const last = this.events[this.events.length - 1]?.seq ?? this.board.seq;
    if (this.online) this.events.push(...this.server.log.slice(last));
    const event = this.events.shift();
    if (event) this.board.apply(event.seq, structuredClone(event.ops), this.outbox.seen(event.opId));
    return event !== undefined;
  }

  get isOnline(): boolean {
    return this.online;
  }

  get busy(): boolean {
    return this.flying.length > 0 || this.outbox.list().length > 0;
  }
}

const turn = () => new Promise((done) => setImmediate(done));

function randomOps(random: Random, board: Board): ElementOp[] {
  return Array.from({ length: 1 + random.below(3) }, (): ElementOp => {
    const id = `e${random.below(12)}`;
    const kind = random.below(10);
    if (kind < 3) return { op: "put", el: rect(id, { z: random.chance(0.5) ? zAbove(board.elements()[board.size - 1]?.z) : zBelow(board.elements()[0]?.z), x: random.below(100) }) };
    if (kind < 5) return { op: "del", id };
    return { op: "patch", id, set: { [["x", "y", "fill"][random.below(3)]!]: random.below(100), ...(random.chance(0.1) ? { z: `a${random.below(9)}` } : {}) }, ...(random.chance(0.2) ? { unset: ["fill"] } : {}) };
  });
}

/** What it ought to show: the log so far, then what of its own is not in it. */
function expected(server: Server, client: Client): Element[] {
  const elements = new Map<string, Element>();
  const act = (op: Op) => {
    if (op.op === "clear") return elements.clear();
    const el = applied(elements.get(targetOf(op)), op);
    if (el) elements.set(targetOf(op), el);
    else elements.delete(targetOf(op));
  };
  const before = server.log.slice(0, client.board.seq);
  for (const event of before) event.ops.forEach(act);
  const done = new Set(before.map((event) => event.opId));
  for (const entry of client.outbox.list()) if (!done.has(entry.opId)) (entry.payload.ops as Op[]).forEach(act);
  return [...elements.values()].sort(compareOrder);
}

for (const seed of Array.from({ length: 150 }, (_, i) => i + 1)) {
  test(`four clients with cuts, lost answers and refusals end with the server's board (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    const server = new Server();
    const clients = Array.from({ length: 4 }, () => new Client(server, random));
    for (const client of clients) client.join(false);
    for (let step = 0; step < 250; step++) {
      const client = clients[random.below(4)]!;
      const what = random.below(20);
      if (what < 7) client.act(randomOps(random, client.board));
      else if (what < 12) client.arrive();
      else if (what < 17) client.hear();
      else if (what === 17) client.isOnline ? client.cut() : client.join(random.chance(0.7));
      else if (what === 18) server.locked = new Set(random.chance(0.5) ? [] : [`e${random.below(12)}`]);
      else if (random.chance(0.1)) server.push(`clear-${step}`, [{ op: "clear" }]);
      await turn();
      if (!client.board.pendingCount()) assert.equal(state(client.board.elements()), state(expected(server, client)), `step ${step}`);
    }
    for (const client of clients) if (!client.isOnline) client.join(random.chance(0.5));
    for (let moved = true; moved; await turn()) {
      moved = false;
      for (const client of clients) {
        client.arrive();
        moved = client.hear() || client.busy || moved;
      }
    }
    for (const client of clients) {
      assert.equal(client.board.pendingCount(), 0);
      assert.equal(client.board.seq, server.log.length);
      assert.equal(state(client.board.elements()), state(server.list()));
    }
  });
}

test("our own gesture shows at once, and stays on top of what others do until its place is known", () => {
  const board = new Board();
  board.snapshot(1, 1, 1, [rect("a", { x: 1 })]);
  board.propose("mine", [{ op: "patch", id: "a", set: { x: 5 } }]);
  board.apply(2, [{ op: "patch", id: "a", set: { x: 9, y: 7 } }]);
  assert.deepEqual(board.get("a"), rect("a", { x: 5, y: 7 }), "their y, our x: ours comes later");
  board.apply(3, [{ op: "patch", id: "a", set: { x: 5 } }], ["mine"]);
  board.apply(4, [{ op: "patch", id: "a", set: { x: 6 } }]);
  assert.deepEqual(board.get("a"), rect("a", { x: 6, y: 7 }));
});

test("a refused gesture never was; one to what somebody deleted does nothing", () => {
  const board = new Board();
  board.snapshot(1, 1, 1, [rect("a"), rect("b")]);
  board.propose("m1", [{ op: "del", id: "a" }]);
  board.refused("m1");
  assert.ok(board.get("a"));
  board.propose("m2", [{ op: "patch", id: "b", set: { x: 3 } }]);
  board.apply(2, [{ op: "del", id: "b" }]);
  assert.equal(board.get("b"), undefined);
  assert.equal(board.size, 1);
});

test("an answer that comes before its event keeps the gesture until the event", () => {
  const board = new Board();
  board.snapshot(1, 1, 1, []);
  board.propose("m", [{ op: "put", el: rect("a") }]);
  board.acknowledged(["m"], 3);
  board.apply(2, [{ op: "put", el: rect("b") }]);
  assert.equal(board.size, 2);
  board.apply(3, [{ op: "put", el: rect("a") }]);
  assert.equal(board.pendingCount(), 0);
});

test("what changed is told by id, a clear as everything", () => {
  const board = new Board();
  board.snapshot(1, 1, 1, [rect("a"), rect("b")]);
  const told: unknown[] = [];
  board.changed.on((touched) => told.push(touched === "all" ? touched : [...touched]));
  board.propose("m", [{ op: "patch", id: "a", set: { x: 1 } }]);
  board.apply(2, [{ op: "patch", id: "b", set: { x: 1 } }]);
  board.apply(3, [{ op: "clear" }]);
  assert.deepEqual(told, [["a"], ["b"], "all"]);
});

test("indices: always above, always below, whatever another client wrote", () => {
  let up: string | undefined;
  let down: string | undefined;
  for (let i = 0; i < 5000; i++) {
    const [above, below]: [string, string] = [zAbove(up), zBelow(down)];
    if (up !== undefined) assert.ok(above > up, `${above} > ${up}`);
    if (down !== undefined) assert.ok(below < down, `${below} < ${down}`);
    for (const z of [above, below]) assert.match(z, /^[!-~]{1,64}$/);
    [up, down] = [above, below];
  }
  for (const z of ["A00000001", "~", "!", "a", "ar1", "zz zz", "a0V", "Zz", "Z0", "m", "0"]) {
    assert.ok(zAbove(z) > z, `${zAbove(z)} > ${z}`);
    if (z !== "!") assert.ok(zBelow(z) < z, `${zBelow(z)} < ${z}`);
  }
});
