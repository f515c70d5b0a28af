/*
 * The conversation's scrolling part: day separators, messages, notices, what is still unsent. It stays at the bottom while the
 * reader is there, keeps its place when older messages come in above, and says how far was read.
 */
import { h, keyed, MENU_CLOSED, perFrame, replace, type Row } from "../dom";
import { clock, dayName, dayOf } from "../format";
import { t, tWord } from "../i18n";
import type { Group } from "../live/group";
import type { Message, Notice } from "../live/room";
import type { TextKey } from "../texts";
import { messageRow, pendingRow, type Hands } from "./message";
import type { Part } from "./sidebar";

/** Messages by one person within this time stand under one name. */
const TOGETHER_MS = 5 * 60_000;
const NEAR_PX = 80;
const OLDER_PX = 300;

export interface Timeline extends Part {
  toBottom(): void;
  jump(id: string): void;
}

export function timeline(group: Group, firstUnread: number, hands: Omit<Hands, "jump">, onRead: () => void): Timeline {
  const list = h("ol.messages", { "aria-label": t("messages") });
  const top = h("p.faint.top");
  const scroller = h("div.scroller", { tabindex: -1 }, top, list);
  const latest = h("button.latest", { type: "button", hidden: true, onclick: () => toBottom() });
  const live = h("div.unseen", { "aria-live": "polite" });
  const element = h("div.timeline", {}, scroller, latest, live);
  const all: Hands = { ...hands, jump };
  let atBottom = true;
  let missed = 0;
  let first: string | undefined;

  const draw = perFrame(() => {
    const before = scroller.scrollHeight;
    const oldest = group.room.messages[0]?.id;
    keyed(list, rows(group, firstUnread, all));
    replace(top, edge(group));
    rove(list);
    if (atBottom) scroller.scrollTop = scroller.scrollHeight;
    else if (oldest !== first) scroller.scrollTop += scroller.scrollHeight - before;
    first = oldest;
    drawLatest();
    read();
    if (scroller.scrollTop < OLDER_PX) older();
  });

  function drawLatest(): void {
    if (atBottom) missed = 0;
    latest.hidden = atBottom;
    replace(latest, "↓ ", t(missed > 0 ? "toLatestNew" : "toLatest", { n: missed }));
    latest.classList.toggle("news", missed > 0);
  }
  function older(): void {
    if (group.ready) void group.loadOlder();
  }
  function read(): void {
    const last = group.room.messages[group.room.messages.length - 1];
    if (!atBottom || document.hidden || !last) return;
    group.fleeting.sayRead(Math.max(group.seq, last.seq));
    onRead();
  }
  function toBottom(): void {
    atBottom = true;
    draw();
  }
  function jump(id: string): void {
    const row = list.querySelector<HTMLElement>(`[data-key="${CSS.escape(id)}"]`);
    row?.scrollIntoView({ block: "center" });
    row?.focus();
  }

  scroller.addEventListener("scroll", () => {
    atBottom = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX;
    if (scroller.scrollTop < OLDER_PX) older();
    drawLatest();
    read();
  }, { passive: true });
  const resized = new ResizeObserver(() => atBottom && (scroller.scrollTop = scroller.scrollHeight));
  resized.observe(scroller);
  list.addEventListener("keydown", (event) => move(event, list));
  list.addEventListener(MENU_CLOSED, draw);
  document.addEventListener("visibilitychange", read);
  const offs = [
    group.changed.on(draw),
    group.arrived.on((m) => {
      if (!atBottom) missed++;
      live.textContent = t("saidBy", { name: group.room.name(m.senderId) || t("someone"), text: m.content });
    }),
  ];
  draw();
  return {
    element, toBottom, jump,
    close() {
      for (const off of offs) off();
      resized.disconnect();
      document.removeEventListener("visibilitychange", read);
    },
  };
}

