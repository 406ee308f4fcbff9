import { useApi } from '../api/hooks'
import { useMay, useMe } from '../api/me'
import type { Actor } from '../api/schema'
import { text } from '../text'

/** Who did something: a member by name, or what else it was. */
export function Who({ actor }: { actor: Actor | undefined }) {
  const t = text.knowledge.who
  const api = useApi()
  const me = useMe()
  const may = useMay()
  const member = actor?.kind === 'user' && actor.id !== me.user
  const { data } = api.query.useQuery('get', '/v1/members', { params: { query: { limit: 100 } } }, { enabled: member && may('member.read'), staleTime: 300_000 })
  if (!actor) return null
  if (actor.kind !== 'user') return t[actor.kind as keyof typeof t] ?? actor.kind
  if (!member) return t.you
  const user = data?.items?.find((m) => m.user.id === actor.id)?.user
  return user?.name || user?.email || actor.id
}
