import { Button, Menu, ScrollArea } from '@mantine/core'
import { IconCheck, IconChevronDown } from '@tabler/icons-react'
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
  const item = (way: Way, name: string, hint: string) => {
    const is = way.route === value.route && way.skill === value.skill
    return (
      <Menu.Item key={`${way.route} ${way.skill}`} role="menuitemradio" aria-checked={is} onClick={() => choose(way)} rightSection={is && <IconCheck size={16} aria-hidden />}>
        <span className="words">{name}</span>
        <div style={{ fontSize: 'var(--mantine-font-size-xs)', color: 'var(--mantine-color-dimmed)', display: '-webkit-box', WebkitLineClamp: 2, WebkitBoxOrient: 'vertical', overflow: 'hidden' }}>{hint}</div>
      </Menu.Item>
    )
  }
  return (
    <Menu position="top-start" width={320} withinPortal>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" rightSection={<IconChevronDown size={14} aria-hidden />} styles={{ label: { maxWidth: '10rem' } }}>
          {t.way(chosen)}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <ScrollArea.Autosize mah="50vh">
          {(['', 'chat', 'task', 'app'] as const).map((route) => item({ route, skill: '' }, t.ways[route].name, t.ways[route].hint))}
          {enabled.length > 0 && <Menu.Label>{t.skills}</Menu.Label>}
          {enabled.map((s) => item({ route: 'skill', skill: s.name }, s.name, s.description))}
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  )
}
