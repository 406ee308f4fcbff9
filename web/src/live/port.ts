import type { Connection, Notice } from './hub'

/** What a tab says to the worker. */
export type FromTab =
  | { kind: 'hello'; lock: string }
  | { kind: 'follow'; id: number; channel: string; place: number | undefined }
  | { kind: 'leave'; id: number }
  | { kind: 'wake' }

/** What the worker says to a tab. */
export type ToTab = { kind: 'state'; state: Connection } | { kind: 'notice'; id: number; notice: Notice }
