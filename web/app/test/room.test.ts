/* What a group looks like after its events, in whatever order history and events cross. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isLocked, Room } from "../src/live/room";

const message = (seq: number, more = {}) => ({ seq, id: `m${seq}`, senderId: "u1", sender: { id: "u1", firstName: "Léa", lastName: "Martin" }, type: "text", content: `text ${seq}`, createdAt: "2026-09-01T10:00:00.000Z", ...more });

test("messages stand in the order of their numbers, each once", () => {
  const room = new Room();
  for (const seq of [3, 1, 2, 3]) room.apply("message", message(seq));
  assert.deepEqual(room.messages.map((m) => m.seq), [1, 2, 3]);
  assert.equal(room.name("u1"), "Léa Martin");
});

test("a snapshot's copy of a message does not undo a later edit", () => {
  const room = new Room();
  room.apply("message", message(1));
  room.apply("message:updated", { seq: 2, id: "m1", content: "better" });
  room.put(message(1));
  assert.equal(room.find("m1")!.content, "better");
});

test("a message made from our push's reply gives way to its event", () => {
  const room = new Room();
  room.acknowledged({ id: "m5", seq: 5, senderId: "u1", type: "text", content: "x", createdAt: "", isDeleted: false, mentions: [], reactions: new Map() });
  assert.equal(room.find("m5")!.provisional, true);
  room.apply("message", message(5));
  assert.equal(room.find("m5")!.provisional, undefined);
  assert.equal(room.messages.length, 1);
});

test("an acknowledgement after the event changes nothing", () => {
  const room = new Room();
  room.apply("message", message(5));
  room.acknowledged({ ...room.find("m5")!, content: "other" });
  assert.equal(room.find("m5")!.content, "text 5");
});

test("reactions are sets: twice is once, removing twice is harmless", () => {
  const room = new Room();
  room.apply("message", message(1, { reactions: [{ emoji: "👍", userIds: ["u2", "u3"] }] }));
  for (const seq of [2, 3]) room.apply("reaction:added", { seq, messageId: "m1", emoji: "👍", by: "u4" });
  assert.equal(room.find("m1")!.reactions.get("👍")!.size, 3);
  for (const by of ["u2", "u3", "u4", "u4"]) room.apply("reaction:removed", { seq: 9, messageId: "m1", emoji: "👍", by });
  assert.equal(room.find("m1")!.reactions.has("👍"), false);
});

test("a change that comes before the page of history with its message is not lost", () => {
  const room = new Room();
  room.apply("message", message(10));
  room.historyBegins();
  room.apply("message:updated", { seq: 11, id: "m4", content: "better" });
  room.apply("message:deleted", { seq: 12, id: "m5" });
  room.historyEnds([message(4), message(5)]);
  assert.equal(room.find("m4")!.content, "better");
  assert.equal(room.find("m5")!.isDeleted, true);
  assert.equal(room.find("m5")!.content, "");
});

test("a deleted message keeps its place and nothing else", () => {
  const room = new Room();
  room.apply("message", message(1, { metadata: { mentions: ["u9"] }, reactions: [{ emoji: "👍", userIds: ["u2"] }] }));
  room.apply("message:deleted", { seq: 2, id: "m1" });
  const m = room.find("m1")!;
  assert.deepEqual([m.content, m.mentions.length, m.reactions.size], ["", 0, 0]);
});

test("moderation: mutes, locks and notices", () => {
  const room = new Room();
  room.group = { id: "g", name: "G" };
  room.apply("member:muted", { seq: 1, userId: "u2", until: new Date(Date.now() + 300_000).toISOString() });
  assert.ok(room.mutedUntil.get("u2")! > Date.now());
  room.apply("member:unmuted", { seq: 2, userId: "u2" });
  assert.equal(room.mutedUntil.has("u2"), false);
  room.apply("group:updated", { seq: 3, locked: true });
  assert.equal(isLocked(room.group), true);
  room.apply("group:updated", { seq: 4, locked: false });
  assert.equal(isLocked(room.group), false);
  assert.deepEqual(room.notices.map((n) => n.kind), ["member:muted", "member:unmuted", "group:locked", "group:unlocked"]);
});

test("malformed payloads are dropped", () => {
  const room = new Room();
  room.put({ id: 7, seq: "x" });
  room.apply("message", { seq: 1 });
  room.apply("no:such", { seq: 2 });
  assert.equal(room.messages.length, 0);
});
