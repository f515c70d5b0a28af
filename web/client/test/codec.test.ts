/* The msgpack codec against another's, both ways, and against bytes that no encoder made. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { msgpack } from "../src/codec";

const values: unknown[] = [
  null, true, false, 0, 1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER, -1, -32, -33, -128, -129, -32_768, -32_769,
  -2_147_483_648, -2_147_483_649, Number.MIN_SAFE_INTEGER, 0.1, -1.5, 1e300, Infinity, "", "é", "x".repeat(31), "x".repeat(32), "y".repeat(300), "z".repeat(70_000),
  [], Array.from({ length: 16 }, (_, i) => i), Array.from({ length: 70_000 }, () => 1), {}, { a: { b: [null, { c: 1 }] } }, new Uint8Array([1, 2, 3]),
  Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])), Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i])),
];

test("what we write another reads, and the reverse", () => {
  for (const value of values) {
    assert.deepEqual(decode(new Uint8Array(msgpack.pack(value))), value);
    assert.deepEqual(msgpack.unpack(encode(value)), value);
    assert.deepEqual(msgpack.unpack(msgpack.pack(value)), value);
  }
  assert.ok(Object.is(msgpack.unpack(msgpack.pack(-0)), -0));
  assert.deepEqual(msgpack.unpack(msgpack.pack({ a: undefined, b: 1 })), { b: 1 });
  for (const float of [0.5, 3]) assert.equal(msgpack.unpack(encode(float, { forceFloat32: true, forceIntegerToFloat: true })), float);
});

test("cut, forged or bottomless bytes are errors, and no property reaches a prototype", () => {
  const whole = new Uint8Array(msgpack.pack(["1", "2", "whiteboard:x", "ops", { list: [1.5, "é", { a: -7 }] }]));
  for (let n = 0; n < whole.length; n++) assert.throws(() => msgpack.unpack(whole.slice(0, n)), `${n} bytes`);
  assert.throws(() => msgpack.unpack(new Uint8Array([...whole, 0])));
  assert.throws(() => msgpack.unpack(new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff])));
  assert.throws(() => msgpack.unpack(new Uint8Array(1000).fill(0x91)));
  assert.throws(() => msgpack.unpack(new Uint8Array([0xc1])));
  const forged = msgpack.unpack(new Uint8Array(msgpack.pack(JSON.parse('{"__proto__":{"admin":true}}')))) as { admin?: boolean };
  assert.equal(forged.admin, undefined);
});

test("a frame is the protocol's array", () => {
  msgpack.encode({ join_ref: "1", ref: null, topic: "t", event: "e", payload: { x: 1 } }, (frame) => {
    assert.deepEqual(decode(new Uint8Array(frame)), ["1", null, "t", "e", { x: 1 }]);
    msgpack.decode(frame, (m) => assert.deepEqual(m, { join_ref: "1", ref: null, topic: "t", event: "e", payload: { x: 1 } }));
  });
});

test("a frame that came by long polling is base64", () => {
  const message = { join_ref: "1", ref: null, topic: "group:é", event: "message", payload: { content: "¡olé! 👋" } };
  msgpack.encode(message, (frame) => msgpack.decode(Buffer.from(frame).toString("base64"), (back) => assert.deepEqual(back, message)));
});
