/* Starts the pages: who is signed in decides between the entry pages and home; a change of language draws everything again. */
import "./styles/base.css";
import "./styles/entry.css";
import "./styles/home.css";
import "./styles/conversation.css";
import "./styles/board.css";
import { h, replace } from "./dom";
import { languageChanged, t } from "./i18n";
import { go, moved, place } from "./router";
import { restore, sessionChanged, signedIn, type Why } from "./session";
import { entryView, type EntryPage } from "./views/entry";
import { homeView } from "./views/home";
import type { Part } from "./views/sidebar";

const root = document.getElementById("app")!;
let home: { userId: string; part: Part } | undefined;
let why: Why | undefined;

function leaveHome(): void {
  home?.part.close();
  home = undefined;
}

const ENTRY = new Set<string>(["signin", "register", "forgot", "password", "address", "certificate"] satisfies EntryPage[]);
/** Open to whoever comes with a mail's link or a certificate, signed in or not. */
const FOR_ALL = new Set(["password", "address", "certificate"]);

function showEntry(page: EntryPage): void {
  leaveHome();
  replace(root, entryView(page, why));
  document.title = `${root.querySelector("h1")!.textContent} · ${t("appName")}`;
  root.querySelector<HTMLElement>("form :is(select, input):not([hidden] *), form button[type=submit]")?.focus();
}

function show(): void {
  const user = signedIn();
  const { page } = place();
  if (!user || FOR_ALL.has(page)) return showEntry(ENTRY.has(page) ? (page as EntryPage) : "signin");
  why = undefined;
  if (home?.userId === user.id) return;
  leaveHome();
  document.title = t("appName");
  if (ENTRY.has(page)) go("/groups", "replace");
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
  if (news.user === null && (news.why === "passwordSet" || !FOR_ALL.has(place().page))) go("/signin", "replace");
  show();
});
moved.on(() => {
  if (!home || FOR_ALL.has(place().page)) show();
});
languageChanged.on(() => {
  leaveHome();
  show();
});
void start();
