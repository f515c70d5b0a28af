/* Where a client stands: what it asks for at a join, and what it does with each number that comes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Position } from "../src/position";

const reply = (epoch: string, seq: number, recovered: boolean, head = seq) => ({ epoch, seq, head, recovered });

test("a first join asks for the last messages, a later one for what follows", () => {
  const p = new Position(50);
  assert.deepEqual(p.params(), { last: 50 });
  assert.equal(p.joined(reply("E", 7, false)), false);
  p.settle();
  assert.deepEqual(p.params(), { epoch: "E", since: 7, last: 50 });
});

test("a snapshot cut half-way starts over", () => {
  const p = new Position(50);
  p.joined(reply("E", 7, false));
  assert.equal(p.take(5), "old");
  assert.deepEqual(p.params(), { last: 50 });
});

test("a live event after the join means that the snapshot is whole", () => {
  const p = new Position(50);
  p.joined(reply("E", 7, false));
  assert.equal(p.take(8), "next");
  assert.deepEqual(p.params(), { epoch: "E", since: 8, last: 50 });
});

test("a replay that is cut goes on from the last event seen", () => {
  const p = new Position(50);
  p.joined(reply("E", 7, false));
  p.settle();
  assert.equal(p.joined(reply("E", 7, true, 12)), true);
  assert.equal(p.take(8), "next");
  assert.equal(p.take(9), "next");
  assert.deepEqual(p.params(), { epoch: "E", since: 9, last: 50 });
});

test("events come once and in order; anything else is old or a gap", () => {
  const p = new Position(50);
  p.joined(reply("E", 0, false));
  assert.deepEqual([1, 2, 2, 1, 4, 3].map((seq) => p.take(seq)), ["next", "next", "old", "old", "gap", "next"]);
});

test("another epoch, or not recovered, is a reset", () => {
  const p = new Position(50);
  p.joined(reply("E", 7, false));
  p.settle();
  assert.equal(p.joined(reply("F", 7, true)), false);
  assert.equal(p.seq, 7);
  p.settle();
  assert.equal(p.joined(reply("F", 3, false)), false);
  assert.equal(p.seq, 3);
});

test("a gap that resuming does not fill ends in a reload", () => {
  const p = new Position(50);
  p.joined(reply("E", 7, false));
  p.settle();
  for (let i = 0; i < 3; i++) assert.equal(p.take(9), "gap");
  assert.deepEqual(p.params(), { last: 50 });
});

test("a snapshot in parts counts from its last part", () => {
  const p = new Position(0);
  assert.deepEqual(p.params(), {});
  p.joined(reply("E", 7, false));
  p.snapshot(7, false);
  assert.deepEqual(p.params(), {}, "cut here, it starts over");
  p.snapshot(7, true);
  assert.deepEqual(p.params(), { epoch: "E", since: 7 });
  assert.equal(p.take(8), "next");
});
