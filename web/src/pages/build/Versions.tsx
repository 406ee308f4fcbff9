import { ActionIcon, Badge, Button, Group, Menu, Paper, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconArrowBackUp, IconDots, IconDownload, IconFiles, IconGitCompare, IconVersions } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { changed, type Tagged, useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import { Problem } from '../../api/problem'
import type { AppDetail, Version } from '../../api/schema'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { Moment } from '../../ui/Moment'
import { ProblemNote } from '../../ui/ProblemNote'
import { done, failed } from '../../ui/told'
import { appLists, exportVersion, useVersions } from './apps'
import { Comparison } from './Comparison'

/** An app's versions, newest first: to be compared, gone back to, and kept. */
export function Versions({ app, files }: { app: Tagged<AppDetail>; files: (version: number) => void }) {
  const t = text.build.versions
  const { data, etag } = app
  const queries = useQueryClient()
  const versions = useVersions(data.id, true)
  const [compared, setCompared] = useState<{ from: number; to: number } | null>(null)
  const select = useSend('post', '/v1/apps/{app}/select', appLists)
  const go = (version: number) =>
    select.mutate(
      { params: { path: { app: data.id }, header: { 'If-Match': etag } }, body: { version } },
      { onSuccess: () => done(t.rolledBack(version)), onError: (error) => conflict(error) && void changed(queries, appLists) },
    )
  if (versions.length === 0) return <Empty icon={IconVersions} title={t.none}>{t.noneHint}</Empty>
  if (compared) return <Comparison app={data.id} versions={versions} at={compared} choose={setCompared} close={() => setCompared(null)} />
  return (
    <Stack gap="xs" style={{ overflow: 'auto' }}>
      {select.error && (conflict(select.error) ? <Text size="sm" role="alert"><IconAlertTriangle size={14} aria-hidden style={{ verticalAlign: '-2px' }} /> {text.build.app.conflict}</Text> : <ProblemNote error={select.error} />)}
      {versions.map((v) => (
        <OneVersion
          key={v.number}
          app={data}
          version={v}
          busy={select.isPending}
          compare={versions.length > 1 ? () => setCompared({ from: v.parent || (versions.find((o) => o.number < v.number) ?? versions.at(-1)!).number, to: v.number }) : undefined}
          go={() => go(v.number)}
          files={() => files(v.number)}
        />
      ))}
    </Stack>
  )
}

function conflict(error: unknown): boolean {
  return error instanceof Problem && (error.status === 409 || error.status === 412)
}

function OneVersion({ app, version: v, busy, compare, go, files }: { app: AppDetail; version: Version; busy: boolean; compare: (() => void) | undefined; go: () => void; files: () => void }) {
  const t = text.build.versions
  const api = useApi()
  const may = useMay()('app.write')
  const selected = v.number === app.version
  const keep = (format: 'zip' | 'tar.gz') => void exportVersion(api, app, v.number, format).catch(failed)
  return (
    <Paper withBorder p="sm" component="article" aria-label={t.number(v.number)}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xs">
        <div style={{ minWidth: 0 }}>
          <Group gap={6}>
            <Text fw={600} size="sm">{t.number(v.number)}</Text>
            {selected && <Badge size="sm" variant="light" tt="none">{t.selected}</Badge>}
            <Text size="xs" c="dimmed">
              {t.tests(v.tests.passed, v.tests.failed)} · <Moment at={v.created_at} />
            </Text>
          </Group>
          <Text size="sm" className="words" lineClamp={4}>{v.prompt}</Text>
          {(v.notes ?? []).length > 0 && <Text size="xs" c="dimmed" className="words">{`${t.notes}: ${(v.notes ?? []).join(' ')}`}</Text>}
        </div>
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={t.actions(v.number)}>
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconFiles size={16} aria-hidden />} onClick={files}>{text.build.tabs.files}</Menu.Item>
            <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => keep('zip')}>{text.build.app.export('zip')}</Menu.Item>
            <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => keep('tar.gz')}>{text.build.app.export('tar.gz')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
      <Group gap={6} mt={6}>
        {compare && <Button size="compact-sm" variant="default" leftSection={<IconGitCompare size={14} aria-hidden />} onClick={compare}>{t.compare}</Button>}
        {may && !selected && (
          <Button size="compact-sm" variant="default" loading={busy} leftSection={<IconArrowBackUp size={14} aria-hidden />} onClick={go}>
            {v.number < app.version ? t.rollBack : t.goForward}
          </Button>
        )}
      </Group>
    </Paper>
  )
}
