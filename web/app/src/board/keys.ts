/*
 * The board without a pointer. It is one Tab stop: letters take tools, arrows go from element to element or move what is selected, Enter
 * writes on it or, with a tool in hand, makes one in the middle of the view.
 */
import type { Desk, ToolName } from "./desk";
import type { Pointers } from "./pointer";

const STEP = 4;
const STEP_FAR = 40;
export const TOOL_KEYS: Record<string, ToolName> = { v: "select", h: "hand", p: "freehand", e: "eraser", r: "rect", o: "ellipse", l: "line", a: "arrow", t: "text", n: "sticky", k: "laser" };
const WAYS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

type Row = (desk: Desk, e: KeyboardEvent) => void;

function arrow(desk: Desk, e: KeyboardEvent): void {
  const [x, y] = WAYS[e.key]!;
  const by = e.shiftKey ? STEP_FAR : STEP;
  if (desk.selected.size === 0) desk.walk(x + y > 0 ? 1 : -1);
  else if (e.altKey) desk.stretch(x * by, y * by);
  else desk.nudge(x * by, y * by);
}

function enter(desk: Desk): void {
  const [el] = desk.selection();
  if (el) desk.edit(el);
  else desk.place();
}

function escape(desk: Desk): void {
  if (desk.selected.size > 0) desk.select([]);
  else if (desk.tool !== "select") desk.setTool("select");
}

const zoomBy = (factor: number): Row => (desk) => {
  desk.scene.zoomAt(desk.scene.width / 2, desk.scene.height / 2, desk.scene.camera.zoom * factor);
  desk.update();
};

const plain: Record<string, Row> = {
  ArrowLeft: arrow, ArrowRight: arrow, ArrowUp: arrow, ArrowDown: arrow,
  PageDown: (desk) => desk.walk(1),
  PageUp: (desk) => desk.walk(-1),
  Enter: enter,
  Escape: escape,
  Delete: (desk) => desk.remove(),
  Backspace: (desk) => desk.remove(),
  "+": zoomBy(1.25), "=": zoomBy(1.25), "-": zoomBy(0.8),
  "0": (desk) => (desk.scene.fit(), desk.update()),
  "]": (desk) => desk.reorder("front"),
  "[": (desk) => desk.reorder("back"),
};

const command: Record<string, Row> = {
  z: (desk, e) => void (e.shiftKey ? desk.live.redo() : desk.live.undo()),
  y: (desk) => void desk.live.redo(),
  a: (desk) => {
    desk.tool = "select";
    desk.select(desk.live.board.elements().map((el) => el.id));
    desk.update();
  },
  d: (desk) => desk.duplicate(),
};

export function listenKeys(host: HTMLElement, desk: Desk, pointers: Pointers): void {
  host.addEventListener("keydown", (e) => {
    if (e.target !== host) return;
    if (e.key === " ") pointers.grabbing = true;
    if (e.key === "Escape" && pointers.gesture) pointers.cancel();
    else if (!run(desk, e)) {
      if (e.key !== " ") return;
    }
    e.preventDefault();
  });
  host.addEventListener("keyup", (e) => {
    if (e.key === " ") pointers.grabbing = false;
  });
  host.addEventListener("blur", () => (pointers.grabbing = false));
}

function run(desk: Desk, e: KeyboardEvent): boolean {
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  const held = e.ctrlKey || e.metaKey;
  const tool = held || e.altKey ? undefined : TOOL_KEYS[key];
  const row = held ? command[key] : plain[key];
  if (tool) desk.setTool(tool);
  else row?.(desk, e);
  return Boolean(tool ?? row);
}
