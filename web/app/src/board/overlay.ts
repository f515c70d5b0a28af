/* What is drawn above the elements: the gesture under way, what is selected, and the others' strokes, selections and cursors. */
import { LASER_MS, type Cursor, type Element, type Whiteboard } from "@stacgate/client";
import { tint } from "../format";
import { t } from "../i18n";
import type { Desk } from "./desk";
import { bounds, frame, hangs, type Box } from "./geometry";
import { paint, stroke } from "./paint";
import type { Pointers } from "./pointer";
import { handles } from "./tools";

/** As `.tint-0` … in base.css. */
const TINTS = ["#14535a", "#8a4b14", "#5b4a8a", "#2c6e49", "#9a3b4e", "#31628f", "#77581a", "#6a3d6f"];
const MINE = "#1f7a86";
const LASER = "#e11d48";
const NAME_FONT = "600 12px system-ui, sans-serif";
const IDLE_MS = 8_000;

export const tintOf = (userId: string): string => TINTS[Number(tint(userId).slice(5))]!;

export function nameOf(live: Whiteboard, userId: string): string {
  return live.present.find((p) => p.userId === userId)?.metas[0]?.name ?? t("someone");
}

/** Where a cursor is drawn: it glides to where it was said to be. */
const glide = new WeakMap<Desk, Map<string, [number, number]>>();

export function paintOverlay(pen: CanvasRenderingContext2D, desk: Desk, pointers: Pointers, calm: boolean): boolean {
  const { scene, live } = desk;
  const { x, y, zoom } = scene.camera;
  pen.save();
  pen.scale(zoom, zoom);
  pen.translate(-x, -y);
  paintStrokes(pen, live);
  for (const el of pointers.gesture?.draft ?? []) paint(pen, el, scene.look);
  pen.restore();
  paintSelections(pen, desk);
  if (pointers.gesture?.marquee) paintMarquee(pen, desk, pointers.gesture.marquee);
  const pointing = paintLasers(pen, desk);
  return paintCursors(pen, desk, calm) || pointing;
}

