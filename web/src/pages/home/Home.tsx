import { Anchor, Box, Group, Paper, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Task } from '../../api/schema'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { Section } from '../../ui/Section'
import { StatusBadge } from '../../ui/StatusBadge'
import { AppCards } from '../build/AppCards'

const latest = 8

/** Where one begins: what waits for a person, the apps, and what was last asked for. */
export default function Home() {
  const t = text.home
  const may = useMay()
  const { query, project } = useApi()
  const waiting = query.useQuery('get', '/v1/tasks', { params: { query: { status: 'waiting', limit: 20 } } }, { enabled: may('task.read') })
  const tasks = query.useQuery('get', '/v1/tasks', { params: { query: { limit: latest } } }, { enabled: may('task.read') })
  return (
    <Page title={t.title} lead={t.lead}>
      {!!waiting.data?.items?.length && (
        <Section title={t.waiting} lead={t.waitingLead} plain>
          <List tasks={waiting.data.items} project={project} />
        </Section>
      )}
      {may('app.read') && (
        <Box component="section" mb="xl">
          <AppCards />
        </Box>
      )}
      {may('task.read') && (
        <Section
          title={t.tasks}
          plain
          actions={
            <Anchor component={Link} to="/p/$project/tasks" params={{ project } as never} size="sm" underline="always">
              {t.all}
            </Anchor>
          }
        >
          <Loaded query={tasks}>{(page) => (page.items?.length ? <List tasks={page.items} project={project} /> : <Text c="dimmed">{text.tasks.noneHint}</Text>)}</Loaded>
        </Section>
      )}
    </Page>
  )
}

function List({ tasks, project }: { tasks: Task[]; project: string }) {
  return (
    <Stack gap="xs">
      {tasks.map((task) => (
        <Paper key={task.id} withBorder p="sm">
          <Group justify="space-between" wrap="nowrap" align="flex-start">
            <div style={{ minWidth: 0 }}>
              <Anchor component={Link} to="/p/$project/tasks/$task" params={{ project, task: task.id } as never} fw={500} className="words">
                {task.title || task.prompt.slice(0, 160)}
              </Anchor>
              <Text size="sm" className="words" lineClamp={2}>
                {task.approval?.question || task.summary}
              </Text>
              <Text size="xs" c="dimmed">
                <Moment at={task.created_at} />
              </Text>
            </div>
            <StatusBadge status={task.status} />
          </Group>
        </Paper>
      ))}
    </Stack>
  )
}
