import { Anchor, Button, Group, Stack, Table, Text, Title } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useApi } from '../../../api/hooks'
import type { ShownSkill } from '../../../api/schema'
import { keep, textOf } from '../../../files/bytes'
import { text } from '../../../text'
import { bytes } from '../../../text/format'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { Source } from '../../../ui/Source'

const shown = 100_000 // characters

/** The files of a skill, of which one is shown. */
export function SkillFiles({ skill: s }: { skill: ShownSkill }) {
  const t = text.knowledge.skills
  const [path, setPath] = useState('SKILL.md')
  return (
    <Stack>
      <Rows label={t.tabs.files} head={[t.file, t.size]} minWidth={280}>
            {(s.files ?? []).map((f) => (
              <Table.Tr key={f.path}>
                <Table.Td className="words">
                  <Anchor component="button" type="button" size="sm" ff="monospace" ta="start" aria-pressed={f.path === path} aria-label={t.show(f.path)} onClick={() => setPath(f.path)}>
                    {f.path}
                  </Anchor>
                </Table.Td>
                <Table.Td style={{ whiteSpace: 'nowrap' }}>
                  {bytes(f.size)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Rows>
      <File skill={s} path={path} />
    </Stack>
  )
}

function File({ skill: s, path }: { skill: ShownSkill; path: string }) {
  const t = text.knowledge.skills
  const api = useApi()
  const query = useQuery({
    queryKey: ['get', '/v1/skills/{skill}/file', s.digest, path],
    queryFn: async ({ signal }) => new Uint8Array(await (await api.fetch(`/v1/skills/${encodeURIComponent(s.name)}/file?path=${encodeURIComponent(path)}`, { signal })).arrayBuffer()),
    staleTime: Infinity,
  })
  return (
    <Loaded query={query}>
      {(data) => {
        const says = textOf(data)
        return (
          <Stack gap="xs">
            <Group justify="space-between">
              <Title order={3} size="h6" className="words">
                {path}
              </Title>
              <Button size="compact-sm" variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={() => keep(path, data)}>
                {t.keep}
              </Button>
            </Group>
            {says === undefined ? <Text c="dimmed">{t.notText}</Text> : <Source label={path}>{says.slice(0, shown)}</Source>}
          </Stack>
        )
      }}
    </Loaded>
  )
}
