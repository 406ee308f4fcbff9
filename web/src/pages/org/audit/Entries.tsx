import { Badge, Table, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconHistory } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi } from '../../../api/hooks'
import type { AuditEntry } from '../../../api/schema'
import { text } from '../../../text'
import { exactly } from '../../../text/format'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { More, Rows } from '../../../ui/Rows'
import { useMembers } from '../directory'
import { everything, Filters } from './Filters'
import { at, type Of } from './of'

const colors = { done: 'green', failed: 'red', refused: 'orange' }

/** The rows of a log, newest first. */
export function Entries({ of }: { of: Of }) {
  const t = text.org.audit
  const [filters, setFilters] = useState(everything)
  const [asked] = useDebouncedValue(filters, 400)
  const instant = (local: string) => (local ? new Date(local).toISOString() : undefined)
  const query = useApi().query.useInfiniteQuery(
    'get',
    at(of, '/v1/audit'),
    {
      params: {
        query: {
          limit: 50, action: asked.action.trim() || undefined, actor: asked.actor.trim() || undefined, target: asked.target.trim() || undefined,
          outcome: (asked.outcome || undefined) as AuditEntry['outcome'] | undefined, from: instant(asked.from), until: instant(asked.until),
        },
      },
    },
    { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined },
  )
  const filtered = Object.values(asked).some(Boolean)
  return (
    <>
      <Filters value={filters} change={setFilters} />
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0 && !query.hasNextPage) {
            return (
              <Empty icon={IconHistory} title={filtered ? t.nothing : t.none}>
                {filtered ? t.nothingHint : t.noneHint}
              </Empty>
            )
          }
          return (
            <>
              <Rows label={t.title} head={[t.row, t.when, t.action, t.who, t.target, t.outcome, t.details]} minWidth={900}>
                {all.map((e) => (
                  <Row key={e.id} of={e} />
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
    </>
  )
}

function Row({ of: e }: { of: AuditEntry }) {
  const t = text.org.audit
  const members = useMembers()
  const name = members.name(e.actor.id)
  return (
    <Table.Tr style={{ verticalAlign: 'top' }}>
      <Table.Td style={{ fontVariantNumeric: 'tabular-nums' }}>{e.row}</Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <time dateTime={e.at}>{exactly(e.at)}</time>
      </Table.Td>
      <Table.Td>
        <Text size="sm" ff="monospace">
          {e.action}
        </Text>
      </Table.Td>
      <Table.Td className="words">
        {name || e.actor.kind}
        <Text size="xs" c="dimmed">
          {[name !== e.actor.id && e.actor.id, e.address].filter(Boolean).join(' · ')}
        </Text>
      </Table.Td>
      <Table.Td className="words">
        <Text size="xs" ff="monospace">
          {e.target}
        </Text>
      </Table.Td>
      <Table.Td>
        <Badge variant="light" color={colors[e.outcome]}>
          {t.outcomes[e.outcome]}
        </Badge>
      </Table.Td>
      <Table.Td className="words" miw={160}>
        {Object.entries(e.detail ?? {}).map(([k, v]) => (
          <Text key={k} size="xs">
            <Text span c="dimmed" inherit>
              {k}:
            </Text>{' '}
            {v}
          </Text>
        ))}
      </Table.Td>
    </Table.Tr>
  )
}
