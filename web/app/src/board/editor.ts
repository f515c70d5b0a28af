/*
 * Writing on the board: a text area that lies where the words will be. Leaving it keeps them; Escape too, as everything can be undone.
 * Who is typing keeps the keys: none of the board's shortcuts reach it.
 */
import type { Element } from "@stacgate/client";
import { h } from "../dom";
import { t } from "../i18n";
import { extent, isWritable, TEXT_MAX, type Desk } from "./desk";
import { frame, num, str, STICKY_SIZE, TEXT_SIZE, textSize } from "./geometry";
import { INK } from "./paint";

export class Editor {
  private area: HTMLTextAreaElement | undefined;
  private finish: (() => void) | undefined;

  constructor(
    private readonly desk: Desk,
    private readonly host: HTMLElement,
  ) {
    desk.edit = (el) => this.open(el);
  }

  get isOpen(): boolean {
    return this.area !== undefined;
  }

  close(): void {
    this.finish?.();
  }

  open(el: Element): void {
    this.close();
    if (!isWritable(el) || (el.id !== "" && !this.desk.live.mayChange(el.id))) return;
    const key = el.type === "text" || el.type === "sticky" ? "text" : "label";
    const area = h("textarea.board-editor", { "aria-label": t("board.words"), maxlength: TEXT_MAX, rows: 1, spellcheck: true });
    area.value = el.type === "sticky" ? str(el, "raw") || str(el, "text") : str(el, key);
    area.classList.add(`on-${el.type}`);
    this.area = area;
    if (el.id !== "") this.desk.scene.previewing(new Map([[el.id, el.type === "text" ? null : { ...el, [key]: "" }]]));
    const place = () => this.place(area, el);
    const offView = this.desk.changed.on(place);
    const lift = () => this.lift(area);
    visualViewport?.addEventListener("resize", lift);
    this.finish = () => {
      this.finish = this.area = undefined;
      offView();
      visualViewport?.removeEventListener("resize", lift);
      area.remove();
      this.desk.scene.previewing(new Map());
      this.desk.write(el.id === "" ? el : (this.desk.live.board.get(el.id) ?? el), area.value);
    };
    area.addEventListener("input", place);
    area.addEventListener("blur", () => this.close());
    area.addEventListener("keydown", (e) => this.key(e));
    area.addEventListener("pointerdown", (e) => e.stopPropagation());
    this.host.append(area);
    place();
    area.focus({ preventScroll: true });
    area.setSelectionRange(area.value.length, area.value.length);
  }

  /** A phone's keyboard came up: the words stay above it. */
  private lift(area: HTMLTextAreaElement): void {
    const below = area.getBoundingClientRect().bottom + 16 - (visualViewport!.height + visualViewport!.offsetTop);
    if (below <= 0) return;
    this.desk.scene.pan(0, -below);
    this.desk.update();
  }

  private key(e: KeyboardEvent): void {
    e.stopPropagation();
    if (e.key !== "Escape" && !(e.key === "Enter" && (e.ctrlKey || e.metaKey))) return;
    e.preventDefault();
    this.close();
    this.host.focus({ preventScroll: true });
  }

  private place(area: HTMLTextAreaElement, el: Element): void {
    const { zoom } = this.desk.scene.camera;
    const text = el.type === "text";
    const size = textSize(el, text ? TEXT_SIZE : STICKY_SIZE) * zoom;
    const box = frame(el);
    const pad = el.type === "sticky" ? { x: 10, y: 8 } : { x: 0, y: 0 };
    const [sx, sy] = this.desk.scene.toScreen(text ? num(el, "x", 0) : box.x0 + pad.x, text ? num(el, "y", 0) : box.y0 + pad.y);
    const grown = extent(area.value || " ", size);
    const style = area.style;
    style.fontSize = `${size}px`;
    style.color = str(el, "color") || INK;
    style.transform = `translate(${sx}px, ${sy}px)`;
    style.width = `${text ? Math.max(grown.w + size * 2, 120) : (box.x1 - box.x0 - 2 * pad.x) * zoom}px`;
    style.height = `${text ? grown.h + size * 0.6 : Math.max((box.y1 - box.y0 - 2 * pad.y) * zoom, size * 1.6)}px`;
  }
}
