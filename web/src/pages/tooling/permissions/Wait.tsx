import { Button, Group, NumberInput, Select, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useMay } from '../../../api/me'
import { text } from '../../../text'
import { SaveNote } from '../../../ui/SaveNote'
import { Section } from '../../../ui/Section'
import { done } from '../../../ui/told'
import { usePolicy, type Now, type PolicyPath } from './policy'

const seconds = { minutes: 60, hours: 3600, days: 86_400 } as const
type Unit = keyof typeof seconds

/** For how long a task waits for a person. */
export function Wait({ path, now }: { path: PolicyPath; now: Now }) {
  const t = text.tooling.permissions.wait
  const may = useMay()('permission.write')
  const set = now.data.wait_seconds ?? 0
  const first: Unit = set % seconds.days === 0 ? 'days' : set % seconds.hours === 0 ? 'hours' : 'minutes'
  const [unit, setUnit] = useState<Unit>(set ? first : 'hours')
  const [amount, setAmount] = useState<number | string>(set ? set / seconds[first] : '')
  const { save, busy, error } = usePolicy(path, now)
  const wanted = Math.round((Number(amount) || 0) * seconds[unit])
  const wrong = wanted !== 0 && (wanted < 60 || wanted > 30 * seconds.days)
  return (
    <Section title={t.title} lead={t.lead}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          save({ wait_seconds: wanted }).then(
            () => done(t.saved),
            () => undefined, // shown below
          )
        }}
      >
        <Stack gap="sm">
          <Group align="flex-end" gap="sm">
            <NumberInput label={t.amount} min={0} w={140} value={amount} onChange={setAmount} disabled={!may} error={wrong} />
            <Select label={t.unit} w={130} allowDeselect={false} data={Object.entries(t.units).map(([value, label]) => ({ value, label }))} value={unit} onChange={(v) => setUnit(v as Unit)} disabled={!may} />
            {may && (
              <Button type="submit" loading={busy} disabled={wrong || wanted === set}>
                {text.common.save}
              </Button>
            )}
          </Group>
          <Text size="xs" c={wrong ? 'var(--mantine-color-error)' : 'dimmed'}>
            {t.hint}
          </Text>
          <SaveNote error={error} />
        </Stack>
      </form>
    </Section>
  )
}
