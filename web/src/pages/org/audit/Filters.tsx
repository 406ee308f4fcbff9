import { Select, SimpleGrid, TextInput } from '@mantine/core'
import { text } from '../../../text'

/** What entries are asked for. Times are as a field for local ones has them. */
export interface Asked {
  action: string
  actor: string
  target: string
  outcome: string
  from: string
  until: string
}

export const everything: Asked = { action: '', actor: '', target: '', outcome: '', from: '', until: '' }

export function Filters({ value, change }: { value: Asked; change: (asked: Asked) => void }) {
  const t = text.org.audit
  const field = (name: 'action' | 'actor' | 'target' | 'from' | 'until') => ({
    label: t[name],
    size: 'xs' as const,
    value: value[name],
    onChange: (e: { currentTarget: { value: string } }) => change({ ...value, [name]: e.currentTarget.value }),
  })
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="xs" mb="md" role="search" aria-label={text.common.search}>
      <TextInput {...field('action')} placeholder={t.actionHint} maxLength={100} />
      <TextInput {...field('actor')} placeholder="usr_..." maxLength={100} />
      <TextInput {...field('target')} maxLength={300} />
      <Select label={t.outcome} size="xs" placeholder={t.anyOutcome} clearable data={(['done', 'failed', 'refused'] as const).map((o) => ({ value: o, label: t.outcomes[o] }))} value={value.outcome || null} onChange={(o) => change({ ...value, outcome: o ?? '' })} clearButtonProps={{ 'aria-label': text.common.clear }} />
      <TextInput {...field('from')} type="datetime-local" />
      <TextInput {...field('until')} type="datetime-local" />
    </SimpleGrid>
  )
}
