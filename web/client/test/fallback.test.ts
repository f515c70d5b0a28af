/* Which transport each attempt uses: the stock Socket over a WebSocket that fails, opens or is cut as the test says, and polls that never end. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { LongPoll } from "phoenix";
import { Connection } from "../src/connection";

let works = false;
let made: Fake[] = [];
let polls = 0;

class Fake {
  readyState = 0;
  onopen?: (e: object) => void;
  onmessage?: (e: object) => void;
  onerror?: (e: object) => void;
  onclose?: (e: object) => void;

  constructor() {
    made.push(this);
    setTimeout(() => (works ? this.opens() : this.fails()), 1);
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  fails(): void {
    this.readyState = 3;
    this.onerror?.({});
    this.onclose?.({ code: 1006 });
  }

  /** Answers whatever is asked, as the server does. */
  send(text: string): void {
    const [join, ref, topic] = JSON.parse(text) as string[];
    setTimeout(() => this.onmessage?.({ data: JSON.stringify([join, ref, topic, "phx_reply", { status: "ok", response: {} }]) }), 1);
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.({ code: 1000 });
  }
}

globalThis.fetch = ((_address: string, options: { signal?: AbortSignal }) => {
  polls++;
  return new Promise((_, reject) => options.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError"))));
}) as typeof fetch;

Math.random = () => 0; // the back-off's jitter: back at once

let connection: Connection;
afterEach(() => connection.close());

function connect(options = {}): Connection {
  [works, made, polls] = [false, [], 0];
  connection = new Connection({ url: "ws://school.test/socket", transport: Fake, ...options });
  return connection;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !holds(); await new Promise((r) => setTimeout(r, 2))) assert.ok(Date.now() < end, what);
}

const transport = () => (connection.socket as unknown as { transport: unknown }).transport;

test("a client that never had a WebSocket polls when one fails, and tries one first when it reconnects", async () => {
  connect().open();
  await until("polls", () => polls === 1);
  assert.equal(transport(), LongPoll);
  works = true;
  connection.reconnect();
  await until("the WebSocket", () => made.length === 2 && connection.socket.isConnected());
  assert.equal(transport(), Fake);
});

test("once a WebSocket has brought something its end is no reason to poll, until several attempts failed", async () => {
  connect();
  works = true;
  connection.open();
  await until("its heartbeat’s answer", () => connection.socket.isConnected());
  await new Promise<void>((done) => connection.socket.ping(() => done()));
  works = false;
  made[0]!.fails();
  await until("four more attempts", () => made.length === 5);
  assert.equal(polls, 0);
  await until("polls at last", () => polls > 0);
});

test("longPolling: false never polls", async () => {
  connect({ longPolling: false }).open();
  await until("many attempts", () => made.length === 12);
  assert.equal(polls, 0);
});
