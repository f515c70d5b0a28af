/*
 * The tools of a board: one row below, with a panel for colour and width, and above it what can be done with what is selected. The row is
 * one Tab stop; arrows move in it.
 */
import type { Element } from "@stacgate/client";
import { COLOURS, isWritable, WIDTHS, type Colour, type Desk, type ToolName } from "../board/desk";
import { isLined } from "../board/geometry";
import { icon, type Sign } from "../board/icons";
import { TOOL_KEYS } from "../board/keys";
import { h, replace } from "../dom";
import { t } from "../i18n";
import type { TextKey } from "../texts";

const TOOLS: readonly ToolName[] = ["select", "hand", "freehand", "eraser", "rect", "ellipse", "line", "arrow", "text", "sticky", "laser"];
/** What remains to somebody who may only look. */
const LOOKING = new Set<ToolName>(["select", "hand", "laser"]);
const keyOf = new Map(Object.entries(TOOL_KEYS).map(([key, tool]) => [tool, key.toUpperCase()]));

export interface Bar {
  element: HTMLElement;
  draw(): void;
}

export function signButton(sign: Sign, label: string, onclick: (e: Event) => void, more: Record<string, string | boolean> = {}): HTMLButtonElement {
  return h("button.sign", { type: "button", title: label, "aria-label": label, onclick, ...more }, icon(sign));
}

export function toolBar(desk: Desk, host: HTMLElement): Bar {
  const take = (tool: ToolName) => {
    desk.setTool(tool);
    host.focus({ preventScroll: true });
  };
  const buttons = new Map(TOOLS.map((tool) => [tool, toolButton(tool, () => take(tool))]));
  const drop = h("span.drop");
  const style = stylePanel(desk);
  const open = h("button.sign.style-button", { type: "button", title: t("board.style"), "aria-label": t("board.style"), "aria-expanded": "false", "aria-controls": "board-style" }, drop);
  const toggle = (on: boolean) => {
    style.element.hidden = !on;
    open.setAttribute("aria-expanded", String(on));
  };
  open.addEventListener("click", () => toggle(style.element.hidden));
  style.element.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    toggle(false);
    open.focus();
  });
  const row = h("div.board-tools", { role: "toolbar", "aria-label": t("board.tools") }, ...buttons.values(), h("span.gap"), open);
  row.addEventListener("keydown", (e) => rove(row, e));
  host.addEventListener("pointerdown", () => toggle(false));
  toggle(false);
  return {
    element: h("div.board-dock", {}, style.element, row),
    draw() {
      const may = desk.live.mayDraw();
      const inHand = may || LOOKING.has(desk.tool) ? desk.tool : "hand";
      for (const [tool, button] of buttons) {
        button.setAttribute("aria-pressed", String(inHand === tool));
        button.hidden = !may && !LOOKING.has(tool);
        button.tabIndex = inHand === tool ? 0 : -1;
      }
      open.hidden = !may;
      if (!may) toggle(false);
      drop.className = `drop ink-${desk.colour.name} wide-${desk.width}`;
      style.draw();
    },
  };
}

function toolButton(tool: ToolName, run: () => void): HTMLButtonElement {
  const name = t(`board.${tool}` as TextKey);
  return signButton(tool, `${name} (${keyOf.get(tool)})`, run, { "data-tool": tool, "aria-keyshortcuts": keyOf.get(tool) ?? "" });
}

function rove(row: HTMLElement, e: KeyboardEvent): void {
  const buttons = [...row.querySelectorAll<HTMLElement>("button:not([hidden])")];
  const at = buttons.indexOf(document.activeElement as HTMLElement);
  const to: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 };
  const next = to[e.key];
  if (next === undefined) return;
  e.preventDefault();
  buttons[(next + buttons.length) % buttons.length]?.focus();
}

function stylePanel(desk: Desk): Bar {
  const swatches = COLOURS.map((colour) => swatch(colour, () => desk.setColour(colour)));
  const widths = WIDTHS.map((width, i) =>
    h("button.sign.width", { type: "button", "aria-label": t(`board.width${i + 1}` as TextKey), title: t(`board.width${i + 1}` as TextKey), onclick: () => desk.setWidth(width) }, h(`span.bar.wide-${width}`)),
  );
  const fill = h("input", { type: "checkbox", onchange: () => desk.setFilled(fill.checked) });
  const element = h("div.board-style", { id: "board-style", role: "group", "aria-label": t("board.style") },
    h("div.swatches", { role: "group", "aria-label": t("board.colour") }, ...swatches),
    h("div.widths", { role: "group", "aria-label": t("board.width") }, ...widths),
    h("label.check", {}, fill, t("board.filled")),
  );
  return {
    element,
    draw() {
      for (const [i, button] of swatches.entries()) button.setAttribute("aria-pressed", String(desk.colour === COLOURS[i]));
      for (const [i, button] of widths.entries()) button.setAttribute("aria-pressed", String(desk.width === WIDTHS[i]));
      fill.checked = desk.filled;
    },
  };
}

function swatch(colour: Colour, run: () => void): HTMLButtonElement {
  const name = t(`colour.${colour.name}` as TextKey);
  return h(`button.swatch.ink-${colour.name}`, { type: "button", "aria-label": name, title: name, onclick: run });
}

/** Above the tools, while something is selected. */
export function selectionBar(desk: Desk): Bar {
  const element = h("div.board-selection", { role: "toolbar", "aria-label": t("board.selection"), hidden: true });
  let version = "";
  element.addEventListener("keydown", (e) => rove(element, e));
  return {
    element,
    draw() {
      const elements = desk.selection();
      const free = elements.filter((el) => desk.live.mayChange(el.id));
      const locked = elements.length > 0 && elements.every((el) => desk.live.board.lockedIds.has(el.id));
      const now = [[...desk.selected].join(" "), free.length, locked, elements.length === 1 && isWritable(elements[0]!), desk.live.isModerator()].join();
      if (now === version) return;
      version = now;
      element.hidden = elements.length === 0 || (free.length === 0 && !desk.live.isModerator());
      replace(element, ...actions(desk, elements, free.length > 0, locked));
    },
  };
}

function actions(desk: Desk, elements: readonly Element[], may: boolean, locked: boolean): (HTMLElement | false)[] {
  const [only, ...more] = elements;
  const ids = elements.map((el) => el.id);
  return [
    may && only !== undefined && more.length === 0 && isWritable(only) && signButton("write", t("board.write"), () => desk.edit(desk.live.board.get(only.id) ?? only)),
    may && elements.length === 2 && !elements.some(isLined) && signButton("arrow", t("board.connect"), () => desk.connect()),
    may && signButton("copy", t("board.duplicate"), () => desk.duplicate()),
    may && signButton("front", t("board.front"), () => desk.reorder("front")),
    may && signButton("back", t("board.back"), () => desk.reorder("back")),
    desk.live.isModerator() && ids.length <= 256 && signButton(locked ? "unlock" : "lock", t(locked ? "board.unlock" : "board.lock"), () => void desk.live.lock(!locked, ids)),
    may && signButton("trash", t("board.delete"), () => desk.remove()),
  ];
}
