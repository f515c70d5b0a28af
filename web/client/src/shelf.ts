/*
 * Where an outbox outlives a reload, a crash or a flat battery: IndexedDB, one record an entry, keyed by user, topic and opId. Two
 * tabs may keep the same topic: each writes only its own entries, and what both send has one effect. Invariant: nothing of a person
 * stays behind their session; `clearShelves` empties it when the session ends, and takes away what other people left.
 */
import type { Entry, Shelf } from "./outbox";

const DATABASE = "stacgate.outbox";
const STORE = "entries";

interface Kept extends Entry {
  user: string;
  topic: string;
}

let opened: Promise<IDBDatabase | null> | undefined;

/** null: there is no IndexedDB here, or the browser forbids it. The queue then lives in memory. */
function database(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    if (!globalThis.indexedDB) return resolve(null);
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["user", "topic", "opId"] });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
    request.onblocked = () => resolve(null);
  });
  return opened;
}

/** Runs `work` in one transaction, after those before it. A failure leaves the queue in memory only. */
async function change(work: (store: IDBObjectStore) => void): Promise<void> {
  const db = await database();
  if (!db) return;
  await new Promise<void>((resolve) => {
    try {
      const transaction = db.transaction(STORE, "readwrite");
      transaction.oncomplete = transaction.onerror = transaction.onabort = () => resolve();
      work(transaction.objectStore(STORE));
    } catch {
      resolve();
    }
  });
}

async function read(user: string, topic: string): Promise<Entry[]> {
  const db = await database();
  if (!db) return [];
  return new Promise((resolve) => {
    const range = IDBKeyRange.bound([user, topic, ""], [user, topic, "\uffff"]);
    const request = db.transaction(STORE).objectStore(STORE).getAll(range);
    request.onsuccess = () => resolve((request.result as Kept[]).sort((a, b) => a.at - b.at).map(({ user: _u, topic: _t, ...entry }) => entry));
    request.onerror = () => resolve([]);
  });
}

/** Only what matters after a reload makes a record change. */
function mark(entry: Entry): string {
  return `${entry.state === "failed" ? (entry.reason ?? "") : "-"} ${entry.parts?.length ?? 0}`;
}

export function storedShelf(user: string, topic: string): Shelf {
  const written = new Map<string, string>();
  return {
    async load() {
      const entries = await read(user, topic);
      for (const entry of entries) written.set(entry.opId, mark(entry));
      return entries;
    },
    save(entries) {
      const now = new Map(entries.map((entry) => [entry.opId, mark(entry)]));
      const changed = entries.filter((entry) => written.get(entry.opId) !== now.get(entry.opId)).map((entry) => ({ ...entry, user, topic }));
      const gone = [...written.keys()].filter((opId) => !now.has(opId));
      if (changed.length === 0 && gone.length === 0) return;
      for (const entry of changed) written.set(entry.opId, now.get(entry.opId)!);
      for (const opId of gone) written.delete(opId);
      void change((store) => {
        for (const entry of changed) store.put(entry);
        for (const opId of gone) store.delete([user, topic, opId]);
      });
    },
  };
}

/** For clients without a browser: the queue ends with the process. */
export function memoryShelf(): Shelf {
  return { load: () => [], save: () => undefined };
}

/** Empties what is kept, but for `exceptUser`'s. */
export function clearShelves(exceptUser?: string): Promise<void> {
  return change((store) => {
    if (exceptUser === undefined) return void store.clear();
    const request = store.getAllKeys();
    request.onsuccess = () => {
      for (const key of request.result as [string, string, string][]) if (key[0] !== exceptUser) store.delete(key);
    };
  });
}
