import { Button, Text } from '@mantine/core'
import { useState } from 'react'
import { useApi } from '../api/hooks'
import type { EventContent } from '../api/schema'
import { text } from '../text'
import { bytes } from '../text/format'
import { ProblemNote } from '../ui/ProblemNote'
import { Scrollable } from '../ui/Scrollable'
import type { Kept } from './state'
import classes from './timeline.module.css'

/** A content as the event has it when it is asked for by itself. */
type Filled = EventContent & { cut?: boolean }

/**
 * What an event holds: at once if it is short, else on demand. `pick` finds the content in the event's data,
 * `as` says how its text is shown.
 */
export function Content({ task, kept, pick, as = (text) => text }: { task: string; kept: Kept; pick: (data: never) => EventContent | undefined; as?: (text: string) => string }) {
  const t = text.timeline
  const api = useApi()
  const [wanted, setWanted] = useState(false)
  const { content, version } = kept
  const query = api.query.useQuery(
    'get',
    '/v1/tasks/{task}/events/{version}',
    { params: { path: { task, version } } },
    { enabled: wanted, staleTime: Infinity, gcTime: 60_000 }, // an event never changes
  )
  const { data, isFetching } = query
  const error: unknown = query.error
  const filled: Filled | undefined = data && pick(data.data as never)
  const shown = filled?.text ?? content.text
  return (
    <>
      {shown ? <Scrollable pre className={classes.text}>{as(shown)}</Scrollable> : !content.blob && <Text size="sm" c="dimmed">{t.empty}</Text>}
      {filled?.cut && <Text size="xs" c="dimmed">{t.cut}</Text>}
      {error ? <ProblemNote error={error} retry={() => void query.refetch()} /> : null}
      {content.blob && !filled && (
        <Button size="compact-xs" variant="default" my={4} loading={isFetching} onClick={() => setWanted(true)}>
          {t.showAll(bytes(content.size ?? 0))}
        </Button>
      )}
    </>
  )
}

/** A call's arguments, which are a JSON object: a line each, and texts as they are. */
export function readable(json: string): string {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return json
  }
  if (typeof value !== 'object' || value === null) return json
  return Object.entries(value)
    .map(([name, v]) => (typeof v === 'string' ? (v.includes('\n') ? `${name}:\n${v}` : `${name}: ${v}`) : `${name}: ${JSON.stringify(v, null, 2)}`))
    .join('\n')
}
