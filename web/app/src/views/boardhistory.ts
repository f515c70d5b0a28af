/*
 * How a board came to be: its log from the beginning, played on a board of its own. The server keeps the log for a while only; where the
 * beginning is gone, the past cannot be shown truthfully, and that is what it says.
 */
import { Board, type Answer, type DurableEvent, type Op, type Whiteboard } from "@stacgate/client";
import { bounds, union } from "../board/geometry";
import { paint } from "../board/paint";
import { h } from "../dom";
import { fullTime } from "../format";
import { t } from "../i18n";
import { nameOf } from "../board/overlay";
import { toast } from "./toast";

const PAGE = 100;
const EVENTS_MAX = 20_000;

interface Logged {
  event: string;
  payload: DurableEvent & { ops?: Op[] };
}

/** null: not to be had; "cut": its beginning is not kept any more. */
async function log(live: Whiteboard): Promise<Logged[] | "cut" | null> {
  let events: Logged[] = [];
  for (let more = true; more && events.length < EVENTS_MAX; ) {
    const before = events[0]?.payload.seq;
    const answer: Answer = await live.history({ limit: PAGE, ...(before ? { before } : {}) });
    if (answer.status === "error" && answer.reason === "rate_limited") {
      await new Promise((done) => setTimeout(done, (answer.retryAfter ?? 1) * 1000));
      continue;
    }
    if (answer.status !== "ok") return null;
    if (Number(answer.reply.first) > 1) return "cut";
    const page = answer.reply.events as Logged[];
    events = [...page, ...events];
    more = answer.reply.hasMore === true && page.length > 0;
  }
  return events.length > 0 && events[0]!.payload.seq !== 1 ? "cut" : events;
}

export async function openHistory(live: Whiteboard): Promise<void> {
  const events = await log(live);
  if (events === null) return toast(t("unavailable"));
  if (events === "cut") return toast(t("board.historyCut"));
  if (events.length === 0) return toast(t("board.historyNone"));
  show(live, events);
}

function show(live: Whiteboard, events: readonly Logged[]): void {
  const canvas = h("canvas.history-picture", { width: 1200, height: 750, role: "img", "aria-label": t("board.history") });
  const when = h("p.history-when", { "aria-live": "polite" });
  const slider = h("input.history-slider", { type: "range", min: 1, max: events.length, value: events.length, "aria-label": t("board.historyStep") });
  const close = h("button.quiet", { type: "button", onclick: () => dialog.close() }, t("close"));
  const dialog = h("dialog.history", { "aria-labelledby": "history-title" }, h("h2", { id: "history-title" }, t("board.history")), canvas, slider, when, h("div.buttons", {}, close));
  const player = new Player(events);
  const draw = () => {
    const at = Number(slider.value);
    const { payload } = events[at - 1]!;
    player.draw(canvas, at);
    const words = t("board.historyAt", { at, n: events.length, time: payload.at ? fullTime(payload.at) : "", name: payload.by ? nameOf(live, payload.by) : "" });
    when.textContent = words;
    slider.setAttribute("aria-valuetext", words);
  };
  slider.addEventListener("input", draw);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  draw();
}

/** Plays forward from where it is, or from the beginning. The picture keeps one frame, that of the whole. */
class Player {
  private board = new Board();
  private at = 0;
  private readonly frame;

  constructor(private readonly events: readonly Logged[]) {
    const boxes = [];
    for (let at = 1; at <= events.length; at++) {
      this.step();
      for (const op of events[at - 1]!.payload.ops ?? []) {
        const el = op.op === "clear" ? undefined : this.board.get(op.op === "put" ? op.el.id : op.id);
        if (el) boxes.push(bounds(el, this.look));
      }
    }
    this.frame = union(boxes) ?? { x0: 0, y0: 0, x1: 640, y1: 400 };
  }

  private readonly look = (id: string) => this.board.get(id);

  private step(): void {
    const { payload } = this.events[this.at++]!;
    this.board.apply(payload.seq, payload.ops ?? []);
  }

  draw(canvas: HTMLCanvasElement, at: number): void {
    if (at < this.at) [this.board, this.at] = [new Board(), 0];
    while (this.at < at) this.step();
    const pen = canvas.getContext("2d")!;
    const { x0, y0, x1, y1 } = this.frame;
    const scale = Math.min((canvas.width - 48) / Math.max(x1 - x0, 1), (canvas.height - 48) / Math.max(y1 - y0, 1), 2);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.translate(canvas.width / 2, canvas.height / 2);
    pen.scale(scale, scale);
    pen.translate(-(x0 + x1) / 2, -(y0 + y1) / 2);
    for (const el of this.board.elements()) paint(pen, el, this.look);
  }
}
