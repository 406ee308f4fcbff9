import { useState } from 'react'
import { useApi } from '../../api/hooks'
import type { Message } from '../../api/schema'

/** A message's text, of which a conversation has only the beginning if it is long: the rest on demand. */
export function useWhole(conversation: string, message: Message) {
  const [wanted, setWanted] = useState(false)
  const query = useApi().query.useQuery('get', '/v1/conversations/{conversation}/messages/{msg}', { params: { path: { conversation, msg: message.id } } }, { enabled: wanted, staleTime: Infinity })
  return { text: query.data?.text ?? message.text, all: query.data !== undefined, loading: query.isFetching, error: query.error as unknown, show: () => setWanted(true) }
}
