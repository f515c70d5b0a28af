/* How dates, names and numbers look in the reader's language. */
import { language, t } from "./i18n";
import { cardName } from "./live/room";

export function clock(iso: string): string {
  return new Intl.DateTimeFormat(language(), { hour: "2-digit", minute: "2-digit" }).format(new Date(iso));
}

export function fullTime(iso: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "full", timeStyle: "short" }).format(new Date(iso));
}

export function dateTime(iso: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

export function longDate(iso: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "long" }).format(new Date(iso));
}

/** The local day, as a key. */
export function dayOf(iso: string): string {
  const d = new Date(iso);
  return `${d.getFullYear()}-${d.getMonth() + 1}-${d.getDate()}`;
}

export function dayName(iso: string): string {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (dayOf(iso) === dayOf(today.toISOString())) return t("today");
  if (dayOf(iso) === dayOf(yesterday.toISOString())) return t("yesterday");
  const d = new Date(iso);
  const sameYear = d.getFullYear() === today.getFullYear();
  return new Intl.DateTimeFormat(language(), { weekday: "long", day: "numeric", month: "long", year: sameYear ? undefined : "numeric" }).format(d);
}

/** For lists: the hour today, the day before. */
export function shortWhen(iso: string): string {
  if (dayOf(iso) === dayOf(new Date().toISOString())) return clock(iso);
  return new Intl.DateTimeFormat(language(), { day: "numeric", month: "short" }).format(new Date(iso));
}

export function personName(person: { id: string; firstName?: string | null; lastName?: string | null; email?: string }): string {
  return cardName(person) || person.email?.split("@")[0] || t("someone");
}

export function initials(name: string): string {
  const words = name.split(/[\s-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? "?"];
  return letters.map((w) => [...(w ?? "")][0] ?? "").join("").toLocaleUpperCase(language());
}

/** One of eight tints, always the same for the same id. */
export function tint(id: string): string {
  let sum = 0;
  for (const c of id) sum = (sum * 31 + c.codePointAt(0)!) >>> 0;
  return `tint-${sum % 8}`;
}

/** "Léa, Hugo et 3 autres" */
export function people(names: string[], most = 3): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), t("others", { n: names.length - most + 1 })] : names;
  return new Intl.ListFormat(language(), { type: "conjunction" }).format(shown);
}
