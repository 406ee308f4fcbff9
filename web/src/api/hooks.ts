import { type QueryKey, useMutation, useQuery, useQueryClient, type UseMutationResult } from '@tanstack/react-query'
import type { FetchResponse, MaybeOptionalInit } from 'openapi-fetch'
import type { HttpMethod, MediaType, PathsWithMethod, RequiredKeysOf } from 'openapi-typescript-helpers'
import { createContext, useContext, useRef } from 'react'
import type { Api } from './client'
import type { Problem } from './problem'
import type { paths } from './schema'

export const ApiContext = createContext<Api | null>(null)

/** The API in the project at hand. */
export function useApi(): Api {
  const api = useContext(ApiContext)
  if (!api) throw new Error('useApi outside of ApiContext')
  return api
}

type Write = Extract<HttpMethod, 'post' | 'put' | 'patch' | 'delete'>
type Args<M extends Write, P extends PathsWithMethod<paths, M>> = paths[P] extends Record<M, infer O> ? MaybeOptionalInit<paths[P], M> & (O extends object ? unknown : never) : never
type Data<M extends Write, P extends PathsWithMethod<paths, M>> = paths[P] extends Record<M, infer O extends Record<string | number, unknown>> ? NonNullable<FetchResponse<O, object, MediaType>['data']> : never

/**
 * Something to be done by the API. A POST carries an idempotency key, which stays the same until what is sent
 * changes or has succeeded: who tries again after a failure makes nothing twice. What the lists show that
 * `changes` names is read anew afterwards, and after a conflict: paths, of which all queries are meant.
 */
export function useSend<M extends Write, P extends PathsWithMethod<paths, M>>(
  method: M,
  path: P,
  changes: readonly string[] = [],
): UseMutationResult<Data<M, P>, Problem, Args<M, P>> {
  const api = useApi()
  const queries = useQueryClient()
  const last = useRef({ sent: '', key: '' })
  return useMutation<Data<M, P>, Problem, Args<M, P>>({
    mutationFn: async (init) => {
      const sent = JSON.stringify(init ?? null)
      if (last.current.sent !== sent) last.current = { sent, key: crypto.randomUUID() }
      const given = (init ?? {}) as { headers?: Record<string, string> }
      const headers = { ...given.headers, ...(method === 'post' ? { 'Idempotency-Key': last.current.key } : {}) }
      const { data } = await (api.client.request as (m: string, p: string, i: unknown) => Promise<{ data?: unknown }>)(method, path as string, { ...given, headers })
      last.current = { sent: '', key: '' }
      return data as Data<M, P>
    },
    onSuccess: () => changed(queries, changes),
    onError: (error) => (error.status === 409 ? changed(queries, changes) : undefined), // somebody else was there first
  })
}

/** Has all queries of these paths read anew. */
export function changed(queries: ReturnType<typeof useQueryClient>, changes: readonly string[]): Promise<unknown> {
  return queries.invalidateQueries({ predicate: (q) => changes.includes(pathOf(q.queryKey)) })
}

/** The path that a query reads: its key is [method, path, ...]. */
export function pathOf(key: QueryKey): string {
  return typeof key[1] === 'string' ? key[1] : ''
}

/** What is read, with the ETag that a change of it is based on. */
export interface Tagged<T> {
  data: T
  etag: string
}

type Gettable = PathsWithMethod<paths, 'get'>
type GetInit<P extends Gettable> = MaybeOptionalInit<paths[P], 'get'>
type GetData<P extends Gettable> = paths[P] extends { get: infer O extends Record<string | number, unknown> } ? NonNullable<FetchResponse<O, object, MediaType>['data']> : never
type InitArgs<T> = RequiredKeysOf<T> extends never ? [init?: T] : [init: T]

/** Reads something that is changed with If-Match. */
export function useTagged<P extends Gettable>(path: P, ...[init]: InitArgs<GetInit<P>>) {
  const api = useApi()
  return useQuery<Tagged<GetData<P>>, Problem>({
    queryKey: ['tagged', path, init],
    queryFn: async ({ signal }) => {
      const { data, response } = await (api.client.request as (m: string, p: string, i: unknown) => Promise<{ data?: unknown; response: Response }>)('get', path as string, { ...(init as object), signal })
      return { data: data as GetData<P>, etag: response.headers.get('ETag') ?? '' }
    },
  })
}