function paintStrokes(pen: CanvasRenderingContext2D, live: Whiteboard): void {
  pen.lineCap = pen.lineJoin = "round";
  for (const { points, style } of live.hands.strokes.values()) {
    const ink = typeof style.stroke === "string" ? style.stroke : "";
    pen.strokeStyle = /^(#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,24})$/.test(ink) ? ink : MINE;
    stroke(pen, points, Math.min(Math.max(Number(style.strokeWidth) || 2, 0.1), 200));
  }
}

/** Trails that thin out behind the point; true while one is seen. */
function paintLasers(pen: CanvasRenderingContext2D, desk: Desk): boolean {
  const now = Date.now();
  let seen = false;
  pen.strokeStyle = pen.fillStyle = LASER;
  pen.lineCap = "round";
  for (const trail of desk.live.hands.lasers.values()) {
    for (const [i, point] of trail.entries()) {
      const fresh = 1 - (now - point.at) / LASER_MS;
      if (fresh <= 0) continue;
      seen = true;
      const [x, y] = desk.scene.toScreen(point.x, point.y);
      const [x0, y0] = i > 0 ? desk.scene.toScreen(trail[i - 1]!.x, trail[i - 1]!.y) : [x, y];
      pen.globalAlpha = fresh;
      pen.lineWidth = 2 + 5 * fresh;
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.lineTo(x, y);
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
  return seen;
}

function paintSelections(pen: CanvasRenderingContext2D, desk: Desk): void {
  for (const [userId, ids] of desk.live.hands.selections) {
    for (const id of ids.slice(0, 50)) {
      const el = desk.live.board.get(id);
      if (el) outline(pen, desk, bounds(el, desk.scene.look), tintOf(userId), 1);
    }
  }
  const mine = desk.selection();
  for (const el of mine) outline(pen, desk, mine.length === 1 && !hangs(el, desk.scene.look) ? frame(shown(desk, el)) : bounds(shown(desk, el), desk.scene.look), MINE, 1.5);
  const [only, ...more] = mine;
  if (only && desk.live.board.lockedIds.has(only.id)) padlock(pen, desk, frame(only));
  if (only && more.length === 0 && desk.live.mayChange(only.id)) for (const { x, y } of handles(shown(desk, only), desk.scene.look)) handle(pen, ...desk.scene.toScreen(x, y));
}

const shown = (desk: Desk, el: Element): Element => desk.scene.previewOf(el.id) ?? el;

function outline(pen: CanvasRenderingContext2D, desk: Desk, box: Box, ink: string, width: number): void {
  const [x0, y0] = desk.scene.toScreen(box.x0, box.y0);
  const [x1, y1] = desk.scene.toScreen(box.x1, box.y1);
  pen.strokeStyle = ink;
  pen.lineWidth = width;
  pen.strokeRect(x0 - 4, y0 - 4, x1 - x0 + 8, y1 - y0 + 8);
}

function handle(pen: CanvasRenderingContext2D, x: number, y: number): void {
  pen.beginPath();
  pen.arc(x, y, 6, 0, Math.PI * 2);
  pen.fillStyle = "#ffffff";
  pen.fill();
  pen.strokeStyle = MINE;
  pen.lineWidth = 2;
  pen.stroke();
}

function padlock(pen: CanvasRenderingContext2D, desk: Desk, box: Box): void {
  const [x, y] = desk.scene.toScreen(box.x1, box.y0);
  pen.fillStyle = pen.strokeStyle = "#a5321f";
  pen.lineWidth = 2;
  pen.fillRect(x + 2, y - 16, 14, 10);
  pen.beginPath();
  pen.arc(x + 9, y - 16, 4, Math.PI, 0);
  pen.stroke();
}

function paintMarquee(pen: CanvasRenderingContext2D, desk: Desk, box: Box): void {
  const [x0, y0] = desk.scene.toScreen(box.x0, box.y0);
  const [x1, y1] = desk.scene.toScreen(box.x1, box.y1);
  pen.fillStyle = "rgb(31 122 134 / 10%)";
  pen.fillRect(x0, y0, x1 - x0, y1 - y0);
  pen.strokeStyle = MINE;
  pen.lineWidth = 1;
  pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
}

function paintCursors(pen: CanvasRenderingContext2D, desk: Desk, calm: boolean): boolean {
  const places = glide.get(desk) ?? new Map<string, [number, number]>();
  let moving = false;
  glide.set(desk, places);
  for (const id of places.keys()) if (!desk.live.hands.cursors.has(id)) places.delete(id);
  for (const [userId, cursor] of desk.live.hands.cursors) {
    const [x, y, more] = glided(places, userId, cursor, calm);
    moving ||= more;
    pen.globalAlpha = Date.now() - cursor.at > IDLE_MS ? 0.4 : 1;
    paintCursor(pen, ...desk.scene.toScreen(x, y), tintOf(userId), nameOf(desk.live, userId));
    pen.globalAlpha = 1;
  }
  return moving;
}

function glided(places: Map<string, [number, number]>, userId: string, { x, y }: Cursor, calm: boolean): [number, number, boolean] {
  const was = places.get(userId);
  const near = !was || calm || Math.hypot(was[0] - x, was[1] - y) < 0.5;
  const now: [number, number] = near ? [x, y] : [was[0] + (x - was[0]) * 0.35, was[1] + (y - was[1]) * 0.35];
  places.set(userId, now);
  return [...now, !near];
}

function paintCursor(pen: CanvasRenderingContext2D, x: number, y: number, ink: string, name: string): void {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + 5, y + 16);
  pen.lineTo(x + 8, y + 9);
  pen.lineTo(x + 15, y + 7);
  pen.closePath();
  pen.fillStyle = ink;
  pen.strokeStyle = "#ffffff";
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.stroke();
  pen.fill();
  pen.font = NAME_FONT;
  pen.textAlign = "left";
  const wide = pen.measureText(name).width;
  pen.beginPath();
  pen.roundRect(x + 12, y + 14, wide + 12, 20, 10);
  pen.fill();
  pen.fillStyle = "#ffffff";
  pen.fillText(name, x + 18, y + 28);
}
