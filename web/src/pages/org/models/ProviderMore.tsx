import { Checkbox, MultiSelect, NumberInput, SimpleGrid, Stack, Textarea } from '@mantine/core'
import { text } from '../../../text'
import { Details } from '../../../ui/Details'
import type { Of } from './of'
import type { Draft } from './provider'

/** What the API takes where nothing is said: limits as counts, times in seconds. */
const usual = { concurrent: 1000, failures: 5, failures_of: 10, open: 15, connect: 10, first: 90, idle: 30, total: 120 }
const operations = ['chat', 'responses', 'messages', 'embeddings', 'count_tokens', 'compact']

/** What most providers need nothing of. */
export function ProviderMore({ of, value: d, change }: { of: Of; value: Draft; change: (to: Partial<Draft>) => void }) {
  const t = text.org.models.form
  const limits = [['concurrent', t.concurrent], ['failures', t.failures], ['failures_of', t.failuresOf], ['open', t.open]] as const
  const timeouts = [['connect', t.connect], ['first', t.first], ['idle', t.idle], ['total', t.total]] as const
  return (
    <Details summary={t.more}>
      <Stack gap="sm" mt="xs">
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
          {limits.map(([name, label]) => (
            <NumberInput key={name} label={label} size="xs" value={d.limits[name]} placeholder={String(usual[name])} min={0} hideControls onChange={(v) => change({ limits: { ...d.limits, [name]: v } })} />
          ))}
          {timeouts.map(([name, label]) => (
            <NumberInput key={name} label={label} size="xs" value={d.timeouts[name]} placeholder={String(usual[name])} min={0} hideControls onChange={(v) => change({ timeouts: { ...d.timeouts, [name]: v } })} />
          ))}
        </SimpleGrid>
        <MultiSelect label={t.speaks} description={t.speaksHint} data={operations} value={d.speaks} onChange={(speaks) => change({ speaks })} clearable clearButtonProps={{ 'aria-label': text.common.clear }} />
        <Textarea label={t.headers} description={t.headersHint} value={d.headers} onChange={(e) => change({ headers: e.currentTarget.value })} autosize minRows={2} spellCheck={false} />
        <Textarea label={t.note} value={d.note} onChange={(e) => change({ note: e.currentTarget.value })} maxLength={500} autosize />
        {of === 'installation' && <Checkbox label={t.extras} checked={d.extras} onChange={(e) => change({ extras: e.currentTarget.checked })} />}
      </Stack>
    </Details>
  )
}
