/*
 * The ephemeral lane of a group: who is typing, who has read how far. Nothing here is kept; a typist who says nothing more for
 * six seconds has stopped. What we send is limited here, so that views may call as often as they like.
 */
import { Signal } from "./signal";

const TYPING_MS = 6_000;
const SAY_TYPING_MS = 3_000;
const SAY_READ_MS = 1_000;

export class Fleeting {
  readonly changed = new Signal();
  readonly reads = new Map<string, number>();
  private typists = new Map<string, ReturnType<typeof setTimeout>>();
  private saidTyping = 0;
  private saidRead = 0;
  private readTimer: ReturnType<typeof setTimeout> | undefined;
  private readSeq = 0;

  constructor(
    private readonly me: string,
    private readonly cast: (event: string, payload: object) => void,
  ) {}

  typing(): string[] {
    return [...this.typists.keys()];
  }

  receive(lanes: Record<string, Record<string, unknown>>): void {
    for (const [userId, value] of Object.entries(lanes.typing ?? {})) this.heardTyping(userId, value);
    for (const [userId, value] of Object.entries(lanes.read ?? {})) this.heardRead(userId, value);
    this.changed.emit();
  }

  /** Their message came, or they left: they are not typing it any more. */
  stopped(userId: string): void {
    const timer = this.typists.get(userId);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.typists.delete(userId);
    this.changed.emit();
  }

  sayTyping(isTyping: boolean): void {
    const now = Date.now();
    if (isTyping ? now - this.saidTyping < SAY_TYPING_MS : this.saidTyping === 0) return;
    this.saidTyping = isTyping ? now : 0;
    this.cast("typing", { isTyping });
  }

  sayRead(seq: number): void {
    if (seq <= this.readSeq) return;
    this.readSeq = seq;
    if (this.readTimer !== undefined) return;
    const wait = Math.max(0, this.saidRead + SAY_READ_MS - Date.now());
    this.readTimer = setTimeout(() => {
      this.readTimer = undefined;
      this.saidRead = Date.now();
      this.cast("read", { seq: this.readSeq });
    }, wait);
  }

  /** After a cut nobody knows how far we read: say it again. */
  reset(): void {
    for (const timer of this.typists.values()) clearTimeout(timer);
    this.typists.clear();
    this.saidTyping = 0;
    this.readSeq = 0;
    this.changed.emit();
  }

  close(): void {
    this.reset();
    clearTimeout(this.readTimer);
  }

  private heardTyping(userId: string, value: unknown): void {
    if (userId === this.me) return;
    clearTimeout(this.typists.get(userId));
    const on = value === true || (value as { isTyping?: boolean } | null)?.isTyping === true;
    if (on) this.typists.set(userId, setTimeout(() => this.stopped(userId), TYPING_MS));
    else this.typists.delete(userId);
  }

  private heardRead(userId: string, value: unknown): void {
    const seq = typeof value === "number" ? value : Number((value as { seq?: number } | null)?.seq);
    if (userId !== this.me && seq > (this.reads.get(userId) ?? 0)) this.reads.set(userId, seq);
  }
}
