/* The reader's language: their choice, else the browser's, else French. Every text comes from the table in texts.ts. */
import { Signal } from "@stacgate/client";
import { texts, type TextKey } from "./texts";

export type Language = "fr" | "en";

const KEY = "stacgate.language";
export const languageChanged = new Signal<Language>();
let current: Language = pick();

function pick(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "fr" || chosen === "en") return chosen;
  return navigator.language.toLowerCase().startsWith("en") ? "en" : "fr";
}

export function language(): Language {
  return current;
}

export function setLanguage(to: Language): void {
  if (to === current) return;
  current = to;
  localStorage.setItem(KEY, to);
  document.documentElement.lang = to;
  languageChanged.emit(to);
}

/** `{name}` in a text is replaced by values.name; "one|many" chooses by values.n. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  const [fr, en] = texts[key];
  const forms = (current === "fr" ? fr : en).split("|");
  const n = Number(values.n ?? 1);
  const one = current === "fr" ? Math.abs(n) < 2 : Math.abs(n) === 1;
  const form = forms.length > 1 && !one ? forms[1]! : forms[0]!;
  return form.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** A text that may not exist: server words (roles, refusals) looked up with a prefix. */
export function tWord(prefix: string, word: string, otherwise: TextKey): string {
  const key = `${prefix}.${word}`;
  return t(key in texts ? (key as TextKey) : otherwise);
}

document.documentElement.lang = current;
