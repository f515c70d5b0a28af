/*
 * Everything behind the sign-in: one connection, the person's channel, the list of groups, and the group on screen. It ends as a
 * whole when the session does.
 */
import { Connection, type Link, PersonChannel } from "@stacgate/client";
import type { User } from "../api";
import { h, replace } from "../dom";
import { personName } from "../format";
import { Groups } from "../groups";
import { t } from "../i18n";
import { moved, place } from "../router";
import { ended, signOut, stillSignedIn } from "../session";
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
  let open: { id: string; isMember: boolean; part: Part | undefined } | undefined;

  function show(): void {
    const where = place();
    const id = where.page === "group" ? where.id : "";
    const item = groups.find(id);
    element.classList.toggle("in-group", id !== "");
    groups.open = item?.isMember ? id : "";
    if (!open || open.id !== id || open.isMember !== (item?.isMember ?? false)) {
      open?.part?.close();
      const part = item?.isMember ? conversation(connection, item, groups, { id: user.id, name: personName(user), staff: STAFF.has(user.role) }) : undefined;
      open = { id, isMember: item?.isMember ?? false, part };
      replace(stage, part?.element);
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

function title(groups: Groups): void {
  const unread = groups.unreadTotal();
  const name = groups.find(groups.open)?.name;
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
    h("span.me", {}, avatar(user.id, name), h("span.me-name", {}, name)),
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
