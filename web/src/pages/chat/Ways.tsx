import { useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { NewMessage } from '../../api/schema'
import { text } from '../../text'
import { ChoiceMenu } from '../../ui/ChoiceMenu'

/** What a message wants: "" is found out, a skill is named besides. */
export interface Way {
  route: NonNullable<NewMessage['route']>
  skill: string
}

export const anyWay: Way = { route: '', skill: '' }

const valueOf = ({ route, skill }: Way): string => `${route} ${skill}`

/** By what the next message is to be answered. */
export function Ways({ value, choose }: { value: Way; choose: (way: Way) => void }) {
  const t = text.chat.composer
  const skills = useApi().query.useQuery('get', '/v1/skills', {}, { enabled: useMay()('skill.read'), staleTime: 60_000 })
  const enabled = (skills.data ?? []).filter((s) => s.enabled && !s.hidden)
  const take = (taken: string) => {
    const [route, skill] = taken.split(' ') as [Way['route'], string]
    choose({ route, skill })
  }
  return (
    <ChoiceMenu
      label={t.way}
      value={valueOf(value)}
      choose={take}
      choices={(['', 'chat', 'task', 'app'] as const).map((route) => ({ value: valueOf({ route, skill: '' }), label: t.ways[route].name, hint: t.ways[route].hint }))}
      more={{ label: t.skills, choices: enabled.map((s) => ({ value: valueOf({ route: 'skill', skill: s.name }), label: s.name, hint: s.description })) }}
    />
  )
}
