/*
 * The one socket of a page: stock phoenix Socket with full-jitter back-off, a probe when the network is in doubt, and the end of a
 * session (close code 4001, or a handshake that the server refuses while `stillSignedIn` says no). Channels rejoin by themselves.
 */
import { Socket } from "phoenix";
import { Signal } from "./signal";
import { jitter } from "./wire";

export type Link = "connecting" | "online" | "lost";

const HEARTBEAT_MS = 15_000;
const PROBE_MS = 4_000;
const SESSION_ENDED = 4001;
/** A handshake's status is hidden from pages, so every so many failures the session is asked about. */
const ASK_EVERY = 4;

export class Connection {
  readonly socket: Socket;
  readonly changed = new Signal<Link>();
  readonly ended = new Signal();
  link: Link = "connecting";
  private failures = 0;
  private probing: ReturnType<typeof setTimeout> | undefined;
  private readonly onOnline = () => this.check();
  private readonly onOffline = () => this.check();

  constructor(private readonly stillSignedIn: () => Promise<boolean>) {
    this.socket = new Socket("/socket", {
      heartbeatIntervalMs: HEARTBEAT_MS,
      reconnectAfterMs: (tries) => jitter(tries, 250, 15_000),
      rejoinAfterMs: (tries) => jitter(tries, 250, 8_000),
    });
    this.socket.onOpen(() => this.opened());
    this.socket.onClose((event) => this.closed(event));
  }

  open(): void {
    addEventListener("online", this.onOnline);
    addEventListener("offline", this.onOffline);
    this.socket.connect();
  }

  close(): void {
    removeEventListener("online", this.onOnline);
    removeEventListener("offline", this.onOffline);
    clearTimeout(this.probing);
    this.socket.disconnect();
  }

  /** Drops the connection and makes a new one now; every channel resumes. */
  reconnect(): void {
    clearTimeout(this.probing);
    this.probing = undefined;
    this.set("lost");
    this.socket.disconnect();
    this.socket.connect();
  }

  /** The network changed or an answer is late: is the connection alive? */
  check(): void {
    if (!this.socket.isConnected()) return navigator.onLine ? this.reconnect() : this.set("lost");
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
