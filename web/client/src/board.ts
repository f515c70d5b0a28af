/*
 * A board as this client shows it: what the server's order made of it, and on top our own gestures that it has not confirmed yet.
 * Invariant: `shown` is `confirmed` with the pending operations applied in the order they were made, so that once nothing is pending
 * every client shows the same, whatever crossed on the way. Pure: the channel feeds it, views read it.
 */
import { applied, compareOrder, targetOf, type Element, type ElementOp, type Op } from "./elements";
import { Signal } from "./signal";

interface Pending {
  opId: string;
  ops: readonly ElementOp[];
  /** Where the server put it, once its answer came; its event may still be on its way. */
  seq?: number;
}

/** The ids of what changed, or everything. */
export type Touched = ReadonlySet<string> | "all";

export class Board {
  readonly changed = new Signal<Touched>();
  seq = 0;
  /** Nobody but moderators draws. */
  locked = false;
  readonly lockedIds = new Set<string>();
  private confirmed = new Map<string, Element>();
  private shown = new Map<string, Element>();
  /** What is shown, in drawing order. */
  private order: Element[] = [];
  private pending: Pending[] = [];
  private pendingOf = new Map<string, ElementOp[]>();
  private arriving = new Map<string, Element>();

  get(id: string): Element | undefined {
    return this.shown.get(id);
  }

  /** In drawing order. */
  elements(): readonly Element[] {
    return this.order;
  }

  get size(): number {
    return this.shown.size;
  }

  pendingCount(): number {
    return this.pending.length;
  }

  /** One of our gestures, not confirmed. */
  propose(opId: string, ops: readonly ElementOp[]): void {
    this.pending.push({ opId, ops });
    const ids = new Set<string>();
    for (const op of ops) {
      const id = targetOf(op);
      const list = this.pendingOf.get(id);
      if (list) list.push(op);
      else this.pendingOf.set(id, [op]);
      ids.add(id);
      this.show(id, applied(this.shown.get(id), op));
    }
    this.changed.emit(ids);
  }

  /** The server's answer to gestures of ours: their place is `seq`. */
  acknowledged(opIds: readonly string[], seq: number): void {
    for (const entry of this.pending) if (opIds.includes(entry.opId)) entry.seq = seq;
    if (seq <= this.seq) this.settle(new Set(), opIds);
  }

  /** The server refused it: as if it had not been. */
  refused(opId: string): void {
    this.settle(new Set(), [opId]);
  }

  /** A numbered event's operations; `own`: the gestures of ours that it is made of. */
  apply(seq: number, ops: readonly Op[], own: readonly string[] = []): void {
    const ids = new Set<string>();
    let all = false;
    this.seq = seq;
    for (const op of ops) {
      if (op.op === "clear") {
        this.confirmed.clear();
        this.lockedIds.clear();
        all = true;
      } else {
        this.confirm(op);
        ids.add(targetOf(op));
      }
    }
    this.settle(ids, own, all);
  }

  /** An event that changes no element moves the position too. */
  passed(seq: number): void {
    this.seq = seq;
    this.settle(new Set(), []);
  }

  /** A part of the board as it stands at `seq`; shown when the last has come. */
  snapshot(part: number, parts: number, seq: number, elements: readonly Element[]): void {
    if (part === 1) this.arriving = new Map();
    for (const el of elements) this.arriving.set(el.id, el);
    if (part < parts) return;
    this.confirmed = this.arriving;
    this.arriving = new Map();
    this.seq = seq;
    for (const id of this.lockedIds) if (!this.confirmed.has(id)) this.lockedIds.delete(id);
    this.settle(new Set(), [], true);
  }

  /** The server locked or unlocked the board, or of the elements named those that are there. */
  lock(on: boolean, ids?: readonly string[]): void {
    if (!ids) this.locked = on;
    for (const id of ids ?? []) {
      if (on && this.confirmed.has(id)) this.lockedIds.add(id);
      else this.lockedIds.delete(id);
    }
    this.changed.emit(new Set(ids ?? []));
  }

  /** What is locked at the channel's head, of which we may not have seen everything yet. */
  locks(board: boolean, ids: readonly string[]): void {
    this.locked = board;
    this.lockedIds.clear();
    for (const id of ids) this.lockedIds.add(id);
    this.changed.emit(new Set(ids));
  }

  private confirm(op: ElementOp): void {
    const id = targetOf(op);
    const el = applied(this.confirmed.get(id), op);
    if (el) {
      this.confirmed.set(id, el);
    } else {
      this.confirmed.delete(id);
      this.lockedIds.delete(id);
    }
  }

  /** Takes away pending gestures that `done` names or the position has passed, and shows anew what they or `ids` touch. */
  private settle(ids: Set<string>, done: readonly string[], all = false): void {
    const over = (p: Pending) => done.includes(p.opId) || (p.seq !== undefined && p.seq <= this.seq);
    const gone = this.pending.filter(over);
    if (gone.length > 0) this.pending = this.pending.filter((p) => !over(p));
    for (const p of gone) for (const op of p.ops) ids.add(targetOf(op));
    if (gone.length > 0) this.indexPending(gone);
    if (all) this.showAll();
    else for (const id of ids) this.show(id, this.rebased(id));
    if (all || ids.size > 0) this.changed.emit(all ? "all" : ids);
  }

  private indexPending(gone: readonly Pending[]): void {
    const ids = new Set(gone.flatMap((p) => p.ops.map(targetOf)));
    for (const id of ids) this.pendingOf.delete(id);
    for (const p of this.pending) {
      for (const op of p.ops) {
        const id = targetOf(op);
        if (!ids.has(id)) continue;
        const list = this.pendingOf.get(id);
        if (list) list.push(op);
        else this.pendingOf.set(id, [op]);
      }
    }
  }

  private rebased(id: string): Element | undefined {
    return (this.pendingOf.get(id) ?? []).reduce<Element | undefined>(applied, this.confirmed.get(id));
  }

  private showAll(): void {
    this.shown = new Map(this.confirmed);
    for (const id of this.pendingOf.keys()) {
      const el = this.rebased(id);
      if (el) this.shown.set(id, el);
      else this.shown.delete(id);
    }
    this.order = [...this.shown.values()].sort(compareOrder);
  }

  private show(id: string, el: Element | undefined): void {
    const was = this.shown.get(id);
    if (was === el) return;
    if (el) this.shown.set(id, el);
    else this.shown.delete(id);
    if (was && el && was.z === el.z) {
      this.order[this.placeOf(was)] = el;
      return;
    }
    if (was) this.order.splice(this.placeOf(was), 1);
    if (el) this.order.splice(this.placeOf(el), 0, el);
  }

  /** Where an element is in the order, or would be. */
  private placeOf(el: Element): number {
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareOrder(this.order[middle]!, el) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
