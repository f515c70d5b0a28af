/*
 * What a group looks like after the events so far: messages in `seq` order, notices between them, names, roles. Pure: the
 * channel feeds it, views read it. Invariant: applying an event twice, or a message's current state before the events that led
 * to it, ends in the same picture, so history and live events may cross.
 */
import type { Card, DurableEvent } from "@stacgate/client";

export interface Message {
  id: string;
  seq: number;
  senderId: string;
  type: string;
  content: string;
  createdAt: string;
  replyToId?: string;
  editedAt?: string;
  isDeleted: boolean;
  mentions: string[];
  reactions: Map<string, Set<string>>;
  /** Made from our own push's reply; its event has not come yet. */
  provisional?: boolean;
}

/** Something that happened to the group, told between the messages. */
export interface Notice {
  seq: number;
  at: string;
  kind: string;
  by?: string;
  userId?: string;
  role?: string;
}

export interface Person {
  name: string;
  role?: string;
}

export interface GroupInfo {
  id: string;
  name: string;
  description?: string | null;
  currentMembers?: number;
  maxMembers?: number;
  isPublic?: boolean;
  lastReadSeq?: number;
  settings?: Record<string, unknown> | null;
  status?: string;
  [more: string]: unknown;
}

const NOTICES = new Set(["member:joined", "member:left", "member:muted", "member:unmuted", "member:kicked", "member:role"]);
/** Events whose target may be in a page of history that is still on its way. */
const AMENDMENTS = new Set(["message:updated", "message:deleted", "reaction:added", "reaction:removed"]);

export function cardName(card: Card | undefined): string {
  return card ? [card.firstName, card.lastName].filter(Boolean).join(" ").trim() : "";
}

export class Room {
  messages: Message[] = [];
  notices: Notice[] = [];
  readonly people = new Map<string, Person>();
  group: GroupInfo | undefined;
  /** Until when each muted person may not write (ms; Infinity: until unmuted). */
  readonly mutedUntil = new Map<string, number>();
  private byId = new Map<string, Message>();
  private orphans: { name: string; payload: DurableEvent }[] | undefined;

  find(id: string): Message | undefined {
    return this.byId.get(id);
  }

  name(userId: string): string {
    return this.people.get(userId)?.name ?? "";
  }

  learn(userId: string, name: string | undefined, role?: string): void {
    const known = this.people.get(userId);
    if (!name && !known) return;
    this.people.set(userId, { name: name || known?.name || "", role: role ?? known?.role });
  }

  clear(): void {
    this.messages = [];
    this.notices = [];
    this.byId.clear();
    this.orphans = undefined;
  }

  /** Changes to messages that are not here yet are kept from here to `historyEnds`. */
  historyBegins(): void {
    this.orphans = [];
  }

  historyEnds(payloads: readonly Record<string, unknown>[]): void {
    for (const payload of payloads) this.put(payload);
    const orphans = this.orphans ?? [];
    this.orphans = undefined;
    for (const { name, payload } of orphans) this.apply(name, payload);
  }

  /** A message as it stands. One that is here already is newer or the same. */
  put(payload: Record<string, unknown>): void {
    const message = readMessage(payload);
    if (!message) return;
    this.learn(message.senderId, cardName(payload.sender as Card | undefined));
    const known = this.byId.get(message.id);
    if (known && !known.provisional) return;
    if (known) this.messages.splice(this.messages.indexOf(known), 1);
    this.insert(message);
  }

  /** Our own push was acknowledged before its event came. */
  acknowledged(message: Message): void {
    if (!this.byId.has(message.id)) this.insert({ ...message, provisional: true });
  }

  apply(name: string, payload: DurableEvent): void {
    if (name === "message") return this.put(payload);
    if (AMENDMENTS.has(name)) return this.amend(name, payload);
    if (name === "group:updated") return this.updateGroup(payload);
    if (NOTICES.has(name)) this.member(name, payload);
  }

