import { Box, Group, Loader, Select, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconFile, IconFiles, IconSearch } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useApi } from '../../api/hooks'
import type { AppDetail, File } from '../../api/schema'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { ProblemNote } from '../../ui/ProblemNote'
import { useVersions } from './apps'
import classes from './build.module.css'
import { search } from './search'
import { Source } from './Source'
import { Tree } from './Tree'

/** A version's files: by folder, or by what is searched for, each to be read and kept. */
export function Files({ app, version, choose }: { app: AppDetail; version: number; choose: (version: number) => void }) {
  const t = text.build.files
  const query = useApi().query.useQuery('get', '/v1/apps/{app}/versions/{version}/files', { params: { path: { app: app.id, version: String(version) } } }, { staleTime: Infinity })
  const versions = useVersions(app.id, true)
  const [wanted, setWanted] = useState('')
  const [at, setAt] = useState<{ path: string; line?: number } | null>(null)
  return (
    <>
      <Group gap="xs" mb="xs">
        <TextInput aria-label={t.search} placeholder={t.search} leftSection={<IconSearch size={16} aria-hidden />} value={wanted} onChange={(e) => setWanted(e.currentTarget.value)} style={{ flex: '1 1 14rem' }} size="sm" />
        <Select
          aria-label={t.version}
          w={150}
          size="sm"
          allowDeselect={false}
          data={(versions.length > 0 ? versions.map((v) => v.number) : [version]).map((n) => ({ value: String(n), label: text.build.versions.number(n) }))}
          value={String(version)}
          onChange={(v) => v && choose(Number(v))}
        />
      </Group>
      <Loaded query={query}>
        {(page) => {
          const files = page.items ?? []
          if (files.length === 0) return <Empty icon={IconFiles} title={t.none} />
          const file = files.find((f) => f.path === at?.path)
          return (
            <div className={classes.split}>
              <Box component="nav" className={classes.tree} aria-label={t.list} tabIndex={0}>
                {wanted.trim() ? (
                  <Hits app={app.id} version={version} files={files} wanted={wanted.trim()} at={at} open={setAt} />
                ) : (
                  <Tree files={files} at={at?.path} open={(path) => setAt({ path })} />
                )}
              </Box>
              {file ? <Source key={file.path} app={app.id} version={version} file={file} line={at?.line} /> : <Text c="dimmed" size="sm" p="md">{t.choose}</Text>}
            </div>
          )
        }}
      </Loaded>
    </>
  )
}

function Hits({ app, version, files, wanted, at, open }: { app: string; version: number; files: File[]; wanted: string; at: { path: string; line?: number } | null; open: (at: { path: string; line?: number }) => void }) {
  const t = text.build.files
  const api = useApi()
  const queries = useQueryClient()
  const [settled] = useDebouncedValue(wanted.toLowerCase(), 300)
  const names = files.filter((f) => f.path.toLowerCase().includes(wanted.toLowerCase()))
  const inside = useQuery({
    queryKey: ['search', app, version, settled],
    queryFn: ({ signal }) => search(api, queries, app, version, files, settled, signal),
    enabled: settled.length >= 2,
    gcTime: 60_000,
  })
  const found = inside.data
  const current = (path: string, line?: number) => (at?.path === path && at.line === line ? 'true' : undefined)
  return (
    <>
      {names.length > 0 && <Text size="xs" c="dimmed" fw={600}>{t.inNames}</Text>}
      <ul>
        {names.slice(0, 100).map((f) => (
          <li key={f.path}>
            <UnstyledButton className={classes.node} aria-current={current(f.path)} onClick={() => open({ path: f.path })}>
              <IconFile size={14} aria-hidden />
              {f.path}
            </UnstyledButton>
          </li>
        ))}
      </ul>
      {inside.isFetching && (
        <Group gap={6} role="status">
          <Loader size={12} aria-hidden />
          <Text size="xs">{t.searching}</Text>
        </Group>
      )}
      {inside.error && <ProblemNote error={inside.error} retry={() => void inside.refetch()} />}
      {found && found.hits.length > 0 && <Text size="xs" c="dimmed" fw={600} mt={6}>{t.inContents}</Text>}
      <ul>
        {found?.hits.map((hit) => (
          <li key={`${hit.path}:${hit.line}`}>
            <UnstyledButton className={classes.node} aria-current={current(hit.path, hit.line)} onClick={() => open({ path: hit.path, line: hit.line })} style={{ display: 'block' }}>
              <Text span size="xs" c="dimmed" className="words">{`${hit.path}:${hit.line}`}</Text>
              <Text size="xs" ff="monospace" truncate>{hit.text}</Text>
            </UnstyledButton>
          </li>
        ))}
      </ul>
      {found?.limited && <Text size="xs" c="dimmed">{t.limited}</Text>}
      {found && found.skipped > 0 && <Text size="xs" c="dimmed">{t.skipped(found.skipped)}</Text>}
      {found && names.length + found.hits.length === 0 && <Text size="sm" c="dimmed" role="status">{t.nothing}</Text>}
    </>
  )
}
