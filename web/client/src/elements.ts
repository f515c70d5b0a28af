/*
 * What a board is made of, and what one operation makes of one element. Pure; elements are never changed in place, so that whoever
 * holds one may compare it by identity. Order of drawing is `z` byte by byte, ties by id.
 */
export interface Element {
  id: string;
  type: string;
  z: string;
  [property: string]: unknown;
}

export type Op =
  | { op: "put"; el: Element }
  | { op: "patch"; id: string; set?: Record<string, unknown>; unset?: string[] }
  | { op: "del"; id: string }
  | { op: "clear" };

/** An operation that names its element: all but `clear`. */
export type ElementOp = Exclude<Op, { op: "clear" }>;

export function targetOf(op: ElementOp): string {
  return op.op === "put" ? op.el.id : op.id;
}

/** What `op` makes of the element that it names (undefined: there is none). */
export function applied(el: Element | undefined, op: ElementOp): Element | undefined {
  if (op.op === "put") return op.el;
  if (op.op === "del" || !el) return undefined;
  const next: Element = { ...el, ...op.set, id: el.id, type: el.type };
  for (const key of op.unset ?? []) if (key !== "id" && key !== "type" && key !== "z") delete next[key];
  return next;
}

export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(x);
  return keys.length === Object.keys(y).length && keys.every((key) => key in y && sameValue(x[key], y[key]));
}

/** < 0: `a` is drawn before `b`. */
export function compareOrder(a: { z: string; id: string }, b: { z: string; id: string }): number {
  if (a.z !== b.z) return a.z < b.z ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/*
 * Fractional indices: a letter that says how many digits follow ("a" two in all, "b" three …; "Z" two, "Y" three … below them), then
 * the digits, base 62. Another client's strings may look otherwise; then something that sorts right is made from them.
 */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const Z_MAX = 64;
const FIRST = "a0";

function wholeLength(head: string): number {
  if (head >= "a" && head <= "z") return head.charCodeAt(0) - 95;
  return head >= "A" && head <= "Z" ? 92 - head.charCodeAt(0) : 0;
}

/** The whole part, if `z` is one of ours. */
function whole(z: string): string | undefined {
  const n = wholeLength(z.charAt(0));
  return n > 0 && z.length >= n && [...z].every((c) => DIGITS.includes(c)) ? z.slice(0, n) : undefined;
}

/** Adds `by` (1 or -1) to the whole part's digits, with a longer or shorter head where they run over. */
function step(part: string, by: 1 | -1): string | undefined {
  const digits = [...part.slice(1)];
  const [last, wrapped] = by === 1 ? ["z", "0"] : ["0", "z"];
  let at = digits.length - 1;
  while (at >= 0 && digits[at] === last) digits[at--] = wrapped;
  if (at >= 0) {
    digits[at] = DIGITS[DIGITS.indexOf(digits[at]!) + by]!;
    return part[0] + digits.join("");
  }
  const head = part[0] === "Z" && by === 1 ? "a" : part[0] === "a" && by === -1 ? "Z" : String.fromCharCode(part.charCodeAt(0) + by);
  const n = wholeLength(head);
  return n > 0 ? head + wrapped.repeat(n - 1) : undefined;
}

/** An index above `z` (the topmost one's); without it, a first one. */
export function zAbove(z: string | undefined): string {
  if (z === undefined) return FIRST;
  const part = whole(z);
  return (part && step(part, 1)) || (z.length < Z_MAX ? `${z}V` : z);
}

/** An index below `z` (the lowest one's). */
export function zBelow(z: string | undefined): string {
  if (z === undefined) return FIRST;
  const part = whole(z);
  if (part && part.length < z.length) return part;
  return (part && step(part, -1)) || lower(z);
}

function lower(z: string): string {
  const first = z.charCodeAt(0);
  if (first > 0x21) return `${String.fromCharCode(first - 1)}V`;
  return z.length > 1 ? z.slice(0, -1) : z;
}
