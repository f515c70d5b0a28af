/*
 * A server's rules for one board in the size of a page, and clients on wires that can be cut: whole `Whiteboard`s over a stand-in for
 * phoenix's channel. Nothing here waits for a clock: what is on its way arrives when the test says so. The server keeps a log, an opId
 * memory and its own idea of what operations do, and never shares an object with a client that could change it.
 */
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import type { Connection } from "../src/connection";
import { compareOrder, targetOf, type Element, type Op } from "../src/elements";
import { memoryShelf } from "../src/shelf";
import { Whiteboard } from "../src/whiteboard";

if (!globalThis.crypto) Object.defineProperty(globalThis, "crypto", { value: webcrypto });

export function randomFrom(seed: number) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { below: (n: number) => Math.floor(next() * n), chance: (p: number) => next() < p };
}
export type Random = ReturnType<typeof randomFrom>;

export const turn = () => new Promise((done) => setImmediate(done));
export const state = (elements: readonly Element[]) => JSON.stringify(elements.map((el) => Object.entries(el).sort(([a], [b]) => (a < b ? -1 : 1))));

type Heard = (response: Record<string, unknown>) => void;
type Reply = { status: "ok" | "error"; response: Record<string, unknown> };
interface Logged { seq: number; event: string; payload: Record<string, unknown> & { ops?: Op[] } }

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** What it says here is what it holds: a copy, as if it had travelled. */
const travelled = <T>(value: T): T => frozen(JSON.parse(JSON.stringify(value)) as T);

/** A board by the rules of its log, and no more. */
class Elements {
  private held = new Map<string, Map<string, unknown>>();
  readonly locked = new Set<string>();

  apply({ event, payload }: Logged): void {
    if (event === "ops") for (const op of payload.ops!) this.one(op);
    else for (const id of payload.ids as string[]) if (this.held.has(id)) payload.locked ? this.locked.add(id) : this.locked.delete(id);
  }

  private one(op: Op): void {
    if (op.op === "clear") {
      this.held.clear();
      this.locked.clear();
    } else if (op.op === "put") {
      this.held.set(op.el.id, new Map(Object.entries(op.el)));
    } else if (op.op === "del") {
      this.held.delete(op.id);
      this.locked.delete(op.id);
    } else {
      const el = this.held.get(op.id);
      for (const [key, value] of Object.entries(op.set ?? {})) el?.set(key, value);
      for (const key of op.unset ?? []) el?.delete(key);
    }
  }

  get size(): number {
    return this.held.size;
  }

  has(id: string): boolean {
    return this.held.has(id);
  }

  list(): Element[] {
    return [...this.held.values()].map((el) => Object.fromEntries(el) as unknown as Element).sort(compareOrder);
  }

  /** As the server folds it, and as the next activation reads it. */
  static folded(json: string): Elements {
    const { elements, locked } = JSON.parse(json) as { elements: Element[]; locked: string[] };
    const board = new Elements();
    for (const el of elements) board.one({ op: "put", el });
    locked.forEach((id) => board.locked.add(id));
    return board;
  }

  fold(): string {
    return JSON.stringify({ elements: this.list(), locked: [...this.locked] });
  }
}

export class Server {
  board = new Elements();
  readonly log: Logged[] = [];
  /** The board at each seq: what time travel must show. */
  readonly past: string[] = ["[]"];
  /** Beyond, `too_large`. */
  elementsMax = 10;
  private data = { seq: 0, json: new Elements().fold() };
  private readonly memory = new Map<string, { seq: number; mark: string }>();

  get head(): number {
    return this.log.length;
  }

  push(user: string, moderates: boolean, event: string, sent: Record<string, unknown>): Reply {
    const { opId, ...content } = travelled(sent) as { opId: string } & Record<string, unknown>;
    const [key, mark] = [`${user} ${opId}`, `${event} ${JSON.stringify(content)}`];
    const known = this.memory.get(key);
    if (known) {
      assert.equal(mark, known.mark, "an opId never comes with other content");
      return { status: "ok", response: { seq: known.seq } };
    }
    const refusal = this.refusal(moderates, event, content.ops as Op[]);
    if (refusal) return { status: "error", response: { reason: refusal } };
    const what = event === "lock" || event === "unlock" ? { locked: event === "lock", ids: content.ids } : { ops: event === "clear" ? [{ op: "clear" }] : content.ops };
    const seq = this.head + 1;
    this.memory.set(key, { seq, mark });
    this.log.push(frozen({ seq, event: "ops" in what ? "ops" : "whiteboard:updated", payload: { seq, by: user, opId, ...what } }) as Logged);
    this.board.apply(this.log[seq - 1]!);
    this.past.push(state(this.board.list()));
    return { status: "ok", response: { seq } };
  }

  private refusal(moderates: boolean, event: string, ops: Op[]): string | undefined {
    if (event === "lock" || event === "unlock") return moderates ? undefined : "forbidden";
    if (event === "clear") return !moderates && this.board.locked.size > 0 ? "locked" : undefined;
    if (!moderates && ops.some((op) => this.board.locked.has(targetOf(op as never)))) return "locked";
    const added = new Set(ops.flatMap((op) => (op.op === "put" && !this.board.has(op.el.id) ? [op.el.id] : [])));
    return added.size > 0 && this.board.size + added.size > this.elementsMax ? "too_large" : undefined;
  }

