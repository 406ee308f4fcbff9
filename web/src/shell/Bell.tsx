import { ActionIcon, Anchor, Button, Group, Indicator, Popover, ScrollArea, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBell } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useApi, useSend } from '../api/hooks'
import { useMay } from '../api/me'
import type { Notification } from '../api/schema'
import { text } from '../text'
import { Loaded } from '../ui/Loaded'
import { Moment } from '../ui/Moment'
import { failed } from '../ui/told'

/** What has happened that concerns the signed-in. */
export function Bell() {
  return useMay()('notify.read') ? <Notices /> : null
}

function Notices() {
  const t = text.shell.notifications
  const [opened, { toggle, close }] = useDisclosure()
  const query = useApi().query.useQuery('get', '/v1/notifications', { params: { query: { limit: 30 } } })
  const readAll = useSend('post', '/v1/notifications/read', ['/v1/notifications'])
  const unread = (query.data?.items ?? []).filter((n) => !n.read).length
  return (
    <Popover opened={opened} onChange={toggle} position="bottom-end" width="min(24rem, calc(100vw - 1rem))" trapFocus withinPortal>
      <Indicator disabled={unread === 0} label={unread} size={16} color="red" offset={4} aria-hidden={undefined}>
        <Popover.Target>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t.unread(unread)} onClick={toggle}>
            <IconBell size={18} />
          </ActionIcon>
        </Popover.Target>
      </Indicator>
      <Popover.Dropdown p={0} role="dialog" aria-label={t.title}>
        <Group justify="space-between" px="md" py="xs">
          <Text fw={600}>{t.title}</Text>
          {unread > 0 && (
            <Button size="compact-xs" variant="subtle" loading={readAll.isPending} onClick={() => readAll.mutate({}, { onError: failed })}>
              {t.readAll}
            </Button>
          )}
        </Group>
        <ScrollArea.Autosize mah="60vh" viewportProps={{ tabIndex: 0 }}>
          <Stack gap={0} px="md" pb="md">
            <Loaded query={query}>
              {(page) => (page.items?.length ? page.items.map((n) => <Notice key={n.id} notice={n} close={close} />) : <Text size="sm" c="dimmed">{t.empty}</Text>)}
            </Loaded>
          </Stack>
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  )
}

function Notice({ notice, close }: { notice: Notification; close: () => void }) {
  const read = useSend('post', '/v1/notifications/{notification}/read', ['/v1/notifications'])
  const follow = () => {
    close()
    if (!notice.read) read.mutate({ params: { path: { notification: notice.id } } }, { onError: failed })
  }
  const words = (
    <Text size="sm" fw={notice.read ? 400 : 600} component="span" className="words">
      {notice.title}
    </Text>
  )
  const { project } = notice
  return (
    <Stack gap={2} py={8} style={{ borderTop: '1px solid var(--mantine-color-default-border)' }}>
      {project && notice.task ? (
        <Anchor component={Link} to="/p/$project/tasks/$task" params={{ project, task: notice.task } as never} onClick={follow}>
          {words}
        </Anchor>
      ) : project && notice.app ? (
        <Anchor component={Link} to="/p/$project/build/$app" params={{ project, app: notice.app } as never} onClick={follow}>
          {words}
        </Anchor>
      ) : (
        words
      )}
      {notice.detail && <Text size="xs" className="words" lineClamp={3}>{notice.detail}</Text>}
      <Text size="xs" c="dimmed">
        <Moment at={notice.at} />
      </Text>
    </Stack>
  )
}
