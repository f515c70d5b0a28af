/*
 * Everything behind the sign-in: one connection, the person's channel, the list of groups, and the group on screen. It ends as a
 * whole when the session does.
 */
import { Connection, type Link, PersonChannel } from "@stacgate/client";
import type { GroupItem, User } from "../api";
import { h, replace } from "../dom";
import { personName } from "../format";
import { Groups } from "../groups";
import { t } from "../i18n";
import type { Me } from "../live/group";
import { moved, place, type Place } from "../router";
import { ended, signOut, stillSignedIn } from "../session";
import { accountPage } from "./account";
import { boardsPage } from "./boards";
import { conversation, doorstep } from "./conversation";
import { avatar, languageSwitch, wordmark } from "./parts";
import { sidebar, type Part } from "./sidebar";
import { toast } from "./toast";

const BACK_MS = 2_000;
const STAFF = new Set(["super_admin", "admin", "manager"]);

export function homeView(user: User): Part {
  const connection = new Connection({ stillSignedIn });
  const groups = new Groups(() => ended("sessionEnded"));
  const person = new PersonChannel(connection, user.id);
  const list = sidebar(groups);
  const stage = h("main.stage", { id: "content", tabindex: -1 });
  const banner = linkBanner(connection);
  const element = h("div.home", {}, topbar(user), banner.element, h("div.columns", {}, list.element, stage));
  const me: Me = { id: user.id, name: personName(user), staff: STAFF.has(user.role) };
  let open: { key: string; part: Part | undefined } | undefined;

  function stagePart(where: Place, item: GroupItem | undefined): Part | undefined {
    if (where.page === "account") return accountPage(user);
    if (where.page !== "group" || !item?.isMember) return undefined;
    if (where.view === "talk") return conversation(connection, item, groups, me);
    if (!where.board) return boardsPage(item, me);
    return later(async () => (await import("./board")).boardPage(connection, item, where.board, me));
  }

  function show(): void {
    const where = place();
    const id = where.page === "group" ? where.id : "";
    const item = groups.find(id);
    const key = JSON.stringify([where, item?.isMember ?? false]);
    element.classList.toggle("in-group", id !== "" || where.page === "account");
    element.classList.toggle("in-board", where.page === "group" && where.board !== "" && item?.isMember === true);
    groups.shown = id;
    groups.open = item?.isMember && where.page === "group" && where.view === "talk" ? id : "";
    if (open?.key !== key) {
      open?.part?.close();
      open = { key, part: stagePart(where, item) };
      replace(stage, open.part?.element);
    }
    if (!open.part) replace(stage, item ? doorstep(item, groups) : blank(groups, id !== ""));
    title(groups);
  }

  const offs = [
    moved.on(() => (show(), groups.changed.emit())),
    groups.changed.on(show),
    person.joined.on(() => void groups.load()),
    person.unread.on((unread) => groups.heard(unread)),
    person.revoked.on(() => ended("sessionEnded")),
    connection.ended.on(() => ended("sessionEnded")),
  ];
  connection.open();
  void groups.load();
  show();
  return {
    element,
    close() {
      for (const off of offs) off();
      open?.part?.close();
      list.close();
      banner.close();
      connection.close();
      document.title = t("appName");
    },
  };
}

/** A part whose script is loaded when it is first shown. */
function later(load: () => Promise<Part>): Part {
  const element = h("div.later", {}, h("div.placeholder", {}, h("p.faint", {}, t("loading"))));
  let part: Part | undefined;
  let closed = false;
  load().then(
    (loaded) => {
      if (closed) return loaded.close();
      part = loaded;
      replace(element, part.element);
    },
    () => replace(element, h("div.placeholder", {}, h("p", { role: "alert" }, t("noServer")), h("button", { type: "button", onclick: () => location.reload() }, t("retry")))),
  );
  return {
    element,
    close() {
      closed = true;
      part?.close();
    },
  };
}

function title(groups: Groups): void {
  const unread = groups.unreadTotal();
  const where = place();
  const name = where.page === "group" ? groups.find(where.id)?.name : where.page === "account" ? t("account") : undefined;
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${name ? `${name} · ` : ""}${t("appName")}`;
}

function topbar(user: User): HTMLElement {
  const name = personName(user);
  const out = () => signOut().catch(() => toast(t("noServer")));
  return h("header.topbar", {},
    h("a.skip", { href: "#content" }, t("skip")),
    h("a.home-link", { href: "/groups", "data-page": true }, wordmark()),
    h("span.school", {}, user.establishment?.name ?? ""),
    languageSwitch(),
    h("a.me", { href: "/account", "data-page": true, title: t("account") }, avatar(user.id, name), h("span.me-name", {}, name), h("span.unseen", {}, t("account"))),
    h("button.quiet.small", { type: "button", onclick: () => void out() }, t("signOut")),
  );
}

function blank(groups: Groups, missing: boolean): HTMLElement {
  if (groups.state === "loading") return h("div.placeholder", {}, h("p.faint", {}, t("loading")));
  if (missing && groups.state === "ready") return h("div.placeholder", {}, h("p", {}, t("groupGone")), h("a", { href: "/groups", "data-page": true }, t("backToGroups")));
  return h("div.placeholder", {}, h("span.gate.big", { "aria-hidden": "true" }), h("h1", {}, t("pickGroup")), h("p.faint", {}, t("pickGroupHint")));
}

function linkBanner(connection: Connection): Part {
  const element = h("div.banner", { role: "status", "aria-live": "assertive", hidden: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const off = connection.changed.on((link: Link) => {
    clearTimeout(timer);
    const wasShown = !element.hidden;
    element.hidden = link !== "lost" && !wasShown;
    element.classList.toggle("good", link === "online");
    element.textContent = element.hidden ? "" : t(link === "lost" ? "lost" : "back");
    if (link === "online") timer = setTimeout(() => (element.hidden = true), BACK_MS);
  });
  return { element, close: () => (clearTimeout(timer), off()) };
}
