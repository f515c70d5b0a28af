/* Tabs of one browser agree on how their session ended. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { SessionTabs, type Ending } from "../src/tabs";

let names = 0;
function two(t: TestContext) {
  const name = `tabs-${process.pid}-${++names}`;
  const tabs = [new SessionTabs(name), new SessionTabs(name)] as const;
  t.after(() => tabs.forEach((tab) => tab.close()));
  return tabs;
}
const heard = (tab: SessionTabs) => new Promise<Ending>((resolve) => tab.ended.on(resolve));
const soon = () => new Promise((done) => setTimeout(done, 50));

test("an end in one tab is an end in the other, for the same reason", async (t) => {
  const [a, b] = two(t);
  const news = heard(b);
  assert.equal(a.sayEnded("sessionEnded"), "sessionEnded");
  assert.equal(await news, "sessionEnded");
});

test("a socket that the server closes while another tab signs out was signed out", async (t) => {
  const [a, b] = two(t);
  a.sayLeaving(true);
  await soon();
  assert.equal(b.sayEnded("sessionEnded"), "signedOut");
});

test("a sign-out that failed is forgotten", async (t) => {
  const [a, b] = two(t);
  a.sayLeaving(true);
  a.sayLeaving(false);
  await soon();
  assert.equal(b.sayEnded("sessionEnded"), "sessionEnded");
});
