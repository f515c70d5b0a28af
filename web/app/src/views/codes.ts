/*
 * What our mails lead to: a first or a new password, a proven address; and asking for such a mail. The code is taken out of the address
 * bar when the page opens (router.ts); without one, as where mails hold no links, it is asked for.
 */
import { api, ApiError } from "../api";
import { h, replace, type Child } from "../dom";
import { t } from "../i18n";
import { code } from "../router";
import { passwordSet, signedIn } from "../session";
import type { TextKey } from "../texts";
import { guarded, passwordField, showErrors, trouble, type Input } from "./forms";
import { field } from "./parts";

const back = () => h("p.aside", {}, h("a", { href: "/signin", "data-page": true }, t("backToSignIn")));

/** In place of a form that has done its work: words that are read out, and where to go on. */
function said(form: HTMLElement, title: TextKey, text: TextKey, ...more: Node[]): void {
  const heading = h("h1", { tabindex: -1 }, t(title));
  replace(form, heading, h("p.info", { role: "status" }, t(text)), ...more);
  heading.focus();
}

/** A code that is not known, used or too old: what it means, and how to get another. */
function spent(askAt: string): Child[] {
  const again = askAt ? h("a", { href: askAt, "data-page": true }, t("askNewLink")) : t("signInForLink");
  return [t("linkSpent"), " ", again];
}

const isSpent = (error: unknown) => error instanceof ApiError && error.fields.some((e) => e.field === "token");

/** The code's field, unless the address had it. */
function codeField(): Input {
  const input = field(t("codeInMail"), h("input", { name: "token", required: true, autocomplete: "one-time-code", spellcheck: "false", minlength: 20, maxlength: 100 }), t("codeHint"));
  input.input.value = code();
  input.element.hidden = code() !== "";
  return input;
}

export function forgotForm(): HTMLElement {
  const email = field(t("email"), h("input", { type: "email", name: "email", autocomplete: "username", required: true }));
  const submit = h("button.wide", { type: "submit" }, t("sendLink"));
  const alert = h("p.alert", { role: "alert" });
  const send = guarded(submit, alert, ["sendLink", "sending"],
    async () => {
      await api.forgotPassword(email.input.value.trim());
      said(form, "mailSent", "mailSentHint", back());
    },
    (error) => {
      showErrors(error instanceof ApiError ? error.fields : [], { email });
      return trouble(error, { 422: "field.unknown" });
    });
  const form = h("form.card", { onsubmit: send }, h("h1", {}, t("forgotPassword")), h("p.faint", {}, t("forgotHint")), email.element, alert, submit, back());
  return form;
}

export function passwordForm(): HTMLElement {
  const token = codeField();
  const password = passwordField(t("newPassword"), "new-password", t("passwordHint"));
  const keep = h("input", { type: "checkbox", name: "keepTokens" });
  const submit = h("button.wide", { type: "submit" }, t("setPassword"));
  const alert = h("p.alert", { role: "alert" });
  const send = guarded(submit, alert, ["setPassword", "saving"],
    async () => {
      await api.resetPassword(token.input.value.trim(), password.input.value, keep.checked);
      passwordSet();
    },
    (error) => {
      showErrors(error instanceof ApiError ? error.fields.filter((e) => e.field !== "token") : [], { password });
      return isSpent(error) ? spent("/forgot-password") : trouble(error, { 422: "field.unknown" });
    });
  const more = h("details.more", {}, h("summary", {}, t("tokens")), h("label.check", {}, keep, t("keepTokens")));
  return h("form.card", { onsubmit: send }, h("h1", {}, t("setPasswordTitle")), h("p.faint", {}, t("setPasswordHint")), token.element, password.element, more, alert, submit, back());
}

export function addressForm(): HTMLElement {
  const token = codeField();
  const submit = h("button.wide", { type: "submit" }, t("confirmAddress"));
  const alert = h("p.alert", { role: "alert" });
  const send = guarded(submit, alert, ["confirmAddress", "saving"],
    async () => {
      await api.verifyEmail(token.input.value.trim());
      said(form, "addressConfirmed", "addressConfirmedHint", h("p.aside", {}, h("a", { href: "/groups", "data-page": true }, t("goOn"))));
    },
    (error) => (isSpent(error) ? spent(signedIn() ? "/account" : "") : trouble(error, { 422: "field.unknown" })));
  const form = h("form.card", { onsubmit: send }, h("h1", {}, t("confirmTitle")), h("p.faint", {}, t("confirmHint")), token.element, alert, submit);
  return form;
}
