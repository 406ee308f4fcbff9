// The way between a browser and the server, which a test can cut.
import { connect, createServer } from 'node:net'
import { base } from './server.mjs'

/** A way at an address of its own. cut() ends all connections and takes none, mend() takes them again. */
export async function openWay() {
  const to = new URL(base)
  const open = new Set()
  let passable = true
  const server = createServer((from) => {
    if (!passable) return void from.destroy()
    const on = connect(Number(to.port), to.hostname)
    for (const [one, other] of [[from, on], [on, from]]) {
      open.add(one)
      one.on('error', () => other.destroy()).on('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    cut() {
      passable = false
      for (const socket of open) socket.destroy()
    },
    mend: () => (passable = true),
    close() {
      this.cut()
      server.close()
    },
  }
}
