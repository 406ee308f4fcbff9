import { Anchor, Badge, Button, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../api/hooks'
import { useMe } from '../../api/me'
import { text } from '../../text'
import { Copyable, ShownOnce } from '../../ui/Copyable'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { Section } from '../../ui/Section'
import { done } from '../../ui/told'
import { Qr } from './Qr'

const lists = ['/v1/me', '/v1/members']

/** The second factor: codes of an authenticator app. */
export function Factor() {
  const t = text.account.factor
  const { account } = useMe()
  const [asking, ask] = useState<'on' | 'off' | null>(null)
  const on = !!account?.second_factor
  if (!account?.has_password) return null
  return (
    <Section title={t.title} lead={t.lead}>
      <Group>
        <Badge variant="light" color={on ? 'green' : 'gray'} size="lg">
          {on ? t.on : t.off}
        </Badge>
        <Button variant={on ? 'default' : 'filled'} onClick={() => ask(on ? 'off' : 'on')}>
          {on ? t.disable : t.enrol}
        </Button>
      </Group>
      <Dialog about={asking === 'on'} title={t.enrolTitle} close={() => ask(null)}>
        {() => <Enrol close={() => ask(null)} />}
      </Dialog>
      <Dialog about={asking === 'off'} title={t.disableTitle} close={() => ask(null)}>
        {() => <Disable close={() => ask(null)} />}
      </Dialog>
    </Section>
  )
}

function Enrol({ close }: { close: () => void }) {
  const t = text.account.factor
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const begin = useSend('post', '/v1/me/totp')
  const confirm = useSend('post', '/v1/me/totp/confirm', lists)
  if (confirm.data) return <ShownOnce label={t.recovery} value={(confirm.data.codes ?? []).join('\n')} note={t.recoveryNote} close={close} />
  if (!begin.data) {
    return (
      <DialogForm action={t.next} close={close} busy={begin.isPending} error={begin.error} submit={() => begin.mutate({ body: { password } })}>
        <PasswordInput label={t.password} description={t.passwordHint} value={password} onChange={(e) => setPassword(e.currentTarget.value)} required autoComplete="current-password" data-autofocus />
      </DialogForm>
    )
  }
  return (
    <DialogForm action={t.confirm} close={close} busy={confirm.isPending} error={confirm.error} submit={() => confirm.mutate({ body: { code: code.replace(/\s/g, '') } })}>
      <Stack gap="sm">
        <Text size="sm">{t.scan}</Text>
        <Qr value={begin.data.url} label={t.picture} />
        <Copyable label={t.secret} value={begin.data.secret} />
        {begin.data.url.startsWith('otpauth://') && (
          <Anchor href={begin.data.url} size="sm" underline="always">
            {t.link}
          </Anchor>
        )}
        <TextInput label={t.code} description={t.codeHint} value={code} onChange={(e) => setCode(e.currentTarget.value)} required inputMode="numeric" autoComplete="one-time-code" maxLength={10} />
      </Stack>
    </DialogForm>
  )
}

function Disable({ close }: { close: () => void }) {
  const t = text.account.factor
  const [password, setPassword] = useState('')
  const send = useSend('post', '/v1/me/totp/disable', lists)
  const submit = () =>
    send.mutate({ body: { password } }, {
      onSuccess: () => {
        done(t.disabled)
        close()
      },
    })
  return (
    <DialogForm action={t.disable} close={close} busy={send.isPending} error={send.error} submit={submit}>
      <Text size="sm">{t.disableText}</Text>
      <PasswordInput label={t.password} value={password} onChange={(e) => setPassword(e.currentTarget.value)} required autoComplete="current-password" data-autofocus />
    </DialogForm>
  )
}
