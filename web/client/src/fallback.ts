/*
 * Long polling where no WebSocket comes through: the stock Socket's own fallback, held back where it does harm. Once a WebSocket has
 * brought something, failures are the server's or the network's and it is tried again alone; after several, or in a client that never
 * had one, long polling follows each attempt that fails. Whoever polls tries a WebSocket first when it reconnects: nothing is remembered.
 */
import { LongPoll, type Socket, type SocketConnectOption } from "phoenix";

/** Proxies that swallow a handshake do not even refuse it. */
const SWALLOWED_MS = 2_500;
/** Somebody may have carried the computer to another network. */
const DOUBT_AFTER = 5;

/** What the typings do not show of it. */
type Inside = Socket & { transport: unknown; longPollFallbackMs: number | undefined };

export const fallbackOptions = {
  longPollFallbackMs: SWALLOWED_MS,
  sessionStorage: { getItem: () => null, setItem: () => undefined },
} as unknown as Partial<SocketConnectOption>;

export class Fallback {
  private readonly socket: Inside;
  private readonly primary: unknown;

  constructor(socket: Socket) {
    this.socket = socket as Inside;
    this.primary = this.socket.transport;
    socket.onMessage(() => {
      if (this.socket.transport !== LongPoll) this.socket.longPollFallbackMs = undefined;
    });
  }

  /** Before each further attempt: `failures` in a row came before it. */
  again(failures: number): void {
    this.socket.transport = this.primary;
    if (failures >= DOUBT_AFTER) this.socket.longPollFallbackMs = SWALLOWED_MS;
  }
}
