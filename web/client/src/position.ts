/*
 * Where a client stands in a durable channel: (epoch, seq). An event is taken when it is the next one, dropped when it is an old
 * one, and anything else is a gap. After a join that could not resume, the position counts only once the snapshot that follows is
 * complete (`settle`): a connection cut half-way through it must start over, or messages between would be missing for ever.
 */
import type { JoinReply } from "./wire";

export type Verdict = "next" | "old" | "gap";

export class Position {
  private epoch = "";
  private settled = false;
  private gaps = 0;
  seq = 0;

  /** How many messages to ask for where resuming fails; 0: the channel sends a snapshot of its own accord. */
  constructor(private readonly last: number) {}

  /** The join parameters, evaluated at every (re)join. */
  params(): Record<string, unknown> {
    const last = this.last > 0 ? { last: this.last } : {};
    return this.settled ? { epoch: this.epoch, since: this.seq, ...last } : last;
  }

  /** true: everything since our position follows. false: forget what you have, the last messages follow. */
  joined(reply: JoinReply): boolean {
    const resumed = this.settled && reply.recovered === true && reply.epoch === this.epoch;
    if (!resumed) {
      this.epoch = reply.epoch;
      this.seq = reply.seq;
      this.settled = false;
    }
    return resumed;
  }

  /** The snapshot has arrived whole (the presence list comes right after it). */
  settle(): void {
    this.settled = true;
  }

  /** A part of a snapshot that says itself where it stands, and whether it is the last. */
  snapshot(seq: number, whole: boolean): void {
    this.seq = seq;
    this.settled = whole;
  }

  take(seq: number): Verdict {
    if (seq <= this.seq) return "old";
    if (seq !== this.seq + 1) return this.gap();
    this.seq = seq;
    this.settled = true;
    this.gaps = 0;
    return "next";
  }

  /** A hole that resuming did not fill twice in a row is given up: the next join reloads. */
  private gap(): Verdict {
    if (++this.gaps > 2) this.settled = false;
    return "gap";
  }
}
