import { Anchor, Badge, Button, Group, Select, Switch, Table, Text, TextInput, Tooltip } from '@mantine/core'
import { IconPlus, IconSchool, IconSearch } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { changed, useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Skill } from '../../api/schema'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Rows } from '../../ui/Rows'
import { Page } from '../../ui/Page'
import { usePlace } from '../../ui/place'
import { done, failed } from '../../ui/told'
import { AddSkill } from './skills/AddSkill'
import { SkillDrawer } from './skills/SkillDrawer'

/** What the project's agents are taught. */
export default function Skills() {
  const t = text.knowledge.skills
  const may = useMay()
  const api = useApi()
  const [open, setOpen] = usePlace('open')
  const [adding, setAdding] = useState(false)
  const [sought, setSought] = useState('')
  const [owner, setOwner] = useState<string | null>(null)
  const query = api.query.useQuery('get', '/v1/skills')
  const add = may('skill.write') && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={add}>
      <Group mb="md" gap="sm">
        <TextInput aria-label={t.search} placeholder={t.search} leftSection={<IconSearch size={16} aria-hidden />} value={sought} onChange={(e) => setSought(e.currentTarget.value)} style={{ flex: '0 1 20rem' }} />
        <Select aria-label={t.owner} placeholder={t.anyOwner} clearable w={170} data={Object.entries(t.owners).map(([value, label]) => ({ value, label }))} value={owner} onChange={setOwner} />
      </Group>
      <Loaded query={query}>
        {(skills) => {
          const all = skills ?? []
          const words = sought.toLowerCase().split(/\s+/).filter(Boolean)
          const shown = all.filter((s) => (!owner || s.owner === owner) && words.every((w) => `${s.name} ${s.description}`.toLowerCase().includes(w)))
          if (shown.length === 0) {
            return (
              <Empty icon={IconSchool} title={all.length ? t.nothing : t.none} action={all.length ? undefined : add}>
                {all.length ? undefined : t.noneHint}
              </Empty>
            )
          }
          return (
            <Rows label={t.title} head={[t.name, t.owner, t.version, t.state]} minWidth={620}>
                  {shown.map((s) => (
                    <Row key={`${s.owner} ${s.name}`} skill={s} open={() => setOpen(s.name)} />
                  ))}
                </Rows>
          )
        }}
      </Loaded>
      <AddSkill opened={adding} close={() => setAdding(false)} added={setOpen} />
      <SkillDrawer name={open} close={() => setOpen('')} />
    </Page>
  )
}

function Row({ skill: s, open }: { skill: Skill; open: () => void }) {
  const t = text.knowledge.skills
  return (
    <Table.Tr opacity={s.hidden ? 0.85 : 1}>
      <Table.Td className="words" dir="auto">
        <Group gap="xs">
          {s.hidden ? (
            <Text fw={500}>{s.name}</Text>
          ) : (
            <Anchor component="button" type="button" fw={500} ta="start" onClick={open}>
              {s.name}
            </Anchor>
          )}
          {s.hidden && (
            <Tooltip label={t.hiddenHint} multiline maw={260}>
              <Badge variant="light" color="gray" tabIndex={0}>
                {t.hidden}
              </Badge>
            </Tooltip>
          )}
          {s.problem && (
            <Badge variant="light" color="orange">
              {t.problem}
            </Badge>
          )}
        </Group>
        <Text size="sm" c="dimmed" lineClamp={2}>
          {s.description}
        </Text>
        {s.problem && (
          <Text size="sm" c="var(--mantine-color-error)">
            {s.problem}
          </Text>
        )}
      </Table.Td>
      <Table.Td>{t.owners[s.owner]}</Table.Td>
      <Table.Td>{s.number}</Table.Td>
      <Table.Td>{!s.hidden && <Use skill={s} />}</Table.Td>
    </Table.Tr>
  )
}

/** Turns a skill on and off in the project, whoever's it is. */
export function Use({ skill: s }: { skill: Skill }) {
  const t = text.knowledge.skills
  const may = useMay()
  const api = useApi()
  const queries = useQueryClient()
  const [busy, setBusy] = useState(false)
  if (!may('skill.write')) return s.enabled ? t.on : t.off
  const turn = async (on: boolean) => {
    setBusy(true)
    try {
      await api.client.POST(on ? '/v1/skills/{skill}/enable' : '/v1/skills/{skill}/disable', { params: { path: { skill: s.name } }, headers: { 'Idempotency-Key': crypto.randomUUID() } })
      await changed(queries, ['/v1/skills', '/v1/skills/{skill}'])
      done(on ? t.turnedOn(s.name) : t.turnedOff(s.name))
    } catch (error) {
      failed(error)
    } finally {
      setBusy(false)
    }
  }
  return <Switch aria-label={t.turn(s.name)} checked={s.enabled} disabled={busy} onChange={(e) => void turn(e.currentTarget.checked)} size="md" />
}
