import { Anchor, Button, Group, Select, Table, Text } from '@mantine/core'
import { IconChecklist } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi } from '../../api/hooks'
import type { Task } from '../../api/schema'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { StatusBadge } from '../../ui/StatusBadge'

type Kind = Task['kind']
type Status = Task['status']
const kinds: Kind[] = ['app', 'task', 'chat']
const statuses: Status[] = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'canceled']

/** The project's tasks, newest first. */
export default function Tasks() {
  const t = text.tasks
  const [kind, setKind] = useState<Kind | null>(null)
  const [status, setStatus] = useState<Status | null>(null)
  const api = useApi()
  const query = api.query.useInfiniteQuery(
    'get',
    '/v1/tasks',
    { params: { query: { limit: 50, ...(kind && { kind }), ...(status && { status }) } } },
    { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined },
  )
  return (
    <Page title={t.title} lead={t.lead}>
      <Group mb="md" gap="sm">
        <Select aria-label={t.kind} placeholder={t.anyKind} clearable w={150} data={kinds.map((value) => ({ value, label: text.common.kind[value] }))} value={kind} onChange={(v) => setKind(v as Kind | null)} />
        <Select aria-label={t.status} placeholder={t.anyStatus} clearable w={170} data={statuses.map((value) => ({ value, label: text.common.status[value] }))} value={status} onChange={(v) => setStatus(v as Status | null)} />
      </Group>
      <Loaded query={query}>
        {({ pages }) => {
          const tasks = pages.flatMap((page) => page.items ?? [])
          if (tasks.length === 0) {
            return (
              <Empty icon={IconChecklist} title={kind || status ? t.nothing : t.none}>
                {kind || status ? t.nothingHint : t.noneHint}
              </Empty>
            )
          }
          return (
            <>
              <Table.ScrollContainer minWidth={560}>
                <Table verticalSpacing="sm" highlightOnHover>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t.task}</Table.Th>
                      <Table.Th>{t.kind}</Table.Th>
                      <Table.Th>{t.status}</Table.Th>
                      <Table.Th>{t.created}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {tasks.map((task) => (
                      <Table.Tr key={task.id}>
                        <Table.Td className="words">
                          <Anchor component={Link} to="/p/$project/tasks/$task" params={{ project: api.project, task: task.id } as never} fw={500}>
                            {task.title || task.prompt.slice(0, 160)}
                          </Anchor>
                          {task.summary && (
                            <Text size="sm" c="dimmed" lineClamp={1}>
                              {task.summary}
                            </Text>
                          )}
                        </Table.Td>
                        <Table.Td>{text.common.kind[task.kind]}</Table.Td>
                        <Table.Td>
                          <StatusBadge status={task.status} />
                        </Table.Td>
                        <Table.Td style={{ whiteSpace: 'nowrap' }}>
                          <Moment at={task.created_at} />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
              {query.hasNextPage && (
                <Button variant="default" mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {text.common.more}
                </Button>
              )}
            </>
          )
        }}
      </Loaded>
    </Page>
  )
}