  private insert(message: Message): void {
    this.byId.set(message.id, message);
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1]!.seq > message.seq) at--;
    this.messages.splice(at, 0, message);
  }

  private amend(name: string, payload: DurableEvent): void {
    const id = text(payload.messageId) ?? text(payload.id);
    const message = id ? this.byId.get(id) : undefined;
    if (!message) {
      this.orphans?.push({ name, payload });
      return;
    }
    if (name === "message:updated") {
      message.content = text(payload.content) ?? message.content;
      message.editedAt = text(payload.editedAt) ?? payload.at;
      message.mentions = readMentions(payload.metadata) ?? message.mentions;
    } else if (name === "message:deleted") {
      erase(message);
    } else {
      react(message, text(payload.emoji) ?? "", text(payload.userId) ?? payload.by ?? "", name === "reaction:added");
    }
  }

  private updateGroup(payload: DurableEvent): void {
    const { seq, at, by, opId: _opId, locked, settings, ...changed } = payload;
    if (this.group) {
      const lock = typeof locked === "boolean" ? { locked } : {};
      this.group = { ...this.group, ...changed, settings: { ...this.group.settings, ...(settings as object | undefined), ...lock } };
    }
    const kind = locked === undefined ? "group:updated" : locked ? "group:locked" : "group:unlocked";
    this.notices.push({ seq, at: at ?? "", kind, by });
  }

  private member(kind: string, payload: DurableEvent): void {
    const userId = text(payload.userId) ?? payload.by ?? "";
    const role = text(payload.role);
    const card = (payload.user ?? payload.member) as Card | undefined;
    this.learn(userId, cardName(card), kind === "member:role" ? role : undefined);
    if (kind === "member:muted") this.mutedUntil.set(userId, until(payload));
    if (kind === "member:unmuted") this.mutedUntil.delete(userId);
    if (this.group && typeof payload.currentMembers === "number") this.group.currentMembers = payload.currentMembers;
    this.notices.push({ seq: payload.seq, at: payload.at ?? "", kind, by: payload.by, userId, role });
  }
}

/** A locked group is one where only moderators write. */
export function isLocked(group: GroupInfo | undefined): boolean {
  return group?.settings?.moderatorOnly === true || group?.settings?.locked === true;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function until(payload: DurableEvent): number {
  const end = Date.parse(text(payload.until) ?? "");
  return Number.isNaN(end) ? Infinity : end;
}

function erase(message: Message): void {
  message.isDeleted = true;
  message.content = "";
  message.mentions = [];
  message.reactions.clear();
}

function react(message: Message, emoji: string, userId: string, on: boolean): void {
  const who = message.reactions.get(emoji) ?? new Set<string>();
  if (on) who.add(userId);
  else who.delete(userId);
  if (who.size > 0) message.reactions.set(emoji, who);
  else message.reactions.delete(emoji);
}

function readMentions(metadata: unknown): string[] | undefined {
  const mentions = (metadata as { mentions?: unknown } | null | undefined)?.mentions;
  return Array.isArray(mentions) ? mentions.filter((m): m is string => typeof m === "string") : undefined;
}

function readReactions(value: unknown): Map<string, Set<string>> {
  const reactions = new Map<string, Set<string>>();
  if (!Array.isArray(value)) return reactions;
  for (const { emoji, userIds } of value as { emoji?: string; userIds?: string[] }[]) {
    if (emoji && Array.isArray(userIds)) reactions.set(emoji, new Set(userIds));
  }
  return reactions;
}

export function readMessage(p: Record<string, unknown>): Message | undefined {
  const id = text(p.id);
  const senderId = text(p.senderId) ?? (p.sender as Card | undefined)?.id;
  if (!id || !senderId || typeof p.seq !== "number") return undefined;
  return {
    id,
    seq: p.seq,
    senderId,
    type: text(p.type) ?? "text",
    content: text(p.content) ?? "",
    createdAt: text(p.createdAt) ?? text(p.at) ?? new Date().toISOString(),
    replyToId: text(p.replyToId),
    editedAt: text(p.editedAt),
    isDeleted: p.isDeleted === true,
    mentions: readMentions(p.metadata) ?? [],
    reactions: readReactions(p.reactions),
  };
}
