/* What the forms of accounts share: a password that can be shown, sending once, what went wrong beside the field that it is about. */
import { ApiError, type FieldError } from "../api";
import { h, replace, type Child } from "../dom";
import { t, tWord } from "../i18n";
import type { TextKey } from "../texts";
import { field, type Field } from "./parts";

export type Input = Field<HTMLInputElement>;
const PASSWORD_MIN = 8;

export function passwordField(label: string, autocomplete: "current-password" | "new-password", hint = "", name = "password"): Input {
  const input = h("input", { type: "password", name, autocomplete, required: true, maxlength: 1024 });
  const toggle = h("button.inset", { type: "button", "aria-pressed": "false" }, t("showPassword"));
  toggle.addEventListener("click", () => {
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    toggle.setAttribute("aria-pressed", String(show));
    toggle.textContent = t(show ? "hidePassword" : "showPassword");
  });
  if (autocomplete === "new-password") input.minLength = PASSWORD_MIN;
  return field(label, input, hint, toggle);
}

/** Sends once, says that it works, shows what went wrong. */
export function guarded(submit: HTMLButtonElement, alert: HTMLElement, words: [TextKey, TextKey], run: () => Promise<unknown>, trouble: (error: unknown) => Child | Child[]) {
  return async (event: Event) => {
    event.preventDefault();
    alert.textContent = "";
    submit.disabled = true;
    submit.textContent = t(words[1]);
    try {
      await run();
    } catch (error) {
      replace(alert, ...[trouble(error)].flat());
      submit.disabled = false;
      submit.textContent = t(words[0]);
    }
  };
}

export const COMMON: Record<number, TextKey> = { 0: "noServer", 429: "tooMany", 503: "unavailable" };

/** Which field, and why: the first wrong one gets the focus. */
export function showErrors(errors: readonly FieldError[], fields: Record<string, Input>): void {
  for (const f of Object.values(fields)) f.error("");
  const wrong = errors.filter((e) => fields[e.field]);
  for (const e of wrong) fields[e.field]!.error(tWord("field", e.field, "field.unknown"));
  if (wrong[0]) fields[wrong[0].field]!.input.focus();
}

/** A sentence for what is no field's. */
export function trouble(error: unknown, keys: Record<number, TextKey> = {}): string {
  return t((error instanceof ApiError && { ...COMMON, ...keys }[error.status]) || "failed");
}
