/* One group on screen: its head, the timeline, who is typing, the composer, and the people beside it. */
import type { Connection } from "@stacgate/client";
import { api, ApiError, type GroupItem } from "../api";
import { icon } from "../board/icons";
import { h, perFrame, replace } from "../dom";
import { people } from "../format";
import type { Groups } from "../groups";
import { t, tWord } from "../i18n";
import { Group, type Me } from "../live/group";
import { go } from "../router";
import { boardAddress } from "./boards";
import { composer } from "./composer";
import { confirm } from "./dialog";
import { peoplePanel } from "./people";
import { joinGroup, size, type Part } from "./sidebar";
import { timeline } from "./timeline";
import { toast } from "./toast";

export function conversation(connection: Connection, item: GroupItem, groups: Groups, me: Me): Part {
  const group = new Group(connection, item.id, me);
  const write = composer(group, () => lines.toBottom());
  const firstUnread = item.unreadCount ? (item.lastReadSeq ?? 0) + 1 : 0;
  const lines = timeline(group, firstUnread, { group, reply: write.reply, edit: write.edit }, () => groups.markRead(item.id));
  const panel = peoplePanel(group, () => void leave(item, groups));
  const head = conversationHead(item, panel.element);
  const typing = h("p.typing", { "aria-live": "off" });
  const main = h("section.conversation", { "aria-label": item.name }, head.element, lines.element, typing, write.element);
  const element = h("div.group-page", {}, main, panel.element);

  const draw = perFrame(() => {
    head.draw(group);
    panel.draw();
    write.draw();
    const typists = group.fleeting.typing().map((id) => group.room.name(id) || t("someone"));
    replace(typing, typists.length > 0 ? t("typing", { n: typists.length, names: people(typists) }) : "");
    mirror(group, groups);
  });
  const offs = [
    group.changed.on(draw),
    group.left.on((reason) => {
      toast(t(reason === "closed" ? "failed" : "groupGone"));
      go("/groups", "replace");
      void groups.load();
    }),
    group.refused.on((entry) => {
      if (entry.event === "message:new") return;
      group.outbox.discard(entry.opId);
      toast(t("notSent", { reason: tWord("reason", entry.reason ?? "", "reason.unknown") }));
    }),
  ];
  draw();
  if (matchMedia("(pointer: fine)").matches) requestAnimationFrame(() => write.focus());
  return {
    element,
    close() {
      for (const off of offs) off();
      lines.close();
      group.close();
    },
  };
}

function conversationHead(item: GroupItem, panel: HTMLElement) {
  const sub = h("p.faint");
  const name = h("h1", {}, item.name);
  const toggle = h("button.quiet.small.who-button", { type: "button", "aria-expanded": "false", "aria-controls": "people", "aria-label": t("showPeople") });
  toggle.addEventListener("click", () => toggle.setAttribute("aria-expanded", String(panel.classList.toggle("open"))));
  const element = h("header.conversation-head", {},
    h("a.back", { href: "/groups", "data-page": true, "aria-label": t("backToGroups") }, "‹"),
    h("div.titles", {}, name, sub),
    h("a.boards-button", { href: boardAddress(item.id), "data-page": true }, icon("board"), h("span.boards-word", {}, t("boards.open"))),
    toggle,
  );
  return {
    element,
    draw(group: Group) {
      const here = group.crowd || group.present.length;
      name.textContent = group.room.group?.name ?? item.name;
      sub.textContent = group.ready ? t("hereCount", { n: here }) : t("opening");
      replace(toggle, h("span.dot"), ` ${here}`);
    },
  };
}

/** What is seen here is the latest in the list of groups too. */
function mirror(group: Group, groups: Groups): void {
  const last = group.room.messages[group.room.messages.length - 1];
  const known = groups.find(group.id)?.lastMessage as { seq?: number; isDeleted?: boolean; content?: string } | null | undefined;
  if (!last || (known?.seq === last.seq && known.isDeleted === last.isDeleted && known.content === last.content)) return;
  const senderName = group.room.name(last.senderId).split(" ")[0] ?? "";
  groups.latest(group.id, { seq: last.seq, content: last.content, createdAt: last.createdAt, isDeleted: last.isDeleted, senderName });
}

async function leave(item: GroupItem, groups: Groups): Promise<void> {
  if (!(await confirm(t("leaveConfirm", { name: item.name }), t("leave")))) return;
  try {
    await api.leaveGroup(item.id);
    go("/groups", "replace");
  } catch (error) {
    toast(t(error instanceof ApiError && error.status === 0 ? "noServer" : "failed"));
  }
  await groups.load();
}

/** A group that one sees but is not in. */
export function doorstep(item: GroupItem, groups: Groups): HTMLElement {
  return h("div.placeholder", {},
    h("h1", {}, item.name),
    item.description ? h("p", {}, item.description) : null,
    h("p.faint", {}, size(item)),
    h("p", {}, t("notMember")),
    h("button", { type: "button", onclick: () => void joinGroup(item.id, groups) }, t("join")),
    h("a", { href: "/groups", "data-page": true }, t("backToGroups")),
  );
}
