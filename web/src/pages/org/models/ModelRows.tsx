import { ActionIcon, Box, Button, Group, NumberInput, Text, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { text } from '../../../text'
import type { Draft } from './provider'

/** The models that a provider lists, with what each costs. */
export function ModelRows({ value, change }: { value: Draft['models']; change: (models: Draft['models']) => void }) {
  const t = text.org.models.form
  const set = (i: number, to: Partial<Draft['models'][number]>) => change(value.map((m, n) => (n === i ? { ...m, ...to } : m)))
  return (
    <Box role="group" aria-label={t.models}>
      <Text size="sm" fw={500}>
        {t.models}
      </Text>
      <Text size="xs" c="dimmed" mb={4}>
        {t.modelsHint} {value.length > 0 && t.priceHint}
      </Text>
      {value.map((m, i) => (
        <Group key={i} gap="xs" mb={6} align="flex-end">
          <TextInput label={t.model} size="xs" value={m.name} onChange={(e) => set(i, { name: e.currentTarget.value })} style={{ flex: '2 1 10rem' }} maxLength={200} />
          <NumberInput label={t.input} size="xs" value={m.input} onChange={(v) => set(i, { input: v })} min={0} decimalScale={6} hideControls style={{ flex: '1 1 6rem' }} />
          <NumberInput label={t.output} size="xs" value={m.output} onChange={(v) => set(i, { output: v })} min={0} decimalScale={6} hideControls style={{ flex: '1 1 6rem' }} />
          <ActionIcon variant="subtle" color="gray" aria-label={t.removeModel(i + 1)} onClick={() => change(value.filter((_, n) => n !== i))}>
            <IconX size={16} />
          </ActionIcon>
        </Group>
      ))}
      <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => change([...value, { name: '', input: '', output: '' }])}>
        {t.addModel}
      </Button>
    </Box>
  )
}
