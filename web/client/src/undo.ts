/*
 * Undo and redo of this client's own gestures, and of nothing else. Undoing a gesture takes back what of it still stands: a property
 * that somebody changed since keeps their value, what somebody deleted stays deleted. What an undo did is itself a gesture, which redo
 * undoes.
 */
import { applied, sameValue, targetOf, type Element, type ElementOp } from "./elements";

const GESTURES_MAX = 300;
const JOIN_MS = 1_000;

export interface Change {
  id: string;
  before: Element | undefined;
  after: Element | undefined;
}

interface Gesture {
  opIds: string[];
  changes: Change[];
  mark?: string;
  at: number;
}

type Look = (id: string) => Element | undefined;

/** What `ops` change, seen from the board before them. */
export function changesOf(ops: readonly ElementOp[], look: Look): Change[] {
  const changes = new Map<string, Change>();
  for (const op of ops) {
    const id = targetOf(op);
    const known = changes.get(id) ?? { id, before: look(id), after: look(id) };
    changes.set(id, { ...known, after: applied(known.after, op) });
  }
  return [...changes.values()];
}

/** The operation that takes `change` back from an element as it is now; undefined: nothing of it stands. */
export function reverse({ id, before, after }: Change, now: Element | undefined): ElementOp | undefined {
  if (!before && after) return now && { op: "del", id };
  if (before && !after) return now ? undefined : { op: "put", el: before };
  if (!before || !after || !now) return undefined;
  const set: Record<string, unknown> = {};
  const unset: string[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (sameValue(before[key], after[key]) || !sameValue(now[key], after[key])) continue;
    if (key in before) set[key] = before[key];
    else unset.push(key);
  }
  const sets = Object.keys(set).length > 0;
  if (!sets && unset.length === 0) return undefined;
  return { op: "patch", id, ...(sets ? { set } : {}), ...(unset.length > 0 ? { unset } : {}) };
}

export class Undo {
  private done: Gesture[] = [];
  private undone: Gesture[] = [];

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** A new gesture; one with the same `mark` right after another is the same gesture going on (a key held down). */
  record(opIds: string[], changes: Change[], mark?: string): void {
    const last = this.done[this.done.length - 1];
    const now = Date.now();
    this.undone = [];
    if (mark && last?.mark === mark && now - last.at < JOIN_MS) {
      last.changes = joined(last.changes, changes);
      last.opIds.push(...opIds);
      last.at = now;
      return;
    }
    this.done.push({ opIds, changes, mark, at: now });
    if (this.done.length > GESTURES_MAX) this.done.shift();
  }

  /** The operations that undo the latest gesture of which something stands. `perform` makes them and answers with their opIds. */
  undo(look: Look, perform: (ops: ElementOp[]) => string[]): boolean {
    return turn(this.done, this.undone, look, perform);
  }

  redo(look: Look, perform: (ops: ElementOp[]) => string[]): boolean {
    return turn(this.undone, this.done, look, perform);
  }

  /** The server refused a push: its gesture never was. */
  forget(opId: string): void {
    this.done = this.done.filter((g) => !g.opIds.includes(opId));
    this.undone = this.undone.filter((g) => !g.opIds.includes(opId));
  }
}

function turn(from: Gesture[], to: Gesture[], look: Look, perform: (ops: ElementOp[]) => string[]): boolean {
  for (let gesture = from.pop(); gesture; gesture = from.pop()) {
    const ops = gesture.changes.map((change) => reverse(change, look(change.id))).filter((op): op is ElementOp => op !== undefined);
    if (ops.length === 0) continue;
    const changes = changesOf(ops, look);
    const opIds = perform(ops);
    if (opIds.length > 0) to.push({ opIds, changes, at: 0 });
    else from.push(gesture);
    return opIds.length > 0;
  }
  return false;
}

function joined(first: readonly Change[], second: readonly Change[]): Change[] {
  const all = new Map(first.map((change) => [change.id, change]));
  for (const change of second) all.set(change.id, { ...change, before: all.has(change.id) ? all.get(change.id)!.before : change.before });
  return [...all.values()];
}
