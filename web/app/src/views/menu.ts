/*
 * A pop-up menu beside the element that opened it: arrow keys move, Escape and a click elsewhere close, the focus goes back. One
 * menu is open at a time. It hangs on its anchor, so no position is ever computed in a style.
 */
import { h, MENU_CLOSED } from "../dom";

export interface Item {
  label: string;
  run: () => void;
  danger?: boolean;
}

export interface Strip {
  label: string;
  items: { text: string; label: string; pressed: boolean; run: () => void }[];
}

let closeOpen: (() => void) | undefined;

export function openMenu(anchor: HTMLElement, back: HTMLElement, label: string, items: readonly Item[], strip?: Strip): void {
  closeOpen?.();
  const menu = h("div.menu", { role: "menu", "aria-label": label });
  if (strip) menu.append(drawStrip(strip, close));
  for (const item of items) {
    menu.append(h(item.danger ? "button.danger-text" : "button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => act(item.run) }, item.label));
  }
  const outside = (event: Event) => !menu.contains(event.target as Node) && close(false);

  function close(refocus = true): void {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    closeOpen = undefined;
    if (refocus) back.focus();
    anchor.dispatchEvent(new Event(MENU_CLOSED, { bubbles: true }));
  }
  function act(run: () => void): void {
    close();
    run();
  }

  menu.addEventListener("keydown", (event) => keys(event, menu, close));
  document.addEventListener("pointerdown", outside, true);
  anchor.append(menu);
  const room = anchor.getBoundingClientRect().bottom + menu.offsetHeight + 16 < innerHeight;
  menu.classList.toggle("above", !room);
  menu.querySelector<HTMLElement>("button")?.focus();
  closeOpen = () => close(false);
}

function drawStrip(strip: Strip, close: () => void): HTMLElement {
  const buttons = strip.items.map((item) =>
    h("button", { type: "button", role: "menuitemcheckbox", tabindex: -1, "aria-label": item.label, "aria-checked": String(item.pressed), onclick: () => (close(), item.run()) }, item.text),
  );
  return h("div.strip", { role: "group", "aria-label": strip.label }, ...buttons);
}

function keys(event: KeyboardEvent, menu: HTMLElement, close: () => void): void {
  const buttons = [...menu.querySelectorAll<HTMLElement>("button")];
  const at = buttons.indexOf(document.activeElement as HTMLElement);
  const to: Record<string, number> = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 };
  const next = to[event.key];
  event.stopPropagation();
  if (event.key === "Escape" || event.key === "Tab") close();
  else if (next === undefined) return;
  else buttons[(next + buttons.length) % buttons.length]?.focus();
  event.preventDefault();
}
