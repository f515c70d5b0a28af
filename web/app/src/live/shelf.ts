/*
 * Where an outbox outlives a reload: this tab's sessionStorage, one key a user and topic. It ends with the tab, as is right on a
 * computer that a whole class shares, and `clearShelves` empties it at sign-out.
 */
import type { Entry, Shelf } from "./outbox";

const PREFIX = "stacgate.outbox.";

export function sessionShelf(userId: string, topic: string): Shelf {
  const key = `${PREFIX}${userId}.${topic}`;
  return {
    load() {
      try {
        const value: unknown = JSON.parse(sessionStorage.getItem(key) ?? "[]");
        return Array.isArray(value) ? (value as Entry[]) : [];
      } catch {
        return [];
      }
    },
    save(entries) {
      try {
        if (entries.length === 0) sessionStorage.removeItem(key);
        else sessionStorage.setItem(key, JSON.stringify(entries));
      } catch {
        /* Storage full or forbidden: the queue still lives in memory. */
      }
    },
  };
}

export function clearShelves(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
