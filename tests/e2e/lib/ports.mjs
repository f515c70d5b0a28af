// Ports that nobody else is given: below those that the kernel hands out (32768 and up), so that a server finds its own again after a restart
// while other test files run. Odd: a kernel told to hand out more gives connections the even ones first.
import { createServer } from 'node:net'

const [FIRST, LAST] = [10001, 29999]
let next = FIRST + 2 * Math.floor((Math.random() * (LAST - FIRST)) / 2)

const free = (port) =>
  new Promise((resolve) => {
    const s = createServer()
    s.on('error', () => resolve(false))
    s.listen(port, '127.0.0.1', () => s.close(() => resolve(true)))
  })

export async function freePort() {
  for (;;) {
    const port = next
    next = port + 2 > LAST ? FIRST : port + 2
    if (await free(port)) return port
  }
}
