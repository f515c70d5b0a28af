/*
 * What a drag does, one row a tool. A gesture is told where the pointer went and shows itself as a draft or a preview; nothing reaches
 * the board before its end, and a cancelled one leaves no trace.
 */
import { newOpId, type Element, type Point } from "@stacgate/client";
import type { Desk, ToolName } from "./desk";
import { bounds, frame, hangs, isLined, meets, moved, num, strokeParts, topmost, type Box } from "./geometry";

/** Where the pointer is: in the board's units, and on the screen. */
export interface At {
  x: number;
  y: number;
  sx: number;
  sy: number;
  /** Of a pen only, 0 to 1. */
  pressure?: number;
  shift: boolean;
  /** A finger: what it means is further around it. */
  coarse: boolean;
}

export interface Gesture {
  move(path: readonly At[]): void;
  up(at: At): void;
  cancel(): void;
  /** Elements to draw above the board meanwhile. */
  draft?: Element[];
  /** A selection being drawn out. */
  marquee?: Box;
}

const TINY_PX = 5;
const HANDLE_PX = 10;
const HANDLE_COARSE_PX = 22;
const REACH_PX = 6;
const REACH_COARSE_PX = 14;

export const reach = (desk: Desk, at: At): number => (at.coarse ? REACH_COARSE_PX : REACH_PX) / desk.scene.camera.zoom;

export function under(desk: Desk, at: At): Element | undefined {
  return topmost(desk.live.board.elements(), at.x, at.y, reach(desk, at), desk.scene.look);
}

/** Further than a tap trembles. */
export const far = (a: At, b: At): boolean => Math.hypot(a.sx - b.sx, a.sy - b.sy) > TINY_PX;

/* ---- pen and eraser ---- */

function freehand(desk: Desk, start: At): Gesture {
  const id = newOpId();
  const style = desk.style("freehand");
  const points: Point[] = [];
  const gesture: Gesture = { draft: [], move: add, up, cancel: () => desk.live.hands.dropStroke(id) };

  function add(path: readonly At[]): void {
    const fresh = path.map(({ x, y, pressure }): Point => (pressure === undefined ? [x, y] : [x, y, pressure]));
    points.push(...fresh);
    gesture.draft = [{ id, z: "", type: "freehand", x: 0, y: 0, points: [...points], ...style }];
    desk.live.hands.sayStroke(id, fresh.map(([x, y, p]) => [tenth(x), tenth(y), ...(p === undefined ? [] : [Math.round(p * 100) / 100])] as Point), points.length === fresh.length ? style : undefined);
  }
  function up(): void {
    const parts = strokeParts(points, 0.4 / desk.scene.camera.zoom).map((part) => ({ type: "freehand", ...part, ...style }));
    desk.put(parts, [id]);
  }
  add([start]);
  return gesture;
}

const tenth = (v: number): number => Math.round(v * 10) / 10;

function eraser(desk: Desk, start: At): Gesture {
  const gone = new Map<string, null>();
  let last = start;
  const take = (x: number, y: number, near: number) => {
    const el = topmost(desk.live.board.elements().filter((e) => !gone.has(e.id)), x, y, near, desk.scene.look);
    if (el && desk.live.mayChange(el.id)) gone.set(el.id, null);
  };
  /* A quick hand leaves wide gaps between events: what lies in them is met too. */
  const erase = (path: readonly At[]) => {
    for (const at of path) {
      const near = reach(desk, at);
      const steps = Math.min(Math.max(1, Math.ceil(Math.hypot(at.x - last.x, at.y - last.y) / near)), 100);
      for (let i = 1; i <= steps; i++) take(last.x + ((at.x - last.x) * i) / steps, last.y + ((at.y - last.y) * i) / steps, near);
      last = at;
    }
    desk.scene.previewing(gone);
  };
  erase([start]);
  const end = () => desk.scene.previewing(new Map());
  return {
    move: erase,
    up: () => {
      if (gone.size > 0) desk.remove(gone.keys());
      end();
    },
    cancel: end,
  };
}

/* ---- shapes ---- */

function boxed(type: "rect" | "ellipse") {
  return (desk: Desk, start: At): Gesture => {
    const shape = (at: At): Element => {
      let [w, h] = [at.x - start.x, at.y - start.y];
      if (at.shift) [w, h] = [Math.sign(w || 1) * Math.max(Math.abs(w), Math.abs(h)), Math.sign(h || 1) * Math.max(Math.abs(w), Math.abs(h))];
      const [x, y] = [Math.min(start.x, start.x + w), Math.min(start.y, start.y + h)];
      return { id: "", z: "", type, x: tenth(x), y: tenth(y), w: tenth(Math.abs(w)), h: tenth(Math.abs(h)), ...desk.style(type) };
    };
    return drawn(desk, start, shape, (at) => ({ ...shape(at), x: tenth(start.x - 60), y: tenth(start.y - 40), w: 120, h: 80 }));
  };
}

