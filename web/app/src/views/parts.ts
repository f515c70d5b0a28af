/* Small pieces that several views share: avatars, labelled fields, the language switch. */
import { h, type Child } from "../dom";
import { initials, tint } from "../format";
import { language, setLanguage, t } from "../i18n";

export function avatar(id: string, name: string): HTMLElement {
  return face(id, initials(name || "?"));
}

/** A group's: its first letter is enough, under an arch rather than a circle (home.css). */
export function groupAvatar(id: string, name: string): HTMLElement {
  return face(id, initials(/[\p{L}\p{N}]+/u.exec(name)?.[0] ?? "?"));
}

function face(id: string, letters: string): HTMLElement {
  const element = h("span.avatar", { "aria-hidden": "true" }, letters);
  element.classList.add(tint(id));
  return element;
}

let fields = 0;

export interface Field<T extends HTMLElement> {
  element: HTMLElement;
  input: T;
  /** "" clears it. */
  error(text: string): void;
}

export function field<T extends HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>(label: string, input: T, hint = "", ...more: Child[]): Field<T> {
  const id = `field-${++fields}`;
  input.id = id;
  const note = h("p.note", { id: `${id}-note` }, hint);
  input.setAttribute("aria-describedby", note.id);
  const element = h("div.field", {}, h("label", { for: id }, label), h("div.control", {}, input, ...more), note);
  return {
    element,
    input,
    error(text) {
      note.textContent = text || hint;
      element.classList.toggle("wrong", text !== "");
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

export function languageSwitch(): HTMLElement {
  const select = h("select.language", { "aria-label": t("language"), onchange: () => setLanguage(select.value as "fr" | "en") },
    h("option", { value: "fr", lang: "fr", title: "Français" }, "FR"),
    h("option", { value: "en", lang: "en", title: "English" }, "EN"),
  );
  select.value = language();
  return select;
}

export function wordmark(): HTMLElement {
  return h("span.wordmark", {}, h("span.gate", { "aria-hidden": "true" }), h("span.wordmark-text", {}, t("appName")));
}
