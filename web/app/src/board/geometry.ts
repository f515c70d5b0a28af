/*
 * Where elements are, whether a point is on one, and what moving or resizing makes of them. Pure, in the board's own units. Properties
 * come from other clients: what is no finite number counts as absent, as in the server's picture.
 */
import type { Element, Point } from "@stacgate/client";

export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export type Look = (id: string) => Element | undefined;

const COORDINATE_MAX = 1e7;
export const TEXT_SIZE = 18;
export const STICKY_SIZE = 16;
export const LINE_HEIGHT = 1.3;
const LINED = new Set(["freehand", "line", "arrow"]);

export function num(el: Element, key: string, otherwise: number): number {
  const v = el[key];
  return typeof v === "number" && Number.isFinite(v) && Math.abs(v) <= COORDINATE_MAX ? v : otherwise;
}

export function str(el: Element, key: string): string {
  const v = el[key];
  return typeof v === "string" ? v : "";
}

export const isLined = (el: Element): boolean => LINED.has(el.type);
export const strokeWidth = (el: Element): number => Math.min(Math.max(num(el, "strokeWidth", 2), 0.1), 200);
export const textSize = (el: Element, otherwise: number): number => Math.min(Math.max(num(el, "size", otherwise), 1), 500);

/** An element's points in the board's units; of a connector, where the line between the middles of what it connects leaves their boxes. */
export function pointsOf(el: Element, look: Look): Point[] {
  const [from, to] = [look(str(el, "from")), look(str(el, "to"))];
  if (from && to) return [edge(from, middle(to)), edge(to, middle(from))];
  const [x, y] = [num(el, "x", 0), num(el, "y", 0)];
  const points: Point[] = [];
  for (const p of Array.isArray(el.points) ? (el.points as unknown[]) : []) {
    if (!Array.isArray(p) || !Number.isFinite(p[0]) || !Number.isFinite(p[1])) continue;
    points.push([x + p[0], y + p[1], ...(Number.isFinite(p[2]) ? [p[2] as number] : [])] as Point);
  }
  return points;
}

function middle(el: Element): Point {
  return [num(el, "x", 0) + num(el, "w", 0) / 2, num(el, "y", 0) + num(el, "h", 0) / 2];
}

/** Where a line from the middle of `el` towards a point leaves its box. */
function edge(el: Element, [x, y]: Point): Point {
  const [cx, cy] = middle(el);
  const [dx, dy] = [x - cx, y - cy];
  const across = dx === 0 ? 1 : Math.abs(num(el, "w", 0) / 2 / dx);
  const down = dy === 0 ? 1 : Math.abs(num(el, "h", 0) / 2 / dy);
  const part = Math.min(across, down, 1);
  return [cx + dx * part, cy + dy * part];
}

/** It hangs on two elements that are there, and goes where they go. */
export const hangs = (el: Element, look: Look): boolean => isLined(el) && look(str(el, "from")) !== undefined && look(str(el, "to")) !== undefined;

export const isConnector = (el: Element): boolean => str(el, "from") !== "" && str(el, "to") !== "";

const known = new WeakMap<Element, Box>();

/** What it covers, with its pen's width. */
export function bounds(el: Element, look: Look): Box {
  const seen = known.get(el);
  if (seen) return seen;
  const box = isLined(el) ? around(pointsOf(el, look), strokeWidth(el) * (el.type === "arrow" ? 5 : 1.5) + 8) : turned(el, frame(el));
  if (!isConnector(el)) known.set(el, box);
  return box;
}

/** Its own place, as it is resized: without the pen's width. */
export function frame(el: Element): Box {
  const [x, y] = [num(el, "x", 0), num(el, "y", 0)];
  if (isLined(el)) return around(pointsOf(el, () => undefined), 0);
  const [w, h] = el.type === "text" ? textExtent(el) : [num(el, "w", 0), num(el, "h", 0)];
  return { x0: Math.min(x, x + w), y0: Math.min(y, y + h), x1: Math.max(x, x + w), y1: Math.max(y, y + h) };
}

function textExtent(el: Element): [number, number] {
  const size = textSize(el, TEXT_SIZE);
  const lines = str(el, "text").split("\n");
  const widest = Math.max(...lines.map((line) => line.length)) * size * 0.62;
  return [num(el, "w", widest), num(el, "h", lines.length * size * LINE_HEIGHT)];
}

function turned(el: Element, box: Box): Box {
  const pad = strokeWidth(el) / 2 + 2;
  const angle = (num(el, "rotation", 0) * Math.PI) / 180;
  if (angle === 0) return grown(box, pad);
  const [cx, cy] = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2];
  const reach = Math.hypot(box.x1 - box.x0, box.y1 - box.y0) / 2 + pad;
  return { x0: cx - reach, y0: cy - reach, x1: cx + reach, y1: cy + reach };
}

function around(points: readonly Point[], pad: number): Box {
  const box: Box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (const [x, y] of points) {
    box.x0 = Math.min(box.x0, x);
    box.y0 = Math.min(box.y0, y);
    box.x1 = Math.max(box.x1, x);
    box.y1 = Math.max(box.y1, y);
  }
  return points.length > 0 ? grown(box, pad) : { x0: 0, y0: 0, x1: 0, y1: 0 };
}

