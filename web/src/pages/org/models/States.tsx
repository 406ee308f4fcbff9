import { Badge, Group, Tooltip } from '@mantine/core'
import type { ProviderState } from '../../../api/schema'
import { text } from '../../../text'
import { duration } from '../../../text/format'

const colors = { ok: 'green', failing: 'orange', limited: 'orange', trying: 'blue', open: 'red' }

/** How a provider has been, by what it was asked for: its breaker is open where it is left alone. */
export function States({ states }: { states: ProviderState[] }) {
  const t = text.org.models
  if (states.length === 0) {
    return (
      <Badge variant="light" color="gray">
        {t.providers.asked}
      </Badge>
    )
  }
  return (
    <Group gap={6}>
      {states.map((s) => {
        const more = [s.why, s.for_ms && t.state.again(duration(s.for_ms)), s.calls && t.state.calls(s.calls), s.orgs && t.state.orgs(s.orgs)].filter(Boolean).join(', ')
        return (
          <Tooltip key={s.operation} label={more} disabled={!more} multiline maw={360}>
            <Badge variant="light" color={colors[s.state]} tt="none" tabIndex={more ? 0 : undefined} aria-label={more ? `${t.state.of(s.operation, t.state[s.state])}, ${more}` : undefined} role={more ? 'note' : undefined}>
              {t.state.of(s.operation, t.state[s.state])}
            </Badge>
          </Tooltip>
        )
      })}
    </Group>
  )
}
