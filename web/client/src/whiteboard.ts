/*
 * One board live: a durable channel feeding the board, the hands beside it, and our own gestures with their undo. A gesture shows at
 * once, waits in the outbox while there is no network, and is taken back when the server refuses it. Views read `board`, `hands`,
 * `present` and listen; they change the board only through the methods here.
 */
import { DurableChannel, type Present } from "./channel";
import type { Connection } from "./connection";
import { Board } from "./board";
import { targetOf, type ElementOp, type Op } from "./elements";
import type { BoardEvents, ChannelEvent } from "./events";
import { Hands } from "./hands";
import type { Entry, Outbox, Shelf } from "./outbox";
import { storedShelf } from "./shelf";
import { Signal, type Off } from "./signal";
import { changesOf, Undo } from "./undo";
import type { Answer, JoinReply } from "./wire";

const OPS_MAX = 256;
/** Of one push, as JSON: well below the frame that the server takes. */
const PUSH_BYTES = 96 * 1024;
const GESTURES_WAITING_MAX = 2_000;

export interface BoardInfo {
  id: string;
  studyGroupId?: string;
  createdBy?: string | null;
  title: string;
  locked?: boolean;
  lockedIds?: string[];
  [more: string]: unknown;
}

export interface WhiteboardOptions {
  shelf?: Shelf;
  /** By their role in the school they may do what moderators may. */
  staff?: boolean;
}

export class Whiteboard {
  /** Title, locks, people, what waits: anything but elements (`board.changed`) and hands (`hands.changed`). */
  readonly changed = new Signal();
  readonly left = new Signal<string>();
  /** The server refused a gesture of ours; the board no longer shows it. */
  readonly refused = new Signal<Entry>();
  readonly board = new Board();
  readonly undoable = new Undo();
  readonly hands: Hands;
  info: BoardInfo | undefined;
  present: Present[] = [];
  crowd = 0;
  role = "";
  /** The whole board has arrived once. */
  ready = false;
  private barred = false;
  private readonly staff: boolean;
  private readonly channel: DurableChannel<BoardEvents>;
  private readonly offs: Off[];

  constructor(
    connection: Connection,
    readonly id: string,
    readonly me: string,
    options: WhiteboardOptions = {},
  ) {
    const topic = `whiteboard:${id}`;
    this.staff = options.staff ?? false;
    this.channel = new DurableChannel(connection, topic, {
      shelf: options.shelf ?? storedShelf(me, topic),
      last: 0,
      outbox: { max: GESTURES_WAITING_MAX, merge: mergeOps },
    });
    this.hands = new Hands(me, (event, payload) => this.channel.cast(event, payload));
    this.offs = this.listen();
    void this.outbox.restored.then((entries) => this.restored(entries));
    this.channel.join();
  }

  get outbox(): Outbox {
    return this.channel.outbox;
  }

  isModerator(): boolean {
    return this.staff || (this.role !== "" && this.role !== "member");
  }

  mayDraw(): boolean {
    return !this.barred && (this.isModerator() || !this.board.locked);
  }

  mayChange(id: string): boolean {
    return this.mayDraw() && (this.isModerator() || !this.board.lockedIds.has(id));
  }

  /** One gesture of the user. false: nothing was taken (not allowed, or too much waits). */
  act(ops: readonly ElementOp[], mark?: string): boolean {
    const free = ops.filter((op) => this.mayChange(targetOf(op)));
    if (free.length === 0) return false;
    const changes = changesOf(free, (id) => this.board.get(id));
    const opIds = this.perform(free);
    if (opIds.length > 0) this.undoable.record(opIds, changes, mark);
    this.changed.emit();
    return opIds.length > 0;
  }

  undo(): boolean {
    const did = this.undoable.undo((id) => this.board.get(id), (ops) => this.perform(ops));
    this.changed.emit();
    return did;
  }

  redo(): boolean {
    const did = this.undoable.redo((id) => this.board.get(id), (ops) => this.perform(ops));
    this.changed.emit();
    return did;
  }

  /** Moderators: the board, or some of its elements, become read-only for others. */
  lock(on: boolean, ids?: readonly string[]): boolean {
    return this.outbox.add(on ? "lock" : "unlock", ids ? { ids: [...ids] } : {}) !== null;
  }

  /** Everything goes, whatever lies there when it arrives; it shows when the server has done it, and no undo brings it back. */
  clear(): boolean {
    return this.mayDraw() && this.outbox.add("clear", {}) !== null;
  }

  /** A page of the log, ascending: operations with who and when. */
  history(page: { before?: number; after?: number; limit?: number }): Promise<Answer> {
    return this.channel.push("history", page);
  }

  close(): void {
    for (const off of this.offs) off();
    this.hands.close();
    this.channel.leave();
  }

