/*
 * What travels: the shapes of the protocol's replies and events, and ids for pushes. Everything here comes from the server and is
 * shown as text only.
 */
export interface JoinReply {
  epoch: string;
  seq: number;
  head: number;
  recovered: boolean;
  role?: string;
  readOnly?: boolean;
  ticket?: string;
  [more: string]: unknown;
}

export interface PushReply {
  seq?: number;
  id?: string;
  createdAt?: string;
  [more: string]: unknown;
}

export type Answer =
  | { status: "ok"; reply: PushReply }
  /** `field`: what of the push was at fault, where the server says so. */
  | { status: "error"; reason: string; field?: string; retryAfter?: number }
  | { status: "timeout" };

/** What every numbered event carries; the rest depends on its name. */
export interface DurableEvent {
  seq: number;
  at?: string;
  by?: string;
  opId?: string;
  [more: string]: unknown;
}

export interface Card {
  id: string;
  firstName?: string | null;
  lastName?: string | null;
  profileImageUrl?: string | null;
}

export interface Meta {
  phx_ref: string;
  online_at?: number | string;
  name?: string;
  role?: string;
  device?: string;
  status?: string;
}

/** An operation's id: 96 random bits, which is what makes a repeated push have no second effect. */
export function newOpId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Full jitter: a class that lost its server must not come back in one instant. */
export function jitter(tries: number, base: number, most: number): number {
  return Math.round(Math.random() * Math.min(most, base * 2 ** Math.min(tries, 16))) + 50;
}
