/* Who is here (stock Presence), and what moderators can do with a person or with the group. */
import type { Present } from "@stacgate/client";
import { h, keyed, MENU_CLOSED, replace, type Row } from "../dom";
import { t, tWord } from "../i18n";
import type { Group } from "../live/group";
import { isLocked } from "../live/room";
import { choose, confirm } from "./dialog";
import { openMenu, type Item } from "./menu";
import { avatar } from "./parts";
import { size } from "./sidebar";

const MUTE_MINUTES = [5, 15, 60, 24 * 60];
/** Ordinary roles say nothing worth a label. */
const PLAIN = new Set(["member", "apprenant", ""]);

export interface People {
  element: HTMLElement;
  draw(): void;
}

export function peoplePanel(group: Group, leave: () => void): People {
  const title = h("h2");
  const list = h("ul.people");
  const about = h("p.faint.about-group");
  const tools = h("div.tools");
  const element = h("aside.panel", { id: "people", "aria-label": t("here") }, title, list, about, tools);
  const draw = () => {
    title.textContent = `${t("here")} · ${group.crowd || group.present.length}`;
    keyed(list, sorted(group).map((p) => personRow(p, group)));
    const info = group.room.group;
    replace(about, info ? [info.description, size(info)].filter(Boolean).join(" — ") : "");
    drawTools(tools, group, leave);
  };
  list.addEventListener(MENU_CLOSED, draw);
  return { element, draw };
}

function sorted(group: Group): Present[] {
  const name = (p: Present) => group.room.name(p.userId);
  return [...group.present].sort((a, b) => Number(b.userId === group.me.id) - Number(a.userId === group.me.id) || name(a).localeCompare(name(b)));
}

function personRow(p: Present, group: Group): Row {
  const name = group.room.name(p.userId) || t("someone");
  const role = group.roleOf(p.userId);
  const away = p.metas.every((m) => m.status === "away");
  const muted = (group.room.mutedUntil.get(p.userId) ?? 0) > Date.now();
  const me = p.userId === group.me.id;
  const mod = group.governs(p.userId);
  const label = [PLAIN.has(role) ? "" : tWord("role", role, "role.unknown"), away ? t("away") : "", muted ? t("isMuted") : ""].filter(Boolean).join(" · ");
  return {
    key: p.userId,
    version: JSON.stringify([name, label, mod, role]),
    draw: () => {
      const row = h(away ? "li.person.away" : "li.person", {},
        h("span.face", {}, avatar(p.userId, name), h("span.dot")),
        h("span.person-text", {}, h("span.person-name", {}, me ? `${name} (${t("you")})` : name), label ? h("span.person-role", {}, label) : null),
      );
      if (mod) row.append(moderate(row, p.userId, name, role, muted, group));
      return row;
    },
  };
}

function moderate(row: HTMLElement, userId: string, name: string, role: string, muted: boolean, group: Group): HTMLElement {
  const act = (event: string, more: Record<string, unknown> = {}) => group.act(event, { userId, ...more });
  const items: Item[] = [
    muted ? { label: t("unmute"), run: () => void act("member:unmute") } : { label: t("mute"), run: () => void mute(name, (minutes) => act("member:mute", { minutes })) },
    role === "moderator" ? { label: t("makeMember"), run: () => void act("member:role", { role: "member" }) } : { label: t("makeModerator"), run: () => void act("member:role", { role: "moderator" }) },
    { label: t("kick"), danger: true, run: () => void kick(name, () => act("member:kick")) },
  ];
  const button: HTMLElement = h("button.more", { type: "button", "aria-haspopup": "menu", "aria-label": t("personActions", { name }), onclick: () => openMenu(row, button, t("personActions", { name }), items) }, "⋯");
  return button;
}

async function mute(name: string, go: (minutes: number) => void): Promise<void> {
  const choices = MUTE_MINUTES.map((m) => ({ value: m, label: m < 60 ? t("minutes", { n: m }) : t("hours", { n: m / 60 }) }));
  const minutes = await choose(t("muteHowLong", { name }), choices);
  if (minutes) go(minutes);
}

async function kick(name: string, go: () => void): Promise<void> {
  if (await confirm(t("kickConfirm", { name }), t("kick"))) go();
}

function drawTools(tools: HTMLElement, group: Group, leave: () => void): void {
  const locked = isLocked(group.room.group);
  const version = JSON.stringify([group.isModerator(), locked]);
  if (tools.dataset.version === version) return;
  tools.dataset.version = version;
  replace(tools,
    group.isModerator() && h("button.quiet.wide", { type: "button", onclick: () => void group.act(locked ? "group:unlock" : "group:lock", {}) }, t(locked ? "unlockGroup" : "lockGroup")),
    h("button.quiet.wide", { type: "button", onclick: leave }, t("leave")),
  );
}
