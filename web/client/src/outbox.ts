/*
 * Durable pushes that have no answer yet, in the order the user made them, one on its way at a time. Invariant: an entry keeps its
 * opId and its content from the first time it is sent until the server has answered it, so that sending it again (after a cut, a
 * timeout, a reload of the page) has no second effect. An entry leaves when it is acknowledged, when its event is seen, or when the
 * user discards it. Where `merge` allows it, what waits behind one another goes as one push; refused, its parts go one by one.
 */
import { Signal } from "./signal";
import { jitter, newOpId, type Answer, type PushReply } from "./wire";

export type EntryState = "queued" | "sending" | "failed";

export interface Part {
  opId: string;
  payload: Record<string, unknown>;
  /** When it was made (ms), each later than the one before. */
  at: number;
}

export interface Entry extends Part {
  event: string;
  state: EntryState;
  /** Why the server refused it, and what of it. */
  reason?: string;
  field?: string;
  /** Its content is fixed: it was sent, or is one of the parts of a push that was refused. */
  fixed?: boolean;
  /** What it was put together from, the first with its own opId. */
  parts?: Part[];
}

export interface Shelf {
  load(): Entry[] | Promise<Entry[]>;
  save(entries: readonly Entry[]): void;
}

export interface OutboxOptions {
  /** How many may wait (100). */
  max?: number;
  /** Two pushes of one event as one; null: they go apart. */
  merge?: (first: Record<string, unknown>, second: Record<string, unknown>, event: string) => Record<string, unknown> | null;
}

export const MAX_ENTRIES = 100;
/** Refusals that say nothing about the push itself: the same push is tried again. */
const PASSING = new Set(["unavailable", "rate_limited", "not_joined"]);

export class Outbox {
  readonly changed = new Signal();
  readonly acknowledged = new Signal<{ entry: Entry; reply: PushReply }>();
  readonly refused = new Signal<Entry>();
  /** What an earlier page left, once it is known; nothing is sent before. */
  readonly restored: Promise<readonly Entry[]>;
  private entries: Entry[] = [];
  private open = false;
  private loaded = false;
  private era = 0;
  private tries = 0;
  private pause: ReturnType<typeof setTimeout> | undefined;
  private readonly max: number;

  constructor(
    private readonly shelf: Shelf,
    private readonly transmit: (entry: Entry) => Promise<Answer>,
    private readonly options: OutboxOptions = {},
  ) {
    this.max = options.max ?? MAX_ENTRIES;
    const kept = shelf.load();
    if (Array.isArray(kept)) this.restore(kept);
    this.restored = Array.isArray(kept) ? Promise.resolve(kept) : kept.then((entries) => this.restore(entries));
  }

  list(): readonly Entry[] {
    return this.entries;
  }

  get isFull(): boolean {
    return this.entries.length >= this.max;
  }

  /** null: too many wait already; nothing was taken. */
  add(event: string, payload: Record<string, unknown>): Entry | null {
    if (this.isFull) return null;
    const at = Math.max(Date.now(), (this.entries[this.entries.length - 1]?.at ?? 0) + 1);
    const entry: Entry = { opId: newOpId(), event, payload, at, state: "queued" };
    this.entries.push(entry);
    this.update();
    this.pump();
    return entry;
  }

  /** The channel is joined: what waits may go. */
  opened(): void {
    this.open = true;
    this.resume();
  }

  /** The channel is gone: what was on its way counts as unsent. Answers that still come are of an older era. */
  closed(): void {
    this.open = false;
    this.era++;
    clearTimeout(this.pause);
    this.pause = undefined;
    for (const entry of this.entries) if (entry.state === "sending") entry.state = "queued";
    this.update();
  }

  /** The event of one of our pushes came: whatever its reply, it happened. The answer is what it was made of. */
  seen(opId: string): string[] {
    const entry = this.entries.find((e) => e.opId === opId);
    if (!entry) return [];
    this.drop(opId);
    this.pump();
    return parts(entry).map((p) => p.opId);
  }

  retry(opId: string): void {
    const entry = this.entries.find((e) => e.opId === opId);
    if (!entry || entry.state !== "failed") return;
    entry.state = "queued";
    delete entry.reason;
    delete entry.field;
    this.update();
    this.pump();
  }

  discard(opId: string): void {
    this.drop(opId);
  }

  /** What was kept was perhaps sent, by a page that knows no more whether: it goes first, and as it is. */
  private restore(kept: Entry[]): readonly Entry[] {
    const known = new Set(this.entries.map((e) => e.opId));
    const old = kept.filter((e) => !known.has(e.opId)).map((e) => ({ ...e, fixed: true, state: e.state === "failed" ? e.state : "queued" }) as Entry);
    this.entries = [...old, ...this.entries];
    this.loaded = true;
    if (old.length > 0) this.changed.emit();
    this.pump();
    return old;
  }

  private drop(opId: string): void {
    const before = this.entries.length;
    this.entries = this.entries.filter((e) => e.opId !== opId);
    if (this.entries.length !== before) this.update();
  }

  private update(): void {
    this.shelf.save(this.entries);
    this.changed.emit();
  }

  private resume(): void {
    this.pause = undefined;
    this.pump();
  }

  private pump(): void {
    if (!this.open || !this.loaded || this.pause || this.entries.some((e) => e.state === "sending")) return;
    const next = this.entries.find((e) => e.state === "queued");
    if (!next) return;
    this.gather(next);
    next.state = "sending";
    next.fixed = true;
    this.update();
    const era = this.era;
    void this.transmit(next).then((answer) => {
      if (era === this.era) this.answered(next, answer);
    });
  }

  /** Takes into `first` what waits right behind it, as far as `merge` allows. */
  private gather(first: Entry): void {
    const merge = this.options.merge;
    const at = this.entries.indexOf(first) + 1;
    for (let next = this.entries[at]; merge && !first.fixed && next; next = this.entries[at]) {
      if (next.state !== "queued" || next.fixed || next.event !== first.event) return;
      const payload = merge(first.payload, next.payload, first.event);
      if (!payload) return;
      first.parts = [...parts(first), ...parts(next)];
      first.payload = payload;
      this.entries.splice(at, 1);
    }
  }

  private answered(entry: Entry, answer: Answer): void {
    if (answer.status === "ok") {
      this.tries = 0;
      this.drop(entry.opId);
      this.acknowledged.emit({ entry, reply: answer.reply });
    } else if (answer.status === "timeout" || PASSING.has(answer.reason)) {
      entry.state = "queued";
      this.wait(answer.status === "error" ? answer.retryAfter : undefined);
    } else if (entry.parts) {
      this.takeApart(entry);
    } else {
      entry.state = "failed";
      entry.reason = answer.reason;
      entry.field = answer.field;
      this.refused.emit(entry);
      this.update();
    }
    this.pump();
  }

  /** One of its parts was refused, and with it all of them, without effect. */
  private takeApart(entry: Entry): void {
    const apart = parts(entry).map((p): Entry => ({ ...p, event: entry.event, state: "queued", fixed: true }));
    this.entries.splice(this.entries.indexOf(entry), 1, ...apart);
    this.update();
  }

  private wait(seconds: number | undefined): void {
    const ms = seconds !== undefined ? seconds * 1000 + jitter(0, 500, 500) : jitter(++this.tries, 250, 8000);
    this.pause = setTimeout(() => this.resume(), ms);
    this.update();
  }
}

function parts(entry: Entry): Part[] {
  return entry.parts ?? [{ opId: entry.opId, payload: entry.payload, at: entry.at }];
}
