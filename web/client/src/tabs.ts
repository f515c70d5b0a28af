/*
 * One session in several tabs of a browser: that it ends in one is told to the others over a BroadcastChannel. Invariant: every tab
 * gives the same reason, whichever of them hears from the server first, because who signs out announces it before asking for it.
 */
import { Signal } from "./signal";

export type Ending = "signedOut" | "sessionEnded";
type News = { kind: "leaving"; really: boolean } | { kind: "out"; why: Ending } | { kind: "in" };

export class SessionTabs {
  /** The session ended in another tab. */
  readonly ended = new Signal<Ending>();
  /** Somebody signed in in another tab. */
  readonly entered = new Signal();
  /** A tab asked to sign out: the server may close our socket before that tab has its answer. */
  private leaving = false;
  private readonly channel: BroadcastChannel;

  constructor(name = "stacgate.session") {
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (message: MessageEvent) => this.heard(message.data as News);
  }

  /** Before the request to sign out; `false` takes it back when that failed. */
  sayLeaving(really: boolean): void {
    this.leaving = really;
    this.say({ kind: "leaving", really });
  }

  /** The session ended here. The answer is the reason to show: a close that a sign-out caused is that sign-out. */
  sayEnded(why: Ending): Ending {
    const really = this.leaving ? "signedOut" : why;
    this.leaving = false;
    this.say({ kind: "out", why: really });
    return really;
  }

  sayEntered(): void {
    this.leaving = false;
    this.say({ kind: "in" });
  }

  close(): void {
    this.channel.close();
  }

  private say(news: News): void {
    this.channel.postMessage(news);
  }

  private heard(news: News): void {
    if (news.kind === "leaving") this.leaving = news.really;
    else if (news.kind === "in") this.entered.emit();
    else {
      this.leaving = false;
      this.ended.emit(news.why);
    }
  }
}
