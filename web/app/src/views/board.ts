/* One board on screen: its head, the board itself, the tools; what is said to who does not see it. */
import { Whiteboard, type Connection, type Element, type Entry } from "@stacgate/client";
import type { GroupItem } from "../api";
import { Desk } from "../board/desk";
import { Editor } from "../board/editor";
import { download, downloadPicture } from "../board/export";
import { str } from "../board/geometry";
import { listenKeys } from "../board/keys";
import { nameOf, paintOverlay } from "../board/overlay";
import { Pointers } from "../board/pointer";
import { Scene } from "../board/scene";
import { h, perFrame, replace } from "../dom";
import { t, tWord } from "../i18n";
import type { Me } from "../live/group";
import { go } from "../router";
import { selectionBar, signButton, toolBar } from "./boardbar";
import { openHistory } from "./boardhistory";
import { confirm } from "./dialog";
import { openMenu, type Item } from "./menu";
import { avatar } from "./parts";
import type { Part } from "./sidebar";
import { toast } from "./toast";

const FACES_MAX = 4;

export function boardPage(connection: Connection, item: GroupItem, boardId: string, me: Me): Part {
  const live = new Whiteboard(connection, boardId, me.id, { staff: me.staff });
  const scene = new Scene(live.board);
  const desk = new Desk(live, scene);
  const spoken = h("p.unseen", { "aria-live": "polite" });
  const host = h("div.board-host", { id: "board", tabindex: 0, role: "application", "aria-label": t("board.region"), "aria-describedby": "board-hint" }, scene.element);
  const pointers = new Pointers(desk, host);
  const editor = new Editor(desk, host);
  const head = boardHead(item, desk);
  const selection = selectionBar(desk);
  const tools = toolBar(desk, host);
  const note = h("p.board-note", { role: "status" });
  const element = h("section.board-page", { "aria-label": t("boards") },
    head.element,
    h("div.board-area", {}, host, h("p.unseen", { id: "board-hint" }, t("board.hint")), spoken, note, h("div.board-foot", {}, selection.element, tools.element)),
  );
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  scene.paintAbove = (pen) => paintOverlay(pen, desk, pointers, calm);
  listenKeys(host, desk, pointers);

  let fitted = false;
  const draw = perFrame(() => {
    head.draw();
    selection.draw();
    tools.draw();
    host.dataset.tool = live.mayDraw() ? desk.tool : desk.tool === "select" ? "select" : "hand";
    replace(note, remark(desk));
    if (live.ready && !fitted) {
      fitted = true;
      scene.fit();
    }
  });
  const offs = [
    live.changed.on(draw),
    live.board.changed.on(draw),
    desk.changed.on(draw),
    desk.said.on((el) => (spoken.textContent = describe(el, desk))),
    desk.full.on(() => toast(t("board.full"))),
    live.hands.changed.on(() => scene.touchAbove()),
    live.refused.on((entry) => toast(t("board.refused", { reason: tWord("boardReason", whyRefused(entry), "reason.unknown") }))),
    live.left.on((reason) => {
      toast(t(reason === "closed" ? "failed" : "board.gone"));
      go(`/groups/${encodeURIComponent(item.id)}/boards`, "replace");
    }),
  ];
  draw();
  requestAnimationFrame(() => host.focus({ preventScroll: true }));
  return {
    element,
    close() {
      editor.close();
      for (const off of offs) off();
      desk.close();
      scene.close();
      live.close();
    },
  };
}

/** What explains why one cannot draw, or how to begin. */
function remark(desk: Desk): string {
  const { live } = desk;
  if (!live.ready) return t("loading");
  if (!live.mayDraw()) return t(live.board.locked ? "board.isLocked" : "board.readOnly");
  return live.board.size === 0 ? t("board.empty") : "";
}

/** A board that is full asks for something else than an element that is too large. */
function whyRefused({ reason, field }: Entry): string {
  return reason === "too_large" && field === "ops" ? "full" : (reason ?? "");
}

function describe(el: Element | undefined, desk: Desk): string {
  if (!el) return "";
  const words = (str(el, "text") || str(el, "label")).replaceAll("\n", " ");
  const at = desk.live.board.elements().indexOf(el) + 1;
  const locked = desk.live.board.lockedIds.has(el.id) ? t("board.lockedWord") : "";
  return [tWord("shape", el.type, "shape.opaque"), words, locked, t("board.place", { at, n: desk.live.board.size })].filter(Boolean).join(", ");
}

