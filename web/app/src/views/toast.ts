/* Short news at the foot of the page, read out politely. One at a time: the latest matters. */
import { h } from "../dom";

const SHOWN_MS = 5_000;
const box = h("div.toast", { role: "status", "aria-live": "polite" });
let timer: ReturnType<typeof setTimeout> | undefined;

export function toast(text: string): void {
  if (!box.isConnected) document.body.append(box);
  clearTimeout(timer);
  box.textContent = text;
  box.classList.add("shown");
  timer = setTimeout(() => box.classList.remove("shown"), SHOWN_MS);
}
