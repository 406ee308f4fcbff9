import { Button, Card, Group, NumberInput, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend, useTagged, type Tagged } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { MemorySettings } from '../../../api/schema'
import { text } from '../../../text'
import { Loaded } from '../../../ui/Loaded'
import { SaveNote } from '../../../ui/SaveNote'
import { done, failed } from '../../../ui/told'

const path = '/v1/memory/settings'

/** What the project has said about its memory. */
export function Settings() {
  const t = text.knowledge.memory.settings
  const may = useMay()
  const query = useTagged(path)
  const reindex = useSend('post', '/v1/memory/reindex', ['/v1/documents', '/v1/memories'])
  return (
    <Stack maw={720}>
      <Loaded query={query}>{(now) => <Form now={now} />}</Loaded>
      {may('memory.write') && (
        <Card withBorder>
          <Title order={2} size="h5">
            {t.reindex}
          </Title>
          <Text size="sm" c="dimmed" mb="sm">
            {t.reindexHint}
          </Text>
          <Group>
            <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} loading={reindex.isPending} onClick={() => reindex.mutate({}, { onSuccess: ({ count }) => done(t.reindexed(count)), onError: failed })}>
              {t.reindex}
            </Button>
          </Group>
        </Card>
      )}
    </Stack>
  )
}

function Form({ now: { data, etag } }: { now: Tagged<MemorySettings> }) {
  const t = text.knowledge.memory.settings
  const allowed = useMay()('memory.allow')
  const [edits, setEdits] = useState<Partial<MemorySettings>>({})
  const save = useSend('put', path, [path])
  const shown = { ...data, ...edits }
  const edit = (change: Partial<MemorySettings>) => setEdits((was) => ({ ...was, ...change }))
  return (
    <Card withBorder>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          save.mutate(
            { params: { header: etag ? { 'If-Match': etag } : {} }, body: { remember: shown.remember, days: shown.days, ...(shown.model?.trim() && { model: shown.model.trim() }) } },
            {
              onSuccess: () => {
                setEdits({})
                done(text.common.saved)
              },
              
            },
          )
        }}
      >
        <Stack>
          <Switch label={t.remember} description={t.rememberHint} disabled={!allowed} checked={shown.remember} onChange={(e) => edit({ remember: e.currentTarget.checked })} />
          <NumberInput label={t.days} description={t.daysHint} disabled={!allowed} min={0} max={3650} allowDecimal={false} w={220} value={shown.days} onChange={(v) => edit({ days: Number(v) || 0 })} />
          <TextInput label={t.model} description={t.modelHint} disabled={!allowed} maxLength={200} value={shown.model ?? ''} onChange={(e) => edit({ model: e.currentTarget.value })} />
          <SaveNote error={save.error} />
          {allowed ? (
            <Group justify="flex-end">
              <Button type="submit" loading={save.isPending} disabled={Object.keys(edits).length === 0}>
                {text.common.save}
              </Button>
            </Group>
          ) : (
            <Text size="sm" c="dimmed">
              {t.readOnly}
            </Text>
          )}
        </Stack>
      </form>
    </Card>
  )
}
