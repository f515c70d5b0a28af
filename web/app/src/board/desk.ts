/*
 * What one person does at a board: the tool in hand, its colour and width, what is selected, and the gestures that keys, buttons and
 * the pointer share. Invariant: nothing here touches an element but through `Whiteboard.act`, so that each gesture can be undone.
 */
import { newOpId, Signal, zAbove, zBelow, type Element, type ElementOp, type Whiteboard } from "@stacgate/client";
import { bounds, frame, hangs, isLined, moved, num, resized, str, STICKY_SIZE, TEXT_SIZE, textSize, union, type Box } from "./geometry";
import { textWidth, wrapped } from "./paint";
import type { Scene } from "./scene";

export type ToolName = "select" | "hand" | "freehand" | "eraser" | "rect" | "ellipse" | "line" | "arrow" | "text" | "sticky" | "laser";

/** A colour for lines, and the lighter one that fills with it. */
export interface Colour {
  name: string;
  ink: string;
  light: string;
}

export const COLOURS: readonly Colour[] = [
  { name: "ink", ink: "#1f2937", light: "#fde68a" },
  { name: "red", ink: "#b3402c", light: "#fbd5cc" },
  { name: "orange", ink: "#c77f0a", light: "#fbe3b4" },
  { name: "green", ink: "#2c7a4b", light: "#c9ead4" },
  { name: "teal", ink: "#14535a", light: "#c5e3e2" },
  { name: "blue", ink: "#2f67b1", light: "#cfe1f8" },
  { name: "purple", ink: "#6a4aa0", light: "#e0d6f3" },
  { name: "grey", ink: "#7b8586", light: "#e6e8e6" },
];
export const WIDTHS = [2, 4, 8] as const;
const STICKY = { w: 176, h: 132 };
const COPY_SHIFT = 20;
export const TEXT_MAX = 4_000;

export class Desk {
  readonly changed = new Signal();
  /** Words for who does not see the board. */
  readonly said = new Signal<Element | undefined>();
  /** Too much waits to be sent: the gesture was not taken. */
  readonly full = new Signal();
  readonly selected = new Set<string>();
  tool: ToolName = "freehand";
  colour: Colour = COLOURS[0]!;
  width: number = WIDTHS[1];
  filled = false;
  /** Opens the text of an element for writing; set by the editor. */
  edit: (el: Element) => void = () => undefined;
  private readonly off: () => void;

  constructor(
    readonly live: Whiteboard,
    readonly scene: Scene,
  ) {
    this.off = live.board.changed.on(() => this.forgetGone());
  }

  close(): void {
    this.off();
  }

  setTool(tool: ToolName): void {
    this.tool = tool;
    if (tool !== "select") this.select([]);
    this.update();
  }

  select(ids: readonly string[]): void {
    if (ids.length === this.selected.size && ids.every((id) => this.selected.has(id))) return;
    this.selected.clear();
    for (const id of ids) this.selected.add(id);
    this.live.hands.saySelection(ids);
    this.update();
  }

  /** The elements that are selected, in drawing order. */
  selection(): Element[] {
    return this.selected.size === 0 ? [] : this.live.board.elements().filter((el) => this.selected.has(el.id));
  }

  selectionBox(elements: readonly Element[] = this.selection()): Box | undefined {
    return elements.length === 1 && !hangs(elements[0]!, this.scene.look) ? frame(elements[0]!) : union(elements.map((el) => bounds(el, this.scene.look)));
  }

  /** The next or the one before in drawing order, around the ends; it comes into view. */
  walk(by: 1 | -1): void {
    const all = this.live.board.elements();
    if (all.length === 0) return;
    const last = this.selection().pop();
    const at = last ? all.indexOf(last) + by : by === 1 ? 0 : all.length - 1;
    const el = all[(at + all.length) % all.length]!;
    this.tool = "select";
    this.select([el.id]);
    this.scene.reveal(bounds(el, this.scene.look));
    this.said.emit(el);
  }

  /* ---- gestures ---- */

  put(parts: Omit<Element, "id" | "z">[], ids: string[] = []): string[] {
    let z = this.live.board.elements()[this.live.board.size - 1]?.z;
    const ops = parts.map((part, i): ElementOp => {
      z = zAbove(z);
      return { op: "put", el: { id: ids[i] ?? newOpId(), z, ...part } as Element };
    });
    return this.act(ops) ? ops.map((op) => (op.op === "put" ? op.el.id : "")) : [];
  }

