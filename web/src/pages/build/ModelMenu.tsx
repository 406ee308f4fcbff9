import { Button, Menu } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import { text } from '../../text'

/** The planner's name as a model. */
const planner = 'blueprint'

/** Which model works; "" leaves it to the server. */
export function ModelMenu({ value, choose }: { value: string; choose: (model: string) => void }) {
  const t = text.build.model
  const models = useApi().query.useQuery('get', '/v1/models', {}, { enabled: useMay()('model.use'), staleTime: 60_000 })
  const names = (models.data?.data ?? []).map((m) => m.id).filter((id) => id !== planner)
  const options: { value: string; label: string; hint?: string }[] = [
    { value: '', label: t.automatic, hint: t.automaticHint },
    ...names.map((name) => ({ value: name, label: name })),
    { value: planner, label: t.planner, hint: t.plannerHint },
  ]
  const chosen = options.find((o) => o.value === value)?.label ?? value
  return (
    <Menu position="bottom-start" width={300} withinPortal>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" rightSection={<IconChevronDown size={14} aria-hidden />} styles={{ label: { maxWidth: '12rem' } }}>
          {t.choose(chosen)}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah="50vh" style={{ overflowY: 'auto' }}>
        <Menu.RadioGroup value={value} onChange={choose}>
          {options.map((o) => (
            <Menu.RadioItem key={o.value} value={o.value} closeMenuOnClick>
              <span className="words">{o.label}</span>
              {o.hint && <div style={{ fontSize: 'var(--mantine-font-size-xs)', color: 'var(--mantine-color-dimmed)' }}>{o.hint}</div>}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  )
}
