/* A group's boards: open one, make one; rename and delete those that are one's own or that one moderates. */
import type { BoardInfo } from "@stacgate/client";
import { api, ApiError, type GroupItem } from "../api";
import { icon } from "../board/icons";
import { h, keyed, replace, type Row } from "../dom";
import { dateTime } from "../format";
import { t } from "../i18n";
import type { Me } from "../live/group";
import { go } from "../router";
import type { TextKey } from "../texts";
import { ask, confirm } from "./dialog";
import { openMenu } from "./menu";
import { field } from "./parts";
import type { Part } from "./sidebar";
import { toast } from "./toast";

const TITLE_MAX = 200;

export const boardAddress = (group: string, board = ""): string => `/groups/${encodeURIComponent(group)}/boards${board ? `/${encodeURIComponent(board)}` : ""}`;

export function boardsPage(item: GroupItem, me: Me): Part {
  const list = h("ul.board-list");
  const note = h("p.faint", { role: "status" }, t("loading"));
  const make = () => void name(t("boards.new"), "", t("create"), (title) => api.createBoard(item.id, title)).then((made) => made && go(boardAddress(item.id, made.id)));
  const element = h("section.boards-page", { "aria-label": t("boards") },
    h("header.conversation-head", {},
      h("a.back.always", { href: `/groups/${encodeURIComponent(item.id)}`, "data-page": true, "aria-label": t("boards.backToTalk") }, "‹"),
      h("div.titles", {}, h("h1", {}, t("boards")), h("p.faint", {}, item.name)),
      h("button.small", { type: "button", onclick: make }, t("boards.new")),
    ),
    h("div.boards-scroll", {}, list, note),
  );
  let open = true;
  async function load(): Promise<void> {
    try {
      const boards = await api.boards(item.id);
      if (!open) return;
      keyed(list, boards.map((board) => row(board, item, me, load)));
      replace(note, boards.length === 0 ? t("boards.none") : "");
    } catch (error) {
      replace(note, t(problem(error)), " ", h("button.link", { type: "button", onclick: () => void load() }, t("retry")));
    }
  }
  const again = () => document.hidden || void load();
  document.addEventListener("visibilitychange", again);
  void load();
  return {
    element,
    close() {
      open = false;
      document.removeEventListener("visibilitychange", again);
    },
  };
}

function problem(error: unknown): TextKey {
  const keys: Record<number, TextKey> = { 0: "noServer", 403: "boards.forbidden", 409: "boards.forbidden", 422: "field.unknown", 429: "tooMany", 503: "unavailable" };
  return (error instanceof ApiError && keys[error.status]) || "failed";
}

function row(board: BoardInfo, item: GroupItem, me: Me, reload: () => Promise<void>): Row {
  const when = typeof board.updatedAt === "string" ? dateTime(board.updatedAt) : typeof board.createdAt === "string" ? dateTime(board.createdAt) : "";
  const mine = board.createdBy === me.id || me.staff || item.role === "admin" || item.role === "moderator";
  return {
    key: board.id,
    version: JSON.stringify([board.title, when, board.locked, mine]),
    draw: () => {
      const element = h("li.board-row", {},
        h("a.board-link", { href: boardAddress(item.id, board.id), "data-page": true },
          h("span.board-sign", {}, icon("board")),
          h("span.group-text", {}, h("span.group-name", {}, board.title), h("span.group-last", {}, [when, board.locked ? t("board.lockedWord") : ""].filter(Boolean).join(" · "))),
        ),
      );
      if (mine) element.append(actions(element, board, reload));
      return element;
    },
  };
}

function actions(element: HTMLElement, board: BoardInfo, reload: () => Promise<void>): HTMLElement {
  const label = t("boards.actions", { name: board.title });
  const items = [
    { label: t("boards.rename"), run: () => void name(t("boards.rename"), board.title, t("save"), (title) => api.renameBoard(board.id, title)).then(reload) },
    { label: t("boards.delete"), danger: true, run: () => void remove(board).then(reload) },
  ];
  const button: HTMLElement = h("button.more", { type: "button", "aria-haspopup": "menu", "aria-label": label, onclick: () => openMenu(element, button, label, items) }, "⋯");
  return button;
}

function name(title: string, value: string, yes: string, submit: (title: string) => Promise<BoardInfo>): Promise<BoardInfo | null> {
  const input = field(t("boards.title"), h("input", { required: true, maxlength: TITLE_MAX, value, autofocus: true }));
  return ask(title, [input.element], yes, () => submit(input.input.value.trim()), (error) => t(problem(error)));
}

async function remove(board: BoardInfo): Promise<void> {
  if (!(await confirm(t("boards.deleteConfirm", { name: board.title }), t("boards.delete")))) return;
  try {
    await api.deleteBoard(board.id);
  } catch (error) {
    toast(t(problem(error)));
  }
}
