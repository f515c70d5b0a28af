/*
 * From pointer events to gestures. One finger, mouse or pen draws; two fingers move and zoom the view, and take back what the first
 * had begun; once a pen was seen, fingers only move the view, so that a resting hand leaves no marks.
 */
import type { Desk } from "./desk";
import { begin, far, handleAt, pan, under, type At, type Gesture } from "./tools";

const DOUBLE_MS = 350;
const WHEEL_ZOOM = 0.002;

export class Pointers {
  gesture: Gesture | undefined;
  /** The space bar is down: any drag moves the view. */
  grabbing = false;
  private readonly fingers = new Map<number, At>();
  private holder: number | undefined;
  private penSeen = false;
  private pinching = false;
  /** Where a press began that may become a tap on an element. */
  private pressed: At | undefined;
  private lastTap: { at: number; id: string } | undefined;

  constructor(
    private readonly desk: Desk,
    private readonly element: HTMLElement,
  ) {
    element.addEventListener("pointerdown", (e) => this.down(e));
    element.addEventListener("pointermove", (e) => this.move(e));
    element.addEventListener("pointerup", (e) => this.up(e));
    element.addEventListener("pointercancel", (e) => this.lost(e));
    element.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    element.addEventListener("dblclick", (e) => e.preventDefault());
    element.addEventListener("contextmenu", (e) => e.preventDefault());
  }

  cancel(): void {
    this.gesture?.cancel();
    this.gesture = undefined;
    this.holder = undefined;
    this.desk.scene.touchAbove();
  }

  private at(e: PointerEvent | WheelEvent): At {
    const box = this.element.getBoundingClientRect();
    const [sx, sy] = [e.clientX - box.left, e.clientY - box.top];
    const [x, y] = this.desk.scene.toBoard(sx, sy);
    const pointer = e instanceof PointerEvent ? e : undefined;
    return { x, y, sx, sy, shift: e.shiftKey, coarse: pointer?.pointerType === "touch", ...(pointer?.pointerType === "pen" ? { pressure: pointer.pressure } : {}) };
  }

  private down(e: PointerEvent): void {
    const at = this.at(e);
    this.element.setPointerCapture(e.pointerId);
    this.element.focus({ preventScroll: true });
    if (e.pointerType === "pen") this.penSeen = true;
    if (e.pointerType === "touch") this.fingers.set(e.pointerId, at);
    e.preventDefault();
    if (this.fingers.size > 1) return this.pinch();
    if (this.holder !== undefined || (e.button !== 0 && e.button !== 1)) return;
    this.holder = e.pointerId;
    this.pressed = this.desk.tool === "select" ? at : undefined;
    const moves = e.button === 1 || this.grabbing || (e.pointerType === "touch" && this.penSeen);
    this.gesture = moves ? pan(this.desk, at) : begin(this.desk, at);
    this.desk.scene.touchAbove();
  }

  private pinch(): void {
    if (!this.pinching) this.cancel();
    this.pinching = true;
  }

  private move(e: PointerEvent): void {
    const at = this.at(e);
    if (this.pinching && this.fingers.has(e.pointerId)) return this.pinched(e.pointerId, at);
    if (this.fingers.has(e.pointerId)) this.fingers.set(e.pointerId, at);
    this.desk.live.hands.sayCursor(Math.round(at.x), Math.round(at.y), this.desk.tool);
    if (this.holder === undefined) return this.hover(at);
    if (e.pointerId !== this.holder || !this.gesture) return;
    const path = e.getCoalescedEvents?.() ?? [];
    this.gesture.move(path.length > 0 ? path.map((p) => this.at(p)) : [at]);
    this.desk.scene.touchAbove();
  }

  private hover(at: At): void {
    if (this.desk.tool !== "select") return void delete this.element.dataset.over;
    const handle = handleAt(this.desk, at);
    const over = handle ? (handle.corner ?? "point") : under(this.desk, at) ? "element" : "";
    if (this.element.dataset.over !== over) this.element.dataset.over = over;
  }

  /** Two fingers: the board's points under them stay under them. */
  private pinched(id: number, at: At): void {
    const other = [...this.fingers].find(([finger]) => finger !== id)?.[1];
    const was = this.fingers.get(id)!;
    this.fingers.set(id, at);
    if (!other) return;
    const spread = (a: At) => Math.max(Math.hypot(a.sx - other.sx, a.sy - other.sy), 1);
    this.desk.scene.pan((at.sx - was.sx) / 2, (at.sy - was.sy) / 2);
    this.desk.scene.zoomAt((at.sx + other.sx) / 2, (at.sy + other.sy) / 2, (this.desk.scene.camera.zoom * spread(at)) / spread(was));
    this.desk.update();
  }

  private up(e: PointerEvent): void {
    const at = this.at(e);
    this.fingers.delete(e.pointerId);
    if (this.fingers.size === 0) this.pinching = false;
    if (e.pointerId !== this.holder) return;
    this.holder = undefined;
    const gesture = this.gesture;
    this.gesture = undefined;
    gesture?.up(at);
    this.tapped(at);
    this.desk.update();
  }

  private lost(e: PointerEvent): void {
    this.fingers.delete(e.pointerId);
    if (this.fingers.size === 0) this.pinching = false;
    if (e.pointerId === this.holder) this.cancel();
  }

  /** Twice on one element, without a drag: its words. */
  private tapped(at: At): void {
    const el = this.pressed && !far(this.pressed, at) ? under(this.desk, at) : undefined;
    const again = el && this.lastTap?.id === el.id && Date.now() - this.lastTap.at < DOUBLE_MS;
    this.lastTap = el && !again ? { at: Date.now(), id: el.id } : undefined;
    if (again) this.desk.edit(el);
  }

  private wheel(e: WheelEvent): void {
    const at = this.at(e);
    const scene = this.desk.scene;
    const pixels = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? 24 : 1;
    e.preventDefault();
    if (e.ctrlKey || e.metaKey) scene.zoomAt(at.sx, at.sy, scene.camera.zoom * Math.exp(-e.deltaY * pixels * WHEEL_ZOOM * (Math.abs(e.deltaY) < 20 ? 4 : 1)));
    else if (e.shiftKey && e.deltaX === 0) scene.pan(-e.deltaY * pixels, 0);
    else scene.pan(-e.deltaX * pixels, -e.deltaY * pixels);
    this.desk.update();
  }
}
