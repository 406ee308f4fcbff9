import { Badge, Button, Drawer, Group, Stack, Table, Tabs, Text } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { ShownSkill } from '../../../api/schema'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { Fact, Facts } from '../../../ui/Facts'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { Moment } from '../../../ui/Moment'
import { Source } from '../../../ui/Source'
import { done } from '../../../ui/told'
import { Who } from '../../../ui/Who'
import { Use } from '../Skills'
import { SkillFiles } from './SkillFiles'
import { TrySkill } from './TrySkill'

/** A skill: what it says, its files and versions, and a task to try it in. */
export function SkillDrawer({ name, close }: { name: string; close: () => void }) {
  const api = useApi()
  const query = api.query.useQuery('get', '/v1/skills/{skill}', { params: { path: { skill: name } } }, { enabled: name !== '' })
  return (
    <Drawer opened={name !== ''} onClose={close} position="right" size="xl" title={<span className="words">{name}</span>} closeButtonProps={{ 'aria-label': text.common.close }}>
      <Loaded query={query}>{(skill) => <Shown key={skill.name} skill={skill} close={close} />}</Loaded>
    </Drawer>
  )
}

function Shown({ skill: s, close }: { skill: ShownSkill; close: () => void }) {
  const t = text.knowledge.skills
  const may = useMay()
  const [removing, setRemoving] = useState(false)
  const remove = useSend('delete', '/v1/skills/{skill}', ['/v1/skills'])
  return (
    <Stack>
      <Text className="words" dir="auto">
        {s.description}
      </Text>
      <Group justify="space-between">
        <Group gap="xs">
          <Text size="sm">{t.state}</Text>
          <Use skill={s} />
        </Group>
        {may('skill.write') && s.owner !== 'installation' && (
          <Button size="compact-md" variant="light" color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setRemoving(true)}>
            {text.common.remove}
          </Button>
        )}
      </Group>
      <About skill={s} />
      <Tabs defaultValue="instructions" keepMounted={false}>
        <Tabs.List mb="sm">
          <Tabs.Tab value="instructions">{t.tabs.instructions}</Tabs.Tab>
          <Tabs.Tab value="files">{t.tabs.files}</Tabs.Tab>
          <Tabs.Tab value="versions">{t.tabs.versions}</Tabs.Tab>
          {may('task.write') && <Tabs.Tab value="use">{t.tabs.use}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="instructions">
          <Source label={t.tabs.instructions} tall={560}>
            {s.instructions}
          </Source>
        </Tabs.Panel>
        <Tabs.Panel value="files">
          <SkillFiles skill={s} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <Versions skill={s} />
        </Tabs.Panel>
        <Tabs.Panel value="use">
          <TrySkill skill={s} />
        </Tabs.Panel>
      </Tabs>
      <Confirm
        opened={removing}
        close={() => setRemoving(false)}
        title={t.remove}
        action={text.common.remove}
        act={async () => {
          await remove.mutateAsync({ params: { path: { skill: s.name }, query: { shared: s.owner === 'org' } } })
          done(t.removed(s.name))
          close()
        }}
      >
        {s.owner === 'org' ? t.removeOrg(s.name) : t.removeProject(s.name)}
      </Confirm>
    </Stack>
  )
}

function About({ skill: s }: { skill: ShownSkill }) {
  const t = text.knowledge.skills
  return (
    <Facts>
      <Fact name={t.owner}>{t.owners[s.owner]}</Fact>
      <Fact name={t.version}>{s.number}</Fact>
      <Fact name={t.source}>{t.sources[s.source as keyof typeof t.sources] ?? s.source}</Fact>
      {s.by && (
        <Fact name={t.by}>
          <Who actor={s.by} />
        </Fact>
      )}
      {s.added && (
        <Fact name={t.added}>
          <Moment at={s.added} />
        </Fact>
      )}
      {s.license && <Fact name={t.license}>{s.license}</Fact>}
      {s.compatibility && <Fact name={t.compatibility}>{s.compatibility}</Fact>}
      {Object.entries(s.metadata ?? {}).map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
      <Fact name={t.allowed}>{s.allowed_tools?.length ? s.allowed_tools.join(', ') : t.allowedNone}</Fact>
    </Facts>
  )
}

function Versions({ skill: s }: { skill: ShownSkill }) {
  const t = text.knowledge.skills
  const versions = [...(s.versions ?? [])].reverse()
  if (versions.length === 0) return <Text c="dimmed">{t.noVersions}</Text>
  return (
    <Rows label={t.tabs.versions} head={[t.version, t.source, t.by, t.added]} minWidth={420}>
          {versions.map((v) => (
            <Table.Tr key={v.number}>
              <Table.Td>
                <Group gap={6} wrap="nowrap">
                  {v.number}
                  {v.number === s.number && (
                    <Badge variant="light" miw="max-content">
                      {t.latest}
                    </Badge>
                  )}
                </Group>
              </Table.Td>
              <Table.Td className="words">{t.sources[v.source as keyof typeof t.sources] ?? v.source}</Table.Td>
              <Table.Td>
                <Who actor={v.by} />
              </Table.Td>
              <Table.Td>
                <Moment at={v.added} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Rows>
  )
}
