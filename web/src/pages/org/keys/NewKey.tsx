import { NumberInput, Select, SimpleGrid, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import { useMe } from '../../../api/me'
import type { MadeKey, NewKey as Wanted } from '../../../api/schema'
import { text } from '../../../text'
import { Copyable, ShownOnce } from '../../../ui/Copyable'
import { DialogForm } from '../../../ui/Dialog'
import { useMembers, useProjects } from '../directory'
import { type Role, roles } from '../PlaceFields'
import { ScopeFields } from './ScopeFields'

const lists = ['/v1/api-keys', '/v1/me/keys', '/v1/budgets']
const day = 86_400_000

/** Makes a key of one's own or, if `services`, of a service of the org, and shows it once. */
export function NewKey({ services, close }: { services: boolean; close: () => void }) {
  const t = text.org.keys
  const me = useMe()
  const projects = useProjects()
  const members = useMembers()
  const [name, setName] = useState('')
  const [of, setOf] = useState(me.user)
  const [scopes, setScopes] = useState<string[]>(me.org === 'org_installation' ? ['operate:read'] : ['tasks:read', 'tasks:write', 'apps:read'])
  const [role, setRole] = useState<string | null>(null)
  const [project, setProject] = useState<string | null>(null)
  const [days, setDays] = useState('90')
  const [budget, setBudget] = useState<string | number>('')
  const own = useSend('post', '/v1/me/keys', lists)
  const others = useSend('post', '/v1/api-keys', lists)
  const [made, setMade] = useState<MadeKey | null>(null)
  if (made) return <Made made={made} close={close} />
  const submit = () => {
    if (scopes.length === 0) return
    const body: Wanted = { name, scopes, ...(role && { role: role as Role }), ...(project && { project }), ...(days !== '0' && { expires: new Date(Date.now() + Number(days) * day).toISOString() }), ...(Number(budget) > 0 && { budget: Math.round(Number(budget) * 1e6) }) }
    if (of === me.user) own.mutate({ body }, { onSuccess: setMade })
    else others.mutate({ body: { ...body, service: of } }, { onSuccess: setMade })
  }
  const whose = [{ value: me.user, label: t.mine }, ...members.all.filter((m) => m.user.service).map((m) => ({ value: m.user.id, label: m.user.name }))]
  return (
    <DialogForm action={text.common.create} close={close} busy={own.isPending || others.isPending} error={own.error ?? others.error} submit={submit}>
      <TextInput label={t.name} description={t.nameHint} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
      {services && <Select label={t.of} description={t.ofHint} data={whose} value={of} onChange={(v) => v && setOf(v)} allowDeselect={false} />}
      <ScopeFields value={scopes} change={setScopes} error={scopes.length === 0 ? t.noScope : undefined} />
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        <Select label={t.expires} data={[...[1, 7, 30, 90, 365].map((n) => ({ value: String(n), label: t.inDays(n) })), { value: '0', label: t.never }]} value={days} onChange={(v) => v && setDays(v)} allowDeselect={false} />
        <Select label={t.role} placeholder={t.anyRole} clearable data={roles.map((r) => ({ value: r, label: text.common.role[r] }))} value={role} onChange={setRole} clearButtonProps={{ 'aria-label': text.common.clear }} />
        <Select label={t.project} placeholder={text.org.allProjects} clearable data={projects.options} value={project} onChange={setProject} clearButtonProps={{ 'aria-label': text.common.clear }} />
        <NumberInput label={t.budget} value={budget} onChange={setBudget} min={0} decimalScale={6} hideControls placeholder={text.common.none} />
      </SimpleGrid>
    </DialogForm>
  )
}

function Made({ made, close }: { made: MadeKey; close: () => void }) {
  const t = text.org.keys
  return (
    <ShownOnce label={t.key} value={made.text} note={t.once} close={close}>
      <Copyable label={t.try} value={example(made)} />
    </ShownOnce>
  )
}

/** A command that shows the key at work. */
function example(made: MadeKey): string {
  const head = `-H 'Authorization: Bearer ${made.text}'`
  const has = (scope: string) => (made.scopes ?? []).includes(scope)
  if (has('models:use')) return `curl ${location.origin}/v1/models ${head}`
  if (has('tasks:read')) return `curl ${location.origin}/v1/tasks ${head}`
  return `curl ${location.origin}/v1/me ${head}`
}
