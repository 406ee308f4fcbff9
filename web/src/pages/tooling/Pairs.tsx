import { ActionIcon, Autocomplete, Button, Fieldset, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { text } from '../../text'

export type Pair = readonly [name: string, value: string]

export const pairsOf = (record: Record<string, string> | undefined): Pair[] => Object.entries(record ?? {})

/** What was entered, without lines that are empty. */
export const recordOf = (pairs: readonly Pair[]): Record<string, string> => Object.fromEntries(pairs.flatMap(([name, value]) => (name.trim() ? [[name.trim(), value]] : [])))

/** Names with a value each, as many as wanted. */
export function Pairs({ legend, hint, name, value, add, pairs, onChange, options, most = 64, error }: {
  legend: string
  hint: string
  name: string
  value: string
  add: string
  pairs: readonly Pair[]
  onChange: (pairs: Pair[]) => void
  /** What values there are to choose from; others can be entered. */
  options?: string[]
  most?: number
  error?: string | undefined
}) {
  const put = (at: number, pair: Pair) => onChange(pairs.map((p, i) => (i === at ? pair : p)))
  return (
    <Fieldset legend={legend}>
      <Stack gap="xs">
        <Text size="xs" c="dimmed">
          {hint}
        </Text>
        {pairs.map(([n, v], i) => (
          <Group key={i} gap="xs" wrap="nowrap" align="flex-end">
            <TextInput aria-label={`${name} ${i + 1}`} placeholder={name} value={n} onChange={(e) => put(i, [e.currentTarget.value, v])} style={{ flex: 1, minWidth: 0 }} spellCheck={false} />
            {options ? (
              <Autocomplete aria-label={`${value} ${i + 1}`} placeholder={value} data={options} limit={50} value={v} onChange={(next) => put(i, [n, next])} style={{ flex: 1, minWidth: 0 }} />
            ) : (
              <TextInput aria-label={`${value} ${i + 1}`} placeholder={value} value={v} onChange={(e) => put(i, [n, e.currentTarget.value])} style={{ flex: 1, minWidth: 0 }} spellCheck={false} />
            )}
            <ActionIcon variant="subtle" color="red" size={36} aria-label={`${text.common.remove} ${n || `${name} ${i + 1}`}`} onClick={() => onChange(pairs.filter((_, at) => at !== i))}>
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
        {error && (
          <Text size="xs" c="var(--mantine-color-error)" role="alert">
            {error}
          </Text>
        )}
        {pairs.length < most && (
          <Group>
            <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...pairs, ['', '']])}>
              {add}
            </Button>
          </Group>
        )}
      </Stack>
    </Fieldset>
  )
}
