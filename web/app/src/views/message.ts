/* One message as an element, and what one may do with it. Reached by arrow keys (see timeline.ts); Enter opens its menu. */
import type { Entry } from "@stacgate/client";
import { h, type Row } from "../dom";
import { clock, fullTime, people } from "../format";
import { t, tWord } from "../i18n";
import type { Group } from "../live/group";
import type { Message } from "../live/room";
import { richText } from "../richtext";
import { confirm } from "./dialog";
import { openMenu, type Item } from "./menu";
import { avatar } from "./parts";
import { askReport } from "./report";
import { toast } from "./toast";

export const EMOJI = ["👍", "❤️", "😂", "🎉", "🤔", "👏"];
/** Beyond it only moderators may edit; the server decides, this only hides a button. */
const EDIT_MS = 15 * 60_000;

export interface Hands {
  group: Group;
  reply(message: Message): void;
  edit(message: Message): void;
  jump(id: string): void;
}

export function messageRow(m: Message, grouped: boolean, readers: string[], hands: Hands): Row {
  const { group } = hands;
  const replied = m.replyToId ? group.room.find(m.replyToId) : undefined;
  const reactions = [...m.reactions].map(([emoji, who]) => [emoji, [...who]]);
  return {
    key: m.id,
    version: JSON.stringify([m.content, m.editedAt, m.isDeleted, grouped, readers, reactions, group.room.name(m.senderId), replied?.content, replied?.isDeleted, m.provisional]),
    draw: () => draw(m, grouped, readers, hands),
  };
}

function draw(m: Message, grouped: boolean, readers: string[], hands: Hands): HTMLElement {
  const { group } = hands;
  const own = m.senderId === group.me.id;
  const name = group.room.name(m.senderId) || t("someone");
  const row = h("li.message", { tabindex: -1 });
  row.classList.toggle("own", own);
  row.classList.toggle("grouped", grouped);
  row.classList.toggle("to-me", m.mentions.includes(group.me.id));
  const bubble = h("div.bubble", {},
    m.replyToId ? quote(m.replyToId, hands) : null,
    m.isDeleted ? h("p.gone", {}, t("deleted")) : h("p.content", {}, ...richText(m.content, mentioned(m, group))),
  );
  const more = h("button.more", { type: "button", tabindex: -1, "aria-label": t("actions", { name }), "aria-haspopup": "menu", onclick: () => openActions(row, bubble, m, hands) }, "⋯");
  row.append(
    grouped ? h("span.avatar-space") : avatar(m.senderId, name),
    h("div.body", {},
      h(grouped ? "p.who.unseen" : "p.who", {}, h("span.sender", {}, own ? `${name} (${t("you")})` : name), " ",
        h("time", { datetime: m.createdAt, title: fullTime(m.createdAt) }, clock(m.createdAt)),
        m.editedAt && !m.isDeleted ? h("span.edited", {}, ` · ${t("edited")}`) : null),
      h("div.line", {}, bubble, m.isDeleted ? null : more),
      grouped && m.editedAt && !m.isDeleted ? h("span.edited.under", {}, t("edited")) : null,
      m.reactions.size > 0 ? reactionBar(m, group) : null,
      readers.length > 0 ? h("p.read-by", {}, t("readBy", { names: people(readers) })) : null,
    ),
  );
  row.addEventListener("keydown", (event) => {
    if (event.target !== row || event.key !== "Enter" || m.isDeleted) return;
    event.preventDefault();
    openActions(row, bubble, m, hands);
  });
  return row;
}

function mentioned(m: Message, group: Group) {
  return m.mentions.map((id) => ({ name: group.room.name(id), me: id === group.me.id }));
}

function quote(id: string, hands: Hands): HTMLElement {
  const m = hands.group.room.find(id);
  const name = m ? hands.group.room.name(m.senderId) || t("someone") : t("replyGone");
  const text = m ? (m.isDeleted ? t("deleted") : m.content) : "";
  return h("button.quote", { type: "button", tabindex: -1, disabled: !m, "aria-label": t("replyTo", { name }), onclick: () => hands.jump(id) },
    h("span.quote-name", {}, name), h("span.quote-text", {}, text));
}

function reactionBar(m: Message, group: Group): HTMLElement {
  const chips = [...m.reactions].map(([emoji, who]) => {
    const names = people([...who].map((id) => (id === group.me.id ? t("you") : group.room.name(id) || t("someone"))));
    const mine = who.has(group.me.id);
    const label = t("reactedBy", { emoji, names });
    return h("button.chip", { type: "button", tabindex: -1, "aria-pressed": String(mine), "aria-label": label, title: names, onclick: () => void group.react(m.id, emoji) },
      h("span.emoji", {}, emoji), ` ${who.size}`);
  });
  return h("div.reactions", { role: "group", "aria-label": t("reactions") }, ...chips);
}

function openActions(row: HTMLElement, bubble: HTMLElement, m: Message, hands: Hands): void {
  const { group } = hands;
  const name = group.room.name(m.senderId) || t("someone");
  const strip = {
    label: t("reactions"),
    items: EMOJI.map((emoji) => ({
      text: emoji,
      label: t("reactWith", { emoji }),
      pressed: m.reactions.get(emoji)?.has(group.me.id) ?? false,
      run: () => void group.react(m.id, emoji),
    })),
  };
  openMenu(bubble.parentElement!, row, t("actions", { name }), actionsOf(m, hands), strip);
}

function actionsOf(m: Message, hands: Hands): Item[] {
  const { group } = hands;
  const own = m.senderId === group.me.id;
  const moderator = group.isModerator();
  const young = Date.now() - Date.parse(m.createdAt) < EDIT_MS;
  const items: (Item | false)[] = [
    { label: t("reply"), run: () => hands.reply(m) },
    { label: t("copy"), run: () => void navigator.clipboard?.writeText(m.content).then(() => toast(t("copied"))) },
    ((own && young) || moderator) && { label: t("edit"), run: () => hands.edit(m) },
    !own && { label: t("report"), run: () => void askReport(group, m) },
    (own || moderator) && { label: t("remove"), danger: true, run: () => void remove(m, group) },
  ];
  return items.filter((i): i is Item => i !== false);
}

async function remove(m: Message, group: Group): Promise<void> {
  if (await confirm(t("removeConfirm"), t("remove"))) group.act("message:delete", { id: m.id });
}

/** A message of ours that the server has not taken yet. */
export function pendingRow(entry: Entry, waiting: boolean, group: Group): Row {
  const failed = entry.state === "failed";
  return {
    key: `pending-${entry.opId}`,
    version: JSON.stringify([entry.state, waiting]),
    draw: () =>
      h(failed ? "li.message.own.pending.failed" : "li.message.own.pending", { tabindex: -1 },
        h("span.avatar-space"),
        h("div.body", {},
          h("div.line", {}, h("div.bubble", {}, h("p.content", {}, ...richText(String(entry.payload.content), [])))),
          failed
            ? h("p.fate", {}, t("notSent", { reason: tWord("reason", entry.reason ?? "", "reason.unknown") }), " ",
                h("button.link", { type: "button", onclick: () => group.outbox.retry(entry.opId) }, t("retry")), " ",
                h("button.link", { type: "button", onclick: () => group.outbox.discard(entry.opId) }, t("discard")))
            : h("p.fate", {}, t(waiting ? "pending" : "sending")),
        ),
      ),
  };
}
