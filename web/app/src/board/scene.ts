/*
 * Two canvases, one above the other: the elements, and above them what is in somebody's hands (selection, strokes under way, cursors).
 * Invariant: a frame draws only what changed since the last one. Of the elements these are boxes, in the board's units; moving the
 * view draws all that is visible.
 */
import type { Board, Element, Off, Touched } from "@stacgate/client";
import { h } from "../dom";
import { bounds, grown, isConnector, meets, union, type Box } from "./geometry";
import { paint } from "./paint";

const BOXES_MAX = 12;
const RATIO_MAX = 2;
export const ZOOM_MIN = 0.1;
export const ZOOM_MAX = 8;
const DOTS = 24;

export interface Camera {
  /** The board's point at the upper left corner. */
  x: number;
  y: number;
  zoom: number;
}

export class Scene {
  readonly element: HTMLElement;
  readonly camera: Camera = { x: 0, y: 0, zoom: 1 };
  width = 0;
  height = 0;
  /** Drawn on the upper canvas, in screen pixels; true: again in the next frame. */
  paintAbove: (pen: CanvasRenderingContext2D) => boolean = () => false;
  private readonly below = h("canvas");
  private readonly above = h("canvas");
  private boxes: Box[] = [];
  private everything = true;
  private aboveDirty = true;
  private asked = false;
  private ratio = 1;
  private connected = false;
  /** Each element as it was shown last, to clear it there when it moves. */
  private drawn = new Map<string, Element>();
  /** Elements as they look while they are being moved; null: not drawn. */
  private preview = new Map<string, Element | null>();
  private readonly sizes: ResizeObserver;
  private readonly off: Off;

