/* My groups with what is unread, and public groups to join. Drawn again whenever the list changes; the search box stays. */
import type { Off } from "@stacgate/client";
import { api, ApiError, type GroupItem } from "../api";
import { h, keyed, perFrame, replace, type Row } from "../dom";
import { shortWhen } from "../format";
import type { Groups } from "../groups";
import { t } from "../i18n";
import { go } from "../router";
import type { TextKey } from "../texts";
import { createGroup } from "./create";
import { groupAvatar } from "./parts";
import { toast } from "./toast";

export interface Part {
  element: HTMLElement;
  close: Off;
}

export function sidebar(groups: Groups): Part {
  const search = h("input.search", { type: "search", placeholder: t("search"), "aria-label": t("search"), oninput: () => draw() });
  const mine = h("ul.group-list");
  const others = h("ul.group-list");
  const mineNote = h("p.faint");
  const othersNote = h("p.faint");
  const element = h("nav.sidebar", { "aria-label": t("groups") },
    h("div.sidebar-head", {}, h("h1", {}, t("myGroups")), h("button.small", { type: "button", "aria-label": t("newGroup"), onclick: () => void newGroup(groups) }, t("newShort"))),
    search,
    h("div.sidebar-scroll", {}, mine, mineNote, h("h2", {}, t("discover")), others, othersNote),
  );
  const draw = perFrame(() => {
    const wanted = search.value.trim().toLocaleLowerCase();
    const match = (g: GroupItem) => !wanted || `${g.name} ${g.description ?? ""}`.toLocaleLowerCase().includes(wanted);
    const my = groups.mine().filter(match);
    const free = groups.others().filter(match);
    keyed(mine, my.map((g) => mineRow(g, g.id === groups.open, g.id === groups.shown)));
    keyed(others, free.map((g) => otherRow(g, groups)));
    drawNote(mineNote, groups, my.length, wanted ? "noMatch" : "noGroups");
    drawNote(othersNote, groups, free.length, wanted ? "noMatch" : "nothingToDiscover");
  });
  draw();
  return { element, close: groups.changed.on(draw) };
}

function drawNote(note: HTMLElement, groups: Groups, shown: number, empty: TextKey): void {
  if (groups.state === "failed") {
    return replace(note, t("noServer"), " ", h("button.link", { type: "button", onclick: () => void groups.load() }, t("retry")));
  }
  replace(note, groups.state === "loading" ? t("loading") : shown === 0 ? t(empty) : "");
}

function mineRow(g: GroupItem, open: boolean, shown: boolean): Row {
  const unread = open ? 0 : (g.unreadCount ?? 0);
  return {
    key: g.id,
    version: JSON.stringify([g.name, unread, shown, g.lastMessage]),
    draw: () =>
      h("li", {},
        h("a.group-link", { href: `/groups/${encodeURIComponent(g.id)}`, "data-page": true, "aria-current": shown ? "page" : null },
          groupAvatar(g.id, g.name),
          h("span.group-text", {}, h("span.group-name", {}, g.name), h("span.group-last", {}, preview(g, unread))),
          h("span.group-side", {},
            g.lastMessage?.createdAt ? h("span.when", {}, shortWhen(g.lastMessage.createdAt)) : null,
            unread > 0 ? h("span.badge", {}, h("span", { "aria-hidden": "true" }, unread > 99 ? "99+" : String(unread)), h("span.unseen", {}, t("unread", { n: unread }))) : null,
          ),
        ),
      ),
  };
}

function preview(g: GroupItem, unread: number): string {
  const last = g.lastMessage;
  if (last?.isDeleted) return t("deletedPreview");
  if (last?.content) return last.sender?.firstName ? t("saidBy", { name: last.sender.firstName, text: last.content }) : last.content;
  return unread > 0 ? t("unread", { n: unread }) : (g.description ?? "");
}

function otherRow(g: GroupItem, groups: Groups): Row {
  const full = g.maxMembers !== undefined && (g.currentMembers ?? 0) >= g.maxMembers;
  return {
    key: g.id,
    version: JSON.stringify([g.name, g.currentMembers, g.maxMembers, g.description]),
    draw: () =>
      h("li.group-other", {},
        groupAvatar(g.id, g.name),
        h("span.group-text", {}, h("span.group-name", {}, g.name), h("span.group-last", {}, size(g))),
        h("button.small.quiet", { type: "button", disabled: full, "aria-label": t("joinGroup", { name: g.name }), onclick: () => void joinGroup(g.id, groups) }, t("join")),
      ),
  };
}

export function size(g: { currentMembers?: number; maxMembers?: number }): string {
  const n = g.currentMembers ?? 0;
  return g.maxMembers ? t("membersOf", { n, max: g.maxMembers }) : t("members", { n });
}

export async function joinGroup(id: string, groups: Groups): Promise<void> {
  try {
    await api.joinGroup(id);
    await groups.load();
    go(`/groups/${encodeURIComponent(id)}`);
  } catch (error) {
    const keys: Record<number, TextKey> = { 0: "noServer", 409: "groupFull", 403: "groupPrivate", 404: "groupGone", 503: "unavailable" };
    toast(t(keys[error instanceof ApiError ? error.status : -1] ?? "failed"));
    void groups.load();
  }
}

async function newGroup(groups: Groups): Promise<void> {
  const made = await createGroup();
  if (!made) return;
  await groups.load();
  go(`/groups/${encodeURIComponent(made.id)}`);
}
