/* Sign in and register: the two pages for somebody we do not know yet. */
import { api, ApiError, type Establishment } from "../api";
import { h, replace } from "../dom";
import { t, tWord } from "../i18n";
import { register, signIn, type Ending } from "../session";
import type { TextKey } from "../texts";
import { field, languageSwitch, wordmark, type Field } from "./parts";

type Input = Field<HTMLInputElement>;

export function entryView(page: "signin" | "register", why: Ending | undefined): HTMLElement {
  const form = page === "signin" ? signInForm(why) : registerForm();
  return h("div.entry", {},
    h("aside.hall", {},
      h("div.hall-top", {}, wordmark()),
      h("div.hall-words", {}, h("p.tagline", {}, t("tagline")), h("p.pitch", {}, t("pitch"))),
    ),
    h("main.desk", { id: "content", tabindex: -1 }, h("div.desk-top", {}, wordmark(), languageSwitch()), form),
  );
}

function signInForm(why: Ending | undefined): HTMLElement {
  const email = field(t("email"), h("input", { type: "email", name: "email", autocomplete: "username", required: true, autofocus: true }));
  const password = passwordField("current-password", "");
  const submit = h("button.wide", { type: "submit" }, t("signIn"));
  const alert = h("p.alert", { role: "alert" });
  const send = guarded(submit, alert, ["signIn", "signingIn"], () => signIn(email.input.value.trim(), password.input.value), signInTrouble);
  return h("form.card", { onsubmit: send, novalidate: false },
    h("h1", {}, t("signInTitle")),
    why ? h("p.info", { role: "status" }, t(why)) : null,
    email.element, password.element, alert, submit,
    h("p.aside", {}, t("noAccount"), " ", h("a", { href: "/register", "data-page": true }, t("register"))),
  );
}

function registerForm(): HTMLElement {
  const school = field(t("school"), h("select", { name: "establishmentId", required: true }, h("option", { value: "" }, t("chooseSchool"))));
  const first = field(t("firstName"), h("input", { name: "firstName", autocomplete: "given-name", required: true, maxlength: 100 }));
  const last = field(t("lastName"), h("input", { name: "lastName", autocomplete: "family-name", required: true, maxlength: 100 }));
  const email = field(t("email"), h("input", { type: "email", name: "email", autocomplete: "username", required: true }));
  const password = passwordField("new-password", t("passwordHint"));
  password.input.minLength = 8;
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

function passwordField(autocomplete: string, hint: string): Input {
  const input = h("input", { type: "password", name: "password", autocomplete, required: true, maxlength: 1024 });
  const toggle = h("button.inset", { type: "button", "aria-pressed": "false" }, t("showPassword"));
  toggle.addEventListener("click", () => {
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    toggle.setAttribute("aria-pressed", String(show));
    toggle.textContent = t(show ? "hidePassword" : "showPassword");
  });
  return field(t("password"), input, hint, toggle);
}

async function fillSchools(school: Field<HTMLSelectElement>, alert: HTMLElement): Promise<void> {
  try {
    const all: Establishment[] = await api.establishments();
    replace(school.input, h("option", { value: "" }, t("chooseSchool")), ...all.map((e) => h("option", { value: e.id }, e.name)));
    if (all.length === 1) school.input.value = all[0]!.id;
  } catch {
    alert.textContent = t("noServer");
  }
}

/** Sends once, says that it works, shows what went wrong. */
function guarded(submit: HTMLButtonElement, alert: HTMLElement, words: [TextKey, TextKey], run: () => Promise<void>, trouble: (error: unknown) => string) {
  return async (event: Event) => {
    event.preventDefault();
    alert.textContent = "";
    submit.disabled = true;
    submit.textContent = t(words[1]);
    try {
      await run();
    } catch (error) {
      alert.textContent = trouble(error);
      submit.disabled = false;
      submit.textContent = t(words[0]);
    }
  };
}

const COMMON: Record<number, TextKey> = { 0: "noServer", 429: "tooMany", 503: "unavailable" };

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