function lined(type: "line" | "arrow") {
  return (desk: Desk, start: At): Gesture => {
    const from = boxUnder(desk, start);
    const shape = (at: At): Element => {
      const to = from && boxUnder(desk, at);
      const ends = from && to && from !== to ? { from: from.id, to: to.id } : {};
      let [dx, dy] = [at.x - start.x, at.y - start.y];
      if (at.shift) {
        const angle = (Math.round(Math.atan2(dy, dx) / (Math.PI / 12)) * Math.PI) / 12;
        const length = Math.hypot(dx, dy);
        [dx, dy] = [length * Math.cos(angle), length * Math.sin(angle)];
      }
      return { id: "", z: "", type, x: tenth(start.x), y: tenth(start.y), points: [[0, 0], [tenth(dx), tenth(dy)]], ...ends, ...desk.style(type) };
    };
    return drawn(desk, start, shape, (at) => ({ ...shape(at), points: [[0, 0], [120, 0]] }));
  };
}

/** What a line may hang on. */
const boxUnder = (desk: Desk, at: At): Element | undefined => topmost(desk.live.board.elements().filter((el) => !isLined(el)), at.x, at.y, reach(desk, at), desk.scene.look);

/** A shape between where the pointer went down and where it is; `tap`: what a touch without a drag makes. */
function drawn(desk: Desk, start: At, shape: (at: At) => Element, tap: (at: At) => Element): Gesture {
  const gesture: Gesture = {
    draft: [],
    move: (path) => {
      const at = path[path.length - 1];
      if (at) gesture.draft = [shape(at)];
    },
    up: (at) => {
      const { id: _id, z: _z, ...el } = far(start, at) ? shape(at) : tap(at);
      desk.finish(desk.put([el as Omit<Element, "id" | "z">]));
    },
    cancel: () => undefined,
  };
  return gesture;
}

/* ---- text and notes ---- */

function text(desk: Desk, start: At): Gesture {
  return tapped(() => {
    const el = under(desk, start);
    if (el?.type === "text" && desk.live.mayChange(el.id)) desk.edit(el);
    else desk.edit(desk.draft("text", tenth(start.x), tenth(start.y - 12)));
  });
}

const sticky = (desk: Desk, start: At): Gesture => tapped(() => desk.putSticky(start.x, start.y));
const tapped = (up: () => void): Gesture => ({ move: () => undefined, up, cancel: () => undefined });

/* ---- selecting ---- */

export interface Handle {
  x: number;
  y: number;
  /** The box's corner, or a line's point. */
  corner?: "nw" | "ne" | "sw" | "se";
  point?: 0 | 1;
}

/** Where a single selected element is taken to change its size; a connector has its place from others. */
export function handles(el: Element, look: (id: string) => Element | undefined): Handle[] {
  if (hangs(el, look)) return [];
  const points = el.points as Point[] | undefined;
  if (isLined(el) && Array.isArray(points) && points.length === 2) {
    return points.map(([x, y], i) => ({ x: num(el, "x", 0) + x, y: num(el, "y", 0) + y, point: i as 0 | 1 }));
  }
  const { x0, y0, x1, y1 } = frame(el);
  if (x1 - x0 < 1 && y1 - y0 < 1) return [];
  return [{ x: x0, y: y0, corner: "nw" }, { x: x1, y: y0, corner: "ne" }, { x: x0, y: y1, corner: "sw" }, { x: x1, y: y1, corner: "se" }];
}

export function handleAt(desk: Desk, at: At): Handle | undefined {
  const [el, ...more] = desk.selection();
  if (!el || more.length > 0 || !desk.live.mayChange(el.id)) return undefined;
  const near = (at.coarse ? HANDLE_COARSE_PX : HANDLE_PX) / desk.scene.camera.zoom;
  return handles(el, desk.scene.look).find((handle) => Math.hypot(handle.x - at.x, handle.y - at.y) <= near);
}

function select(desk: Desk, start: At): Gesture {
  const handle = handleAt(desk, start);
  if (handle) return resize(desk, desk.selection()[0]!, handle);
  const el = under(desk, start);
  if (!el) return marquee(desk, start);
  if (start.shift) desk.select(desk.selected.has(el.id) ? [...desk.selected].filter((id) => id !== el.id) : [...desk.selected, el.id]);
  else if (!desk.selected.has(el.id)) desk.select([el.id]);
  return drag(desk, start);
}

