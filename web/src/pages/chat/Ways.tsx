import { Button, Menu, Text } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { NewMessage } from '../../api/schema'
import { text } from '../../text'

/** What a message wants: "" is found out, a skill is named besides. */
export interface Way {
  route: NonNullable<NewMessage['route']>
  skill: string
}

export const anyWay: Way = { route: '', skill: '' }

/** By what the next message is to be answered. */
export function Ways({ value, choose }: { value: Way; choose: (way: Way) => void }) {
  const t = text.chat.composer
  const skills = useApi().query.useQuery('get', '/v1/skills', {}, { enabled: useMay()('skill.read'), staleTime: 60_000 })
  const enabled = (skills.data ?? []).filter((s) => s.enabled && !s.hidden)
  const chosen = value.route === 'skill' ? value.skill : t.ways[value.route].name
  const item = (route: Way['route'], skill: string, name: string, hint: string) => (
    <Menu.RadioItem key={`${route} ${skill}`} value={`${route} ${skill}`} closeMenuOnClick>
      <span className="words">{name}</span>
      <Text size="xs" c="dimmed" lineClamp={2}>
        {hint}
      </Text>
    </Menu.RadioItem>
  )
  const take = (taken: string) => {
    const [route, skill] = taken.split(' ') as [Way['route'], string]
    choose({ route, skill })
  }
  return (
    <Menu position="top-start" width={320} withinPortal>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" rightSection={<IconChevronDown size={14} aria-hidden />} styles={{ label: { maxWidth: '10rem' } }}>
          {t.way(chosen)}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah="50vh" style={{ overflowY: 'auto' }}>
        <Menu.RadioGroup value={`${value.route} ${value.skill}`} onChange={take}>
          {(['', 'chat', 'task', 'app'] as const).map((route) => item(route, '', t.ways[route].name, t.ways[route].hint))}
          {enabled.length > 0 && <Menu.Label>{t.skills}</Menu.Label>}
          {enabled.map((s) => item('skill', s.name, s.name, s.description))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  )
}
