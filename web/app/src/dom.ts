/*
 * Building pages without a framework: `h` makes elements, `keyed` keeps a list of them in step with data. Invariant: strings become
 * text nodes, never markup; nothing here takes HTML or sets inline styles, which the content security policy would refuse.
 */
export type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);

/** h("button.quiet", { onclick, "aria-label": … }, "text"): functions become listeners, true an empty attribute, false none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K | `${K}.${string}`,
  props: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name as K);
  if (classes.length) element.classList.add(...classes);
  for (const [key, value] of Object.entries(props)) setProp(element, key, value);
  element.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
  return element;
}

function setProp(element: HTMLElement, key: string, value: Value): void {
  if (typeof value === "function") element.addEventListener(key.replace(/^on/, ""), value as EventListener);
  else if (key === "value") (element as HTMLInputElement).value = String(value ?? "");
  else if (value === true) element.setAttribute(key, "");
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
}

export function replace(parent: Element, ...children: Child[]): void {
  parent.replaceChildren(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
}

export interface Row {
  key: string;
  /** Changes whenever the row must be drawn again. */
  version: string;
  draw: () => HTMLElement;
}

/** Makes `parent`'s children be `rows`, in order, keeping what did not change (and the keyboard focus where it was). */
export function keyed(parent: HTMLElement, rows: readonly Row[]): void {
  const wanted = new Set(rows.map((row) => row.key));
  const old = new Map<string, HTMLElement>();
  for (const child of [...parent.children] as HTMLElement[]) {
    const key = child.dataset.key ?? "";
    if (wanted.has(key)) old.set(key, child);
    else child.remove();
  }
  const focused = (document.activeElement?.closest("[data-key]") as HTMLElement | null)?.dataset.key;
  let cursor = parent.firstElementChild;
  for (const row of rows) {
    const kept = old.get(row.key);
    const element = kept && (kept.dataset.version === row.version || isBusy(kept)) ? kept : drawRow(row);
    if (kept && element !== kept) {
      const had = kept.contains(document.activeElement) && parent.contains(kept);
      if (cursor === kept) cursor = kept.nextElementSibling;
      kept.replaceWith(element);
      if (had && focused === row.key) (element.hasAttribute("tabindex") ? element : element.querySelector("button"))?.focus();
    }
    if (element === cursor) cursor = cursor.nextElementSibling;
    else if (cursor === null || element.nextElementSibling !== cursor || element.parentElement !== parent) parent.insertBefore(element, cursor);
  }
}

/** Somebody has a menu open in it: drawn again when that closes (MENU_CLOSED). */
function isBusy(row: HTMLElement): boolean {
  return row.querySelector("[role=menu]") !== null;
}

export const MENU_CLOSED = "menu-closed";

function drawRow(row: Row): HTMLElement {
  const element = row.draw();
  element.dataset.key = row.key;
  element.dataset.version = row.version;
  return element;
}

/** Runs `draw` at most once a frame, however often it is asked. */
export function perFrame(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const go = () => {
      asked = false;
      draw();
    };
    if (document.hidden) setTimeout(go, 0);
    else requestAnimationFrame(go);
  };
}
