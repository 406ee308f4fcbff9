import { Button, Group, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../api/hooks'
import { useMe } from '../../api/me'
import { text } from '../../text'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { SaveNote } from '../../ui/SaveNote'
import { Section } from '../../ui/Section'
import { done } from '../../ui/told'

const lists = ['/v1/me', '/v1/members']

/** What one is called, and the address by which one signs in. */
export function Profile() {
  const t = text.account.profile
  const { account } = useMe()
  const [name, setName] = useState(account?.name ?? '')
  const [changing, change] = useState(false)
  const send = useSend('patch', '/v1/me', lists)
  return (
    <Section title={t.title}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          send.mutate({ body: { name } }, { onSuccess: () => done(t.saved) })
        }}
      >
        <Stack gap="sm" maw={420}>
          <TextInput label={t.name} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} autoComplete="name" />
          <TextInput label={t.email} description={t.emailHint} value={account?.email ?? ''} readOnly />
          <SaveNote error={send.error} />
          <Group>
            <Button type="submit" loading={send.isPending} disabled={name === account?.name}>
              {text.common.save}
            </Button>
            {account?.has_password && (
              <Button variant="default" onClick={() => change(true)}>
                {t.changeEmail}
              </Button>
            )}
          </Group>
        </Stack>
      </form>
      <Dialog about={changing} title={t.changeEmail} close={() => change(false)}>
        {() => <ChangeEmail close={() => change(false)} />}
      </Dialog>
    </Section>
  )
}

function ChangeEmail({ close }: { close: () => void }) {
  const t = text.account.profile
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const send = useSend('put', '/v1/me/email', lists)
  const submit = () =>
    send.mutate({ body: { email, password } }, {
      onSuccess: () => {
        done(t.emailSaved)
        close()
      },
    })
  return (
    <DialogForm action={text.common.save} close={close} busy={send.isPending} error={send.error} submit={submit}>
      <TextInput label={t.newEmail} type="email" value={email} onChange={(e) => setEmail(e.currentTarget.value)} required autoComplete="email" data-autofocus />
      <PasswordInput label={t.password} value={password} onChange={(e) => setPassword(e.currentTarget.value)} required autoComplete="current-password" />
    </DialogForm>
  )
}
