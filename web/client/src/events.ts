/* The numbered events of each kind of channel, by name. A listener that asks for the name knows the payload. */
import type { Element, Op } from "./elements";
import type { Card, DurableEvent } from "./wire";

export type EventMap = Record<string, DurableEvent>;

export interface MessageEvent extends DurableEvent {
  id: string;
  senderId: string;
  sender?: Card;
  type: string;
  content: string;
  metadata?: Record<string, unknown> | null;
  replyToId?: string | null;
  createdAt: string;
}

export interface ReactionEvent extends DurableEvent {
  messageId: string;
  emoji: string;
  userId: string;
}

export interface MemberEvent extends DurableEvent {
  userId: string;
  role?: string;
  until?: string;
  user?: Card;
}

export type GroupEvents = {
  message: MessageEvent;
  "message:updated": DurableEvent & { id: string; content: string; editedAt?: string };
  "message:deleted": DurableEvent & { id: string };
  "reaction:added": ReactionEvent;
  "reaction:removed": ReactionEvent;
  "poll:updated": DurableEvent;
  "member:joined": MemberEvent;
  "member:left": MemberEvent;
  "member:muted": MemberEvent;
  "member:unmuted": MemberEvent;
  "member:kicked": MemberEvent;
  "member:role": MemberEvent;
  "group:updated": DurableEvent;
};

export type BoardEvents = {
  snapshot: DurableEvent & { part: number; parts: number; elements: Element[] };
  ops: DurableEvent & { ops: Op[] };
  "whiteboard:updated": DurableEvent & { title?: string; locked?: boolean; ids?: string[] };
  "whiteboard:deleted": DurableEvent;
};

export type AnyEvents = EventMap;

/**
 * `fresh` tells live and replayed events from a snapshot, which repeats what lies before our position. `own`: the pushes of this
 * client (by opId) that the event is the effect of.
 */
export type ChannelEvent<E extends EventMap> = { [K in keyof E & string]: { name: K; payload: E[K]; fresh: boolean; own: string[] } }[keyof E & string];
