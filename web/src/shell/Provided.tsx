import { QueryClientProvider, type QueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Api } from '../api/client'
import { ApiContext } from '../api/hooks'

/** Everything within uses this API, and what was read by it. */
export function Provided({ api, queries, children }: { api: Api; queries: QueryClient; children: ReactNode }) {
  return (
    <QueryClientProvider client={queries}>
      <ApiContext value={api}>{children}</ApiContext>
    </QueryClientProvider>
  )
}
