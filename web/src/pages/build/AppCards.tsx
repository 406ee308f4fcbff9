import { ActionIcon, Anchor, Button, Card, Group, Loader, Menu, SimpleGrid, Text, Title, VisuallyHidden } from '@mantine/core'
import { IconAppWindow, IconDots, IconExternalLink, IconTrash } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { App, Task } from '../../api/schema'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { StatusBadge } from '../../ui/StatusBadge'
import { useDeletion, useHidden } from './apps'

const over = ['succeeded', 'failed', 'canceled']

/** The project's apps, newest first, after those that are being built. */
export function AppCards() {
  const t = text.build.apps
  const api = useApi()
  const hidden = useHidden()
  const query = api.query.useInfiniteQuery('get', '/v1/apps', { params: { query: { limit: 24 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  const tasks = api.query.useQuery('get', '/v1/tasks', { params: { query: { kind: 'app', limit: 50 } } }, { enabled: useMay()('task.read') })
  return (
    <>
      <Title order={2} size="h4" mb="sm">
        {t.title}
      </Title>
      <Loaded query={query}>
        {({ pages }) => {
          const apps = pages.flatMap((page) => page.items ?? []).filter((app) => !hidden.has(app.id))
          const building = (tasks.data?.items ?? []).filter((task) => task.app && !over.includes(task.status) && !hidden.has(task.app) && !apps.some((app) => app.id === task.app))
          if (apps.length + building.length === 0) {
            return (
              <Empty icon={IconAppWindow} title={t.none}>
                {t.noneHint}
              </Empty>
            )
          }
          return (
            <>
              <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="sm">
                {building.map((task) => (
                  <BuildingCard key={task.id} task={task} />
                ))}
                {apps.map((app) => (
                  <AppCard key={app.id} app={app} />
                ))}
              </SimpleGrid>
              {query.hasNextPage && (
                <Button variant="default" mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {text.common.more}
                </Button>
              )}
            </>
          )
        }}
      </Loaded>
    </>
  )
}

function AppCard({ app }: { app: App }) {
  const t = text.build.apps
  const { project } = useApi()
  const may = useMay()('app.write')
  const remove = useDeletion()
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xs">
        <Anchor component={Link} to="/p/$project/build/$app" params={{ project, app: app.id } as never} fw={600} className="words" lineClamp={2}>
          {app.title}
        </Anchor>
        <Group gap={4} wrap="nowrap">
          <StatusBadge status={app.status} />
          {may && (
            <Menu position="bottom-end" withinPortal>
              <Menu.Target>
                <ActionIcon variant="subtle" color="gray" aria-label={text.common.actions(app.title)}>
                  <IconDots size={16} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => remove(app)}>
                  {text.build.app.delete}
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </Group>
      </Group>
      <Text size="sm" c="dimmed" mt={4}>
        {t.version(app.version)}, {t.changed} <Moment at={app.updated_at} />
      </Text>
      {app.url && /^https?:/.test(app.url) && (
        <Anchor href={app.url} target="_blank" rel="noopener noreferrer" size="sm" mt={4} className="words">
          {new URL(app.url).host} <IconExternalLink size={13} aria-hidden style={{ verticalAlign: '-2px' }} />
          <VisuallyHidden>{t.newTab}</VisuallyHidden>
        </Anchor>
      )}
    </Card>
  )
}

function BuildingCard({ task }: { task: Task }) {
  const t = text.build.apps
  const { project } = useApi()
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xs">
        <Anchor component={Link} to="/p/$project/build/$app" params={{ project, app: task.app } as never} search={{ task: task.id } as never} fw={600} className="words" lineClamp={2}>
          {task.title || task.prompt.slice(0, 120)}
        </Anchor>
        <StatusBadge status={task.status} />
      </Group>
      {task.status !== 'waiting' && (
        <Group gap={6} mt={4}>
          <Loader size={12} aria-hidden />
          <Text size="sm" c="dimmed">
            {t.building}
          </Text>
        </Group>
      )}
    </Card>
  )
}
