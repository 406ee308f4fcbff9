import { Group, SegmentedControl, Table, Text } from '@mantine/core'
import { IconKey, IconTrash } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay, useMe } from '../../../api/me'
import type { Key } from '../../../api/schema'
import { text } from '../../../text'
import { credits, day } from '../../../text/format'
import { Confirm } from '../../../ui/confirm'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { More, RowAction, Rows } from '../../../ui/Rows'
import { done } from '../../../ui/told'
import { useMembers, useProjects } from '../directory'

/** Keys of the org, or one's own in it. */
export function KeyList({ of, action }: { of: 'org' | 'me'; action?: ReactNode }) {
  const t = text.org.keys
  const api = useApi()
  const me = useMe()
  const may = useMay()
  const [revoked, setRevoked] = useState(false)
  const [about, setAbout] = useState<Key | null>(null)
  const query = api.query.useInfiniteQuery(
    'get',
    (of === 'org' ? '/v1/api-keys' : '/v1/me/keys') as '/v1/api-keys',
    { params: { query: { limit: 50, revoked } } },
    { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined },
  )
  const revoke = useSend('delete', '/v1/api-keys/{key}', ['/v1/api-keys', '/v1/me/keys', '/v1/budgets'])
  return (
    <>
      <SegmentedControl aria-label={t.show} size="xs" mb="sm" data={[{ value: 'live', label: t.live }, { value: 'dead', label: t.dead }]} value={revoked ? 'dead' : 'live'} onChange={(v) => setRevoked(v === 'dead')} />
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0) {
            return (
              <Empty icon={IconKey} title={revoked ? t.noneDead : t.none} action={revoked ? undefined : action}>
                {revoked ? undefined : t.noneHint}
              </Empty>
            )
          }
          return (
            <>
              <Rows label={t.title} head={[t.name, ...(of === 'org' ? [t.owner] : []), t.scopesColumn, t.used, revoked ? t.ended : t.ends, '']} minWidth={680}>
                {all.map((k) => (
                  <Row key={k.id} of={k} owner={of === 'org'} revoke={!revoked && (k.user === me.user || may('key.write')) ? () => setAbout(k) : undefined} />
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
      <Confirm
        opened={!!about}
        close={() => setAbout(null)}
        title={t.revokeTitle(about?.name ?? '')}
        action={t.revokeAction}
        act={async () => {
          await revoke.mutateAsync({ params: { path: { key: about!.id } } })
          done(t.revoked(about!.name))
        }}
      >
        {t.revokeText}
      </Confirm>
    </>
  )
}

const shown = 3 // scopes, before the rest is counted

function Row({ of: k, owner, revoke }: { of: Key; owner: boolean; revoke?: () => void }) {
  const t = text.org.keys
  const projects = useProjects()
  const members = useMembers()
  const scopes = k.scopes ?? []
  const bounds = [t.roleAtMost(text.common.role[k.role]), k.project && t.held(projects.name(k.project)), k.budget && t.budgetOf(credits(k.budget))].filter(Boolean).join(' · ')
  return (
    <Table.Tr>
      <Table.Td className="words">
        <Text size="sm" fw={500}>
          {k.name}
        </Text>
        <Text size="xs" c="dimmed" ff="monospace">
          {k.id}
        </Text>
      </Table.Td>
      {owner && <Table.Td className="words">{members.name(k.user)}</Table.Td>}
      <Table.Td>
        <Text size="xs" ff="monospace" title={scopes.join(', ')}>
          {scopes.slice(0, shown).join(', ')} {scopes.length > shown && t.more(scopes.length - shown)}
        </Text>
        <Text size="xs" c="dimmed" className="words">
          {bounds}
        </Text>
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>{k.used ? <Moment at={k.used} /> : t.notUsed}</Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        {k.revoked ? (
          <>
            <Moment at={k.revoked} /> {k.revoked_by && t.endedBy(members.name(k.revoked_by))}
          </>
        ) : k.expires ? (
          day(k.expires)
        ) : (
          t.never
        )}
      </Table.Td>
      <Table.Td>
        <Group justify="flex-end">{revoke && <RowAction icon={IconTrash} danger label={t.revoke(k.name)} act={revoke} />}</Group>
      </Table.Td>
    </Table.Tr>
  )
}
