/* One's own account: the address and whether it is proven, another password, where one is signed in, access tokens. */
import { api, ApiError, type ApiToken, type SignIn, type User } from "../api";
import { h, keyed, replace, type Row } from "../dom";
import { dateTime } from "../format";
import { t } from "../i18n";
import { ended, refresh } from "../session";
import { confirm } from "./dialog";
import { guarded, passwordField, showErrors, trouble } from "./forms";
import type { Part } from "./sidebar";
import { toast } from "./toast";

export function accountPage(user: User): Part {
  const signIns = listOf(t("signIns"), api.signIns, signInRow, h("button.quiet.small", { type: "button", onclick: () => void endOthers() }, t("endOthers")));
  const tokens = listOf(t("tokens"), api.tokens, tokenRow);
  async function endOthers(): Promise<void> {
    if (await confirm(t("endOthersConfirm"), t("endOthers"))) await act(api.endOtherSignIns, "signInsEnded", signIns.load);
  }
  const element = h("section.account", { "aria-label": t("account") },
    h("header.conversation-head", {},
      h("a.back.always", { href: "/groups", "data-page": true, "aria-label": t("backToGroups") }, "‹"),
      h("div.titles", {}, h("h1", {}, t("account")), h("p.faint", {}, user.email)),
    ),
    h("div.account-scroll", {}, addressSection(user), passwordSection(signIns.load), signIns.element, tokens.element),
  );
  void signIns.load();
  void tokens.load();
  return { element, close: () => {} };
}

async function act(what: () => Promise<unknown>, done: "signInsEnded" | "tokenRevoked" | "mailSent", then: () => Promise<void> | void): Promise<void> {
  try {
    await what();
    toast(t(done));
    await then();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return ended("sessionEnded");
    toast(trouble(error));
  }
}

function addressSection(user: User): HTMLElement {
  const state = h("p", { role: "status" });
  const section = h("section", {}, h("h2", {}, t("email")), state);
  const ask = () => void act(api.sendVerification, "mailSent", draw);
  function draw(): void {
    const proven = user.isEmailVerified === true;
    replace(state, `${user.email} · `, t(proven ? "addressProven" : "addressUnproven"), " ", proven ? null : h("button.link", { type: "button", onclick: ask }, t("sendLink")));
  }
  draw();
  // It may have been proven from the mail meanwhile, in another tab.
  refresh().then((now) => ((user = now), draw()), () => {});
  return section;
}

function passwordSection(changed: () => Promise<void>): HTMLElement {
  const current = passwordField(t("currentPassword"), "current-password", "", "currentPassword");
  const next = passwordField(t("newPassword"), "new-password", t("passwordHint"), "newPassword");
  const submit = h("button", { type: "submit" }, t("changePassword"));
  const alert = h("p.alert", { role: "alert" });
  const send = guarded(submit, alert, ["changePassword", "saving"],
    async () => {
      await api.changePassword(current.input.value, next.input.value);
      showErrors([], { currentPassword: current, newPassword: next });
      form.reset();
      submit.disabled = false;
      submit.textContent = t("changePassword");
      toast(t("passwordChanged"));
      await changed();
    },
    (error) => {
      showErrors(error instanceof ApiError ? error.fields : [], { currentPassword: current, newPassword: next });
      return trouble(error, { 422: "field.unknown" });
    });
  const form = h("form", { onsubmit: send }, current.element, next.element, alert, h("div.buttons", {}, submit));
  return h("section", {}, h("h2", {}, t("password")), h("p.faint", {}, t("changeHint")), form);
}

/** A list that is asked for again after each change. */
function listOf<T extends { id: string }>(title: string, ask: () => Promise<T[]>, row: (item: T, again: () => Promise<void>) => Row, ...more: Node[]) {
  const list = h("ul.account-list");
  const note = h("p.faint", { role: "status" }, t("loading"));
  async function load(): Promise<void> {
    try {
      const items = await ask();
      keyed(list, items.map((item) => row(item, load)));
      replace(note, items.length === 0 ? t("nothingHere") : "");
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return ended("sessionEnded");
      replace(note, trouble(error), " ", h("button.link", { type: "button", onclick: () => void load() }, t("retry")));
    }
  }
  return { element: h("section", {}, h("h2", {}, title), list, note, ...more), load };
}

const when = (iso: string | null) => (iso ? dateTime(iso) : t("never"));

function line(title: string, detail: string, ...more: (Node | null)[]): HTMLElement {
  return h("li.account-row", {}, h("span.group-text", {}, h("span.group-name", {}, title), h("span.group-last", {}, detail)), ...more);
}

function signInRow(s: SignIn, again: () => Promise<void>): Row {
  const device = s.userAgent ?? t("unknownDevice");
  const end = () => void act(() => api.endSignIn(s.id), "signInsEnded", again);
  return {
    key: s.id,
    version: JSON.stringify(s),
    draw: () => line(device, t("signInDetail", { address: s.address ?? "?", used: when(s.lastUsedAt) }),
      s.current ? h("span.faint", {}, t("thisOne")) : h("button.quiet.small", { type: "button", "aria-label": t("endThis", { name: device }), onclick: end }, t("end"))),
  };
}

function tokenRow(token: ApiToken, again: () => Promise<void>): Row {
  async function revoke(): Promise<void> {
    if (await confirm(t("revokeConfirm", { name: token.name }), t("revoke"))) await act(() => api.revokeToken(token.id), "tokenRevoked", again);
  }
  return {
    key: token.id,
    version: JSON.stringify(token),
    draw: () => line(token.name, t("tokenDetail", { prefix: token.prefix, scopes: token.scopes.join(", "), used: when(token.lastUsedAt), until: when(token.expiresAt) }),
      h("button.quiet.small", { type: "button", "aria-label": t("revokeThis", { name: token.name }), onclick: () => void revoke() }, t("revoke"))),
  };
}
