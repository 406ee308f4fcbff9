import { Badge, Button, Group, Table, Text } from '@mantine/core'
import { IconPencil, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import type { ModelRoute, RouteTarget } from '../../../api/schema'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { Dialog } from '../../../ui/Dialog'
import { Loaded } from '../../../ui/Loaded'
import { RowAction, Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { at, lists, type Of, useMayWrite } from './of'
import { RouteForm } from './RouteForm'

/** Where names of models lead. */
export function Routes({ of }: { of: Of }) {
  const t = text.org.models.routes
  const write = useMayWrite(of)
  const query = useApi().query.useQuery('get', at(of, '/v1/gateway/routes'))
  const remove = useSend('delete', at(of, '/v1/gateway/routes'), lists)
  const [editing, edit] = useState<ModelRoute | 'new' | null>(null)
  const [removing, setRemoving] = useState<ModelRoute | null>(null)
  return (
    <Section
      title={t.title}
      lead={t.lead}
      plain
      actions={
        write && (
          <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => edit('new')}>
            {t.add}
          </Button>
        )
      }
    >
      <Loaded query={query} lines={2}>
        {(all) =>
          (all ?? []).length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.none}
            </Text>
          ) : (
            <Rows label={t.title} head={[t.name, t.targets, t.owner, '']}>
              {(all ?? []).map((r) => (
                <Table.Tr key={`${r.owner} ${r.name}`}>
                  <Table.Td className="words">
                    <Text size="sm" fw={500}>
                      {r.name}
                    </Text>
                    {r.note && (
                      <Text size="xs" c="dimmed">
                        {r.note}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <Targets of={r.targets ?? []} />
                    {r.sticky && (
                      <Badge variant="light" tt="none">
                        {t.sticky}
                      </Badge>
                    )}
                  </Table.Td>
                  <Table.Td>{text.org.models.providers.owner[r.owner]}</Table.Td>
                  <Table.Td>
                    {write && r.owner === of && (
                      <Group gap={4} justify="flex-end" wrap="nowrap">
                        <RowAction icon={IconPencil} label={t.edit(r.name)} act={() => edit(r)} />
                        <RowAction icon={IconTrash} danger label={t.remove(r.name)} act={() => setRemoving(r)} />
                      </Group>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )
        }
      </Loaded>
      <Dialog about={editing} title={t.editTitle} close={() => edit(null)} size="lg">
        {(r) => <RouteForm of={of} from={r === 'new' ? undefined : r} all={query.data ?? []} close={() => edit(null)} />}
      </Dialog>
      <Confirm opened={!!removing} close={() => setRemoving(null)} title={t.removeTitle(removing?.name ?? '')} action={text.common.remove} act={() => remove.mutateAsync({ params: { query: { name: removing!.name }, header: { 'If-Match': `"${removing!.revision}"` } } })}>
        {t.removeText}
      </Confirm>
    </Section>
  )
}

/** Targets by their tiers: those of the next are tried when all before have failed. */
function Targets({ of }: { of: RouteTarget[] }) {
  const t = text.org.models.routes
  const tiers = [...new Set(of.map((x) => x.tier ?? 0))].sort((a, b) => a - b)
  return tiers.map((tier, i) => (
    <Text key={tier} size="sm" className="words">
      <Text span size="xs" c="dimmed">
        {t.tierOf(i + 1)}:{' '}
      </Text>
      {of.filter((x) => (x.tier ?? 0) === tier).map((x) => t.weighted(`${x.provider}/${x.model}`, x.weight || 1)).join(', ')}
    </Text>
  ))
}
