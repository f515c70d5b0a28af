/*
 * Where one writes: grows with the text, sends on Enter (a new line on touch keyboards), offers names after "@", and holds what is
 * being answered or edited. A draft stays in the page until it is taken by the queue.
 */
import { h, replace } from "../dom";
import { clock } from "../format";
import { t } from "../i18n";
import type { Group } from "../live/group";
import { isLocked, type Message } from "../live/room";
import { toast } from "./toast";

const MAX_CHARS = 8_000;
const MAX_NAMES = 6;

export interface Composer {
  element: HTMLElement;
  draw(): void;
  reply(message: Message): void;
  edit(message: Message): void;
  focus(): void;
}

type Mode = { kind: "write" } | { kind: "reply" | "edit"; message: Message };

export function composer(group: Group, sent: () => void): Composer {
  let mode: Mode = { kind: "write" };
  const text = h("textarea", { rows: 1, "aria-label": t("writeHere"), placeholder: t("writeHere"), enterkeyhint: "send", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "mention-list" });
  const names = h("ul.mentions", { id: "mention-list", role: "listbox", "aria-label": t("mentionSomeone"), hidden: true });
  const about = h("div.about", { hidden: true });
  const note = h("p.note", { role: "status" });
  const button = h("button.send", { type: "submit" }, t("send"));
  const barred = h("p.barred", { role: "status", hidden: true });
  const form = h("form.composer-form", { onsubmit: (event: Event) => (event.preventDefault(), submit()) }, names, about, h("div.write", {}, text, button), note);
  const element = h("div.composer", {}, barred, form);
  const picker = mentionPicker(text, names, group, () => changed());

  function changed(): void {
    text.rows = Math.min(8, text.value.split("\n").length);
    const over = [...text.value.trim()].length - MAX_CHARS;
    note.textContent = over > 0 ? t("tooLong", { n: over }) : "";
    button.disabled = over > 0 || text.value.trim() === "";
    picker.update();
  }

  function setMode(to: Mode): void {
    mode = to;
    about.hidden = to.kind === "write";
    if (to.kind === "write") return;
    const name = group.room.name(to.message.senderId) || t("someone");
    replace(about,
      h("span.about-what", {}, to.kind === "edit" ? t("editing") : t("replying", { name })),
      h("span.about-text", {}, to.message.content),
      h("button.link", { type: "button", onclick: () => stop() }, t("cancel")),
    );
    button.textContent = t(to.kind === "edit" ? "save" : "send");
    text.focus();
  }

  function stop(): void {
    if (mode.kind === "edit") text.value = "";
    button.textContent = t("send");
    setMode({ kind: "write" });
    changed();
    text.focus();
  }

  function submit(): void {
    const content = text.value.trim();
    if (button.disabled || !content) return;
    const taken =
      mode.kind === "edit"
        ? content === mode.message.content || group.act("message:edit", { id: mode.message.id, content })
        : group.send(content, { replyToId: mode.kind === "reply" ? mode.message.id : undefined, mentions: picker.mentioned(content) });
    if (!taken) return toast(t("queueFull"));
    text.value = "";
    stop();
    sent();
  }

  text.addEventListener("input", () => {
    group.fleeting.sayTyping(text.value.trim() !== "");
    changed();
  });
  text.addEventListener("blur", () => group.fleeting.sayTyping(false));
  text.addEventListener("keydown", (event) => {
    if (event.isComposing || picker.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && mode.kind !== "write") stop();
  });
  changed();
  return {
    element,
    draw() {
      const why = bar(group);
      const text = why || (group.silenced ? t("mutedYou") : "");
      barred.hidden = text === "";
      form.hidden = why !== "";
      if (barred.textContent !== text) barred.textContent = text;
    },
    reply: (message) => setMode({ kind: "reply", message }),
    edit(message) {
      text.value = message.content;
      setMode({ kind: "edit", message });
      changed();
    },
    focus: () => text.focus(),
  };
}

/** Why one may not write here now; "" when one may. */
function bar(group: Group): string {
  if (group.archived) return t("readOnlyGroup");
  if (group.isModerator()) return "";
  const until = group.room.mutedUntil.get(group.me.id) ?? 0;
  if (until === Infinity) return t("mutedYou");
  if (until > Date.now()) return t("mutedYouUntil", { time: clock(new Date(until).toISOString()) });
  return isLocked(group.room.group) ? t("locked") : "";
}

function mentionPicker(text: HTMLTextAreaElement, list: HTMLElement, group: Group, changed: () => void) {
  let at = 0;
  let found: { id: string; name: string }[] = [];

  function update(): void {
    const typed = /(?:^|\s)@([\p{L}\p{N}'’ -]{0,30})$/u.exec(text.value.slice(0, text.selectionStart))?.[1];
    const wanted = typed?.toLocaleLowerCase();
    found = wanted === undefined ? [] : known().filter((p) => p.name.toLocaleLowerCase().startsWith(wanted) && p.name.toLocaleLowerCase() !== wanted.trim()).slice(0, MAX_NAMES);
    at = 0;
    draw();
  }
  function known(): { id: string; name: string }[] {
    return [...group.room.people].filter(([id, p]) => id !== group.me.id && p.name).map(([id, p]) => ({ id, name: p.name }));
  }
  function draw(): void {
    list.hidden = found.length === 0;
    text.setAttribute("aria-expanded", String(found.length > 0));
    replace(list, ...found.map((p, i) => h("li", { id: `mention-${i}`, role: "option", "aria-selected": String(i === at), onpointerdown: (e: Event) => (e.preventDefault(), pick(i)) }, p.name)));
    if (found.length > 0) text.setAttribute("aria-activedescendant", `mention-${at}`);
    else text.removeAttribute("aria-activedescendant");
  }
  function pick(i: number): void {
    const before = text.value.slice(0, text.selectionStart).replace(/@[^@]*$/, `@${found[i]!.name} `);
    text.value = before + text.value.slice(text.selectionStart);
    text.setSelectionRange(before.length, before.length);
    changed();
  }
  function key(event: KeyboardEvent): boolean {
    if (found.length === 0) return false;
    const step: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const by = step[event.key];
    if (by !== undefined) at = (at + by + found.length) % found.length;
    else if (event.key === "Enter" || event.key === "Tab") pick(at);
    else if (event.key === "Escape") found = [];
    else return false;
    event.preventDefault();
    draw();
    return true;
  }
  return { update, key, mentioned: (content: string) => known().filter((p) => content.includes(`@${p.name}`)).map((p) => p.id) };
}
