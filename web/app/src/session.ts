/*
 * Who is signed in, in every tab of this browser. Signing out, or learning that the session ended, empties the queues of unsent
 * pushes and is told to the other tabs over a BroadcastChannel; each closes its socket and shows the sign-in page.
 */
import { api, ApiError, type User } from "./api";
import { clearShelves } from "./live/shelf";
import { Signal } from "./live/signal";

export type Ending = "signedOut" | "sessionEnded";
type News = { kind: "leaving"; really: boolean } | { kind: "out"; why: Ending } | { kind: "in" };

let user: User | null = null;
/** A tab asked to sign out: the server may close our socket before that tab has its answer. */
let leaving = false;
const tabs = new BroadcastChannel("stacgate.session");

/** The signed-in person changed; `why` says how the last session ended. */
export const sessionChanged = new Signal<{ user: User | null; why?: Ending }>();

tabs.onmessage = (message: MessageEvent<News>) => {
  if (message.data.kind === "leaving") leaving = message.data.really;
  else if (message.data.kind === "out") forget(message.data.why);
  else if (!user) void restore();
};

export function signedIn(): User | null {
  return user;
}

function remember(who: User): User {
  user = who;
  sessionChanged.emit({ user });
  return who;
}

function forget(why?: Ending): void {
  if (!user) return;
  user = null;
  leaving = false;
  clearShelves();
  sessionChanged.emit({ user: null, why });
}

/** Asks the server whom the cookie names. Throws when it cannot answer. */
export async function restore(): Promise<User | null> {
  try {
    return remember(await api.me());
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** false only when the server says that nobody is signed in, or another person is. */
export async function stillSignedIn(): Promise<boolean> {
  try {
    const now = await api.me();
    return now.id === user?.id;
  } catch (error) {
    return !(error instanceof ApiError && error.status === 401);
  }
}

export async function signIn(email: string, password: string): Promise<void> {
  remember(await api.login(email, password));
  tabs.postMessage({ kind: "in" } satisfies News);
}

export async function register(form: Record<string, string>): Promise<void> {
  remember(await api.register(form));
  tabs.postMessage({ kind: "in" } satisfies News);
}

export async function signOut(): Promise<void> {
  announce(true);
  try {
    await api.logout();
  } catch (error) {
    announce(false);
    if (!(error instanceof ApiError && error.status === 401)) throw error;
  }
  ended("signedOut");
}

/** The server ended this session (4001, session:revoked, a 401). */
export function ended(why: Ending): void {
  const really = leaving ? "signedOut" : why;
  tabs.postMessage({ kind: "out", why: really } satisfies News);
  forget(really);
}

function announce(really: boolean): void {
  leaving = really;
  tabs.postMessage({ kind: "leaving", really } satisfies News);
}
