import { useQueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { changed, useApi } from '../../api/hooks'
import type { Conversation } from '../../api/schema'
import { text } from '../../text'
import { undoable } from '../../ui/undo'

/** What is read anew when a conversation has changed. */
export const conversationLists = ['/v1/conversations', '/v1/conversations/{conversation}'] as const

export const titleOf = (c: Pick<Conversation, 'title'>): string => c.title || text.chat.untitled

let hidden: ReadonlySet<string> = new Set()
const observers = new Set<() => void>()

function hide(id: string, away: boolean): void {
  const next = new Set(hidden)
  if (away) next.add(id)
  else next.delete(id)
  hidden = next
  for (const observe of observers) observe()
}

/** The conversations that are about to be deleted: nobody sees them any more, but it can be undone. */
export function useHidden(): ReadonlySet<string> {
  return useSyncExternalStore(
    (observe) => {
      observers.add(observe)
      return () => observers.delete(observe)
    },
    () => hidden,
  )
}

/** Deletes a conversation a moment later. */
export function useDeletion(): (c: Pick<Conversation, 'id' | 'title'>) => void {
  const api = useApi()
  const queries = useQueryClient()
  return (c) => {
    hide(c.id, true)
    undoable(
      text.chat.deleted(titleOf(c)),
      async () => {
        await api.client.DELETE('/v1/conversations/{conversation}', { params: { path: { conversation: c.id } } })
        await changed(queries, ['/v1/conversations'])
      },
      () => hide(c.id, false),
    )
  }
}
