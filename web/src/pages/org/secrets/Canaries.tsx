import { Button, Table, Text, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Canary } from '../../../api/schema'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { ShownOnce } from '../../../ui/Copyable'
import { Dialog, DialogForm } from '../../../ui/Dialog'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { RowAction, Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { useMembers } from '../directory'

const lists = ['/v1/canaries']

/** Texts that were put where nobody has a reason to take them from. */
export function Canaries() {
  const t = text.org.secrets.canaries
  const write = useMay()('redact.write')
  const members = useMembers()
  const query = useApi().query.useQuery('get', '/v1/canaries')
  const remove = useSend('delete', '/v1/canaries/{canary}', lists)
  const [making, make] = useState(false)
  const [removing, setRemoving] = useState<Canary | null>(null)
  return (
    <Section
      title={t.title}
      lead={t.lead}
      plain
      actions={
        write && (
          <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => make(true)}>
            {t.add}
          </Button>
        )
      }
    >
      <Loaded query={query} lines={1}>
        {(all) =>
          (all ?? []).length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.none}
            </Text>
          ) : (
            <Rows label={t.title} head={[t.name, t.by, t.made, '']} minWidth={420}>
              {(all ?? []).map((c) => (
                <Table.Tr key={c.id}>
                  <Table.Td className="words">{c.name}</Table.Td>
                  <Table.Td className="words">{members.name(c.by.id)}</Table.Td>
                  <Table.Td style={{ whiteSpace: 'nowrap' }}>
                    <Moment at={c.created} />
                  </Table.Td>
                  <Table.Td ta="right">{write && <RowAction icon={IconTrash} danger label={t.remove(c.name)} act={() => setRemoving(c)} />}</Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          )
        }
      </Loaded>
      <Dialog about={making} title={t.addTitle} close={() => make(false)}>
        {() => <NewCanary close={() => make(false)} />}
      </Dialog>
      <Confirm opened={!!removing} close={() => setRemoving(null)} title={t.removeTitle(removing?.name ?? '')} action={text.common.remove} act={() => remove.mutateAsync({ params: { path: { canary: removing!.id } } })}>
        {t.removeText}
      </Confirm>
    </Section>
  )
}

function NewCanary({ close }: { close: () => void }) {
  const t = text.org.secrets.canaries
  const [name, setName] = useState('')
  const send = useSend('post', '/v1/canaries', lists)
  if (send.data) return <ShownOnce label={t.text} value={send.data.text} note={t.once} close={close} />
  return (
    <DialogForm action={text.common.create} close={close} busy={send.isPending} error={send.error} submit={() => send.mutate({ body: { name } })}>
      <TextInput label={t.name} description={t.nameHint} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
    </DialogForm>
  )
}
