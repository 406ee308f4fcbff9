import { useApi } from '../../api/hooks'
import { useMay, useMe } from '../../api/me'
import type { Member, Project } from '../../api/schema'
import { text } from '../../text'

/** The org's projects that the signed-in may use, and what they are called. */
export function useProjects() {
  const api = useApi()
  const may = useMay()
  const query = api.query.useQuery('get', '/v1/projects', { params: { query: { limit: 100 } } }, { staleTime: 60_000, enabled: may('org.read') })
  const all: Project[] = query.data?.items ?? []
  return {
    all,
    active: all.filter((p) => !p.archived),
    options: all.filter((p) => !p.archived).map((p) => ({ value: p.id, label: p.name })),
    name: (id: string | undefined) => (id ? (all.find((p) => p.id === id)?.name ?? id) : ''),
    /** Those that somebody is held to, in words. */
    names: (ids: readonly string[] | null | undefined) => (ids && ids.length > 0 ? ids.map((id) => all.find((p) => p.id === id)?.name ?? id).join(', ') : text.org.allProjects),
  }
}

/** The org's members, and what they are called. */
export function useMembers() {
  const api = useApi()
  const me = useMe()
  const may = useMay()
  const query = api.query.useQuery('get', '/v1/members', { params: { query: { limit: 100 } } }, { staleTime: 60_000, enabled: may('member.read') })
  const all: Member[] = query.data?.items ?? []
  return {
    all,
    name: (id: string | undefined) => {
      if (!id) return ''
      const user = all.find((m) => m.user.id === id)?.user ?? (id === me.user ? me.account : undefined)
      return user?.name || user?.email || id
    },
  }
}
