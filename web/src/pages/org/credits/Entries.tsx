import { Group, Select, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconReceipt } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi } from '../../../api/hooks'
import { text } from '../../../text'
import { credits } from '../../../text/format'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { More, Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { useProjects } from '../directory'

/** The lines of the org's books. */
export function Entries() {
  const t = text.org.credits.entries
  const api = useApi()
  const projects = useProjects()
  const [account, setAccount] = useState<string | null>('available')
  const [task, setTask] = useState('')
  const [asked] = useDebouncedValue(task.trim(), 400)
  const query = api.query.useInfiniteQuery(
    'get',
    '/v1/credits/entries',
    { params: { query: { limit: 50, newest: true, ...(account && { account }), ...(asked && { task: asked }) } } },
    { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined },
  )
  return (
    <Section title={t.title} lead={t.lead} plain>
      <Group mb="sm" gap="sm">
        <Select aria-label={t.account} placeholder={t.anyAccount} clearable w={170} data={Object.entries(t.accounts).map(([value, label]) => ({ value, label }))} value={account} onChange={setAccount} clearButtonProps={{ 'aria-label': text.common.clear }} />
        <TextInput aria-label={t.task} placeholder={t.task} value={task} onChange={(e) => setTask(e.currentTarget.value)} maxLength={64} />
      </Group>
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0 && !query.hasNextPage) return <Empty icon={IconReceipt} title={t.none}>{t.noneHint}</Empty>
          return (
            <>
              <Rows label={t.title} head={[t.when, t.kind, t.account, t.amount, t.after, t.about]} minWidth={720}>
                {all.map((e) => (
                  <Table.Tr key={`${e.seq}`}>
                    <Table.Td style={{ whiteSpace: 'nowrap' }}>
                      <Moment at={e.at} />
                    </Table.Td>
                    <Table.Td>{t.kinds[e.kind] ?? e.kind}</Table.Td>
                    <Table.Td className="words">{t.accounts[e.account] ?? e.account}</Table.Td>
                    <Table.Td style={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>{e.amount > 0 ? `+${credits(e.amount)}` : credits(e.amount)}</Table.Td>
                    <Table.Td style={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>{credits(e.balance)}</Table.Td>
                    <Table.Td className="words">
                      {e.note}
                      <Text size="xs" c="dimmed">
                        {[e.project && projects.name(e.project), e.task].filter(Boolean).join(' · ')}
                      </Text>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
    </Section>
  )
}