  constructor(private readonly board: Board) {
    this.element = h("div.canvases", {}, this.below, this.above);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.element);
    this.off = board.changed.on((touched) => this.changed(touched));
  }

  close(): void {
    this.off();
    this.sizes.disconnect();
  }

  /** As it is shown: a connector follows what is being moved. */
  readonly look = (id: string): Element | undefined => this.preview.get(id) ?? this.board.get(id);

  toBoard(sx: number, sy: number): [number, number] {
    return [sx / this.camera.zoom + this.camera.x, sy / this.camera.zoom + this.camera.y];
  }

  toScreen(x: number, y: number): [number, number] {
    return [(x - this.camera.x) * this.camera.zoom, (y - this.camera.y) * this.camera.zoom];
  }

  view(): Box {
    const [x1, y1] = this.toBoard(this.width, this.height);
    return { x0: this.camera.x, y0: this.camera.y, x1, y1 };
  }

  pan(dx: number, dy: number): void {
    this.camera.x -= dx / this.camera.zoom;
    this.camera.y -= dy / this.camera.zoom;
    this.moved();
  }

  /** The board's point under (sx, sy) stays there. */
  zoomAt(sx: number, sy: number, zoom: number): void {
    const [x, y] = this.toBoard(sx, sy);
    this.camera.zoom = Math.min(Math.max(zoom, ZOOM_MIN), ZOOM_MAX);
    this.camera.x = x - sx / this.camera.zoom;
    this.camera.y = y - sy / this.camera.zoom;
    this.moved();
  }

  /** Everything on the board, or its middle when there is nothing. */
  fit(): void {
    const all = union(this.board.elements().map((el) => bounds(el, this.look)));
    if (!all) return this.center(0, 0, 1);
    const zoom = Math.min(this.width / (all.x1 - all.x0 + 80), this.height / (all.y1 - all.y0 + 160), 1.5);
    this.center((all.x0 + all.x1) / 2, (all.y0 + all.y1) / 2, Math.min(Math.max(zoom, ZOOM_MIN), ZOOM_MAX));
  }

  /** Moves no more than needed for `box` to be seen. */
  reveal(box: Box): void {
    const view = grown(this.view(), -24 / this.camera.zoom);
    const shift = (a0: number, a1: number, b0: number, b1: number) => (b0 < a0 ? b0 - a0 : b1 > a1 ? Math.min(b1 - a1, b0 - a0) : 0);
    this.camera.x += shift(view.x0, view.x1, box.x0, box.x1);
    this.camera.y += shift(view.y0, view.y1, box.y0, box.y1);
    this.moved();
  }

  center(x: number, y: number, zoom: number): void {
    this.camera.zoom = zoom;
    this.camera.x = x - this.width / 2 / zoom;
    this.camera.y = y - this.height / 2 / zoom;
    this.moved();
  }

  previewing(preview: ReadonlyMap<string, Element | null>): void {
    const ids = new Set([...this.preview.keys(), ...preview.keys()]);
    this.preview = new Map(preview);
    this.changed(ids);
  }

  previewOf(id: string): Element | undefined {
    return this.preview.get(id) ?? undefined;
  }

  /** The upper canvas has something new. */
  touchAbove(): void {
    this.aboveDirty = true;
    this.ask();
  }

  private moved(): void {
    const { x, y, zoom } = this.camera;
    const dots = DOTS * zoom * (zoom < 0.5 ? 4 : 1);
    this.element.style.backgroundSize = `${dots}px ${dots}px`;
    this.element.style.backgroundPosition = `${-x * zoom}px ${-y * zoom}px`;
    this.everything = true;
    this.touchAbove();
  }

  private changed(touched: Touched): void {
    if (touched === "all") {
      this.everything = true;
      this.drawn = new Map(this.board.elements().map((el) => [el.id, el]));
      this.connected = this.board.elements().some(isConnector);
    } else {
      for (const id of touched) this.dirty(id);
      if (this.connected) this.everything = true;
    }
    this.touchAbove();
  }

  private dirty(id: string): void {
    const [was, is] = [this.drawn.get(id), this.shown(id)];
    if (was) this.boxes.push(bounds(was, this.look));
    if (!is) return void this.drawn.delete(id);
    this.drawn.set(id, is);
    this.boxes.push(bounds(is, this.look));
    this.connected ||= isConnector(is);
  }

  private shown(id: string): Element | null | undefined {
    return this.preview.has(id) ? this.preview.get(id) : this.board.get(id);
  }

  private resize(): void {
    const { width, height } = this.element.getBoundingClientRect();
    const first = this.width === 0;
    [this.width, this.height, this.ratio] = [width, height, Math.min(devicePixelRatio || 1, RATIO_MAX)];
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.max(1, Math.round(width * this.ratio));
      canvas.height = Math.max(1, Math.round(height * this.ratio));
    }
    if (first) this.fit();
    this.moved();
    this.draw();
  }

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  private draw(): void {
    if (this.width === 0) return;
    if (this.everything) this.drawBelow([this.view()]);
    else if (this.boxes.length > 0) this.drawBelow(this.boxes.length > BOXES_MAX ? [union(this.boxes)!] : this.boxes);
    this.boxes = [];
    this.everything = false;
    if (!this.aboveDirty) return;
    this.aboveDirty = false;
    const pen = this.above.getContext("2d")!;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    if (this.paintAbove(pen)) this.touchAbove();
  }

  private drawBelow(boxes: readonly Box[]): void {
    const pen = this.below.getContext("2d")!;
    const view = this.view();
    const { x, y, zoom } = this.camera;
    const scale = zoom * this.ratio;
    for (const box of boxes) {
      if (!meets(box, view)) continue;
      /* Whole pixels, or neighbours would show the seam. */
      const [px, py] = [Math.floor((box.x0 - x) * scale) - 1, Math.floor((box.y0 - y) * scale) - 1];
      const [pw, ph] = [Math.ceil((box.x1 - x) * scale) + 1 - px, Math.ceil((box.y1 - y) * scale) + 1 - py];
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(px, py, pw, ph);
      pen.save();
      pen.beginPath();
      pen.rect(px, py, pw, ph);
      pen.clip();
      pen.setTransform(scale, 0, 0, scale, -x * scale, -y * scale);
      this.drawElements(pen, grown(box, 2 / zoom));
      pen.restore();
    }
  }

  private drawElements(pen: CanvasRenderingContext2D, box: Box): void {
    for (const el of this.board.elements()) {
      const shown = this.preview.has(el.id) ? this.preview.get(el.id) : el;
      if (shown && meets(bounds(shown, this.look), box)) paint(pen, shown, this.look);
    }
  }
}
