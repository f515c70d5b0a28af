/* Texts exist in both languages with the same holes; links end where sentences end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { trimLink } from "../src/richtext";
import { texts } from "../src/texts";

test("every text has both languages, with the same placeholders", () => {
  const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
  for (const [key, [fr, en]] of Object.entries(texts)) {
    assert.ok(fr.trim() && en.trim(), key);
    assert.deepEqual(holes(fr), holes(en), key);
  }
});

test("punctuation after an address is not part of it", () => {
  const cases = { "https://a.org/x.": "https://a.org/x", "https://a.org/x),": "https://a.org/x", "https://a.org/x_(y)": "https://a.org/x_(y)", "https://a.org/?q=1": "https://a.org/?q=1" };
  for (const [given, wanted] of Object.entries(cases)) assert.equal(trimLink(given), wanted);
});
