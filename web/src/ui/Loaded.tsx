import { Skeleton, Stack } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { text } from '../text'
import { ProblemNote } from './ProblemNote'

/** What was read, once it is there; until then that it is coming, or why it isn't. */
export function Loaded<T>({ query, children, lines = 4 }: { query: Pick<UseQueryResult<T, unknown>, 'data' | 'error' | 'isPending' | 'refetch'>; children: (data: T) => ReactNode; lines?: number }) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error ? <ProblemNote error={query.error} retry={() => void query.refetch()} /> : null}
        {children(query.data)}
      </>
    )
  }
  if (query.error) return <ProblemNote error={query.error} retry={() => void query.refetch()} />
  return (
    <Stack role="status" aria-label={text.common.loading} gap="sm">
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} height={36} />
      ))}
    </Stack>
  )
}
