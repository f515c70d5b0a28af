/* Page addresses: /signin, /register, /groups, /groups/<id>, /groups/<id>/boards, /groups/<id>/boards/<id>. Links are real links; a plain click stays in the page. */
import { Signal } from "@stacgate/client";

export const moved = new Signal();

export type Place = { page: "signin" | "register" | "groups" } | { page: "group"; id: string; view: "talk" | "boards"; board: string };

export function place(): Place {
  const parts = location.pathname.split("/").filter(Boolean);
  if (parts[0] === "register") return { page: "register" };
  if (parts[0] === "signin") return { page: "signin" };
  if (parts[0] === "groups" && parts[1]) {
    const view = parts[2] === "boards" ? "boards" : "talk";
    return { page: "group", id: decodeURIComponent(parts[1]), view, board: view === "boards" && parts[3] ? decodeURIComponent(parts[3]) : "" };
  }
  return { page: "groups" };
}

export function go(path: string, how: "push" | "replace" = "push"): void {
  if (path === location.pathname) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", path);
  moved.emit();
}

addEventListener("popstate", () => moved.emit());

addEventListener("click", (event) => {
  const link = (event.target as Element | null)?.closest?.("a[data-page]");
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(new URL((link as HTMLAnchorElement).href).pathname);
});
