import { Badge, Button, Group, Table } from '@mantine/core'
import { useApi, useSend } from '../../api/hooks'
import { text } from '../../text'
import { day } from '../../text/format'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Rows } from '../../ui/Rows'
import { Section } from '../../ui/Section'
import { done, failed } from '../../ui/told'

/** Where one is signed in. */
export function Sessions() {
  const t = text.account.sessions
  const { query } = useApi()
  const sessions = query.useQuery('get', '/v1/sessions')
  const orgs = query.useQuery('get', '/v1/orgs').data ?? []
  const end = useSend('delete', '/v1/sessions/{session}', ['/v1/sessions'])
  return (
    <Section title={t.title} lead={t.lead} plain>
      <Loaded query={sessions} lines={2}>
        {(all) => (
          <Rows label={t.title} head={[t.by, t.address, t.org, t.began, t.seen, t.expires, '']} minWidth={680}>
            {[...(all ?? [])].sort((a, b) => Number(b.current) - Number(a.current)).map((s) => (
              <Table.Tr key={s.id}>
                <Table.Td className="words">
                  <Group gap="xs">
                    {t.ways[s.by] ?? s.by} {s.current && <Badge variant="light">{t.current}</Badge>}
                  </Group>
                </Table.Td>
                <Table.Td>{s.address ?? text.common.unknown}</Table.Td>
                <Table.Td className="words">{orgs.find((o) => o.id === s.org)?.name ?? s.org}</Table.Td>
                <Table.Td style={{ whiteSpace: 'nowrap' }}>
                  <Moment at={s.created} />
                </Table.Td>
                <Table.Td style={{ whiteSpace: 'nowrap' }}>
                  <Moment at={s.seen} />
                </Table.Td>
                <Table.Td style={{ whiteSpace: 'nowrap' }}>{day(s.expires)}</Table.Td>
                <Table.Td ta="right">
                  {!s.current && (
                    <Button size="compact-xs" variant="default" aria-label={t.endOf(s.address ?? text.common.unknown)} onClick={() => end.mutate({ params: { path: { session: s.id } } }, { onSuccess: () => done(t.ended), onError: failed })}>
                      {t.end}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Rows>
        )}
      </Loaded>
    </Section>
  )
}
