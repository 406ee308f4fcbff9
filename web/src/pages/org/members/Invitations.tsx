import { Badge, Group, Table, Text } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Pending } from '../../../api/schema'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { More, RowAction, Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { useMembers, useProjects } from '../directory'

/** Invitations that nobody has accepted. */
export function Invitations() {
  const t = text.org.members
  const api = useApi()
  const may = useMay()
  const projects = useProjects()
  const people = useMembers()
  const query = api.query.useInfiniteQuery('get', '/v1/invitations', { params: { query: { limit: 50 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  const withdraw = useSend('delete', '/v1/invitations/{invitation}', ['/v1/invitations'])
  const [about, setAbout] = useState<Pending | null>(null)
  return (
    <Section title={t.invitations} lead={t.invitationsLead} plain>
      <Loaded query={query} lines={1}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0) return <Text size="sm" c="dimmed">{t.noInvitations}</Text>
          return (
            <>
              <Rows label={t.invitations} head={[t.email, t.role, t.projects, t.by, t.expires, '']}>
                {all.map((i) => (
                  <Table.Tr key={i.id}>
                    <Table.Td className="words">
                      <Group gap="xs">
                        {i.email}
                        {i.void && <Badge color="red" variant="light">{t.void}</Badge>}
                      </Group>
                    </Table.Td>
                    <Table.Td>{text.common.role[i.role]}</Table.Td>
                    <Table.Td className="words">{projects.names(i.projects)}</Table.Td>
                    <Table.Td className="words">{people.name(i.by)}</Table.Td>
                    <Table.Td style={{ whiteSpace: 'nowrap' }}>
                      <Moment at={i.expires} />
                    </Table.Td>
                    <Table.Td ta="right">{may('member.write') && <RowAction icon={IconX} danger label={t.withdraw(i.email)} act={() => setAbout(i)} />}</Table.Td>
                  </Table.Tr>
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
      <Confirm opened={!!about} close={() => setAbout(null)} title={t.withdrawTitle(about?.email ?? '')} action={t.withdrawAction} act={() => withdraw.mutateAsync({ params: { path: { invitation: about!.id } } })}>
        {t.withdrawText}
      </Confirm>
    </Section>
  )
}
