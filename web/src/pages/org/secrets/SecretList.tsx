import { Badge, Group, Table, Text } from '@mantine/core'
import { IconPencil, IconShieldLock, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import type { Secret } from '../../../api/schema'
import { text } from '../../../text'
import { day } from '../../../text/format'
import { Confirm } from '../../../ui/confirm'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { More, RowAction, Rows } from '../../../ui/Rows'
import { done } from '../../../ui/told'
import { useMembers } from '../directory'

export const lists = ['/v1/secrets', '/v1/due-secrets']

/** The credentials that the project may use, by name. */
export function SecretList({ edit }: { edit?: (secret: Secret) => void }) {
  const t = text.org.secrets
  const query = useApi().query.useInfiniteQuery('get', '/v1/secrets', { params: { query: { limit: 50 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  const remove = useSend('delete', '/v1/secrets/{secret}', lists)
  const [removing, setRemoving] = useState<Secret | null>(null)
  return (
    <>
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0) return <Empty icon={IconShieldLock} title={t.none}>{t.noneHint}</Empty>
          return (
            <>
              <Rows label={t.title} head={[t.name, t.kind, t.where, t.hosts, t.used, t.due, '']} minWidth={760}>
                {all.map((s) => (
                  <Row key={s.id} of={s} edit={edit && !s.connection ? () => edit(s) : undefined} remove={edit ? () => setRemoving(s) : undefined} />
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
      <Confirm
        opened={!!removing}
        close={() => setRemoving(null)}
        title={t.removeTitle(removing?.name ?? '')}
        action={text.common.remove}
        act={async () => {
          await remove.mutateAsync({ params: { path: { secret: removing!.name }, query: { shared: !removing!.project }, header: { 'If-Match': `"${removing!.revision}"` } } })
          done(t.removed(removing!.name))
        }}
      >
        {t.removeText} {removing?.connection && t.removeConnection}
      </Confirm>
    </>
  )
}

function Row({ of: s, edit, remove }: { of: Secret; edit?: () => void; remove?: () => void }) {
  const t = text.org.secrets
  const members = useMembers()
  return (
    <Table.Tr>
      <Table.Td className="words">
        <Group gap="xs">
          <Text size="sm" fw={500}>
            {s.name}
          </Text>
          {s.connection?.broken && (
            <Badge color="red" variant="light">
              {t.broken}
            </Badge>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {[s.note, s.fingerprint && t.fingerprint(s.fingerprint)].filter(Boolean).join(' · ')}
        </Text>
      </Table.Td>
      <Table.Td>{t.kinds[s.kind]}</Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>{s.project ? t.thisProject : t.shared}</Table.Td>
      <Table.Td className="words">{s.hosts?.length ? s.hosts.join(', ') : t.anyHost}</Table.Td>
      <Table.Td>
        {s.used ? <Moment at={s.used.at} /> : t.never}
        {s.used && (
          <Text size="xs" c="dimmed" className="words">
            {s.used.tool ?? t.by(members.name(s.used.actor.id))}
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>{s.due ? day(s.due) : ''}</Table.Td>
      <Table.Td>
        <Group gap={4} justify="flex-end" wrap="nowrap">
          {edit && <RowAction icon={IconPencil} label={t.edit(s.name)} act={edit} />}
          {remove && <RowAction icon={IconTrash} danger label={t.remove(s.name)} act={remove} />}
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}
