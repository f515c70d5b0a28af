/*
 * The `user:` channel: what concerns one person, unnumbered. A cut loses such events, so `joined` tells listeners to read again
 * over REST what they show.
 */
import type { Connection } from "./connection";
import { Signal } from "./signal";

export interface Unread {
  studyGroupId: string;
  seq: number;
  unreadCount: number;
}

export class PersonChannel {
  readonly joined = new Signal();
  readonly unread = new Signal<Unread>();
  readonly revoked = new Signal();

  constructor(connection: Connection, userId: string) {
    const channel = connection.socket.channel(`user:${userId}`, {});
    channel.on("group:unread", (payload: Unread) => this.unread.emit(payload));
    channel.on("session:revoked", () => this.revoked.emit());
    channel.join().receive("ok", () => this.joined.emit());
  }
}
