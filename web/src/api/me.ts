import { useSuspenseQuery } from '@tanstack/react-query'
import type { Api } from './client'
import { useApi } from './hooks'
import type { Me } from './schema'

/** Who is signed in, and what that is allowed here. */
export function meOptions(api: Api) {
  return api.query.queryOptions('get', '/v1/me', {}, { staleTime: 60_000 })
}

export function useMe(): Me {
  return useSuspenseQuery(meOptions(useApi())).data as Me
}

/** What the signed-in may do here: may('task.write'). The server has the last word. */
export function useMay(): (action: string) => boolean {
  const { may } = useMe()
  return (action) => may?.includes(action) ?? false
}
