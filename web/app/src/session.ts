/*
 * Who is signed in, in every tab of this browser. Signing out, or learning that the session ended, empties the queues of unsent
 * pushes and is told to the other tabs; each closes its socket and shows the sign-in page.
 */
import { clearShelves, SessionTabs, Signal, type Ending } from "@stacgate/client";
import { api, ApiError, type User } from "./api";

/** How the last session ended; or a password was set, which ends them all. */
export type Why = Ending | "passwordSet";

let user: User | null = null;
const tabs = new SessionTabs();

/** The signed-in person changed; `why` says how the last session ended. */
export const sessionChanged = new Signal<{ user: User | null; why?: Why }>();

tabs.ended.on(forget);
tabs.entered.on(() => {
  if (!user) void restore();
});

export function signedIn(): User | null {
  return user;
}

function remember(who: User): User {
  user = who;
  void clearShelves(who.id);
  sessionChanged.emit({ user });
  return who;
}

function forget(why?: Ending): void {
  if (!user) return;
  user = null;
  void clearShelves();
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
  tabs.sayEntered();
}

export async function register(form: Record<string, string>): Promise<void> {
  remember(await api.register(form));
  tabs.sayEntered();
}

export async function signOut(): Promise<void> {
  tabs.sayLeaving(true);
  try {
    await api.logout();
  } catch (error) {
    tabs.sayLeaving(false);
    if (!(error instanceof ApiError && error.status === 401)) throw error;
  }
  ended("signedOut");
}

/** The server ended this session (4001, session:revoked, a 401). */
export function ended(why: Ending): void {
  forget(tabs.sayEnded(why));
}

/** A new password ended whatever session there was, in this browser too. */
export function passwordSet(): void {
  if (user) ended("sessionEnded");
  sessionChanged.emit({ user: null, why: "passwordSet" });
}

/** What the person's page shows of them changed. */
export async function refresh(): Promise<User> {
  return (user = await api.me());
}
