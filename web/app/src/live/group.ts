/*
 * One group live: a durable channel feeding a room, the ephemeral lane beside it, and the pushes that a member or moderator can
 * make. Views read `room`, `present`, `fleeting`, `outbox` and listen to `changed`; they send only through the methods here.
 */
import { type Answer, type Connection, DurableChannel, type Entry, Fleeting, type GroupEvents, type Off, type Outbox, type Present, type PushReply, storedShelf, Signal } from "@stacgate/client";
import { isLocked, Room, type GroupInfo, type Message } from "./room";

const PAGE = 50;
const HISTORY_AGAIN_MS = 2_000;

/** Staff (by their role in the school) moderate everywhere. */
export interface Me {
  id: string;
  name: string;
  staff: boolean;
}

/** Nobody acts on somebody of their own rank or above. */
const RANK: Record<string, number> = { member: 1, moderator: 2, admin: 3 };

export class Group {
  readonly changed = new Signal();
  /** A message of somebody else that came live. */
  readonly arrived = new Signal<Message>();
  readonly left = new Signal<string>();
  readonly refused = new Signal<Entry>();
  readonly room = new Room();
  readonly fleeting: Fleeting;
  present: Present[] = [];
  /** How many are here when they are too many to list. */
  crowd = 0;
  role = "";
  /** Nobody may write here any more. */
  archived = false;
  /** We were muted before we came; until when, only the server knows. */
  silenced = false;
  ready = false;
  /** The last messages have all come (presence follows them): from then on `hasOlder` says whether there are more above. */
  whole = false;
  hasOlder = false;
  loadingOlder = false;
  private historyAfter = 0;
  private readonly channel: DurableChannel<GroupEvents>;
  private readonly offs: Off[];

  constructor(
    connection: Connection,
    readonly id: string,
    readonly me: Me,
  ) {
    const topic = `group:${id}`;
    this.channel = new DurableChannel(connection, topic, { shelf: storedShelf(me.id, topic), last: PAGE });
    this.fleeting = new Fleeting(me.id, (event, payload) => this.channel.cast(event, payload));
    this.room.learn(me.id, me.name);
    this.offs = this.listen();
    this.channel.join();
  }

  get outbox(): Outbox {
    return this.channel.outbox;
  }

  get seq(): number {
    return this.channel.seq;
  }

  isModerator(): boolean {
    return this.role !== "" && this.role !== "member";
  }

  /** May we mute, remove or promote this person? */
  governs(userId: string): boolean {
    const theirs = RANK[this.roleOf(userId)];
    if (userId === this.me.id || theirs === undefined) return false;
    return this.me.staff || (this.isModerator() && (RANK[this.role] ?? 0) > theirs);
  }

  roleOf(userId: string): string {
    return this.room.people.get(userId)?.role ?? this.present.find((p) => p.userId === userId)?.metas[0]?.role ?? "";
  }

  close(): void {
    for (const off of this.offs) off();
    this.fleeting.close();
    this.channel.leave();
  }

  /** false: the queue of unsent pushes is full. */
  send(content: string, options: { replyToId?: string; mentions?: string[] }): boolean {
    const payload: Record<string, unknown> = { type: "text", content };
    if (options.replyToId) payload.replyToId = options.replyToId;
    if (options.mentions?.length) payload.metadata = { mentions: options.mentions };
    this.fleeting.sayTyping(false);
    return this.channel.outbox.add("message:new", payload) !== null;
  }

  /** Any other durable push of the protocol's table. */
  act(event: string, payload: Record<string, unknown>): boolean {
    return this.channel.outbox.add(event, payload) !== null;
  }

  react(messageId: string, emoji: string): boolean {
    const mine = this.room.find(messageId)?.reactions.get(emoji)?.has(this.me.id) ?? false;
    return this.act(mine ? "reaction:remove" : "reaction:add", { messageId, emoji });
  }

  report(id: string, reason: string): Promise<Answer> {
    return this.channel.push("message:report", { id, reason });
  }

