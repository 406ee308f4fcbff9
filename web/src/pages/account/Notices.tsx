import { Checkbox, Table, Text } from '@mantine/core'
import { IconArrowBackUp } from '@tabler/icons-react'
import { useApi, useSend } from '../../api/hooks'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { RowAction, Rows } from '../../ui/Rows'
import { Section } from '../../ui/Section'
import { sentence } from '../../ui/ProblemNote'
import { failed } from '../../ui/told'

/** By which ways one hears of what, in the org. */
export function Notices() {
  const t = text.account.notices
  const query = useApi().query.useQuery('get', '/v1/notifications/choices')
  const send = useSend('put', '/v1/notifications/choices/{type}', ['/v1/notifications/choices'])
  const choose = (type: string, body: { inbox?: boolean; mail?: boolean; reset?: boolean }) => send.mutate({ params: { path: { type } }, body }, { onError: failed })
  return (
    <Section title={t.title} lead={t.lead} plain>
      <Loaded query={query}>
        {(all) => (
          <Rows label={t.title} head={[t.about, t.inbox, t.mail, '']} minWidth={420}>
            {(all ?? []).map((c) => (
              <Table.Tr key={c.type}>
                <Table.Td>
                  {sentence(c.about).replace(/\.$/, '')}
                  <Text size="xs" c="dimmed" ff="monospace">
                    {c.type}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Checkbox aria-label={t.inboxOf(c.about)} checked={c.inbox} disabled={send.isPending} onChange={(e) => choose(c.type, { inbox: e.currentTarget.checked })} />
                </Table.Td>
                <Table.Td>
                  <Checkbox aria-label={t.mailOf(c.about)} checked={c.mail} disabled={send.isPending} onChange={(e) => choose(c.type, { mail: e.currentTarget.checked })} />
                </Table.Td>
                <Table.Td ta="right">{c.chosen && <RowAction icon={IconArrowBackUp} label={t.reset(c.about)} act={() => choose(c.type, { reset: true })} />}</Table.Td>
              </Table.Tr>
            ))}
          </Rows>
        )}
      </Loaded>
    </Section>
  )
}