function boardHead(item: GroupItem, desk: Desk) {
  const { live } = desk;
  const name = h("h1");
  const fate = h("p.faint.board-fate", { role: "status" });
  const faces = h("span.faces");
  const undo = signButton("undo", t("board.undo"), () => void live.undo(), { "aria-keyshortcuts": "Control+Z" });
  const redo = signButton("redo", t("board.redo"), () => void live.redo(), { "aria-keyshortcuts": "Control+Shift+Z" });
  const percent = h("button.quiet.small.percent", { type: "button", title: t("board.fit"), onclick: () => (desk.scene.fit(), desk.update()) });
  const zoom = (factor: number) => () => (desk.scene.zoomAt(desk.scene.width / 2, desk.scene.height / 2, desk.scene.camera.zoom * factor), desk.update());
  const menu = h("span.menu-anchor");
  const more = signButton("more", t("board.more"), () => openMenu(menu, more, t("board.more"), menuItems(desk)), { "aria-haspopup": "menu" });
  menu.append(more);
  const element = h("header.conversation-head.board-head", {},
    h("a.back.always", { href: `/groups/${encodeURIComponent(item.id)}/boards`, "data-page": true, "aria-label": t("board.backToList") }, "‹"),
    h("div.titles", {}, name, fate),
    faces,
    h("span.zooms", {}, signButton("minus", t("board.zoomOut"), zoom(0.8)), percent, signButton("plus", t("board.zoomIn"), zoom(1.25))),
    undo,
    redo,
    menu,
  );
  let shownFaces = "";
  return {
    element,
    draw() {
      name.textContent = live.info?.title ?? t("board.opening");
      const waiting = live.outbox.list().length;
      fate.textContent = waiting > 0 ? t("board.waiting") : live.ready ? t("board.saved") : t("board.opening");
      undo.disabled = !live.undoable.canUndo;
      redo.disabled = !live.undoable.canRedo;
      percent.textContent = `${Math.round(desk.scene.camera.zoom * 100)} %`;
      percent.setAttribute("aria-label", `${t("board.fit")} (${percent.textContent})`);
      const ids = live.present.map((p) => p.userId).join();
      if (ids === shownFaces) return;
      shownFaces = ids;
      replace(faces, ...drawFaces(desk));
    },
  };
}

function drawFaces(desk: Desk): HTMLElement[] {
  const others = desk.live.present.filter((p) => p.userId !== desk.live.me);
  const names = others.map((p) => nameOf(desk.live, p.userId));
  const faces = others.slice(0, FACES_MAX).map((p, i) => avatar(p.userId, names[i]!));
  const words = names.length > 0 ? t("board.withOthers", { names: names.join(", ") }) : t("board.alone");
  const rest = others.length - FACES_MAX;
  return [h("span.faces-row", { title: words }, ...faces, rest > 0 ? h("span.faint", {}, `+${rest}`) : null), h("span.unseen", {}, words)];
}

function menuItems(desk: Desk): Item[] {
  const { live } = desk;
  const name = (live.info?.title ?? "tableau").replace(/[\\/:*?"<>|]+/g, " ").trim();
  const address = `/api/whiteboards/${encodeURIComponent(live.id)}/export?format=`;
  const items: Item[] = [
    { label: t("board.exportPng"), run: () => void downloadPicture(live.board, `${name}.png`).then((ok) => ok || toast(t("failed"))) },
    { label: t("board.exportSvg"), run: () => download(`${address}svg`, `${name}.svg`) },
    { label: t("board.exportJson"), run: () => download(`${address}json`, `${name}.json`) },
    { label: t("board.history"), run: () => void openHistory(live) },
  ];
  if (live.isModerator()) items.push({ label: t(live.board.locked ? "board.unlockAll" : "board.lockAll"), run: () => void live.lock(!live.board.locked) });
  if (live.mayDraw() && live.board.size > 0) items.push({ label: t("board.clear"), danger: true, run: () => void clear(desk) });
  return items;
}

async function clear(desk: Desk): Promise<void> {
  if (await confirm(t("board.clearConfirm"), t("board.clear"))) desk.remove(desk.live.board.elements().map((el) => el.id));
}
