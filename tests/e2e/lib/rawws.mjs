// A WebSocket made of bytes: a socket after its handshake, and frames built by hand, right or wrong. For what no library lets a
// client send, and for readers that do not read.
import net from 'node:net'
import { randomBytes } from 'node:crypto'
import { socketPath } from './client.mjs'
import { within } from './util.mjs'

// One frame. `fin`, `rsv`, `mask`, `length` (the claimed one) may lie.
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = true, length } = {}) {
  const bytes = Buffer.from(payload)
  const n = length ?? bytes.length
  const head = n < 126 ? Buffer.alloc(2) : n < 65536 ? Buffer.alloc(4) : Buffer.alloc(10)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (mask ? 0x80 : 0) | (n < 126 ? n : n < 65536 ? 126 : 127)
  if (head.length === 4) head.writeUInt16BE(n, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(n), 2)
  if (!mask) return Buffer.concat([head, bytes])
  const key = randomBytes(4)
  return Buffer.concat([head, key, bytes.map((b, i) => b ^ key[i & 3])])
}

// The frames in bytes a server sent (never masked); what is incomplete at the end is left out.
export function parseFrames(bytes) {
  const frames = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    let n = bytes[at + 1] & 0x7f
    let from = at + 2
    if (n === 126) {
      if (from + 2 > bytes.length) break
      n = bytes.readUInt16BE(from)
      from += 2
    } else if (n === 127) {
      if (from + 8 > bytes.length) break
      n = Number(bytes.readBigUInt64BE(from))
      from += 8
    }
    if (from + n > bytes.length) break
    frames.push({ fin: Boolean(bytes[at] & 0x80), rsv: (bytes[at] >> 4) & 7, opcode: bytes[at] & 15, payload: bytes.subarray(from, from + n) })
    at = from + n
  }
  return frames
}

export class RawSocket {
  constructor(server) {
    this.parts = []
    this.ended = false
    this.socket = net.connect({ host: '127.0.0.1', port: server.port })
    this.socket.on('data', (d) => this.parts.push(d))
    this.socket.on('error', () => {})
    this.socket.unref()
    this.over = new Promise((resolve) => this.socket.on('close', () => resolve((this.ended = true))))
  }

  get bytes() {
    if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts)]
    return this.parts[0] ?? Buffer.alloc(0)
  }

  get text() {
    return this.bytes.toString('latin1')
  }

  frames() {
    return parseFrames(this.bytes.subarray(this.headEnd))
  }

  // The status of the close frame; 0 when there was none.
  closeCode() {
    const f = this.frames().find((x) => x.opcode === 8)
    return f && f.payload.length >= 2 ? f.payload.readUInt16BE(0) : 0
  }

  destroy() {
    this.socket.destroy()
  }
}

export async function connectRaw(server, { cookie, encoding = 'json', path, extra = '' } = {}) {
  const raw = new RawSocket(server)
  raw.socket.write(
    `GET ${path ?? socketPath(encoding)} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n${cookie ? `Cookie: ${cookie}\r\n` : ''}${extra}\r\n`,
  )
  await within(
    new Promise((resolve, reject) => {
      const look = () => {
        const end = raw.bytes.indexOf('\r\n\r\n')
        if (end < 0) return
        raw.socket.off('data', look)
        raw.headEnd = end + 4
        if (raw.text.startsWith('HTTP/1.1 101')) resolve()
        else reject(new Error(`handshake refused: ${raw.text.slice(0, 200)}`))
      }
      raw.socket.on('data', look)
      raw.over.then(() => reject(new Error('closed during the handshake')))
    }),
    10000,
    'the handshake',
  )
  return raw
}
