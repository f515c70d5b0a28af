/* Starts the pages: who is signed in decides between the entry pages and home; a change of language draws everything again. */
import "./styles/base.css";
import "./styles/entry.css";
import "./styles/home.css";
import "./styles/conversation.css";
import "./styles/board.css";
import { h, replace } from "./dom";
import { languageChanged, t } from "./i18n";
import { go, moved, place } from "./router";
import { restore, sessionChanged, signedIn, type Ending } from "./session";
import { entryView } from "./views/entry";
import { homeView } from "./views/home";
import type { Part } from "./views/sidebar";

const root = document.getElementById("app")!;
let home: { userId: string; part: Part } | undefined;
let why: Ending | undefined;

function leaveHome(): void {
  home?.part.close();
  home = undefined;
}

function show(): void {
  document.title = t("appName");
  const user = signedIn();
  if (!user) {
    leaveHome();
    const page = place().page === "register" ? "register" : "signin";
    replace(root, entryView(page, why));
    root.querySelector<HTMLElement>("form select, form input")?.focus();
    return;
  }
  why = undefined;
  if (home?.userId === user.id) return;
  leaveHome();
  if (place().page === "signin" || place().page === "register") go("/groups", "replace");
  home = { userId: user.id, part: homeView(user) };
  replace(root, home.part.element);
}

async function start(): Promise<void> {
  try {
    await restore();
  } catch {
    replace(root, h("div.placeholder", {}, h("p", { role: "alert" }, t("noServer")), h("button", { type: "button", onclick: () => void start() }, t("retry"))));
    return;
  }
  show();
}

sessionChanged.on((news) => {
  why = news.why;
  if (news.user === null) go("/signin", "replace");
  show();
});
moved.on(() => {
  if (!home) show();
});
languageChanged.on(() => {
  leaveHome();
  show();
});
void start();
