import { Button, Group, Paper, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay, useMe } from '../../../api/me'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { Dialog, DialogForm } from '../../../ui/Dialog'

/** What the org is called, and how one leaves it. */
export function Org() {
  const t = text.org.members
  const api = useApi()
  const me = useMe()
  const may = useMay()
  const query = api.query.useQuery('get', '/v1/org')
  const leave = useSend('post', '/v1/org/leave')
  const [renaming, rename] = useState('')
  const [leaving, setLeaving] = useState(false)
  const name = query.data?.name ?? ''
  return (
    <Paper withBorder radius="md" p="md" mb="xl">
      <Group justify="space-between" gap="sm">
        <div style={{ minWidth: 0 }}>
          <Text fw={600} className="words">
            {name}
          </Text>
          <Text size="sm" c="dimmed">
            {t.yourRole(text.common.role[me.role])}
          </Text>
        </div>
        <Group gap="xs">
          {may('org.write') && (
            <Button variant="default" size="xs" onClick={() => rename(name)}>
              {t.rename}
            </Button>
          )}
          <Button variant="default" size="xs" onClick={() => setLeaving(true)}>
            {t.leave}
          </Button>
        </Group>
      </Group>
      <Dialog about={renaming} title={t.renameTitle} close={() => rename('')}>
        {(from) => <Rename from={from} close={() => rename('')} />}
      </Dialog>
      <Confirm
        opened={leaving}
        close={() => setLeaving(false)}
        title={t.leaveTitle(name)}
        action={t.leave}
        act={async () => {
          await leave.mutateAsync({})
          location.assign('/') // nothing of the org stays in memory
        }}
      >
        {t.leaveText}
      </Confirm>
    </Paper>
  )
}

function Rename({ from, close }: { from: string; close: () => void }) {
  const t = text.org.members
  const [name, setName] = useState(from)
  const send = useSend('patch', '/v1/org', ['/v1/org', '/v1/orgs'])
  return (
    <DialogForm action={text.common.save} close={close} busy={send.isPending} error={send.error} submit={() => send.mutate({ body: { name } }, { onSuccess: close })}>
      <TextInput label={t.orgName} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
    </DialogForm>
  )
}
