/* Where elements are and what is under a point; what moving, resizing and thinning out make of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Element, Point } from "@stacgate/client";
import { bounds, hangs, frame, moved, pointsOf, resized, simplified, strokeParts, topmost } from "../src/board/geometry";

const none = () => undefined;
const el = (type: string, more: Record<string, unknown> = {}): Element => ({ id: type, type, z: "a0", x: 100, y: 100, w: 80, h: 40, ...more });

test("properties that are no finite numbers count as absent", () => {
  assert.deepEqual(frame(el("rect", { x: "wide", y: NaN, w: 1e300, h: null })), { x0: 0, y0: 0, x1: 0, y1: 0 });
  assert.deepEqual(pointsOf(el("line", { points: [[1, 2], "x", [NaN, 1], [3]] }), none), [[101, 102]]);
  assert.deepEqual(pointsOf(el("line", { points: 7 }), none), []);
  for (const type of ["rect", "ellipse", "line", "freehand", "text", "sticky", "image", "opaque", "made-up"]) {
    const b = bounds({ id: "x", type, z: "a0" }, none);
    assert.ok(Object.values(b).every(Number.isFinite), type);
  }
});

test("drawn towards the upper left, it is the same place", () => {
  assert.deepEqual(frame(el("rect", { w: -80, h: -40 })), { x0: 20, y0: 60, x1: 100, y1: 100 });
});

test("a turned element is within its bounds", () => {
  const b = bounds(el("rect", { rotation: 90 }), none);
  assert.ok(b.x0 <= 120 && b.x1 >= 160 && b.y0 <= 80 && b.y1 >= 160);
});

test("under a point: the topmost, but what is drawn inside an outline before the outline", () => {
  const note = el("sticky", { x: 120, y: 110, w: 20, h: 20 });
  const outline = el("rect", { x: 0, y: 0, w: 300, h: 300 });
  assert.equal(topmost([note, outline], 130, 120, 4, none), note);
  assert.equal(topmost([note, outline], 250, 250, 4, none), outline, "inside an outline, when nothing else is there");
  assert.equal(topmost([note, outline], 1, 150, 4, none), outline);
  assert.equal(topmost([note, el("rect", { x: 0, y: 0, w: 300, h: 300, fill: "#fff" })], 130, 120, 4, none)?.type, "rect", "a filled one covers");
  assert.equal(topmost([note, outline], 400, 400, 4, none), undefined);
});

test("a line is where its ink is, as far as the finger reaches", () => {
  const line = el("line", { points: [[0, 0], [100, 100]] });
  assert.equal(topmost([line], 150, 150, 4, none), line);
  assert.equal(topmost([line], 150, 170, 4, none), undefined);
  assert.equal(topmost([line], 150, 170, 20, none), line);
});

test("a connector goes where its ends go", () => {
  const ends: Record<string, Element> = { a: el("rect", { x: 0, y: 0 }), b: el("rect", { x: 200, y: 0 }) };
  const arrow = el("arrow", { from: "a", to: "b" });
  assert.deepEqual(pointsOf(arrow, (id) => ends[id]), [[80, 20], [200, 20]], "from edge to edge");
  ends.b = el("rect", { x: 400, y: 0 });
  assert.deepEqual(pointsOf(arrow, (id) => ends[id]), [[80, 20], [400, 20]]);
  assert.ok(bounds(arrow, (id) => ends[id]).x1 >= 400, "its bounds too");
  assert.ok(hangs(arrow, (id) => ends[id]) && !hangs(arrow, () => undefined) && !hangs(ends.a!, (id) => ends[id]));
});

test("moved and resized: boxes by their sides, strokes by their points, text by its size", () => {
  assert.deepEqual(moved(el("rect"), 5.04, -3), { x: 105, y: 97 });
  const box = { x0: 100, y0: 100, x1: 180, y1: 140 };
  const twice = { x0: 100, y0: 100, x1: 260, y1: 180 };
  assert.deepEqual(resized(el("rect"), box, twice), { x: 100, y: 100, w: 160, h: 80 });
  assert.deepEqual(resized(el("freehand", { points: [[0, 0, 0.3], [80, 40, 0.9]] }), box, twice), { x: 100, y: 100, points: [[0, 0, 0.3], [160, 80, 0.9]] });
  assert.deepEqual(resized(el("text", { size: 20 }), box, twice), { x: 100, y: 100, size: 40, w: 160, h: 80 });
});

test("a stroke thinned out stays within the tolerance, and keeps its ends", () => {
  const points = Array.from({ length: 500 }, (_, i): Point => [i, 50 * Math.sin(i / 40)]);
  const fewer = simplified(points, 0.5);
  assert.ok(fewer.length < 80, `${fewer.length} points`);
  assert.deepEqual([fewer[0], fewer[fewer.length - 1]], [points[0], points[499]]);
  for (const [x, y] of points) {
    const after = fewer.findIndex((p) => p[0] >= x);
    const [a, b] = [fewer[Math.max(after - 1, 0)]!, fewer[after]!];
    const on = b[0] === a[0] ? b[1] : a[1] + ((b[1] - a[1]) * (x - a[0])) / (b[0] - a[0]);
    assert.ok(Math.abs(on - y) < 1, `${x}`);
  }
});

test("a stroke of any length fits the server's elements, and its parts meet", () => {
  const points = Array.from({ length: 6000 }, (_, i): Point => [1e6 + i * 3.123, -1e6 + (i % 2) * 777.777, 0.123456]);
  const parts = strokeParts(points, 0.1);
  assert.ok(parts.length > 1);
  for (const part of parts) assert.ok(JSON.stringify({ id: "x".repeat(24), type: "freehand", z: "a0", ...part, stroke: "#123456", strokeWidth: 4 }).length < 32 * 1024);
  for (const [i, part] of parts.entries()) {
    const last = parts[i - 1]?.points[parts[i - 1]!.points.length - 1];
    if (last) assert.deepEqual([part.x, part.y].map(Math.round), [parts[i - 1]!.x + last[0], parts[i - 1]!.y + last[1]].map(Math.round));
  }
  assert.equal(strokeParts([[5, 5]], 1).length, 1, "a dot");
});
