import { Badge, Button, Group, Paper, Stack, Text } from '@mantine/core'
import { IconPencil, IconPlayerPlay, IconPlus, IconRobot, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import type { ModelProvider } from '../../../api/schema'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { Dialog } from '../../../ui/Dialog'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { RowAction } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { done } from '../../../ui/told'
import { at, lists, type Of, useMayWrite } from './of'
import { ProviderForm } from './ProviderForm'
import { States } from './States'
import { Test } from './Test'

/** Who runs models, and how they are. */
export function Providers({ of }: { of: Of }) {
  const t = text.org.models.providers
  const write = useMayWrite(of)
  const query = useApi().query.useQuery('get', at(of, '/v1/gateway/providers'), {}, { refetchInterval: 10_000 })
  const remove = useSend('delete', at(of, '/v1/gateway/providers/{provider}'), lists)
  const [editing, edit] = useState<ModelProvider | 'new' | null>(null)
  const [testing, test] = useState<ModelProvider | null>(null)
  const [removing, setRemoving] = useState<ModelProvider | null>(null)
  const add = write && (
    <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => edit('new')}>
      {t.add}
    </Button>
  )
  return (
    <Section title={t.title} lead={of === 'org' ? t.lead : undefined} actions={add} plain>
      <Loaded query={query}>
        {(all) =>
          (all ?? []).length === 0 ? (
            <Empty icon={IconRobot} title={t.none}>
              {t.noneHint}
            </Empty>
          ) : (
            <Stack gap="sm" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
              {(all ?? []).map((p) => {
                const own = write && p.owner === of
                return <Card key={`${p.owner} ${p.name}`} of={p} test={own || (write && p.owner === 'configuration' && of === 'installation') ? () => test(p) : undefined} edit={own ? () => edit(p) : undefined} remove={own ? () => setRemoving(p) : undefined} />
              })}
            </Stack>
          )
        }
      </Loaded>
      <Dialog about={editing} title={editing === 'new' || !editing ? t.addTitle : t.editTitle(editing.name)} close={() => edit(null)} size="xl">
        {(p) => <ProviderForm of={of} from={p === 'new' ? undefined : p} all={query.data ?? []} close={() => edit(null)} />}
      </Dialog>
      <Dialog about={testing} title={text.org.models.test.title(testing?.name ?? '')} close={() => test(null)} size="lg">
        {(p) => <Test of={of} provider={p} />}
      </Dialog>
      <Confirm
        opened={!!removing}
        close={() => setRemoving(null)}
        title={t.removeTitle(removing?.name ?? '')}
        action={text.common.remove}
        act={async () => {
          await remove.mutateAsync({ params: { path: { provider: removing!.name }, header: { 'If-Match': `"${removing!.revision}"` } } })
          done(t.removed(removing!.name))
        }}
      >
        {t.removeText}
      </Confirm>
    </Section>
  )
}

const shown = 4 // models of a card

function Card({ of: p, test, edit, remove }: { of: ModelProvider; test?: () => void; edit?: () => void; remove?: () => void }) {
  const t = text.org.models
  const models = (p.models ?? []).map((m) => m.name)
  return (
    <Paper withBorder radius="md" p="md" component="li" aria-label={p.name}>
      <Group justify="space-between" align="flex-start" gap="sm">
        <Stack gap={6} style={{ flex: '1 1 16rem', minWidth: 0 }}>
          <Group gap="xs">
            <Text fw={600} className="words">
              {p.name}
            </Text>
            <Text size="sm" c="dimmed">
              {t.form.kinds[p.kind]}
            </Text>
            <Badge variant="default" tt="none">
              {t.providers.owner[p.owner]}
            </Badge>
            {p.off && (
              <Badge color="gray" variant="light">
                {t.providers.off}
              </Badge>
            )}
          </Group>
          <States states={p.state ?? []} />
          <Text size="sm" c="dimmed" className="words">
            {models.length > 0 ? models.slice(0, shown).join(', ') : t.providers.anyModel} {models.length > shown && t.providers.moreModels(models.length - shown)}
          </Text>
          <Text size="xs" c="dimmed" className="words">
            {[p.address, p.credential && t.providers.key(p.credential), p.owner === 'configuration' && t.providers.configured, p.note].filter(Boolean).join(' · ')}
          </Text>
        </Stack>
        <Group gap={4} wrap="nowrap">
          {test && <RowAction icon={IconPlayerPlay} label={t.providers.test(p.name)} act={test} />}
          {edit && <RowAction icon={IconPencil} label={t.providers.edit(p.name)} act={edit} />}
          {remove && <RowAction icon={IconTrash} danger label={t.providers.remove(p.name)} act={remove} />}
        </Group>
      </Group>
    </Paper>
  )
}
