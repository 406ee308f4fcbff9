import { Button, Group, NumberInput, Progress, Select, Table, Text, TextInput } from '@mantine/core'
import { IconPencil, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Budget } from '../../../api/schema'
import { text } from '../../../text'
import { credits } from '../../../text/format'
import { Confirm } from '../../../ui/confirm'
import { Dialog, DialogForm } from '../../../ui/Dialog'
import { Loaded } from '../../../ui/Loaded'
import { RowAction, Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { done } from '../../../ui/told'
import { useProjects } from '../directory'

const lists = ['/v1/budgets', '/v1/credits']
type Kind = 'org' | 'project' | 'key' | 'task'

/** What may be used by whom, and how much of it is. */
export function Budgets() {
  const t = text.org.credits.budgets
  const api = useApi()
  const may = useMay()('budget.write')
  const query = api.query.useQuery('get', '/v1/budgets')
  const remove = useSend('delete', '/v1/budgets', lists)
  const [setting, set] = useState<Budget | 'new' | null>(null)
  const [removing, setRemoving] = useState<Budget | null>(null)
  const named = useNamed()
  return (
    <Section
      title={t.title}
      lead={t.lead}
      actions={
        may && (
          <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => set('new')}>
            {t.set}
          </Button>
        )
      }
      plain
    >
      <Loaded query={query} lines={2}>
        {(all) =>
          (all ?? []).length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.none}
            </Text>
          ) : (
            <Rows label={t.title} head={[t.of, t.used, t.left, t.window, '']}>
              {(all ?? []).map((b) => {
                const of = named(b.of)
                const percent = b.limit > 0 ? Math.min(100, Math.round(((b.used + b.held) / b.limit) * 100)) : 100
                return (
                  <Table.Tr key={`${b.of} ${b.period}`}>
                    <Table.Td className="words">{of}</Table.Td>
                    <Table.Td miw={180}>
                      <Text size="sm">
                        {t.usedOf(credits(b.used), credits(b.limit))}
                        {b.held > 0 && ` · ${t.heldToo(credits(b.held))}`}
                      </Text>
                      <Progress value={percent} color={percent >= 100 ? 'red' : percent >= 80 ? 'orange' : 'violet'} aria-label={t.percent(percent, of)} size="sm" mt={4} />
                    </Table.Td>
                    <Table.Td>{credits(b.left)}</Table.Td>
                    <Table.Td style={{ whiteSpace: 'nowrap' }}>{t.windows[b.window]}</Table.Td>
                    <Table.Td>
                      {may && (
                        <Group gap={4} justify="flex-end" wrap="nowrap">
                          <RowAction icon={IconPencil} label={t.change(of)} act={() => set(b)} />
                          <RowAction icon={IconTrash} danger label={t.remove(of)} act={() => setRemoving(b)} />
                        </Group>
                      )}
                    </Table.Td>
                  </Table.Tr>
                )
              })}
            </Rows>
          )
        }
      </Loaded>
      <Dialog about={setting} title={t.set} close={() => set(null)}>
        {(b) => <SetBudget from={b === 'new' ? undefined : b} close={() => set(null)} />}
      </Dialog>
      <Confirm opened={!!removing} close={() => setRemoving(null)} title={t.removeTitle(named(removing?.of ?? ''))} action={text.common.remove} act={() => remove.mutateAsync({ params: { query: { of: removing!.of } } })}>
        {t.removeText}
      </Confirm>
    </Section>
  )
}

/** What a budget is of, in words. */
function useNamed(): (of: string) => string {
  const t = text.org.credits.budgets
  const projects = useProjects()
  const keys = useKeys()
  return (of) => {
    const [kind, id = ''] = of.split('/')
    if (kind === 'org') return t.org
    if (kind === 'project') return `${t.which.project}: ${projects.name(id)}`
    if (kind === 'key') return `${t.which.key}: ${keys.find((k) => k.id === id)?.name ?? id}`
    return `${t.task}: ${id}`
  }
}

function useKeys() {
  const may = useMay()
  return useApi().query.useQuery('get', '/v1/api-keys', { params: { query: { limit: 100 } } }, { enabled: may('key.read'), staleTime: 60_000 }).data?.items ?? []
}

function SetBudget({ from, close }: { from?: Budget; close: () => void }) {
  const t = text.org.credits.budgets
  const [was, id = ''] = (from?.of ?? 'org').split('/')
  const [kind, setKind] = useState(was as Kind)
  const [which, setWhich] = useState(id)
  const [limit, setLimit] = useState<string | number>(from ? from.limit / 1e6 : '')
  const [window, setWindow] = useState<Budget['window']>(from?.window ?? 'month')
  const projects = useProjects()
  const keys = useKeys()
  const send = useSend('put', '/v1/budgets', lists)
  const submit = () =>
    send.mutate({ params: { query: { of: kind === 'org' ? 'org' : `${kind}/${which.trim()}` } }, body: { limit: Math.round(Number(limit) * 1e6), window } }, {
      onSuccess: () => {
        done(t.done)
        close()
      },
    })
  const kinds = (['org', 'project', 'key', 'task'] as const).map((value) => ({ value, label: t[value] }))
  return (
    <DialogForm action={text.common.save} close={close} busy={send.isPending} error={send.error} disabled={kind !== 'org' && !which} submit={submit}>
      <Select
        label={t.what}
        data={kinds}
        value={kind}
        disabled={!!from}
        allowDeselect={false}
        onChange={(v) => {
          setKind(v as Kind)
          setWhich('')
        }}
      />
      {kind === 'project' && <Select label={t.which.project} data={projects.options} value={which} onChange={(v) => setWhich(v ?? '')} disabled={!!from} required />}
      {kind === 'key' && <Select label={t.which.key} searchable data={keys.map((k) => ({ value: k.id, label: `${k.name} (${k.id})` }))} value={which} onChange={(v) => setWhich(v ?? '')} disabled={!!from} required />}
      {kind === 'task' && <TextInput label={t.which.task} value={which} onChange={(e) => setWhich(e.currentTarget.value)} disabled={!!from} required />}
      <NumberInput label={t.limit} value={limit} onChange={setLimit} min={0} decimalScale={6} hideControls required />
      <Select label={t.window} data={(['month', 'day', 'none'] as const).map((value) => ({ value, label: t.windows[value] }))} value={window} onChange={(v) => setWindow(v as Budget['window'])} allowDeselect={false} />
    </DialogForm>
  )
}
