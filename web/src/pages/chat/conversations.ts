import { useQueryClient } from '@tanstack/react-query'
import { changed, useApi } from '../../api/hooks'
import type { Conversation } from '../../api/schema'
import { text } from '../../text'
import { createDeletions } from '../../ui/deletions'

/** What is read anew when a conversation has changed. */
export const conversationLists = ['/v1/conversations', '/v1/conversations/{conversation}'] as const

export const titleOf = (c: Pick<Conversation, 'title'>): string => c.title || text.chat.untitled

const deletions = createDeletions()

/** The conversations that are about to be deleted. */
export const { useHidden } = deletions

/** Deletes a conversation a moment later. */
export function useDeletion(): (c: Pick<Conversation, 'id' | 'title'>) => void {
  const api = useApi()
  const queries = useQueryClient()
  return (c) =>
    deletions.begin(c.id, text.chat.deleted(titleOf(c)), async () => {
      await api.client.DELETE('/v1/conversations/{conversation}', { params: { path: { conversation: c.id } } })
      await changed(queries, ['/v1/conversations'])
    })
}
