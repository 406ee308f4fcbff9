import { Checkbox, PasswordInput, Select, SimpleGrid, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { ModelProvider } from '../../../api/schema'
import { text } from '../../../text'
import { DialogForm } from '../../../ui/Dialog'
import { done } from '../../../ui/told'
import { ModelRows } from './ModelRows'
import { at, lists, type Of, useSecrets } from './of'
import { draftOf, hostsOf, wanted } from './provider'
import { ProviderMore } from './ProviderMore'

const secretLists = ['/v1/secrets', '/v1/installation/secrets']
const addressed = ['azure-openai', 'openai-compatible'] // kinds without a usual address

/** Makes a provider, or changes one. A key that is typed becomes a secret, which the provider names. */
export function ProviderForm({ of, from, all, close }: { of: Of; from?: ModelProvider; all: ModelProvider[]; close: () => void }) {
  const t = text.org.models.form
  const may = useMay()
  const [d, setDraft] = useState(() => draftOf(from))
  const [key, setKey] = useState('')
  const set = (change: Partial<typeof d>) => setDraft({ ...d, ...change })
  const secrets = useSecrets(of)
  const put = useSend('put', at(of, '/v1/gateway/providers/{provider}'), lists)
  const keep = useSend('put', '/v1/secrets/{secret}', secretLists)
  const keepForAll = useSend('put', '/v1/installation/secrets/{secret}', secretLists)
  const taken = !from && all.some((p) => p.owner === of && p.name === d.name)
  const submit = async () => {
    const credential = key ? d.credential || d.name : d.credential
    const body = { kind: 'token' as const, value: key, hosts: d.address.trim() ? hostsOf(d.address.trim()) : [] }
    if (key && of === 'org') await keep.mutateAsync({ params: { path: { secret: credential }, query: { shared: true } }, body })
    if (key && of === 'installation') await keepForAll.mutateAsync({ params: { path: { secret: credential } }, body })
    const revision = all.find((p) => p.owner === of && p.name === d.name)?.revision
    await put.mutateAsync({ params: { path: { provider: d.name }, ...(from && revision ? { header: { 'If-Match': `"${revision}"` } } : {}) }, body: wanted(d, credential, from) })
    done(text.org.models.providers.saved(d.name))
    close()
  }
  const mayKeep = of === 'installation' || may('secret.write')
  return (
    <DialogForm action={text.common.save} close={close} busy={put.isPending || keep.isPending || keepForAll.isPending} error={keep.error ?? keepForAll.error ?? put.error} disabled={taken} submit={() => void submit().catch(() => undefined)}>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <TextInput label={t.name} description={t.nameHint} value={d.name} onChange={(e) => set({ name: e.currentTarget.value })} disabled={!!from} required maxLength={40} error={taken ? t.taken : undefined} data-autofocus />
        <Select label={t.kind} description=" " data={Object.entries(t.kinds).map(([value, label]) => ({ value, label }))} value={d.kind} onChange={(v) => set({ kind: v as typeof d.kind })} allowDeselect={false} />
      </SimpleGrid>
      <TextInput label={t.address} description={addressed.includes(d.kind) ? t.addressNeeded : t.addressHint} value={d.address} onChange={(e) => set({ address: e.currentTarget.value })} required={addressed.includes(d.kind)} maxLength={500} placeholder="https://" autoComplete="off" />
      {d.kind === 'azure-openai' && <TextInput label={t.apiVersion} value={d.apiVersion} onChange={(e) => set({ apiVersion: e.currentTarget.value })} maxLength={40} />}
      {mayKeep && <PasswordInput label={t.key} description={d.credential ? t.keyKept(d.credential) : t.keyHint} value={key} onChange={(e) => setKey(e.currentTarget.value)} autoComplete="off" data-1p-ignore />}
      {!key && <Select label={t.secret} placeholder={t.noSecret} clearable searchable data={[...new Set([...secrets.map((s) => s.name), ...(d.credential ? [d.credential] : [])])]} value={d.credential || null} onChange={(v) => set({ credential: v ?? '' })} clearButtonProps={{ 'aria-label': text.common.clear }} />}
      <ModelRows value={d.models} change={(models) => set({ models })} />
      <Checkbox label={t.others} checked={d.others} onChange={(e) => set({ others: e.currentTarget.checked })} />
      <Checkbox label={t.off} checked={d.off} onChange={(e) => set({ off: e.currentTarget.checked })} />
      <ProviderMore of={of} value={d} change={set} />
    </DialogForm>
  )
}