  fold(): void {
    this.data = { seq: this.head, json: this.board.fold() };
  }

  /** What was in memory is gone; what was folded and the log since make it again. */
  restart(): void {
    const before = this.board.fold();
    this.board = Elements.folded(this.data.json);
    for (const event of this.log.slice(this.data.seq)) this.board.apply(event);
    assert.equal(state(this.board.list()), this.past[this.head], "what was folded, and the log since");
    assert.equal(JSON.stringify([...this.board.locked].sort()), JSON.stringify((JSON.parse(before) as { locked: string[] }).locked.sort()));
  }

  /** A join's reply, and what follows it to this member. */
  join(since: number | undefined, moderates: boolean, replayMax: number): { reply: Record<string, unknown>; follow: Logged[] } {
    const recovered = since !== undefined && this.head - since <= replayMax;
    const seq = recovered ? since : this.head;
    const whiteboard = { id: "b", title: "", locked: false, lockedIds: [...this.board.locked] };
    const reply = { epoch: "e", seq, head: this.head, recovered, role: moderates ? "admin" : "member", readOnly: false, whiteboard };
    if (recovered) return { reply, follow: this.log.slice(since) };
    const list = travelled(this.board.list());
    const cut = list.length >> 1;
    const part = (n: number, elements: Element[]): Logged => ({ seq, event: "snapshot", payload: { part: n, parts: 2, seq, elements } });
    return { reply, follow: [part(1, list.slice(0, cut)), part(2, list.slice(cut))] };
  }
}

/** What a Whiteboard sees of phoenix: one channel, whose frames move when the test says so. */
class Wire {
  state = "closed";
  onMessage = (_event: string, payload: unknown): unknown => payload;
  params: () => Record<string, unknown> = () => ({});
  /** Pushes on their way, with what hears the answer. */
  readonly flying: { event: string; payload: Record<string, unknown>; answer: (reply: Reply) => void }[] = [];
  private welcome: (reply: Record<string, unknown>) => void = () => undefined;
  private lost: () => void = () => undefined;

  channel(_topic: string, params: () => Record<string, unknown>): this {
    this.params = params;
    return this;
  }

  isConnected(): boolean {
    return this.state === "joined";
  }

  join() {
    return this.hearing((status, hear) => {
      if (status === "ok") this.welcome = hear;
    });
  }

  push(event: string, payload: Record<string, unknown>) {
    const heard = new Map<string, Heard>();
    this.flying.push({ event, payload, answer: ({ status, response }) => heard.get(status)?.(response) });
    return this.hearing((status, hear) => void heard.set(status, hear));
  }

  private hearing(take: (status: string, hear: Heard) => void) {
    const push = { receive: (status: string, hear: Heard) => (take(status, hear), push) };
    return push;
  }

  on(): void {}
  onClose(): void {}
  leave(): void {}
  onError(hear: () => void): void {
    this.lost = hear;
  }

  open(reply: Record<string, unknown>): void {
    this.state = "joined";
    this.welcome(reply);
  }

  cut(): void {
    this.state = "errored";
    this.flying.length = 0;
    this.lost();
  }
}

/** A person at the board. */
export class Seat {
  readonly whiteboard: Whiteboard;
  private readonly wire = new Wire();
  private follow: Logged[] = [];
  private at = 0;

  constructor(
    private readonly server: Server,
    private readonly user: string,
    readonly moderates: boolean,
  ) {
    const connection = { socket: this.wire, reconnect: () => assert.fail("no event was skipped"), check: () => undefined };
    this.whiteboard = new Whiteboard(connection as unknown as Connection, "b", user, { shelf: memoryShelf() });
  }

  get isOnline(): boolean {
    return this.wire.isConnected();
  }

  get busy(): boolean {
    return this.whiteboard.outbox.list().length > 0;
  }

  /** Comes, or comes again: with a replay where at most `replayMax` events are missing. */
  join(replayMax: number): void {
    const since = this.wire.params().since as number | undefined;
    const { reply, follow } = this.server.join(since, this.moderates, replayMax);
    this.follow = [...follow];
    this.at = this.server.head;
    this.wire.open(reply);
  }

  /** The oldest push reaches the server, and its answer comes back unless `lost`. */
  arrive(lost = false): void {
    const push = this.wire.flying.shift();
    if (!push) return;
    const reply = this.server.push(this.user, this.moderates, push.event, push.payload);
    if (!lost) push.answer(reply);
  }

  cut(arrived: boolean): void {
    if (arrived) this.arrive(true);
    this.wire.cut();
    this.follow = [];
  }

  /** Up to `n` of the next events. false: there was none. */
  hear(n: number): boolean {
    if (!this.isOnline) return false;
    if (this.server.head > this.at) this.follow.push(...this.server.log.slice(this.at));
    this.at = this.server.head;
    const some = this.follow.splice(0, n);
    for (const { event, payload } of some) this.wire.onMessage(event, payload);
    return some.length > 0;
  }

  close(): void {
    this.whiteboard.close();
  }
}