  private act(ops: ElementOp[], mark?: string): boolean {
    const taken = this.live.act(ops, mark);
    if (!taken && this.live.mayDraw() && this.live.outbox.isFull) this.full.emit();
    return taken;
  }

  remove(ids: Iterable<string> = this.selected): void {
    this.act([...ids].map((id) => ({ op: "del", id })));
  }

  /** `mark`: several of these in a row are one gesture. */
  patch(ops: { id: string; set: Record<string, unknown> }[], mark?: string): void {
    if (ops.length > 0) this.act(ops.map((op) => ({ op: "patch", ...op })), mark);
  }

  nudge(dx: number, dy: number): void {
    const elements = this.selection();
    const free = elements.filter((el) => !hangs(el, this.scene.look));
    this.patch(free.map((el) => ({ id: el.id, set: moved(el, dx, dy) })), `nudge ${[...this.selected].join(" ")}`);
    const box = this.selectionBox();
    if (box) this.scene.reveal(box);
  }

  /** By keys: wider, narrower, higher, lower. */
  stretch(dw: number, dh: number): void {
    const ops = this.selection().map((el) => {
      const from = frame(el);
      return { id: el.id, set: this.fitted(el, from, { ...from, x1: Math.max(from.x0 + 8, from.x1 + dw), y1: Math.max(from.y0 + 8, from.y1 + dh) }) };
    });
    this.patch(ops, `stretch ${[...this.selected].join(" ")}`);
  }

  fitted(el: Element, from: Box, to: Box): Record<string, unknown> {
    const set = resized(el, from, to);
    if (el.type !== "sticky" || typeof set.w !== "number") return set;
    return { ...set, text: wrapped(str(el, "raw") || str(el, "text"), Math.abs(set.w) - 20, textSize(el, STICKY_SIZE)) };
  }

  duplicate(): void {
    const elements = this.selection();
    const copies = new Map(elements.map((el) => [el.id, newOpId()]));
    /* A copied connector hangs on the copies, where there are. */
    const ends = (el: Element) => Object.fromEntries(["from", "to"].filter((key) => copies.has(str(el, key))).map((key) => [key, copies.get(str(el, key))]));
    const parts = elements.map(({ id: _id, z: _z, ...el }) => ({ ...el, ...moved(el as Element, COPY_SHIFT, COPY_SHIFT), ...ends(el as Element) }) as Omit<Element, "id" | "z">);
    if (parts.length > 0) this.select(this.put(parts, [...copies.values()]));
  }

  /** An arrow from the first to the second of two that are selected; it follows them. */
  connect(): void {
    const [from, to] = [...this.selected].map((id) => this.live.board.get(id));
    if (!from || !to) return;
    const [x, y] = [num(from, "x", 0), num(from, "y", 0)];
    this.finish(this.put([{ type: "arrow", x, y, points: [[0, 0], [num(to, "x", 0) - x, num(to, "y", 0) - y]], from: from.id, to: to.id, ...this.style("arrow") }]));
  }

  reorder(to: "front" | "back"): void {
    const all = this.live.board.elements();
    let z = to === "front" ? all[all.length - 1]?.z : all[0]?.z;
    const elements = to === "front" ? this.selection() : this.selection().reverse();
    this.patch(elements.map((el) => ({ id: el.id, set: { z: (z = to === "front" ? zAbove(z) : zBelow(z)) } })));
  }

  /* ---- colour and width: of what is selected too ---- */

  setColour(colour: Colour): void {
    this.colour = colour;
    this.restyle((el) => (el.type === "sticky" ? { fill: colour.light } : el.type === "text" ? { color: colour.ink } : { stroke: colour.ink, ...(hasFill(el) ? { fill: colour.light } : {}) }));
  }

  setWidth(width: number): void {
    this.width = width;
    this.restyle((el) => (el.type === "text" ? scaledText(el, width * 3 + 10) : el.type === "sticky" ? {} : { strokeWidth: width }));
  }

  setFilled(filled: boolean): void {
    this.filled = filled;
    this.restyle((el) => (el.type === "rect" || el.type === "ellipse" ? { fill: filled ? this.colour.light : "none" } : {}));
  }

  private restyle(set: (el: Element) => Record<string, unknown>): void {
    this.patch(this.selection().map((el) => ({ id: el.id, set: set(el) })).filter((op) => Object.keys(op.set).length > 0));
    this.update();
  }

