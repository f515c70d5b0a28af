/* Cursors and strokes under way: what is gathered before it is said, what is heard, and what is not believed. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Hands, type Point } from "../src/hands";

function setup(t: TestContext) {
  const said: [string, Record<string, unknown>][] = [];
  const hands = new Hands("me", (event, payload) => said.push([event, structuredClone(payload) as Record<string, unknown>]));
  t.after(() => hands.close());
  return { hands, said };
}
const soon = () => new Promise((done) => setTimeout(done, 120));

test("many movements are one cursor, many points one push, the style with the first", async (t) => {
  const { hands, said } = setup(t);
  for (let x = 0; x < 50; x++) hands.sayCursor(x, 0, "pen");
  for (let x = 0; x < 50; x++) hands.sayStroke("s", [[x, 0]], x === 0 ? { stroke: "#123" } : undefined);
  await soon();
  hands.sayStroke("s", [[50, 0]]);
  await soon();
  assert.deepEqual(said.map(([event]) => event), ["cursor", "draw", "draw"]);
  assert.deepEqual(said[0]![1], { x: 49, y: 0, tool: "pen" });
  assert.equal((said[1]![1].points as Point[]).length, 50);
  assert.deepEqual([said[1]![1].style, said[2]![1].style], [{ stroke: "#123" }, undefined]);
});

test("a laser is said as where it is now, heard as a trail, and fades by itself", async (t) => {
  const { hands, said } = setup(t);
  for (let x = 0; x < 50; x++) hands.sayLaser(x, 1);
  await soon();
  assert.deepEqual(said, [["laser", { x: 49, y: 1 }]]);
  assert.equal(hands.lasers.get("me")!.length, 50, "our own shows at once");
  for (let x = 0; x < 100; x++) hands.receive({ laser: { a: { x, y: 2 }, me: { x: 7, y: 7 }, b: { x: "left", y: 2 } } });
  assert.deepEqual([...hands.lasers.keys()], ["me", "a"]);
  assert.ok(hands.lasers.get("a")!.length <= 60 && hands.lasers.get("a")!.at(-1)!.x === 99);
  hands.keepOnly(new Set(["me"]));
  assert.ok(!hands.lasers.has("a"));
});

test("a long stroke goes in pieces, in order, and none of it is lost", async (t) => {
  const { hands, said } = setup(t);
  hands.sayStroke("s", Array.from({ length: 450 }, (_, x): Point => [x, 0]));
  while (said.length < 3) await soon();
  assert.deepEqual(said.flatMap(([, p]) => (p.points as Point[]).map(([x]) => x)), Array.from({ length: 450 }, (_, x) => x));
});

test("strokes grow as they are heard, and end with their element, their author or a word", (t) => {
  const { hands } = setup(t);
  const hear = (userId: string, id: string, points: unknown, style?: object) => hands.receive({ draw: { [userId]: { id, points, style } } });
  hear("a", "s1", [[0, 0], [1, 1]], { stroke: "red" });
  hear("a", "s1", [[2, 2]]);
  assert.deepEqual([hands.strokes.get("a")!.points.length, hands.strokes.get("a")!.style], [3, { stroke: "red" }]);
  hands.finished(["s1"]);
  assert.equal(hands.strokes.size, 0);
  hear("a", "s2", [[0, 0]]);
  hear("b", "s3", [[0, 0]]);
  hands.keepOnly(new Set(["b"]));
  assert.deepEqual([...hands.strokes.keys()], ["b"]);
  hear("b", "s3", [[0, 0]], { dropped: true });
  assert.equal(hands.strokes.size, 0);
});

test("our own echo and what is no point are not believed", (t) => {
  const { hands } = setup(t);
  hands.receive({ cursor: { me: { x: 1, y: 1 }, a: { x: "1", y: 1 }, b: null, c: { x: 1, y: 2, tool: 7 } }, draw: { a: { id: 7, points: [[0, 0]] }, b: { id: "s", points: [[0, NaN], "x", [1, 1]] }, c: { id: "s" } }, selection: { a: { ids: ["e", 7] }, b: {} } });
  assert.deepEqual([...hands.cursors.keys()], ["c"]);
  assert.equal(hands.cursors.get("c")!.tool, undefined);
  assert.deepEqual([...hands.strokes.keys()], ["b"]);
  assert.deepEqual(hands.strokes.get("b")!.points, [[1, 1]]);
  assert.deepEqual([hands.selections.get("a"), hands.selections.get("b")], [["e"], []]);
});

test("a dropped stroke is said, and nothing of it after", async (t) => {
  const { hands, said } = setup(t);
  hands.sayStroke("s", [[1, 1]]);
  hands.dropStroke("s");
  await soon();
  assert.deepEqual(said, [["draw", { id: "s", points: [[0, 0]], style: { dropped: true } }]]);
});
