/* Page addresses: /signin, /register, /forgot-password, /set-password, /verify-email, /certificate/<code>, /account, /groups, /groups/<id>, /groups/<id>/boards, /groups/<id>/boards/<id>. Links are real links; a plain click stays in the page. */
import { Signal } from "@stacgate/client";

export const moved = new Signal();

const PLAIN = { signin: "signin", register: "register", "forgot-password": "forgot", "set-password": "password", "verify-email": "address", account: "account" } as const;

export type Place = { page: "certificate"; code: string } | { page: (typeof PLAIN)[keyof typeof PLAIN] | "groups" } | { page: "group"; id: string; view: "talk" | "boards"; board: string };

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function place(): Place {
  const parts = location.pathname.split("/").filter(Boolean);
  const plain = PLAIN[parts[0] as keyof typeof PLAIN];
  if (plain) return { page: plain };
  if (parts[0] === "certificate") return { page: "certificate", code: decoded(parts[1] ?? "") };
  if (parts[0] === "groups" && parts[1]) {
    const view = parts[2] === "boards" ? "boards" : "talk";
    return { page: "group", id: decodeURIComponent(parts[1]), view, board: view === "boards" && parts[3] ? decodeURIComponent(parts[3]) : "" };
  }
  return { page: "groups" };
}

/** The code that a mail's link carried. It does not stay in the address, which is shown, copied and sent on; a reload keeps it. */
export function code(): string {
  return (history.state as { code?: string } | null)?.code ?? "";
}

function hideCode(): void {
  const given = new URLSearchParams(location.search).get("token");
  if (given !== null) history.replaceState({ code: given }, "", location.pathname);
}

export function go(path: string, how: "push" | "replace" = "push"): void {
  if (path === location.pathname) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", path);
  moved.emit();
}

hideCode();
addEventListener("popstate", () => moved.emit());

addEventListener("click", (event) => {
  const link = (event.target as Element | null)?.closest?.("a[data-page]");
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(new URL((link as HTMLAnchorElement).href).pathname);
});
