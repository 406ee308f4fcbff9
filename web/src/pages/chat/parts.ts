import { type Entry, entriesOf, type ModelCall, type TaskState, type ToolCall } from '../../timeline/state'

/** A part of a turn as a conversation shows it: what was said, what was done, or work that others do for it. */
export type Part =
  | { kind: 'said'; key: number; call: ModelCall; text: string; growing: boolean }
  | { kind: 'done'; key: number; entries: Entry[] }
  | { kind: 'work'; key: number; call: ToolCall; task: string }

/**
 * What a turn has said and done, in order. How it was understood and planned is only told where that says something, and why it failed
 * (`failure`) is said by its answer.
 */
export function partsOf(state: TaskState, failure?: string): Part[] {
  const parts: Part[] = []
  for (const e of entriesOf(state)) {
    if (e.kind === 'model' && e.purpose === 'work') {
      const text = e.text?.content.text || e.parts.map((p) => p.text).join('')
      if (text && (!e.error || e.error.code === 'canceled')) parts.push({ kind: 'said', key: e.key, call: e, text, growing: !e.until })
      if (!e.error) continue
    }
    if (delegates(e)) {
      parts.push({ kind: 'work', key: e.key, call: e, task: e.subject })
      continue
    }
    if (!worth(e) || (e.kind === 'model' && failure && e.error?.msg === failure)) continue
    const last = parts.at(-1)
    if (last?.kind === 'done') last.entries.push(e)
    else parts.push({ kind: 'done', key: e.key, entries: [e] })
  }
  return parts
}

/** A call that another task answers; its subject is which. */
const delegates = (e: Entry): e is ToolCall => e.kind === 'tool' && e.tool === 'delegate' && /^tsk_\w+$/.test(e.subject)

function worth(e: Entry): boolean {
  if (e.kind === 'model') return e.error !== undefined && e.error.code !== 'canceled'
  if (e.kind !== 'note') return true
  if (e.what === 'routed') return e.data.intent.route !== 'chat' && e.data.by !== 'person'
  return e.what !== 'canceling'
}

/** The tasks that work on a part of this one now. */
export function working(state: TaskState): string[] {
  return entriesOf(state).flatMap((e) => (delegates(e) && e.state === 'running' ? [e.subject] : []))
}
