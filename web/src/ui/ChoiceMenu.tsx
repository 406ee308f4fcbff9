import { Button, Menu, Text } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'

export interface Choice {
  value: string
  label: string
  hint?: string
}

/** One of several, by a small button that says which; `more` are below a heading of their own. */
export function ChoiceMenu({ label, value, choose, choices, more }: { label: (chosen: string) => string; value: string; choose: (value: string) => void; choices: readonly Choice[]; more?: { label: string; choices: readonly Choice[] } }) {
  const item = (c: Choice) => (
    <Menu.RadioItem key={c.value} value={c.value} closeMenuOnClick>
      <span className="words">{c.label}</span>
      {c.hint && (
        <Text size="xs" c="dimmed" lineClamp={2}>
          {c.hint}
        </Text>
      )}
    </Menu.RadioItem>
  )
  const chosen = [...choices, ...(more?.choices ?? [])].find((c) => c.value === value)?.label ?? value
  return (
    <Menu position="bottom-start" width={320} withinPortal>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-sm" rightSection={<IconChevronDown size={14} aria-hidden />} styles={{ label: { maxWidth: '12rem' } }}>
          {label(chosen)}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah="50vh" style={{ overflowY: 'auto' }}>
        <Menu.RadioGroup value={value} onChange={choose}>
          {choices.map(item)}
          {more && more.choices.length > 0 && <Menu.Label>{more.label}</Menu.Label>}
          {more?.choices.map(item)}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  )
}
