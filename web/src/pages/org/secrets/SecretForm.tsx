import { Checkbox, NumberInput, PasswordInput, Select, SimpleGrid, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import type { NewSecret, Secret } from '../../../api/schema'
import { text } from '../../../text'
import { DialogForm } from '../../../ui/Dialog'
import { done } from '../../../ui/told'
import { lists } from './SecretList'

type Kind = NewSecret['kind']

/** Keeps a new secret, or changes one. What is typed as its value is sent once, and never shown. */
export function SecretForm({ from, close }: { from?: Secret; close: () => void }) {
  const t = text.org.secrets
  const [name, setName] = useState(from?.name ?? '')
  const [kind, setKind] = useState<Kind>((from?.kind as Kind | undefined) ?? 'token')
  const [shared, setShared] = useState(from ? !from.project : false)
  const [value, setValue] = useState('')
  const [user, setUser] = useState('')
  const [header, setHeader] = useState('')
  const [passphrase, setPassphrase] = useState('')
  const [hosts, setHosts] = useState((from?.hosts ?? []).join('\n'))
  const [rotate, setRotate] = useState<string | number>(from?.rotate_days ?? 0)
  const [grace, setGrace] = useState<string | number>(from?.grace_hours ?? 0)
  const [note, setNote] = useState(from?.note ?? '')
  const send = useSend('put', '/v1/secrets/{secret}', lists)
  const submit = () => {
    const body: NewSecret = {
      kind, note, hosts: hosts.split(/\s+/).filter(Boolean), rotate_days: Number(rotate) || 0, grace_hours: Number(grace) || 0,
      ...(value && { value, ...(kind === 'basic' && { user }), ...(kind === 'header' && { header }), ...(kind === 'ssh_key' && passphrase && { passphrase }) }),
    }
    send.mutate({ params: { path: { secret: name }, query: { shared }, ...(from && { header: { 'If-Match': `"${from.revision}"` } }) }, body }, {
      onSuccess: () => {
        done(t.saved(name))
        close()
      },
    })
  }
  const long = kind === 'ssh_key' || kind === 'text'
  const valueProps = { label: from ? t.valueNew : t.value, description: from ? t.valueKeep : undefined, value, required: !from, autoComplete: 'off', maxLength: 65536 }
  return (
    <DialogForm action={text.common.save} close={close} busy={send.isPending} error={send.error} submit={submit}>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <TextInput label={t.name} description={t.nameHint} value={name} onChange={(e) => setName(e.currentTarget.value)} disabled={!!from} required maxLength={64} data-autofocus autoComplete="off" />
        <Select label={t.kind} description=" " data={(['token', 'basic', 'header', 'ssh_key', 'text'] as const).map((k) => ({ value: k, label: t.kinds[k] }))} value={kind} onChange={(k) => setKind(k as Kind)} allowDeselect={false} disabled={!!from} />
      </SimpleGrid>
      <Checkbox label={t.sharedField} checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} disabled={!!from} />
      {kind === 'basic' && <TextInput label={t.user} value={user} onChange={(e) => setUser(e.currentTarget.value)} required={!from || !!value} autoComplete="off" />}
      {kind === 'header' && <TextInput label={t.header} value={header} onChange={(e) => setHeader(e.currentTarget.value)} required={!from || !!value} placeholder="X-Api-Key" autoComplete="off" />}
      {long ? <Textarea {...valueProps} onChange={(e) => setValue(e.currentTarget.value)} autosize minRows={3} maxRows={10} spellCheck={false} /> : <PasswordInput {...valueProps} onChange={(e) => setValue(e.currentTarget.value)} />}
      {kind === 'ssh_key' && <PasswordInput label={t.passphrase} value={passphrase} onChange={(e) => setPassphrase(e.currentTarget.value)} autoComplete="off" />}
      <Textarea label={t.hosts} description={from ? `${t.hostsHint} ${t.hostsFewer}` : t.hostsHint} value={hosts} onChange={(e) => setHosts(e.currentTarget.value)} autosize minRows={2} spellCheck={false} />
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <NumberInput label={t.rotate} description={t.rotateHint} value={rotate} onChange={setRotate} min={0} max={3650} hideControls />
        <NumberInput label={t.grace} description={t.graceHint} value={grace} onChange={setGrace} min={0} max={2160} hideControls />
      </SimpleGrid>
      <TextInput label={t.note} value={note} onChange={(e) => setNote(e.currentTarget.value)} maxLength={300} />
    </DialogForm>
  )
}
