import { ActionIcon, Autocomplete, Button, Checkbox, Group, NumberInput, Stack, Textarea, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import type { ModelRoute } from '../../../api/schema'
import { text } from '../../../text'
import { DialogForm } from '../../../ui/Dialog'
import { at, lists, type Of } from './of'

interface Leg {
  provider: string
  model: string
  weight: string | number
  tier: string | number
}

/** Makes a route, or changes one. Tiers count from 1 here, from 0 in the API. */
export function RouteForm({ of, from, all, close }: { of: Of; from?: ModelRoute; all: ModelRoute[]; close: () => void }) {
  const t = text.org.models.routes
  const providers = useApi().query.useQuery('get', at(of, '/v1/gateway/providers')).data ?? []
  const [name, setName] = useState(from?.name ?? '')
  const [sticky, setSticky] = useState(from?.sticky ?? false)
  const [note, setNote] = useState(from?.note ?? '')
  const [legs, setLegs] = useState<Leg[]>(() => (from?.targets ?? [{ provider: '', model: '' }]).map((x) => ({ provider: x.provider, model: x.model, weight: x.weight || 1, tier: (x.tier ?? 0) + 1 })))
  const put = useSend('put', at(of, '/v1/gateway/routes'), lists)
  const set = (i: number, to: Partial<Leg>) => setLegs(legs.map((x, n) => (n === i ? { ...x, ...to } : x)))
  const submit = () => {
    const revision = all.find((r) => r.owner === of && r.name === name)?.revision
    const targets = legs.filter((x) => x.provider && x.model).map((x) => ({ provider: x.provider.trim(), model: x.model.trim(), weight: Number(x.weight) || 1, tier: Math.max(0, (Number(x.tier) || 1) - 1) }))
    put.mutate({ params: { query: { name }, ...(from && revision ? { header: { 'If-Match': `"${revision}"` } } : {}) }, body: { targets, sticky, note } }, { onSuccess: close })
  }
  return (
    <DialogForm action={text.common.save} close={close} busy={put.isPending} error={put.error} submit={submit}>
      <TextInput label={t.name} value={name} onChange={(e) => setName(e.currentTarget.value)} disabled={!!from} required maxLength={200} data-autofocus />
      <Stack gap={6} role="group" aria-label={t.targets}>
        {legs.map((x, i) => (
          <Group key={i} gap="xs" align="flex-end">
            <Autocomplete label={t.nth(t.provider, i + 1)} size="xs" data={[...new Set(providers.map((p) => p.name))]} value={x.provider} onChange={(provider) => set(i, { provider })} style={{ flex: '1 1 8rem' }} required maxLength={40} />
            <Autocomplete label={t.nth(t.model, i + 1)} size="xs" data={[...new Set(providers.find((p) => p.name === x.provider)?.models?.map((m) => m.name) ?? [])]} value={x.model} onChange={(model) => set(i, { model })} style={{ flex: '2 1 9rem' }} required maxLength={200} />
            <NumberInput label={t.nth(t.weight, i + 1)} size="xs" w={76} value={x.weight} onChange={(weight) => set(i, { weight })} min={1} max={1000} hideControls />
            <NumberInput label={t.nth(t.tier, i + 1)} size="xs" w={64} value={x.tier} onChange={(tier) => set(i, { tier })} min={1} max={8} hideControls />
            <ActionIcon variant="subtle" color="gray" aria-label={t.removeTarget(i + 1)} disabled={legs.length === 1} onClick={() => setLegs(legs.filter((_, n) => n !== i))}>
              <IconX size={16} />
            </ActionIcon>
          </Group>
        ))}
      </Stack>
      <Group>
        <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setLegs([...legs, { provider: '', model: '', weight: 1, tier: Number(legs.at(-1)?.tier) || 1 }])}>
          {t.addTarget}
        </Button>
      </Group>
      <Checkbox label={t.sticky} description={t.stickyHint} checked={sticky} onChange={(e) => setSticky(e.currentTarget.checked)} />
      <Textarea label={t.note} value={note} onChange={(e) => setNote(e.currentTarget.value)} maxLength={500} autosize />
    </DialogForm>
  )
}
