/*
 * What people's hands do on a board at this moment: cursors, strokes under way, selections. Nothing of it is kept. What we send is
 * gathered here, so that views may call at every movement; a stroke that is never finished fades after a while.
 */
import { Signal } from "./signal";

const SAY_MS = 50;
const STROKE_MS = 12_000;
const CURSOR_MS = 60_000;
/** How long a laser's trail is seen. */
export const LASER_MS = 1_200;
const LASER_POINTS_MAX = 60;
/** Points of one push; the rest waits for the next. */
const POINTS_MAX = 200;

export type Point = [x: number, y: number, pressure?: number];

export interface Cursor {
  x: number;
  y: number;
  tool?: string;
  at: number;
}

export interface Stroke {
  userId: string;
  id: string;
  points: Point[];
  style: Record<string, unknown>;
  at: number;
}

export class Hands {
  readonly changed = new Signal();
  readonly cursors = new Map<string, Cursor>();
  readonly strokes = new Map<string, Stroke>();
  readonly selections = new Map<string, string[]>();
  /** What laser pointers, ours too, went over of late; the latest last. */
  readonly lasers = new Map<string, { x: number; y: number; at: number }[]>();
  private laser: { x: number; y: number } | undefined;
  private cursor: { x: number; y: number; tool?: string } | undefined;
  private stroke: { id: string; points: Point[]; style?: Record<string, unknown> } | undefined;
  private said = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly sweeper: ReturnType<typeof setInterval>;

  constructor(
    private readonly me: string,
    private readonly cast: (event: string, payload: object) => void,
  ) {
    this.sweeper = setInterval(() => this.sweep(), 2_000);
  }

  receive(lanes: Record<string, Record<string, unknown>>): void {
    for (const [userId, value] of others(lanes.cursor, this.me)) this.heardCursor(userId, value as Cursor);
    for (const [userId, value] of others(lanes.draw, this.me)) this.heardStroke(userId, value as Stroke);
    for (const [userId, value] of others(lanes.laser, this.me)) this.heardLaser(userId, value as Cursor);
    for (const [userId, value] of others(lanes.selection, this.me)) {
      const ids = (value as { ids?: unknown }).ids;
      this.selections.set(userId, Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : []);
    }
    this.changed.emit();
  }

  sayCursor(x: number, y: number, tool: string): void {
    this.cursor = { x, y, tool };
    this.later();
  }

  sayLaser(x: number, y: number): void {
    this.laser = { x, y };
    this.heardLaser(this.me, this.laser);
    this.later();
  }

  /** Points that a stroke of ours gained; `style` with the first. */
  sayStroke(id: string, points: readonly Point[], style?: Record<string, unknown>): void {
    if (this.stroke?.id !== id) {
      this.flush();
      this.stroke = { id, points: [], style };
    }
    this.stroke.points.push(...points);
    this.later();
  }

  /** A stroke of ours that will not become an element: a second finger came down. */
  dropStroke(id: string): void {
    if (this.stroke?.id === id) this.stroke = undefined;
    this.cast("draw", { id, points: [[0, 0]], style: { dropped: true } });
  }

  saySelection(ids: readonly string[]): void {
    this.cast("selection", { ids: ids.slice(0, 100) });
  }

  /** The finished stroke came as an element, or its author left. */
  finished(ids: Iterable<string>): void {
    const wanted = new Set(ids);
    for (const [userId, stroke] of this.strokes) if (wanted.has(stroke.id)) this.strokes.delete(userId);
  }

  keepOnly(present: ReadonlySet<string>): void {
    for (const map of [this.cursors, this.strokes, this.selections, this.lasers]) for (const userId of [...map.keys()]) if (!present.has(userId)) map.delete(userId);
    this.changed.emit();
  }

  reset(): void {
    this.cursors.clear();
    this.strokes.clear();
    this.selections.clear();
    this.lasers.clear();
    this.changed.emit();
  }

  close(): void {
    clearTimeout(this.timer);
    clearInterval(this.sweeper);
  }

  private later(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => this.flush(), Math.max(0, this.said + SAY_MS - Date.now()));
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.said = Date.now();
    if (this.cursor) this.cast("cursor", this.cursor);
    this.cursor = undefined;
    if (this.laser) this.cast("laser", this.laser);
    this.laser = undefined;
    const stroke = this.stroke;
    if (!stroke || stroke.points.length === 0) return;
    this.cast("draw", { id: stroke.id, points: stroke.points.splice(0, POINTS_MAX), ...(stroke.style ? { style: stroke.style } : {}) });
    delete stroke.style;
    if (stroke.points.length > 0) this.later();
  }

  private heardCursor(userId: string, { x, y, tool }: Cursor): void {
    if (Number.isFinite(x) && Number.isFinite(y)) this.cursors.set(userId, { x, y, tool: typeof tool === "string" ? tool : undefined, at: Date.now() });
  }

  private heardLaser(userId: string, { x, y }: { x: number; y: number }): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const trail = this.lasers.get(userId) ?? [];
    trail.push({ x, y, at: Date.now() });
    this.lasers.set(userId, trail.slice(-LASER_POINTS_MAX));
  }

  private heardStroke(userId: string, { id, points, style }: Stroke): void {
    if (typeof id !== "string" || !Array.isArray(points)) return;
    const good = points.filter((p) => Array.isArray(p) && Number.isFinite(p[0]) && Number.isFinite(p[1]));
    const known = this.strokes.get(userId);
    if ((style as { dropped?: unknown } | undefined)?.dropped === true) return void (known?.id === id && this.strokes.delete(userId));
    if (known?.id === id) {
      known.points.push(...good);
      known.at = Date.now();
    } else {
      this.strokes.set(userId, { userId, id, points: good, style: typeof style === "object" && style !== null ? style : {}, at: Date.now() });
    }
  }

  private sweep(): void {
    const now = Date.now();
    let gone = false;
    for (const [userId, { at }] of this.strokes) if (now - at > STROKE_MS) gone = this.strokes.delete(userId) || gone;
    for (const [userId, { at }] of this.cursors) if (now - at > CURSOR_MS) gone = this.cursors.delete(userId) || gone;
    for (const [userId, trail] of this.lasers) if (now - trail[trail.length - 1]!.at > LASER_MS) gone = this.lasers.delete(userId) || gone;
    if (gone) this.changed.emit();
  }
}

function others(lane: Record<string, unknown> | undefined, me: string): [string, object][] {
  return Object.entries(lane ?? {}).filter((e): e is [string, object] => e[0] !== me && typeof e[1] === "object" && e[1] !== null);
}
