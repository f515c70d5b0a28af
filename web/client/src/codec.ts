/*
 * msgpack frames for the stock Socket (`encoding: "msgpack"`): the protocol's arrays, both ways. Numbers are JavaScript's: what is
 * no safe integer travels as a float. What comes in is checked for its length and depth, for it may be cut or forged.
 */
const DEPTH_MAX = 64;

interface Message {
  join_ref: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: unknown;
}

class Writer {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  done(): ArrayBuffer {
    return this.bytes.buffer.slice(0, this.at);
  }

  value(v: unknown): void {
    if (v === null || v === undefined) this.head(0xc0);
    else if (typeof v === "boolean") this.head(v ? 0xc3 : 0xc2);
    else if (typeof v === "number") this.number(v);
    else if (typeof v === "string") this.text(v);
    else if (v instanceof Uint8Array) this.binary(v);
    else if (Array.isArray(v)) this.list(v);
    else this.map(v as Record<string, unknown>);
  }

  private room(n: number): number {
    const at = this.at;
    this.at += n;
    if (this.at > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.at, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  private head(tag: number): void {
    const at = this.room(1);
    this.bytes[at] = tag;
  }

  /** A tag and a length of 1, 2 or 4 bytes; the tags of the three follow each other. `one` 0: there is no tag for 1 byte. */
  private sized(one: number, two: number, n: number): void {
    if (one && n < 0x100) {
      const at = this.room(2);
      this.bytes[at] = one;
      this.bytes[at + 1] = n;
    } else if (n < 0x10000) {
      const at = this.room(3);
      this.bytes[at] = two;
      this.view.setUint16(at + 1, n);
    } else {
      const at = this.room(5);
      this.bytes[at] = two + 1;
      this.view.setUint32(at + 1, n);
    }
  }

  private number(v: number): void {
    if (Number.isInteger(v) && v >= -0x80000000 && v < 0x100000000 && !Object.is(v, -0)) return this.integer(v);
    const at = this.room(9);
    this.bytes[at] = 0xcb;
    this.view.setFloat64(at + 1, v);
    if (!Number.isSafeInteger(v) || Object.is(v, -0)) return;
    this.bytes[at] = 0xd3;
    this.view.setBigInt64(at + 1, BigInt(v));
  }

  private integer(v: number): void {
    if (v >= -0x20 && v < 0x80) return this.head(v & 0xff);
    if (v >= 0) return this.sized(0xcc, 0xcd, v);
    const at = this.room(5);
    this.bytes[at] = 0xd2;
    this.view.setInt32(at + 1, v);
  }

  private text(v: string): void {
    const utf8 = new TextEncoder().encode(v);
    if (utf8.length < 32) this.head(0xa0 | utf8.length);
    else this.sized(0xd9, 0xda, utf8.length);
    const at = this.room(utf8.length);
    this.bytes.set(utf8, at);
  }

  private binary(v: Uint8Array): void {
    this.sized(0xc4, 0xc5, v.length);
    const at = this.room(v.length);
    this.bytes.set(v, at);
  }

  private list(v: readonly unknown[]): void {
    if (v.length < 16) this.head(0x90 | v.length);
    else this.sized(0, 0xdc, v.length);
    for (const item of v) this.value(item);
  }

  private map(v: Record<string, unknown>): void {
    const entries = Object.entries(v).filter(([, value]) => value !== undefined);
    if (entries.length < 16) this.head(0x80 | entries.length);
    else this.sized(0, 0xde, entries.length);
    for (const [key, value] of entries) {
      this.text(key);
      this.value(value);
    }
  }
}

class Reader {
  private at = 0;
  private depth = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  whole(): unknown {
    const v = this.value();
    if (this.at !== this.bytes.length) throw new Error("msgpack: bytes after the end");
    return v;
  }

  private take(n: number): number {
    const at = this.at;
    if (n > this.bytes.length - at) throw new Error("msgpack: cut short");
    this.at += n;
    return at;
  }

  private value(): unknown {
    const tag = this.bytes[this.take(1)]!;
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.map(tag & 0x0f);
    if (tag < 0xa0) return this.list(tag & 0x0f);
    if (tag < 0xc0) return this.text(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    return this.tagged(tag);
  }

  private length(size: number): number {
    const at = this.take(size);
    return size === 1 ? this.view.getUint8(at) : size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  private tagged(tag: number): unknown {
    switch (tag) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.binary(this.length(1 << (tag - 0xc4)));
      case 0xca: return this.view.getFloat32(this.take(4));
      case 0xcb: return this.view.getFloat64(this.take(8));
      case 0xcc: case 0xcd: case 0xce: return this.length(1 << (tag - 0xcc));
      case 0xcf: return Number(this.view.getBigUint64(this.take(8)));
      case 0xd0: return this.view.getInt8(this.take(1));
      case 0xd1: return this.view.getInt16(this.take(2));
      case 0xd2: return this.view.getInt32(this.take(4));
      case 0xd3: return Number(this.view.getBigInt64(this.take(8)));
      case 0xd9: case 0xda: case 0xdb: return this.text(this.length(1 << (tag - 0xd9)));
      case 0xdc: case 0xdd: return this.list(this.length(2 << (tag - 0xdc)));
      case 0xde: case 0xdf: return this.map(this.length(2 << (tag - 0xde)));
      default: throw new Error(`msgpack: tag ${tag}`);
    }
  }

  private text(n: number): string {
    const at = this.take(n);
    return new TextDecoder().decode(this.bytes.subarray(at, at + n));
  }

  private binary(n: number): Uint8Array {
    const at = this.take(n);
    return this.bytes.slice(at, at + n);
  }

  private deeper(): void {
    if (++this.depth > DEPTH_MAX) throw new Error("msgpack: too deep");
  }

  private list(n: number): unknown[] {
    const list: unknown[] = [];
    this.deeper();
    for (let i = 0; i < n; i++) list.push(this.value());
    this.depth--;
    return list;
  }

  private map(n: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    this.deeper();
    for (let i = 0; i < n; i++) {
      const key = String(this.value());
      const value = this.value();
      if (key === "__proto__") Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
      else map[key] = value;
    }
    this.depth--;
    return map;
  }
}

export const msgpack = {
  pack(value: unknown): ArrayBuffer {
    const writer = new Writer();
    writer.value(value);
    return writer.done();
  },

  unpack(bytes: ArrayBuffer | Uint8Array): unknown {
    return new Reader(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)).whole();
  },

  /** The stock Socket's options. */
  encode({ join_ref, ref, topic, event, payload }: Message, done: (frame: ArrayBuffer) => void): void {
    done(msgpack.pack([join_ref, ref, topic, event, payload]));
  },

  /** Over long polling a frame is base64; encoded ones the stock transport turns into it itself. */
  decode(frame: ArrayBuffer | string, done: (message: Message) => void): void {
    const bytes = typeof frame === "string" ? Uint8Array.from(atob(frame), (c) => c.charCodeAt(0)) : frame;
    const [join_ref, ref, topic, event, payload] = msgpack.unpack(bytes) as [string | null, string | null, string, string, unknown];
    done({ join_ref, ref, topic, event, payload });
  },
};
