/// <reference lib="webworker" />
// The one connection of all tabs. Each talks to it by a port; one that has gone is known by a lock that it held.
import { Hub, type Connection } from './hub'
import type { FromTab, ToTab } from './port'

declare const self: SharedWorkerGlobalScope

const ports = new Set<MessagePort>()

const hub = new Hub((state: Connection) => {
  for (const port of ports) send(port, { kind: 'state', state })
})

function send(port: MessagePort, message: ToTab): void {
  port.postMessage(message)
}

self.onconnect = (event) => {
  const port = event.ports[0]
  if (!port) return
  const leaving = new Map<number, () => void>()
  ports.add(port)
  const gone = () => {
    ports.delete(port)
    for (const leave of leaving.values()) leave()
    leaving.clear()
    port.close()
  }
  port.onmessage = ({ data }: MessageEvent<FromTab>) => {
    switch (data.kind) {
      case 'hello':
        // The tab holds the lock for as long as it is there.
        void navigator.locks.request(data.lock, gone)
        break
      case 'follow': {
        const { id } = data
        leaving.set(id, hub.subscribe({ channel: data.channel, place: data.place, tell: (notice) => send(port, { kind: 'notice', id, notice }) }))
        break
      }
      case 'leave':
        leaving.get(data.id)?.()
        leaving.delete(data.id)
        break
      case 'wake':
        hub.wake()
    }
  }
  send(port, { kind: 'state', state: hub.state })
}
