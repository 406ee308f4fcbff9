import { Badge, Button, Group, Table, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay, useMe } from '../../api/me'
import { text } from '../../text'
import { Confirm } from '../../ui/confirm'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { Loaded } from '../../ui/Loaded'
import { Rows } from '../../ui/Rows'
import { Section } from '../../ui/Section'
import { done, failed } from '../../ui/told'

type Role = keyof typeof text.common.role

/** The orgs that one is in. */
export function Orgs() {
  const t = text.account.orgs
  const me = useMe()
  const may = useMay()
  const query = useApi().query.useQuery('get', '/v1/orgs')
  const enter = useSend('post', '/v1/session/enter')
  const leave = useSend('post', '/v1/org/leave')
  const [opening, open] = useState(false)
  const [leaving, setLeaving] = useState('')
  const go = (org: string) =>
    enter.mutate({ body: { org } }, {
      onSuccess: () => {
        new BroadcastChannel('isekai-org').postMessage(org) // the other tabs go along
        location.assign('/')
      },
      onError: failed,
    })
  return (
    <Section
      title={t.title}
      lead={t.lead}
      plain
      actions={
        may('self') && (
          <Button size="xs" variant="default" onClick={() => open(true)}>
            {t.open}
          </Button>
        )
      }
    >
      <Loaded query={query} lines={2}>
        {(all) => (
          <Rows label={t.title} head={[text.org.members.org, text.org.members.role, '']} minWidth={360}>
            {(all ?? []).map((o) => (
              <Table.Tr key={o.id}>
                <Table.Td className="words">
                  <Text size="sm" fw={500}>
                    {o.name}
                  </Text>
                </Table.Td>
                <Table.Td>{o.role ? (text.common.role[o.role as Role] ?? o.role) : ''}</Table.Td>
                <Table.Td>
                  <Group gap="xs" justify="flex-end" wrap="nowrap">
                    {o.id === me.org ? (
                      <>
                        <Badge variant="light">{t.here}</Badge>
                        <Button size="compact-xs" variant="default" onClick={() => setLeaving(o.name)}>
                          {t.leave}
                        </Button>
                      </>
                    ) : (
                      <Button size="compact-xs" variant="default" aria-label={t.enterOf(o.name)} loading={enter.isPending} onClick={() => go(o.id)}>
                        {t.enter}
                      </Button>
                    )}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Rows>
        )}
      </Loaded>
      <Dialog about={opening} title={t.openTitle} close={() => open(false)}>
        {() => <Open close={() => open(false)} />}
      </Dialog>
      <Confirm
        opened={!!leaving}
        close={() => setLeaving('')}
        title={t.leaveTitle(leaving)}
        action={t.leave}
        act={async () => {
          await leave.mutateAsync({})
          location.assign('/') // nothing of the org stays in memory
        }}
      >
        {t.leaveText}
      </Confirm>
    </Section>
  )
}

function Open({ close }: { close: () => void }) {
  const t = text.account.orgs
  const [name, setName] = useState('')
  const send = useSend('post', '/v1/orgs', ['/v1/orgs'])
  const submit = () =>
    send.mutate({ body: { name } }, {
      onSuccess: () => {
        done(t.opened(name))
        close()
      },
    })
  return (
    <DialogForm action={text.common.create} close={close} busy={send.isPending} error={send.error} submit={submit}>
      <TextInput label={t.name} description={t.openHint} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
    </DialogForm>
  )
}