  /** What a new element of a type has from the tool. */
  style(type: ToolName): Record<string, unknown> {
    if (type === "sticky") return { fill: this.colour.light };
    if (type === "text") return { color: this.colour.ink, size: this.width * 3 + 10 };
    const line = { stroke: this.colour.ink, strokeWidth: this.width };
    return type === "rect" || type === "ellipse" ? { ...line, fill: this.filled ? this.colour.light : "none" } : line;
  }

  /** Without a pointer: one of the tool in hand, in the middle of what is seen. */
  place(): void {
    const view = this.scene.view();
    const [x, y] = [Math.round((view.x0 + view.x1) / 2), Math.round((view.y0 + view.y1) / 2)];
    if (this.tool === "text") return this.edit(this.draft("text", x, y));
    if (this.tool === "sticky") return this.putSticky(x, y);
    if (this.tool === "rect" || this.tool === "ellipse") this.finish(this.put([{ type: this.tool, x: x - 80, y: y - 50, w: 160, h: 100, ...this.style(this.tool) }]));
    if (this.tool === "line" || this.tool === "arrow") this.finish(this.put([{ type: this.tool, x: x - 80, y, points: [[0, 0], [160, 0]], ...this.style(this.tool) }]));
  }

  putSticky(x: number, y: number): void {
    const [id] = this.put([{ type: "sticky", x: Math.round(x - STICKY.w / 2), y: Math.round(y - STICKY.h / 2), ...STICKY, text: "", ...this.style("sticky") }]);
    if (!id) return;
    this.finish([id]);
    this.edit(this.live.board.get(id)!);
  }

  /** An element that is not on the board yet. */
  draft(type: "text", x: number, y: number): Element {
    return { id: "", z: "", type, x, y, text: "", ...this.style(type) };
  }

  /** A shape is drawn: it is selected, to be moved or written on. */
  finish(ids: string[]): void {
    if (ids.length === 0) return;
    this.tool = "select";
    this.select(ids);
    this.update();
    this.said.emit(this.live.board.get(ids[0]!));
  }

  /** What was written in an element, new or old. */
  write(el: Element, text: string): void {
    const value = text.slice(0, TEXT_MAX);
    if (el.type === "text") return this.writeText(el, value.replace(/\s+$/, ""));
    const key = el.type === "sticky" ? "text" : "label";
    if (el.type === "sticky") {
      const shown = wrapped(value, Math.abs(num(el, "w", STICKY.w)) - 20, textSize(el, STICKY_SIZE));
      const tall = Math.max(num(el, "h", STICKY.h), shown.split("\n").length * textSize(el, STICKY_SIZE) * 1.3 + 20);
      if (shown !== str(el, key) || value !== str(el, "raw")) this.patch([{ id: el.id, set: { text: shown, raw: value, h: Math.round(tall) } }]);
    } else if (value !== str(el, key)) {
      this.patch([{ id: el.id, set: { [key]: value } }]);
    }
  }

  private writeText(el: Element, text: string): void {
    if (el.id === "") {
      const { id: _id, z: _z, ...rest } = el;
      if (text) this.finish(this.put([{ ...rest, type: "text", text, ...extent(text, textSize(el, TEXT_SIZE)) }]));
    } else if (!text) {
      this.remove([el.id]);
    } else if (text !== str(el, "text")) {
      this.patch([{ id: el.id, set: { text, ...extent(text, textSize(el, TEXT_SIZE)) } }]);
    }
  }

  private forgetGone(): void {
    const gone = [...this.selected].filter((id) => !this.live.board.get(id));
    if (gone.length > 0) this.select([...this.selected].filter((id) => !gone.includes(id)));
  }

  update(): void {
    this.scene.touchAbove();
    this.changed.emit();
  }
}

const hasFill = (el: Element): boolean => str(el, "fill") !== "" && str(el, "fill") !== "none";

export function extent(text: string, size: number): { w: number; h: number } {
  const lines = text.split("\n");
  return { w: Math.ceil(Math.max(...lines.map((line) => textWidth(line, size)))), h: Math.ceil(lines.length * size * 1.3) };
}

function scaledText(el: Element, size: number): Record<string, unknown> {
  return { size, ...extent(str(el, "text"), size) };
}

/** Elements that hold words. */
export const isWritable = (el: Element): boolean => !isLined(el) && el.type !== "opaque" && el.type !== "image";