  /** May be called at every scroll: one page at a time, and a refused one is asked for again only after a while. */
  async loadOlder(): Promise<void> {
    const oldest = this.room.messages[0];
    if (!oldest || !this.hasOlder || this.loadingOlder || Date.now() < this.historyAfter) return;
    this.loadingOlder = true;
    this.changed.emit();
    this.room.historyBegins();
    const answer = await this.channel.push("history", { before: oldest.seq, limit: PAGE });
    this.loadingOlder = false;
    const events = answer.status === "ok" ? (answer.reply.events as { payload: Record<string, unknown> }[]) : [];
    this.room.historyEnds(events.map((e) => e.payload));
    if (answer.status === "ok") this.hasOlder = answer.reply.hasMore === true;
    else this.historyLater();
    this.changed.emit();
  }

  private historyLater(): void {
    this.historyAfter = Date.now() + HISTORY_AGAIN_MS;
    setTimeout(() => this.changed.emit(), HISTORY_AGAIN_MS);
  }

  private listen(): Off[] {
    return [
      this.channel.joined.on(({ reply, resumed }) => this.joined(reply, resumed)),
      this.channel.event.on(({ name, payload, fresh }) => {
        this.room.apply(name, payload);
        if (name === "message") this.messageCame(String(payload.id), fresh);
        if (name === "member:unmuted" && payload.userId === this.me.id) this.silenced = false;
        if (name === "member:role" && payload.userId === this.me.id) this.role = String(payload.role ?? this.role);
        this.changed.emit();
      }),
      this.channel.presence.on((present) => this.here(present)),
      this.channel.count.on((count) => {
        this.crowd = count;
        this.allCame();
        this.changed.emit();
      }),
      this.channel.ephemeral.on((lanes) => this.fleeting.receive(lanes)),
      this.channel.left.on((reason) => this.left.emit(reason)),
      this.fleeting.changed.on(() => this.changed.emit()),
      this.outbox.changed.on(() => this.changed.emit()),
      this.outbox.acknowledged.on(({ entry, reply }) => this.acknowledged(entry, reply)),
      this.outbox.refused.on((entry) => this.refused.emit(entry)),
    ];
  }

  private joined(reply: Record<string, unknown> & { role?: string; readOnly?: boolean; head: number }, resumed: boolean): void {
    if (!resumed) {
      this.room.clear();
      this.whole = this.hasOlder = false;
    }
    const group = reply.group as GroupInfo | undefined;
    if (group) this.room.group = { ...this.room.group, ...group };
    this.role = reply.role ?? this.role;
    this.archived = this.room.group?.status === "archived";
    this.silenced = reply.readOnly === true && !this.archived && !isLocked(this.room.group);
    this.ready = true;
    this.fleeting.reset();
    this.changed.emit();
  }

  /** Asked for earlier, what lies above would be asked for with every frame that shows but a few of them. */
  private allCame(): void {
    if (this.whole) return;
    this.whole = true;
    this.hasOlder = (this.room.messages[0]?.seq ?? 0) > 1;
  }

  private messageCame(id: string, fresh: boolean): void {
    const message = this.room.find(id);
    if (!message) return;
    this.fleeting.stopped(message.senderId);
    if (fresh && message.senderId !== this.me.id) this.arrived.emit(message);
  }

  private here(present: Present[]): void {
    this.present = present;
    this.crowd = 0;
    this.allCame();
    for (const { userId, metas } of present) this.room.learn(userId, metas[0]?.name);
    this.changed.emit();
  }

  private acknowledged(entry: Entry, reply: PushReply): void {
    if (entry.event !== "message:new" || !reply.id || typeof reply.seq !== "number") return;
    const { content, replyToId, metadata } = entry.payload as { content: string; replyToId?: string; metadata?: { mentions?: string[] } };
    this.room.acknowledged({
      id: reply.id,
      seq: reply.seq,
      senderId: this.me.id,
      type: "text",
      content,
      replyToId,
      createdAt: reply.createdAt ?? new Date().toISOString(),
      isDeleted: false,
      mentions: metadata?.mentions ?? [],
      reactions: new Map(),
    });
    this.changed.emit();
  }
}
