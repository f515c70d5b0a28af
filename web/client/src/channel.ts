/*
 * One durable channel over the stock client: joins and resumes with a params function, hands out numbered events in order and once,
 * keeps presence by the stock Presence class, and queues durable pushes in an outbox. It knows nothing of what the events mean; their
 * names and payloads are the type parameter.
 */
import { Presence, type Channel } from "phoenix";
import type { Connection } from "./connection";
import type { AnyEvents, ChannelEvent, EventMap } from "./events";
import { Outbox, type OutboxOptions, type Shelf } from "./outbox";
import { Position } from "./position";
import { Signal } from "./signal";
import type { Answer, DurableEvent, JoinReply, Meta, PushReply } from "./wire";

const PUSH_MS = 8_000;
/** Refusals that no repetition changes. */
const FINAL = new Set(["forbidden", "not_found", "unmatched_topic"]);
/** What the client itself makes or reads elsewhere; everything else with a `seq` is a numbered event. */
const UNNUMBERED = new Set(["phx_reply", "phx_close", "phx_error", "presence_state", "presence_diff"]);

export interface Present {
  userId: string;
  metas: Meta[];
}

export interface Joined {
  reply: JoinReply;
  /** false: what was shown before may have holes; forget it, a snapshot follows. */
  resumed: boolean;
}

export interface ChannelOptions {
  shelf: Shelf;
  /** Messages to ask for where resuming fails. 0: the channel sends `snapshot` events. */
  last: number;
  outbox?: OutboxOptions;
}

export class DurableChannel<E extends EventMap = AnyEvents> {
  readonly joined = new Signal<Joined>();
  readonly event = new Signal<ChannelEvent<E>>();
  readonly ephemeral = new Signal<Record<string, Record<string, unknown>>>();
  readonly presence = new Signal<Present[]>();
  readonly count = new Signal<number>();
  readonly left = new Signal<string>();
  readonly outbox: Outbox;
  private readonly position: Position;
  private readonly channel: Channel;
  private readonly roster: Presence;
  /** Pushes on their way: a cut ends them at once, not at their time-out. */
  private readonly waiting = new Set<(answer: Answer) => void>();
  private leaving = false;
  private ticket: string | undefined;

  constructor(
    private readonly connection: Connection,
    topic: string,
    private readonly options: ChannelOptions,
  ) {
    this.position = new Position(options.last);
    this.channel = connection.socket.channel(topic, () => this.params());
    this.outbox = new Outbox(options.shelf, (entry) => this.push(entry.event, { ...entry.payload, opId: entry.opId }), options.outbox);
    this.roster = new Presence(this.channel);
    this.listen();
  }

  get seq(): number {
    return this.position.seq;
  }

  join(): void {
    this.channel
      .join()
      .receive("ok", (reply: JoinReply) => this.welcome(reply))
      .receive("error", (refusal: { reason?: string }) => this.turnedAway(refusal.reason ?? "unavailable"));
  }

  leave(): void {
    this.leaving = true;
    this.outbox.closed();
    this.channel.leave();
  }

  isJoined(): boolean {
    return this.connection.socket.isConnected() && this.channel.state === "joined";
  }

  /** An unnumbered push that matters only now: dropped when the channel is not joined. */
  cast(event: string, payload: object): void {
    if (this.isJoined()) this.channel.push(event, payload, PUSH_MS);
  }

  /** A push whose answer the caller waits for; never sent later than now. */
  push(event: string, payload: object): Promise<Answer> {
    if (!this.isJoined()) return Promise.resolve({ status: "error", reason: "not_joined" });
    return new Promise((resolve) => {
      const answer = (a: Answer) => {
        this.waiting.delete(answer);
        resolve(a);
      };
      this.waiting.add(answer);
      this.channel
        .push(event, payload, PUSH_MS)
        .receive("ok", (reply: PushReply) => answer({ status: "ok", reply }))
        .receive("error", (r: { reason?: string; retryAfter?: number; errors?: { field?: string }[] }) =>
          answer({ status: "error", reason: r.reason ?? "unavailable", field: r.errors?.[0]?.field, retryAfter: r.retryAfter }),
        )
        .receive("timeout", () => {
          answer({ status: "timeout" });
          this.connection.check();
        });
    });
  }

  private params(): Record<string, unknown> {
    const params = this.position.params();
    return this.ticket ? { ...params, ticket: this.ticket } : params;
  }

  private listen(): void {
    this.channel.onMessage = (name: string, payload: unknown) => {
      if (!UNNUMBERED.has(name)) this.receive(name, payload);
      return payload;
    };
    this.channel.onError(() => this.lost());
    this.channel.onClose(() => {
      this.lost();
      if (!this.leaving) this.left.emit("closed");
    });
    this.roster.onSync(() => {
      this.presenceCame();
      this.presence.emit(this.roster.list((userId, entry: { metas: Meta[] }) => ({ userId, metas: entry.metas })));
    });
  }

  private lost(): void {
    this.outbox.closed();
    for (const answer of [...this.waiting]) answer({ status: "error", reason: "not_joined" });
  }

  private welcome(reply: JoinReply): void {
    this.ticket = typeof reply.ticket === "string" ? reply.ticket : undefined;
    const resumed = this.position.joined(reply);
    this.joined.emit({ reply, resumed });
    this.outbox.opened();
  }

  private turnedAway(reason: string): void {
    this.ticket = undefined;
    if (!FINAL.has(reason)) return;
    this.leave();
    this.left.emit(reason);
  }

  private receive(name: string, payload: unknown): void {
    if (name.startsWith("chan_reply_") || typeof payload !== "object" || payload === null) return;
    if (name === "ephemeral") return this.ephemeral.emit(payload as Record<string, Record<string, unknown>>);
    if (name === "presence_count") {
      this.presenceCame();
      return this.count.emit(Number((payload as { count?: number }).count) || 0);
    }
    const event = payload as DurableEvent;
    if (typeof event.seq === "number") this.numbered(name, event);
  }

  /** It follows the last messages; a snapshot in parts says itself when it is whole. */
  private presenceCame(): void {
    if (this.options.last > 0) this.position.settle();
  }

  private numbered(name: string, payload: DurableEvent): void {
    if (name === "snapshot") {
      this.position.snapshot(payload.seq, payload.part === payload.parts);
      return this.tell(name, payload, false, []);
    }
    const verdict = this.position.take(payload.seq);
    if (verdict === "gap") return this.connection.reconnect();
    this.tell(name, payload, verdict === "next", payload.opId ? this.outbox.seen(payload.opId) : []);
  }

  private tell(name: string, payload: DurableEvent, fresh: boolean, own: string[]): void {
    this.event.emit({ name, payload, fresh, own } as ChannelEvent<E>);
  }
}
