import type { Message } from '../../api/schema'

// Only types are imported: the tests run this file by itself.

/** A message as a branch shows it, with those that could stand in its place, itself among them. */
export interface Shown {
  message: Message
  among: readonly Message[]
}

/**
 * The branch that goes through a message, to the newest that follows it there; without one, the branch of the newest
 * message. Messages are in the order in which they were added.
 */
export function branchOf(messages: readonly Message[], through: string): Shown[] {
  const known = new Map(messages.map((m) => [m.id, m]))
  const beside = new Map<string, Message[]>()
  for (const m of messages) {
    const at = m.parent ?? ''
    const all = beside.get(at)
    if (all) all.push(m)
    else beside.set(at, [m])
  }
  const path: Shown[] = []
  for (let m = leafOf(messages, known, through); m && path.length <= messages.length; m = known.get(m.parent ?? '')) path.push({ message: m, among: beside.get(m.parent ?? '') ?? [] })
  return path.reverse()
}

function leafOf(messages: readonly Message[], known: Map<string, Message>, through: string): Message | undefined {
  if (!known.has(through)) return messages.at(-1)
  const below = new Set([through]) // an answer is added after what it answers
  let leaf = known.get(through)
  for (const m of messages) {
    if (!m.parent || !below.has(m.parent)) continue
    below.add(m.id)
    leaf = m
  }
  return leaf
}
