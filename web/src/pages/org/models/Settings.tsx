import { Button, Checkbox, Group, MultiSelect, NumberInput, Stack } from '@mantine/core'
import { useState } from 'react'
import { useApi, useSend, useTagged } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { ModelSettings } from '../../../api/schema'
import { text } from '../../../text'
import { Loaded } from '../../../ui/Loaded'
import { SaveNote } from '../../../ui/SaveNote'
import { Section } from '../../../ui/Section'
import { done } from '../../../ui/told'

const path = '/v1/gateway/settings'

/** What becomes of the org's calls of models. */
export function Settings() {
  const t = text.org.models.settings
  const query = useTagged(path)
  return (
    <Section title={t.title} lead={t.lead}>
      <Loaded query={query}>{({ data, etag }) => <Form from={data} etag={etag} />}</Loaded>
    </Section>
  )
}

function Form({ from, etag }: { from: ModelSettings; etag: string }) {
  const t = text.org.models.settings
  const may = useMay()
  const write = may('model.write')
  const [s, set] = useState(from)
  const keys = useApi().query.useQuery('get', '/v1/api-keys', { params: { query: { limit: 200 } } }, { enabled: may('key.read') }).data?.items ?? []
  const send = useSend('put', path, [path])
  const submit = () => send.mutate({ body: s, ...(etag && { params: { header: { 'If-Match': etag } } }) }, { onSuccess: () => done(t.saved) })
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        submit()
      }}
    >
      <Stack gap="sm">
        <Group gap="md" grow align="flex-start" preventGrowOverflow={false}>
          <NumberInput label={t.promptDays} description={t.promptDaysHint} value={s.prompt_days} onChange={(v) => set({ ...s, prompt_days: Number(v) || 0 })} min={0} max={90} readOnly={!write} miw={220} />
          <NumberInput label={t.cacheMinutes} description={t.cacheMinutesHint} value={s.cache_minutes} onChange={(v) => set({ ...s, cache_minutes: Number(v) || 0 })} min={0} max={10080} readOnly={!write} miw={220} />
        </Group>
        <MultiSelect label={t.cacheKeys} data={[...new Set([...keys.map((k) => k.id), ...(s.cache_keys ?? [])])].map((id) => ({ value: id, label: keys.find((k) => k.id === id)?.name ?? id }))} value={s.cache_keys ?? []} onChange={(cache_keys) => set({ ...s, cache_keys })} readOnly={!write} searchable />
        <Checkbox label={t.routesOnly} description={t.routesOnlyHint} checked={s.routes_only} onChange={(e) => set({ ...s, routes_only: e.currentTarget.checked })} disabled={!write} />
        <SaveNote error={send.error} />
        {write && (
          <Group>
            <Button type="submit" loading={send.isPending}>
              {text.common.save}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}