/** Elements as they would be: shown while the pointer moves, patched at its end. */
function previewed(desk: Desk, change: (at: At) => { el: Element; set: Record<string, unknown> }[], start?: At): Gesture {
  let last: ReturnType<typeof change> = [];
  let going = !start;
  return {
    move: (path) => {
      const at = path[path.length - 1];
      going ||= at !== undefined && far(start!, at);
      if (!at || !going) return;
      last = change(at);
      desk.scene.previewing(new Map(last.map(({ el, set }) => [el.id, { ...el, ...set }])));
    },
    up: () => {
      desk.patch(last.map(({ el, set }) => ({ id: el.id, set })));
      desk.scene.previewing(new Map());
    },
    cancel: () => desk.scene.previewing(new Map()),
  };
}

function drag(desk: Desk, start: At): Gesture {
  const elements = desk.selection().filter((el) => desk.live.mayChange(el.id) && !hangs(el, desk.scene.look));
  return previewed(desk, (at) => elements.map((el) => ({ el, set: moved(el, at.x - start.x, at.y - start.y) })), start);
}

function resize(desk: Desk, el: Element, handle: Handle): Gesture {
  if (handle.point !== undefined) return movePoint(desk, el, handle.point);
  const from = frame(el);
  const [left, top] = [handle.corner!.endsWith("w"), handle.corner!.startsWith("n")];
  return previewed(desk, (at) => {
    const to = { ...from };
    const ratio = (from.x1 - from.x0) / Math.max(from.y1 - from.y0, 0.1);
    let [w, h] = [Math.max(left ? from.x1 - at.x : at.x - from.x0, 4), Math.max(top ? from.y1 - at.y : at.y - from.y0, 4)];
    if (at.shift || el.type === "text") [w, h] = w / ratio > h ? [w, w / ratio] : [h * ratio, h];
    if (left) to.x0 = from.x1 - w;
    else to.x1 = from.x0 + w;
    if (top) to.y0 = from.y1 - h;
    else to.y1 = from.y0 + h;
    return [{ el, set: desk.fitted(el, from, to) }];
  });
}

function movePoint(desk: Desk, el: Element, which: 0 | 1): Gesture {
  const [x, y] = [num(el, "x", 0), num(el, "y", 0)];
  return previewed(desk, (at) => {
    const points = (el.points as Point[]).map((p, i) => (i === which ? [tenth(at.x - x), tenth(at.y - y)] : p));
    return [{ el, set: { points } }];
  });
}

function marquee(desk: Desk, start: At): Gesture {
  const before = start.shift ? [...desk.selected] : [];
  const gesture: Gesture = {
    move: (path) => {
      const at = path[path.length - 1];
      if (at) gesture.marquee = { x0: Math.min(start.x, at.x), y0: Math.min(start.y, at.y), x1: Math.max(start.x, at.x), y1: Math.max(start.y, at.y) };
    },
    up: (at) => {
      const box = gesture.marquee;
      const found = box && far(start, at) ? desk.live.board.elements().filter((el) => meets(bounds(el, desk.scene.look), box)) : [];
      desk.select([...new Set([...before, ...found.map((el) => el.id)])]);
    },
    cancel: () => undefined,
  };
  return gesture;
}

/* ---- moving the view ---- */

export function pan(desk: Desk, start: At): Gesture {
  let last = start;
  return {
    move: (path) => {
      const at = path[path.length - 1];
      if (!at) return;
      desk.scene.pan(at.sx - last.sx, at.sy - last.sy);
      last = at;
    },
    up: () => undefined,
    cancel: () => undefined,
  };
}

/* ---- pointing ---- */

function laser(desk: Desk, start: At): Gesture {
  const say = (path: readonly At[]) => path.forEach((at) => desk.live.hands.sayLaser(tenth(at.x), tenth(at.y)));
  say([start]);
  return { move: say, up: () => undefined, cancel: () => undefined };
}

const rows: Record<ToolName, (desk: Desk, start: At) => Gesture> = {
  select, hand: pan, freehand, eraser, rect: boxed("rect"), ellipse: boxed("ellipse"), line: lined("line"), arrow: lined("arrow"), text, sticky, laser,
};
/** What somebody who may not draw can still do. */
const READING = new Set<ToolName>(["select", "hand", "laser"]);

export function begin(desk: Desk, start: At): Gesture {
  return desk.live.mayDraw() || READING.has(desk.tool) ? rows[desk.tool](desk, start) : pan(desk, start);
}
