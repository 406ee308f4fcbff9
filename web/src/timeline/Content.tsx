import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useApi } from '../api/hooks'
import type { Event, EventContent } from '../api/schema'
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
  const whole = useQuery({
    queryKey: ['event', task, version],
    queryFn: async ({ signal }) => (await (await api.fetch(`/v1/tasks/${encodeURIComponent(task)}/events/${version}`, { signal })).json()) as Event,
    enabled: wanted,
    staleTime: Infinity, // an event never changes
    gcTime: 60_000,
  })
  const filled: Filled | undefined = whole.data && pick(whole.data.data as never)
  const shown = filled?.text ?? content.text
  return (
    <>
      {shown ? <Scrollable pre className={classes.text}>{as(shown)}</Scrollable> : !content.blob && <Text size="sm" c="dimmed">{t.empty}</Text>}
      {filled?.cut && <Text size="xs" c="dimmed">{t.cut}</Text>}
      {whole.error && <ProblemNote error={whole.error} retry={() => void whole.refetch()} />}
      {content.blob && !filled && (
        <Button size="compact-xs" variant="default" my={4} loading={whole.isFetching} onClick={() => setWanted(true)}>
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