function edge(group: Group): string {
  if (!group.ready || !group.whole) return t("opening");
  if (group.loadingOlder) return t("loadingOlder");
  if (group.hasOlder) return "";
  return t(group.room.messages.length > 0 ? "beginning" : "empty");
}

function rows(group: Group, firstUnread: number, hands: Hands): Row[] {
  const { room } = group;
  const result: Row[] = [];
  const notices = [...room.notices];
  const readers = readersOf(group);
  const floor = room.messages[0]?.seq ?? 0;
  let day = "";
  let above: Message | undefined;
  let told = false;
  for (const m of room.messages) {
    while (notices[0] && notices[0].seq < m.seq) {
      const notice = notices.shift()!;
      if (notice.seq < floor && group.hasOlder) continue;
      result.push(noticeRow(notice, group));
      above = undefined;
    }
    if (dayOf(m.createdAt) !== day) {
      day = dayOf(m.createdAt);
      result.push(separator(`day-${day}`, "li.day", dayName(m.createdAt)));
      above = undefined;
    }
    if (!told && firstUnread > 0 && m.seq >= firstUnread && m.senderId !== group.me.id) {
      told = true;
      result.push(separator("unread", "li.day.fresh", t("newMessages")));
      above = undefined;
    }
    result.push(messageRow(m, follows(m, above), readers.get(m.id) ?? [], hands));
    above = m;
  }
  for (const notice of notices) result.push(noticeRow(notice, group));
  for (const entry of group.outbox.list()) {
    if (entry.event === "message:new") result.push(pendingRow(entry, entry.state === "queued", group));
  }
  return result;
}

function follows(m: Message, above: Message | undefined): boolean {
  return above?.senderId === m.senderId && !m.replyToId && Date.parse(m.createdAt) - Date.parse(above.createdAt) < TOGETHER_MS;
}

/** Each reader's name stands under the last message of ours that they have seen. */
function readersOf(group: Group): Map<string, string[]> {
  const result = new Map<string, string[]>();
  const own = group.room.messages.filter((m) => m.senderId === group.me.id && !m.isDeleted);
  for (const [userId, seq] of group.fleeting.reads) {
    let seen: Message | undefined;
    for (const m of own) if (m.seq <= seq) seen = m;
    const name = group.room.name(userId);
    if (seen && name && seen === own[own.length - 1]) result.set(seen.id, [...(result.get(seen.id) ?? []), name]);
  }
  return result;
}

function separator(key: string, tag: "li.day" | "li.day.fresh", text: string): Row {
  return { key, version: text, draw: () => h(tag, {}, h("span", {}, text)) };
}

function noticeRow(n: Notice, group: Group): Row {
  const name = group.room.name(n.userId ?? "") || t("someone");
  const by = group.room.name(n.by ?? "") || t("someone");
  const text = t(`notice.${n.kind}` as TextKey, { name, by, role: n.role ? tWord("role", n.role, "role.unknown") : "" });
  return {
    key: `notice-${n.seq}`,
    version: text,
    draw: () => h("li.notice", {}, text, n.at ? h("time", { datetime: n.at }, ` · ${clock(n.at)}`) : null),
  };
}

/** One message is in the Tab order: the last, or the one that has the focus. */
function rove(list: HTMLElement): void {
  const messages = list.querySelectorAll<HTMLElement>(".message");
  const here = [...messages].find((m) => m.contains(document.activeElement)) ?? messages[messages.length - 1];
  for (const m of messages) if (m.tabIndex === 0 && m !== here) m.tabIndex = -1;
  if (here) here.tabIndex = 0;
}

function move(event: KeyboardEvent, list: HTMLElement): void {
  const messages = [...list.querySelectorAll<HTMLElement>(".message")];
  const at = messages.findIndex((m) => m === event.target);
  const to: Record<string, number> = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: messages.length - 1 };
  const next = at < 0 ? undefined : messages[to[event.key] ?? -1];
  if (!next) return;
  event.preventDefault();
  next.focus();
  rove(list);
}