  /** Into the outbox, in pushes that the server takes, and onto the board. The opIds of what was taken. */
  private perform(ops: readonly ElementOp[]): string[] {
    const opIds: string[] = [];
    for (const some of cut(ops)) {
      const entry = this.outbox.add("ops", { ops: some });
      if (!entry) break;
      opIds.push(entry.opId);
      this.board.propose(entry.opId, some);
    }
    return opIds;
  }

  private listen(): Off[] {
    return [
      this.channel.joined.on(({ reply }) => this.joined(reply)),
      this.channel.event.on((event) => this.came(event)),
      this.channel.ephemeral.on((lanes) => this.hands.receive(lanes)),
      this.channel.presence.on((present) => this.here(present)),
      this.channel.count.on((count) => {
        this.crowd = count;
        this.changed.emit();
      }),
      this.channel.left.on((reason) => this.left.emit(reason)),
      this.outbox.changed.on(() => this.changed.emit()),
      this.outbox.acknowledged.on(({ entry, reply }) => {
        if (typeof reply.seq === "number") this.board.acknowledged((entry.parts ?? [entry]).map((p) => p.opId), reply.seq);
      }),
      this.outbox.refused.on((entry) => this.turnedDown(entry)),
    ];
  }

  private joined(reply: JoinReply): void {
    const info = reply.whiteboard as BoardInfo | undefined;
    if (info) this.info = { ...this.info, ...info };
    this.role = reply.role ?? this.role;
    this.board.locks(info?.locked === true, info?.lockedIds ?? []);
    this.barred = reply.readOnly === true && !(this.board.locked && !this.isModerator());
    this.hands.reset();
    this.changed.emit();
  }

  private came({ name, payload, own }: ChannelEvent<BoardEvents>): void {
    if (name === "snapshot") {
      this.board.snapshot(payload.part, payload.parts, payload.seq, payload.elements);
      this.ready ||= payload.part === payload.parts;
    } else if (name === "ops") {
      this.hands.finished(payload.ops.map((op) => (op.op === "put" ? op.el.id : "")));
      this.board.apply(payload.seq, payload.ops, own);
    } else {
      this.board.passed(payload.seq);
      if (name === "whiteboard:updated") this.updated(payload);
      else if (name === "whiteboard:deleted") this.left.emit("deleted");
    }
    this.changed.emit();
  }

  private updated({ title, locked, ids }: BoardEvents["whiteboard:updated"]): void {
    if (title !== undefined && this.info) this.info = { ...this.info, title };
    if (locked !== undefined) this.board.lock(locked, ids);
  }

  private here(present: Present[]): void {
    this.present = present;
    this.crowd = 0;
    this.hands.keepOnly(new Set(present.map((p) => p.userId)));
    this.changed.emit();
  }

  /** What an earlier page did not get rid of shows as it did there. */
  private restored(entries: readonly Entry[]): void {
    for (const entry of entries) if (entry.event === "ops" && entry.state !== "failed") this.proposeAgain(entry);
    for (const entry of entries) if (entry.state === "failed") this.outbox.discard(entry.opId);
  }

  private proposeAgain(entry: Entry): void {
    for (const part of entry.parts ?? [entry]) this.board.propose(part.opId, part.payload.ops as ElementOp[]);
  }

  private turnedDown(entry: Entry): void {
    this.outbox.discard(entry.opId);
    this.board.refused(entry.opId);
    this.undoable.forget(entry.opId);
    this.refused.emit(entry);
    this.changed.emit();
  }
}

const weights = new WeakMap<object, number>();

function weight(op: object): number {
  let n = weights.get(op);
  if (n === undefined) weights.set(op, (n = JSON.stringify(op).length + 1));
  return n;
}

const total = (ops: readonly object[]) => ops.reduce((sum: number, op) => sum + weight(op), 0);

/** Two pushes of operations as one, while the server would take it. */
export function mergeOps(first: Record<string, unknown>, second: Record<string, unknown>, event: string): Record<string, unknown> | null {
  if (event !== "ops") return null;
  const ops = [...(first.ops as Op[]), ...(second.ops as Op[])];
  return ops.length <= OPS_MAX && total(ops) <= PUSH_BYTES ? { ops } : null;
}

function cut(ops: readonly ElementOp[]): ElementOp[][] {
  const pushes: ElementOp[][] = [];
  let bytes = 0;
  for (const op of ops) {
    const last = pushes[pushes.length - 1];
    if (!last || last.length === OPS_MAX || bytes + weight(op) > PUSH_BYTES) {
      pushes.push([op]);
      bytes = weight(op);
    } else {
      last.push(op);
      bytes += weight(op);
    }
  }
  return pushes;
}
