import { ActionIcon, Button, Group, SegmentedControl, Text, Tooltip } from '@mantine/core'
import { IconAppWindow, IconExternalLink, IconHammer, IconPlayerPlay, IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import { useMay } from '../../api/me'
import type { AppDetail } from '../../api/schema'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { useRunning } from './AppActions'
import classes from './build.module.css'

/** The running app in a frame, which is of another origin and can't get out of it. */
export function Preview({ app, building }: { app: AppDetail | undefined; building: boolean }) {
  const t = text.build.preview
  if (!app) return building ? <Empty icon={IconHammer} title={t.notYetTitle}>{t.notYetHint}</Empty> : <Empty icon={IconAppWindow} title={t.noneTitle}>{t.noneHint}</Empty>
  return <Frame app={app} />
}

function Frame({ app }: { app: AppDetail }) {
  const t = text.build.preview
  const may = useMay()('app.write')
  const [width, setWidth] = useState('desktop')
  const [reloads, setReloads] = useState(0)
  const { busy, start } = useRunning(app)
  const url = app.status === 'running' && app.url && /^https?:\/\//.test(app.url) && new URL(app.url).origin !== location.origin ? app.url : ''
  if (!url) {
    return (
      <Empty
        icon={IconPlayerPlay}
        title={t.stoppedTitle}
        action={
          may && (
            <Button loading={busy} onClick={start} leftSection={<IconPlayerPlay size={16} aria-hidden />}>
              {t.start}
            </Button>
          )
        }
      >
        {t.stoppedHint}
      </Empty>
    )
  }
  return (
    <>
      <Group gap="xs" mb="xs" wrap="nowrap">
        <Tooltip label={t.reload}>
          <ActionIcon variant="default" size={30} aria-label={t.reload} onClick={() => setReloads(reloads + 1)}>
            <IconRefresh size={16} />
          </ActionIcon>
        </Tooltip>
        <Text size="sm" c="dimmed" truncate style={{ flex: 1, minWidth: 0 }} visibleFrom="xs">
          {new URL(url).host}
        </Text>
        <SegmentedControl
          size="xs"
          ml="auto"
          aria-label={t.width}
          value={width}
          onChange={setWidth}
          data={[
            { value: 'phone', label: t.phone },
            { value: 'desktop', label: t.desktop },
          ]}
        />
        <Tooltip label={t.open}>
          <ActionIcon component="a" href={url} target="_blank" rel="noopener noreferrer" variant="default" size={30} aria-label={t.open}>
            <IconExternalLink size={16} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <div className={classes.stage}>
        {/* What is served there changes with the app's stream: another version, or a start. */}
        <iframe
          key={`${app.updated_at} ${reloads}`}
          src={url}
          title={t.frame(app.title)}
          sandbox="allow-scripts allow-forms allow-same-origin allow-popups allow-modals allow-downloads"
          referrerPolicy="no-referrer"
          className={`${classes.frame} ${width === 'phone' ? classes.phone : ''}`}
        />
      </div>
    </>
  )
}
