import { type Connection, Hub, type Notice } from './hub'
import type { FromTab, ToTab } from './port'

/** The live streams of this tab. All tabs of a browser share one connection where it has shared workers. */
interface Live {
  follow(channel: string, place: number | undefined, tell: (notice: Notice) => void): () => void
  wake(): void
}

const observers = new Set<() => void>()
let state: Connection = 'idle'

function become(next: Connection): void {
  state = next
  for (const observe of observers) observe()
}

/** How the connection is, for useSyncExternalStore. */
export const connection = {
  get: (): Connection => state,
  subscribe(observe: () => void): () => void {
    observers.add(observe)
    return () => observers.delete(observe)
  },
}

class SharedLive implements Live {
  #port: MessagePort
  #followed = new Map<number, (notice: Notice) => void>()
  #next = 1

  constructor() {
    const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'isekai-live' })
    this.#port = worker.port
    this.#port.onmessage = ({ data }: MessageEvent<ToTab>) => {
      if (data.kind === 'state') become(data.state)
      else this.#followed.get(data.id)?.(data.notice)
    }
    const lock = `isekai-tab-${crypto.randomUUID()}`
    void navigator.locks.request(lock, () => {
      this.#say({ kind: 'hello', lock }) // once the lock is held
      return new Promise(() => undefined) // for as long as this tab is there
    })
  }

  #say(message: FromTab): void {
    this.#port.postMessage(message)
  }

  follow(channel: string, place: number | undefined, tell: (notice: Notice) => void): () => void {
    const id = this.#next++
    this.#followed.set(id, tell)
    this.#say({ kind: 'follow', id, channel, place })
    return () => {
      if (this.#followed.delete(id)) this.#say({ kind: 'leave', id })
    }
  }

  wake(): void {
    this.#say({ kind: 'wake' })
  }
}

class OwnLive implements Live {
  #hub = new Hub(become)

  follow(channel: string, place: number | undefined, tell: (notice: Notice) => void): () => void {
    return this.#hub.subscribe({ channel, place, tell })
  }

  wake(): void {
    this.#hub.wake()
  }
}

let live: Live | undefined

function theLive(): Live {
  if (!live) {
    live = 'SharedWorker' in window && 'locks' in navigator ? new SharedLive() : new OwnLive()
    window.addEventListener('online', () => live?.wake())
  }
  return live
}

/**
 * Follows a channel of the API's live stream: `task:ID`, `conversation:ID`, `logs:APP` or `events`, after a place,
 * or from now on if that is undefined; a project's, if its id and a slash are before it. Nothing is told twice, and
 * nothing is left out when the connection is lost in between. It ends with the function that is returned, or when
 * `end` or `refused` was told.
 */
export function follow(channel: string, place: number | undefined, tell: (notice: Notice) => void): () => void {
  return theLive().follow(channel, place, tell)
}

/** Somebody has signed in, or wants it tried again now. */
export function wake(): void {
  theLive().wake()
}

export type { Connection, Notice }
