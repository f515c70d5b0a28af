// A port nobody listens on at this moment (another process may take it before it is used; tests that can, ask for port 0).
import { createServer } from 'node:net'

export function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer()
    s.on('error', reject)
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address()
      s.close(() => resolve(port))
    })
  })
}
