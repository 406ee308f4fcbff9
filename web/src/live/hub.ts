import { problemOf } from '../api/problem'
import { type Message, messages } from './sse'

/** What a subscriber is told of a channel. */
export type Notice =
  | { kind: 'item'; channel: string; place: number; data: unknown }
  /** All up to this place was told; `whole`: what the channel had when it was opened, too. */
  | { kind: 'place'; channel: string; place: number; whole: boolean }
  | { kind: 'end'; channel: string }
  | { kind: 'refused'; channel: string; problem: unknown }

export type Connection = 'idle' | 'connecting' | 'open' | 'lost' | 'signed-out'

/** Who follows a channel. A place that is undefined means: from now on. */
export interface Subscriber {
  channel: string
  place: number | undefined
  tell(notice: Notice): void
}

interface Channel {
  subscribers: Set<Subscriber>
  /** Up to which the connection has told, so that it goes on there. */
  place: number | undefined
}

const mostChannels = 64
const settle = 30 // ms, in which several subscriptions become one request
const firstWait = 500
const longestWait = 10_000

/**
 * Follows any number of channels by one connection, which it opens anew when the set of channels changes or it is
 * lost; then each goes on at the place where it was. With nobody subscribed there is no connection.
 */
export class Hub {
  #channels = new Map<string, Channel>()
  #abort: AbortController | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #wait = firstWait
  #state: Connection = 'idle'
  readonly #observe: (state: Connection) => void

  constructor(observe: (state: Connection) => void) {
    this.#observe = observe
  }

  get state(): Connection {
    return this.#state
  }

  subscribe(s: Subscriber): () => void {
    let channel = this.#channels.get(s.channel)
    if (!channel) {
      channel = { subscribers: new Set(), place: s.place }
      this.#channels.set(s.channel, channel)
      this.#soon(settle)
    } else if (s.place !== undefined && (channel.place === undefined || s.place < channel.place)) {
      this.#abort?.abort() // what comes by it would take the place on
      channel.place = s.place // the others drop what they have
      this.#soon(settle)
    } else if (channel.place !== undefined) {
      s.place ??= channel.place
    }
    channel.subscribers.add(s)
    return () => {
      const at = this.#channels.get(s.channel)
      if (!at?.subscribers.delete(s) || at.subscribers.size > 0) return
      this.#channels.delete(s.channel)
      this.#soon(settle)
    }
  }

  /** Tries at once what would be tried later: the network is back, somebody has signed in. */
  wake(): void {
    if (this.#state !== 'open') this.#soon(0)
  }

  #soon(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), ms)
  }

  #become(state: Connection): void {
    if (this.#state === state) return
    this.#state = state
    this.#observe(state)
  }

  async #connect(): Promise<void> {
    this.#abort?.abort()
    if (this.#channels.size === 0) {
      this.#become('idle')
      return
    }
    const abort = new AbortController()
    this.#abort = abort
    if (this.#state !== 'lost') this.#become('connecting')
    try {
      await this.#read(abort.signal)
    } catch {
      // The network, or whatever is between: the same as an end.
    }
    if (abort.signal.aborted) return // another connection has begun
    if (this.#state === 'signed-out') return
    this.#become(this.#channels.size > 0 ? 'lost' : 'idle')
    if (this.#channels.size === 0) return
    this.#soon(this.#wait * (0.5 + Math.random()))
    this.#wait = Math.min(this.#wait * 2, longestWait)
  }

  async #read(signal: AbortSignal): Promise<void> {
    const follow = [...this.#channels].slice(0, mostChannels).map(([name, c]) => (c.place === undefined ? name : `${name}@${c.place}`))
    const response = await fetch(`/v1/live?follow=${encodeURIComponent(follow.join(','))}`, { signal, headers: { Accept: 'text/event-stream' } })
    if (!response.ok || !response.body) {
      const problem = await problemOf(response)
      if (problem.status === 401) this.#become('signed-out')
      else if (!problem.passing) this.#refuse(problem)
      return
    }
    this.#become('open')
    for await (const message of messages(response.body)) {
      if (signal.aborted) return
      this.#wait = firstWait
      this.#dispatch(message)
    }
  }

  /** Tells everybody that the request as a whole was refused. */
  #refuse(problem: unknown): void {
    const { message, hint, code, request } = problem as { message: string; hint: string; code: string; request: string }
    for (const name of [...this.#channels.keys()]) this.#tell({ kind: 'refused', channel: name, problem: { detail: message, hint, code, request_id: request } })
  }

  #dispatch(m: Message): void {
    const data: unknown = JSON.parse(m.data)
    const named = data as { channel?: string; place?: number; whole?: boolean; problem?: unknown }
    switch (m.event) {
      case 'place':
        this.#tell({ kind: 'place', channel: named.channel ?? '', place: named.place ?? 0, whole: named.whole ?? false })
        break
      case 'end':
        if (named.channel) this.#tell({ kind: 'end', channel: named.channel })
        break
      case 'refused':
        this.#tell({ kind: 'refused', channel: named.channel ?? '', problem: named.problem })
        break
      default:
        this.#tell({ kind: 'item', channel: m.event, place: Number(m.id.slice(m.id.lastIndexOf('@') + 1)), data })
    }
  }

  #tell(notice: Notice): void {
    const channel = this.#channels.get(notice.channel)
    if (!channel) return
    if (notice.kind === 'end' || notice.kind === 'refused') {
      this.#channels.delete(notice.channel)
      for (const s of channel.subscribers) s.tell(notice)
      return
    }
    channel.place = Math.max(notice.place, channel.place ?? 0)
    for (const s of channel.subscribers) {
      if (notice.kind === 'item' && s.place !== undefined && notice.place <= s.place) continue
      s.place = Math.max(notice.place, s.place ?? 0)
      s.tell(notice)
    }
  }
}
