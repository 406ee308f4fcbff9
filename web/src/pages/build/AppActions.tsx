import { ActionIcon, Button, Menu } from '@mantine/core'
import { IconDots, IconDownload, IconPlayerPlay, IconPlayerStop, IconTrash } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { AppDetail } from '../../api/schema'
import { text } from '../../text'
import { done, failed } from '../../ui/told'
import { appLists, exportVersion, useDeletion } from './apps'

/** Starting and stopping of an app. */
export function useRunning(app: AppDetail) {
  const t = text.build.preview
  const start = useSend('post', '/v1/apps/{app}/start', appLists)
  const stop = useSend('post', '/v1/apps/{app}/stop', appLists)
  const init = { params: { path: { app: app.id } } }
  return {
    busy: start.isPending || stop.isPending,
    start: () => start.mutate(init, { onSuccess: () => done(t.started), onError: failed }),
    stop: () => stop.mutate(init, { onSuccess: () => done(t.stopped), onError: failed }),
  }
}

/** What can be done with an app as a whole. */
export function AppActions({ app, running }: { app: AppDetail; running: string | undefined }) {
  const t = text.build
  const api = useApi()
  const may = useMay()
  const navigate = useNavigate()
  const remove = useDeletion()
  const { busy, start, stop } = useRunning(app)
  const runs = app.status === 'running'
  const keep = (format: 'zip' | 'tar.gz') => void exportVersion(api, app, app.version, format).catch(failed)
  return (
    <>
      {may('app.write') && (
        <Button variant="default" size="xs" loading={busy} onClick={runs ? stop : start} leftSection={runs ? <IconPlayerStop size={14} aria-hidden /> : <IconPlayerPlay size={14} aria-hidden />}>
          {runs ? t.preview.stop : t.preview.start}
        </Button>
      )}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label={text.common.actions(app.title)}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => keep('zip')}>
            {t.app.export('zip')}
          </Menu.Item>
          <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => keep('tar.gz')}>
            {t.app.export('tar.gz')}
          </Menu.Item>
          {may('app.write') && (
            <>
              <Menu.Divider />
              <Menu.Item
                color="red"
                leftSection={<IconTrash size={16} aria-hidden />}
                onClick={() => {
                  remove(app, running)
                  void navigate({ to: '/p/$project/build', params: { project: api.project } })
                }}
              >
                {t.app.delete}
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
    </>
  )
}
