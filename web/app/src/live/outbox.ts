/*
 * Durable pushes that have no answer yet, in the order the user made them, one on its way at a time. Invariant: an entry keeps its
 * opId until the server has answered it, so that sending it again (after a cut, a timeout, a reload of the page) has no second
 * effect. An entry leaves when it is acknowledged, when its event is seen, or when the user discards it.
 */
import { Signal } from "./signal";
import { jitter, newOpId, type Answer, type PushReply } from "./wire";

export type EntryState = "queued" | "sending" | "failed";

export interface Entry {
  opId: string;
  event: string;
  payload: Record<string, unknown>;
  at: number;
  state: EntryState;
  reason?: string;
}

export interface Shelf {
  load(): Entry[];
  save(entries: readonly Entry[]): void;
}

const MAX_ENTRIES = 100;
/** Refusals that say nothing about the push itself: the same push is tried again. */
const PASSING = new Set(["unavailable", "rate_limited", "not_joined"]);

export class Outbox {
  readonly changed = new Signal();
  readonly acknowledged = new Signal<{ entry: Entry; reply: PushReply }>();
  readonly refused = new Signal<Entry>();
  private entries: Entry[];
  private open = false;
  private era = 0;
  private tries = 0;
  private pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly shelf: Shelf,
    private readonly transmit: (entry: Entry) => Promise<Answer>,
  ) {
    this.entries = shelf.load().map((e) => (e.state === "sending" ? { ...e, state: "queued" } : e));
  }

  list(): readonly Entry[] {
    return this.entries;
  }

  /** null: too many wait already; nothing was taken. */
  add(event: string, payload: Record<string, unknown>): Entry | null {
    if (this.entries.length >= MAX_ENTRIES) return null;
    const entry: Entry = { opId: newOpId(), event, payload, at: Date.now(), state: "queued" };
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

  /** The event of one of our pushes came: whatever its reply, it happened. */
  seen(opId: string): void {
    this.drop(opId);
    this.pump();
  }

  retry(opId: string): void {
    const entry = this.entries.find((e) => e.opId === opId);
    if (!entry || entry.state !== "failed") return;
    entry.state = "queued";
    delete entry.reason;
    this.update();
    this.pump();
  }

  discard(opId: string): void {
    this.drop(opId);
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
    if (!this.open || this.pause || this.entries.some((e) => e.state === "sending")) return;
    const next = this.entries.find((e) => e.state === "queued");
    if (!next) return;
    next.state = "sending";
    this.update();
    const era = this.era;
    void this.transmit(next).then((answer) => {
      if (era === this.era) this.answered(next, answer);
    });
  }

  private answered(entry: Entry, answer: Answer): void {
    if (answer.status === "ok") {
      this.tries = 0;
      this.drop(entry.opId);
      this.acknowledged.emit({ entry, reply: answer.reply });
    } else if (answer.status === "timeout" || PASSING.has(answer.reason)) {
      entry.state = "queued";
      this.wait(answer.status === "error" ? answer.retryAfter : undefined);
    } else {
      entry.state = "failed";
      entry.reason = answer.reason;
      this.refused.emit(entry);
      this.update();
    }
    this.pump();
  }

  private wait(seconds: number | undefined): void {
    const ms = seconds !== undefined ? seconds * 1000 + jitter(0, 500, 500) : jitter(++this.tries, 250, 8000);
    this.pause = setTimeout(() => this.resume(), ms);
    this.update();
  }
}
