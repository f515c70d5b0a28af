/*
 * Drawing elements on a canvas, one row a type, as the server's picture draws them: the same defaults, the same places of text, so
 * that an exported SVG is what was on the screen. The context is in the board's units already.
 */
import type { Element, Point } from "@stacgate/client";
import { frame, LINE_HEIGHT, num, pointsOf, str, STICKY_SIZE, strokeWidth, TEXT_SIZE, textSize, type Look } from "./geometry";

type Pen = CanvasRenderingContext2D;

export const INK = "#1f2937";
export const FONT = "system-ui, sans-serif";

/** "#rgb" and longer, or a word: what the server takes for a colour. */
function colour(el: Element, key: string, otherwise: string): string {
  const v = str(el, key);
  return /^(#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,24})$/.test(v) ? v : otherwise;
}

function outline(pen: Pen, el: Element): void {
  const fill = colour(el, "fill", "none");
  if (fill !== "none") {
    pen.fillStyle = fill;
    pen.fill();
  }
  pen.strokeStyle = colour(el, "stroke", INK);
  pen.lineWidth = strokeWidth(el);
  pen.stroke();
}

function lines(pen: Pen, text: string, x: number, y: number, size: number, align: CanvasTextAlign, ink: string): void {
  pen.font = `${size}px ${FONT}`;
  pen.textAlign = align;
  pen.fillStyle = ink;
  for (const [i, line] of text.split("\n").entries()) pen.fillText(line, x, y + i * size * LINE_HEIGHT);
}

function label(pen: Pen, el: Element): void {
  const text = str(el, "label");
  if (!text) return;
  const box = frame(el);
  const size = textSize(el, 16);
  const up = ((text.split("\n").length - 1) * size * LINE_HEIGHT) / 2;
  lines(pen, text, (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2 + size / 3 - up, size, "center", colour(el, "color", INK));
}

function rect(pen: Pen, el: Element): void {
  const { x0, y0, x1, y1 } = frame(el);
  pen.beginPath();
  pen.rect(x0, y0, x1 - x0, y1 - y0);
  outline(pen, el);
  label(pen, el);
}

function ellipse(pen: Pen, el: Element): void {
  const { x0, y0, x1, y1 } = frame(el);
  pen.beginPath();
  pen.ellipse((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2, 0, 0, Math.PI * 2);
  outline(pen, el);
  label(pen, el);
}

function text(pen: Pen, el: Element): void {
  const size = textSize(el, TEXT_SIZE);
  lines(pen, str(el, "text"), num(el, "x", 0), num(el, "y", 0) + size, size, "left", colour(el, "color", INK));
}

function sticky(pen: Pen, el: Element): void {
  const { x0, y0, x1, y1 } = frame(el);
  const size = textSize(el, STICKY_SIZE);
  pen.beginPath();
  pen.roundRect(x0, y0, x1 - x0, y1 - y0, 4);
  pen.fillStyle = colour(el, "fill", "#fde68a");
  pen.fill();
  pen.save();
  pen.clip();
  lines(pen, str(el, "text"), x0 + 10, y0 + 8 + size, size, "left", colour(el, "color", INK));
  pen.restore();
}

/** An image, or what an old installation drew: a frame. */
function empty(pen: Pen, el: Element): void {
  const { x0, y0, x1, y1 } = frame(el);
  pen.save();
  pen.setLineDash([6, 4]);
  pen.strokeStyle = "#9ca3af";
  pen.lineWidth = 1;
  pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  pen.restore();
  label(pen, el);
}

/** A path through the points; strokes are rounded at each of them. */
function path(points: readonly Point[], round: boolean): Path2D {
  const way = new Path2D();
  const [first, ...rest] = points;
  if (!first) return way;
  way.moveTo(first[0], first[1]);
  if (rest.length === 0) way.lineTo(first[0] + 0.01, first[1]);
  for (const [i, [x, y]] of rest.entries()) {
    const next = rest[i + 1];
    if (round && next) way.quadraticCurveTo(x, y, (x + next[0]) / 2, (y + next[1]) / 2);
    else way.lineTo(x, y);
  }
  return way;
}

const ways = new WeakMap<Element, Path2D>();

function line(pen: Pen, el: Element, look: Look): void {
  const points = pointsOf(el, look);
  pen.strokeStyle = colour(el, "stroke", INK);
  pen.lineWidth = strokeWidth(el);
  pen.stroke(path(points, false));
  if (el.type === "arrow") head(pen, points, el);
}

/** Two strokes from the tip, 25 degrees to either side. */
function head(pen: Pen, points: readonly Point[], el: Element): void {
  const tip = points[points.length - 1];
  const before = points[points.length - 2];
  if (!tip || !before) return;
  const size = 6 + 3 * Math.min(strokeWidth(el), 20);
  const back = Math.atan2(before[1] - tip[1], before[0] - tip[0]);
  pen.beginPath();
  for (const side of [-0.44, 0.44]) {
    pen.moveTo(tip[0], tip[1]);
    pen.lineTo(tip[0] + size * Math.cos(back + side), tip[1] + size * Math.sin(back + side));
  }
  pen.stroke();
}

function freehand(pen: Pen, el: Element, look: Look): void {
  let way = ways.get(el);
  const pressed = Array.isArray(el.points) && Array.isArray(el.points[0]) && el.points[0].length > 2;
  pen.strokeStyle = colour(el, "stroke", INK);
  if (pressed) return stroke(pen, pointsOf(el, look), strokeWidth(el));
  if (!way) ways.set(el, (way = path(pointsOf(el, look), true)));
  pen.lineWidth = strokeWidth(el);
  pen.stroke(way);
}

/** A stroke of a pen that was pressed: each piece as wide as its pressure, from half to one and a half. */
export function stroke(pen: Pen, points: readonly Point[], width: number): void {
  if (points.length === 0) return;
  if (points[0]!.length < 3) {
    pen.lineWidth = width;
    return pen.stroke(path(points, true));
  }
  for (let i = Math.min(1, points.length - 1); i < points.length; i++) {
    const [a, b] = [points[Math.max(i - 1, 0)]!, points[i]!];
    pen.lineWidth = width * (0.5 + Math.min(Math.max(b[2] ?? 0.5, 0), 1));
    pen.beginPath();
    pen.moveTo(a[0], a[1]);
    pen.lineTo(b[0] + (a === b ? 0.01 : 0), b[1]);
    pen.stroke();
  }
}

const rows: Record<string, (pen: Pen, el: Element, look: Look) => void> = { rect, ellipse, text, sticky, image: empty, opaque: empty, line, arrow: line, freehand };

export function paint(pen: Pen, el: Element, look: Look): void {
  const draw = rows[el.type];
  if (!draw) return;
  const turn = num(el, "rotation", 0);
  const opacity = num(el, "opacity", 1);
  pen.save();
  pen.lineCap = pen.lineJoin = "round";
  if (opacity < 1) pen.globalAlpha *= Math.max(opacity, 0);
  if (turn !== 0) {
    const [cx, cy] = [num(el, "x", 0) + num(el, "w", 0) / 2, num(el, "y", 0) + num(el, "h", 0) / 2];
    pen.translate(cx, cy);
    pen.rotate((turn * Math.PI) / 180);
    pen.translate(-cx, -cy);
  }
  draw(pen, el, look);
  pen.restore();
}

const ruler = (): Pen => document.createElement("canvas").getContext("2d")!;
let measuring: Pen | undefined;

export function textWidth(line: string, size: number): number {
  measuring ??= ruler();
  measuring.font = `${size}px ${FONT}`;
  return measuring.measureText(line).width;
}

/** Breaks lines that are wider than `width`, at blanks where there are any. */
export function wrapped(text: string, width: number, size: number): string {
  const out: string[] = [];
  for (const whole of text.split("\n")) {
    let line = "";
    for (const word of whole.split(/(?<= )/)) {
      if (line && textWidth((line + word).trimEnd(), size) > width) {
        out.push(line.trimEnd());
        line = "";
      }
      line += word;
      while (textWidth(line.trimEnd(), size) > width && line.length > 1) {
        let n = line.length - 1;
        while (n > 1 && textWidth(line.slice(0, n), size) > width) n--;
        out.push(line.slice(0, n));
        line = line.slice(n);
      }
    }
    out.push(line.trimEnd());
  }
  return out.join("\n");
}