export const grown = (b: Box, by: number): Box => ({ x0: b.x0 - by, y0: b.y0 - by, x1: b.x1 + by, y1: b.y1 + by });
export const meets = (a: Box, b: Box): boolean => a.x0 <= b.x1 && b.x0 <= a.x1 && a.y0 <= b.y1 && b.y0 <= a.y1;
export const holds = (b: Box, x: number, y: number): boolean => x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1;

export function union(boxes: Iterable<Box>): Box | undefined {
  let all: Box | undefined;
  for (const b of boxes) {
    all = all ? { x0: Math.min(all.x0, b.x0), y0: Math.min(all.y0, b.y0), x1: Math.max(all.x1, b.x1), y1: Math.max(all.y1, b.y1) } : b;
  }
  return all;
}

/* ---- what is under a point ---- */

function distance(px: number, py: number, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length > 0 ? Math.min(Math.max(((px - ax) * dx + (py - ay) * dy) / length, 0), 1) : 0;
  return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}

type Hit = "firm" | "hollow" | undefined;

function hit(el: Element, x: number, y: number, reach: number, look: Look): Hit {
  if (!holds(grown(bounds(el, look), reach), x, y)) return undefined;
  if (isLined(el)) {
    const points = pointsOf(el, look);
    const near = reach + strokeWidth(el) / 2;
    if (points.length === 1) return Math.hypot(points[0]![0] - x, points[0]![1] - y) <= near ? "firm" : undefined;
    return points.some((p, i) => i > 0 && distance(x, y, points[i - 1]!, p) <= near) ? "firm" : undefined;
  }
  if ((el.type !== "rect" && el.type !== "ellipse") || (str(el, "fill") !== "" && str(el, "fill") !== "none")) return "firm";
  const box = frame(el);
  return holds(grown(box, -reach * 1.5), x, y) ? "hollow" : "firm";
}

/** The topmost element at a point; one that is only an outline around it comes after what is drawn there. */
export function topmost(elements: readonly Element[], x: number, y: number, reach: number, look: Look): Element | undefined {
  let hollow: Element | undefined;
  for (let i = elements.length - 1; i >= 0; i--) {
    const what = hit(elements[i]!, x, y, reach, look);
    if (what === "firm") return elements[i];
    if (what === "hollow") hollow ??= elements[i];
  }
  return hollow;
}

/* ---- changes ---- */

const round = (v: number): number => Math.round(v * 10) / 10;

export function moved(el: Element, dx: number, dy: number): Record<string, unknown> {
  return { x: round(num(el, "x", 0) + dx), y: round(num(el, "y", 0) + dy) };
}

/** What makes an element that filled `from` fill `to`. */
export function resized(el: Element, from: Box, to: Box): Record<string, unknown> {
  const sx = from.x1 > from.x0 ? (to.x1 - to.x0) / (from.x1 - from.x0) : 1;
  const sy = from.y1 > from.y0 ? (to.y1 - to.y0) / (from.y1 - from.y0) : 1;
  const x = round(to.x0 + (num(el, "x", 0) - from.x0) * sx);
  const y = round(to.y0 + (num(el, "y", 0) - from.y0) * sy);
  if (isLined(el)) {
    const points = (Array.isArray(el.points) ? (el.points as Point[]) : []).map(([px, py, ...more]) => [round(px * sx), round(py * sy), ...more]);
    return { x, y, points };
  }
  if (el.type === "text") {
    const scale = Math.max(sy, 0.05);
    return { x, y, size: round(textSize(el, TEXT_SIZE) * scale), w: round(num(el, "w", 0) * scale), h: round(num(el, "h", 0) * scale) };
  }
  return { x, y, w: round(num(el, "w", 0) * sx), h: round(num(el, "h", 0) * sy) };
}

/** Fewer points, none of them further than `tolerance` from the line (Ramer–Douglas–Peucker, without recursion). */
export function simplified(points: readonly Point[], tolerance: number): Point[] {
  const keep = new Uint8Array(points.length);
  const spans: [number, number][] = [[0, points.length - 1]];
  keep[0] = keep[points.length - 1] = 1;
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [a, b] = span;
    let [far, at] = [tolerance, -1];
    for (let i = a + 1; i < b; i++) {
      const d = distance(points[i]![0], points[i]![1], points[a]!, points[b]!);
      if (d > far) [far, at] = [d, i];
    }
    if (at < 0) continue;
    keep[at] = 1;
    spans.push([a, at], [at, b]);
  }
  return points.filter((_, i) => keep[i]);
}

const STROKE_POINTS_MAX = 900;

/** A stroke's elements without `z`: its place and its points from there. A very long one is several, each within the server's limit. */
export function strokeParts(points: readonly Point[], tolerance: number): { x: number; y: number; points: Point[] }[] {
  const fewer = points.length > 2 ? simplified(points, tolerance) : [...points];
  const parts: { x: number; y: number; points: Point[] }[] = [];
  for (let at = 0; at < fewer.length; at += STROKE_POINTS_MAX - 1) {
    const some = fewer.slice(at, at + STROKE_POINTS_MAX);
    if (at > 0 && some.length < 2) break;
    const [x, y] = [round(some[0]![0]), round(some[0]![1])];
    parts.push({ x, y, points: some.map(([px, py, p]) => (p === undefined ? [round(px - x), round(py - y)] : [round(px - x), round(py - y), Math.round(p * 100) / 100])) });
  }
  return parts;
}
