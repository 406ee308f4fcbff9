import { Checkbox, MultiSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Webhook } from '../../../api/schema'
import { text } from '../../../text'
import { ShownOnce } from '../../../ui/Copyable'
import { DialogForm } from '../../../ui/Dialog'

export const lists = ['/v1/webhooks', '/v1/webhooks/{webhook}/deliveries']

/** Adds a webhook, whose secret is shown once, or changes one. */
export function HookForm({ from, all, close }: { from?: Webhook; all: Webhook[]; close: () => void }) {
  const t = text.org.webhooks
  const may = useMay()
  const [url, setUrl] = useState(from?.url ?? '')
  const [types, setTypes] = useState<string[]>(from?.types ?? [])
  const [prompts, setPrompts] = useState(from?.prompts ?? false)
  const [enabled, setEnabled] = useState(!from?.disabled)
  const [note, setNote] = useState(from?.note ?? '')
  const known = useApi().query.useQuery('get', '/v1/notifications/choices', {}, { enabled: may('notify.read') }).data ?? []
  const add = useSend('post', '/v1/webhooks', lists)
  const put = useSend('put', '/v1/webhooks/{webhook}', lists)
  if (add.data) return <ShownOnce label={t.secret} value={add.data.secret} note={t.once} close={close} />
  const submit = () => {
    const body = { url: url.trim(), types, prompts, note, disabled: !enabled }
    if (!from) return add.mutate({ body })
    const revision = all.find((h) => h.id === from.id)?.revision ?? from.revision
    put.mutate({ params: { path: { webhook: from.id }, header: { 'If-Match': `"${revision}"` } }, body }, { onSuccess: close })
  }
  return (
    <DialogForm action={from ? text.common.save : text.common.add} close={close} busy={add.isPending || put.isPending} error={add.error ?? put.error} submit={submit}>
      <TextInput label={t.url} description={t.urlHint} type="url" value={url} onChange={(e) => setUrl(e.currentTarget.value)} required maxLength={2000} data-autofocus />
      <MultiSelect label={t.types} description={t.typesHint} data={[...new Set([...known.map((k) => k.type), ...types])]} value={types} onChange={setTypes} clearable clearButtonProps={{ 'aria-label': text.common.clear }} />
      <Checkbox label={t.prompts} description={t.promptsHint} checked={prompts} onChange={(e) => setPrompts(e.currentTarget.checked)} />
      {from && <Checkbox label={t.enabled} checked={enabled} onChange={(e) => setEnabled(e.currentTarget.checked)} />}
      <TextInput label={t.note} value={note} onChange={(e) => setNote(e.currentTarget.value)} maxLength={200} />
    </DialogForm>
  )
}
