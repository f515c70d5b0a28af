/*
 * The one socket of a client: stock phoenix Socket with full-jitter back-off, a probe when the network is in doubt, and the end of a
 * session (close code 4001, or a handshake that the server refuses while `stillSignedIn` says no). Channels rejoin by themselves. Where no
 * WebSocket comes through it polls (fallback.ts).
 * In a browser the session is the cookie; elsewhere give an API token and, before Node 22, a WebSocket.
 */
import { Socket, type SocketConnectOption } from "phoenix";
import { msgpack } from "./codec";
import { Fallback, fallbackOptions } from "./fallback";
import { Signal } from "./signal";
import { jitter } from "./wire";

export type Link = "connecting" | "online" | "lost";

const HEARTBEAT_MS = 15_000;
const PROBE_MS = 4_000;
const SESSION_ENDED = 4001;
/** A handshake's status is hidden from pages, so every so many failures the session is asked about. */
const ASK_EVERY = 4;

export interface ConnectionOptions {
  /** Where the socket is, without "/websocket" ("/socket"). */
  url?: string;
  encoding?: "json" | "msgpack";
  /** An API token, sent as a subprotocol. */
  token?: string;
  transport?: unknown;
  /** Long polling where WebSockets fail; on unless false. */
  longPolling?: boolean;
  /** Asked after a refused handshake; false ends the session. */
  stillSignedIn?: () => Promise<boolean>;
}

export class Connection {
  readonly socket: Socket;
  readonly changed = new Signal<Link>();
  readonly ended = new Signal();
  link: Link = "connecting";
  private readonly fallback: Fallback | undefined;
  private failures = 0;
  private wanted = false;
  private probing: ReturnType<typeof setTimeout> | undefined;
  private readonly doubt = () => this.check();
  private readonly stillSignedIn: () => Promise<boolean>;

  constructor(options: ConnectionOptions = {}) {
    this.stillSignedIn = options.stillSignedIn ?? (() => Promise.resolve(true));
    this.socket = new Socket(options.url ?? "/socket", socketOptions(options));
    this.fallback = options.longPolling === false ? undefined : new Fallback(this.socket);
    this.socket.onOpen(() => this.opened());
    this.socket.onClose((event) => this.closed(event));
  }

  open(): void {
    this.wanted = true;
    globalThis.addEventListener?.("online", this.doubt);
    globalThis.addEventListener?.("offline", this.doubt);
    this.socket.connect();
  }

  close(): void {
    this.wanted = false;
    globalThis.removeEventListener?.("online", this.doubt);
    globalThis.removeEventListener?.("offline", this.doubt);
    clearTimeout(this.probing);
    this.socket.disconnect();
  }

  /** Drops the connection and makes a new one now; every channel resumes. */
  reconnect(): void {
    if (!this.wanted) return;
    clearTimeout(this.probing);
    this.probing = undefined;
    this.set("lost");
    this.fallback?.again(this.failures);
    this.socket.disconnect();
    this.socket.connect();
  }

  /** The network changed or an answer is late: is the connection alive? */
  check(): void {
    if (!this.wanted) return;
    if (!this.socket.isConnected()) return globalThis.navigator?.onLine === false ? this.set("lost") : this.reconnect();
    if (this.probing) return;
    this.probing = setTimeout(() => this.reconnect(), PROBE_MS);
    this.socket.ping(() => {
      clearTimeout(this.probing);
      this.probing = undefined;
    });
  }

  private opened(): void {
    this.failures = 0;
    clearTimeout(this.probing);
    this.probing = undefined;
    this.set("online");
  }

  private closed(event: CloseEvent): void {
    if (event.code === SESSION_ENDED) {
      this.close();
      this.ended.emit();
      return;
    }
    if (this.link === "online") this.failures = 0;
    this.set("lost");
    this.fallback?.again(this.failures);
    if (this.failures++ % ASK_EVERY === 0) void this.ask();
  }

  private async ask(): Promise<void> {
    if (await this.stillSignedIn()) return;
    this.close();
    this.ended.emit();
  }

  private set(link: Link): void {
    if (link === this.link) return;
    this.link = link;
    this.changed.emit(link);
  }
}

function socketOptions(options: ConnectionOptions): Partial<SocketConnectOption> {
  const binary = options.encoding === "msgpack" ? { params: { encoding: "msgpack" }, encode: msgpack.encode, decode: msgpack.decode } : {};
  return {
    heartbeatIntervalMs: HEARTBEAT_MS,
    reconnectAfterMs: (tries: number) => jitter(tries, 250, 15_000),
    rejoinAfterMs: (tries: number) => jitter(tries, 250, 8_000),
    ...(options.token ? { authToken: options.token } : {}),
    ...(options.transport ? { transport: options.transport } : {}),
    ...(options.longPolling === false ? {} : fallbackOptions),
    ...binary,
  } as Partial<SocketConnectOption>;
}
