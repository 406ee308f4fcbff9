import { QueryClient } from '@tanstack/react-query'
import { type Api, createApi } from './client'
import { Problem } from './problem'

/** An API, with what was read by it. */
export interface Reader {
  api: Api
  queries: QueryClient
}

const readers = new Map<string, Reader>()

/** The API in a project, with what was read of it; nothing that was read of one project is shown for another. */
export function inProject(project: string): Reader {
  let found = readers.get(project)
  if (!found) readers.set(project, (found = { api: createApi(project), queries: createQueries() }))
  return found
}

export function createQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { staleTime: 10_000, retry: (count, error) => count < 3 && error instanceof Problem && error.passing, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  })
}
