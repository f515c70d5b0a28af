/* The pages for somebody we do not know yet: sign in, register, and what mails lead to (codes.ts), in one frame. */
import { api, ApiError, type Establishment } from "../api";
import { h, replace } from "../dom";
import { t, tWord } from "../i18n";
import { register, signIn, type Why } from "../session";
import type { TextKey } from "../texts";
import { certificateForm } from "./certificate";
import { addressForm, forgotForm, passwordForm } from "./codes";
import { COMMON, guarded, passwordField } from "./forms";
import { field, languageSwitch, wordmark, type Field } from "./parts";

export type EntryPage = "signin" | "register" | "forgot" | "password" | "address" | "certificate";

export function entryView(page: EntryPage, why: Why | undefined): HTMLElement {
  const forms: Record<EntryPage, () => HTMLElement> = { signin: () => signInForm(why), register: registerForm, forgot: forgotForm, password: passwordForm, address: addressForm, certificate: certificateForm };
  const form = forms[page]();
  return h("div.entry", {},
    h("aside.hall", {},
      h("div.hall-top", {}, wordmark()),
      h("div.hall-words", {}, h("p.tagline", {}, t("tagline")), h("p.pitch", {}, t("pitch"))),
    ),
    h("main.desk", { id: "content", tabindex: -1 }, h("div.desk-top", {}, wordmark(), languageSwitch()), form),
  );
}

function signInForm(why: Why | undefined): HTMLElement {
  const email = field(t("email"), h("input", { type: "email", name: "email", autocomplete: "username", required: true, autofocus: true }));
  const password = passwordField(t("password"), "current-password");
  const submit = h("button.wide", { type: "submit" }, t("signIn"));
  const alert = h("p.alert", { role: "alert" });
  const send = guarded(submit, alert, ["signIn", "signingIn"], () => signIn(email.input.value.trim(), password.input.value), signInTrouble);
  return h("form.card", { onsubmit: send, novalidate: false },
    h("h1", {}, t("signInTitle")),
    why ? h("p.info", { role: "status" }, t(why)) : null,
    email.element, password.element, alert, submit,
    h("p.aside", {}, h("a", { href: "/forgot-password", "data-page": true }, t("forgotPassword"))),
    h("p.aside", {}, t("noAccount"), " ", h("a", { href: "/register", "data-page": true }, t("register"))),
    h("p.aside", {}, h("a", { href: "/certificate", "data-page": true }, t("certificateCheckTitle"))),
  );
}

function registerForm(): HTMLElement {
  const school = field(t("school"), h("select", { name: "establishmentId", required: true }, h("option", { value: "" }, t("chooseSchool"))));
  const first = field(t("firstName"), h("input", { name: "firstName", autocomplete: "given-name", required: true, maxlength: 100 }));
  const last = field(t("lastName"), h("input", { name: "lastName", autocomplete: "family-name", required: true, maxlength: 100 }));
  const email = field(t("email"), h("input", { type: "email", name: "email", autocomplete: "username", required: true }));
  const password = passwordField(t("password"), "new-password", t("passwordHint"));
  const submit = h("button.wide", { type: "submit" }, t("register"));
  const alert = h("p.alert", { role: "alert" });
  const all = { establishmentId: school, firstName: first, lastName: last, email, password };
  const values = () => Object.fromEntries(Object.entries(all).map(([name, f]) => [name, name === "password" ? f.input.value : f.input.value.trim()]));
  const send = guarded(submit, alert, ["register", "registering"], () => register(values()), (error) => registerTrouble(error, all));
  void fillSchools(school, alert);
  return h("form.card", { onsubmit: send },
    h("h1", {}, t("registerTitle")),
    school.element, h("div.pair", {}, first.element, last.element), email.element, password.element, alert, submit,
    h("p.aside", {}, t("haveAccount"), " ", h("a", { href: "/signin", "data-page": true }, t("signIn"))),
  );
}

async function fillSchools(school: Field<HTMLSelectElement>, alert: HTMLElement): Promise<void> {
  try {
    const all: Establishment[] = await api.establishments();
    replace(school.input, h("option", { value: "" }, t("chooseSchool")), ...all.map((e) => h("option", { value: e.id }, e.name)));
    const here = all.length === 1 ? all[0] : all.find((e) => e.domain && (location.hostname === e.domain || location.hostname === `www.${e.domain}`));
    if (here) school.input.value = here.id;
  } catch {
    alert.textContent = t("noServer");
  }
}

function signInTrouble(error: unknown): string {
  const status = error instanceof ApiError ? error.status : -1;
  const keys: Record<number, TextKey> = { ...COMMON, 401: "wrongPassword", 403: "accountOff", 422: "wrongPassword" };
  return t(keys[status] ?? "failed");
}

function registerTrouble(error: unknown, fields: Record<string, { error(text: string): void }>): string {
  for (const f of Object.values(fields)) f.error("");
  if (!(error instanceof ApiError)) return t("failed");
  for (const wrong of error.fields) fields[wrong.field]?.error(tWord("field", wrong.field, "field.unknown"));
  const keys: Record<number, TextKey> = { ...COMMON, 409: "emailTaken", 403: "registrationClosed", 404: "failed" };
  if (error.status === 422 && error.fields.length > 0) return t("field.unknown");
  return t(keys[error.status] ?? "failed");
}

