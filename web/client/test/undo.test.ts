/* Undo takes back one's own gestures, as far as they still stand, and nothing of anybody else's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Board } from "../src/board";
import type { Element, ElementOp, Op } from "../src/elements";
import { changesOf, Undo } from "../src/undo";

const rect = (id: string, more = {}): Element => ({ id, type: "rect", z: "a0", x: 0, y: 0, ...more });

/** One person at a board whose server confirms at once. */
class Desk {
  board = new Board();
  undo = new Undo();
  private ops = 0;

  me(ops: ElementOp[], mark?: string): void {
    const changes = changesOf(ops, (id) => this.board.get(id));
    this.undo.record(this.perform(ops), changes, mark);
  }
  they(ops: Op[]): void {
    this.board.apply(this.board.seq + 1, ops);
  }
  back = () => this.undo.undo((id) => this.board.get(id), (ops) => this.perform(ops));
  again = () => this.undo.redo((id) => this.board.get(id), (ops) => this.perform(ops));
  private perform(ops: ElementOp[]): string[] {
    const opId = `op${++this.ops}`;
    this.board.propose(opId, ops);
    this.board.apply(this.board.seq + 1, ops, [opId]);
    return [opId];
  }
}

test("put, patch and del go back and forth", () => {
  const d = new Desk();
  d.me([{ op: "put", el: rect("a") }]);
  d.me([{ op: "patch", id: "a", set: { x: 5, fill: "#fff" } }]);
  d.me([{ op: "del", id: "a" }]);
  const seen = [d.board.get("a")];
  while (d.back()) seen.push(d.board.get("a"));
  assert.deepEqual(seen, [undefined, rect("a", { x: 5, fill: "#fff" }), rect("a"), undefined]);
  while (d.again()) seen.push(d.board.get("a"));
  assert.deepEqual(seen.slice(4), [rect("a"), rect("a", { x: 5, fill: "#fff" }), undefined]);
});

test("what somebody else changed since stays theirs", () => {
  const d = new Desk();
  d.they([{ op: "put", el: rect("a", { fill: "red" }) }]);
  d.me([{ op: "patch", id: "a", set: { x: 5, y: 5 } }]);
  d.they([{ op: "patch", id: "a", set: { x: 9 } }, { op: "put", el: rect("theirs") }]);
  assert.ok(d.back());
  assert.deepEqual(d.board.get("a"), rect("a", { fill: "red", x: 9, y: 0 }), "our y went back, their x did not");
  assert.ok(d.board.get("theirs"));
  assert.ok(!d.back(), "their gestures are not ours to undo");
  assert.ok(d.again());
  assert.deepEqual(d.board.get("a"), rect("a", { fill: "red", x: 9, y: 5 }));
});

test("what somebody deleted stays deleted, and undo goes on to the gesture before", () => {
  const d = new Desk();
  d.me([{ op: "put", el: rect("a") }]);
  d.me([{ op: "put", el: rect("b") }]);
  d.me([{ op: "patch", id: "b", set: { x: 1 } }]);
  d.they([{ op: "del", id: "b" }]);
  assert.ok(d.back());
  assert.equal(d.board.size, 0, "the two of b had nothing left; a's went");
});

test("a new gesture ends what could be redone; a refused one is in no list", () => {
  const d = new Desk();
  d.me([{ op: "put", el: rect("a") }]);
  d.back();
  d.me([{ op: "put", el: rect("b") }]);
  assert.ok(!d.again());
  d.undo.forget("op3");
  assert.ok(!d.back());
  assert.ok(d.board.get("b"));
});

test("a key held down is one gesture", () => {
  const d = new Desk();
  d.me([{ op: "put", el: rect("a") }]);
  for (let x = 1; x <= 20; x++) d.me([{ op: "patch", id: "a", set: { x } }], "nudge a");
  assert.ok(d.back());
  assert.deepEqual(d.board.get("a"), rect("a"));
  d.again();
  assert.deepEqual(d.board.get("a"), rect("a", { x: 20 }));
});
