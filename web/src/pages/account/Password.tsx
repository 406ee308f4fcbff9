import { Button, Group, PasswordInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../api/hooks'
import { useMe } from '../../api/me'
import { text } from '../../text'
import { SaveNote } from '../../ui/SaveNote'
import { Section } from '../../ui/Section'
import { done } from '../../ui/told'

/** Changes the password. */
export function Password() {
  const t = text.account.password
  const { account } = useMe()
  const empty = { old: '', new: '', again: '' }
  const [p, set] = useState(empty)
  const send = useSend('post', '/v1/me/password', ['/v1/sessions'])
  const differ = p.again !== '' && p.again !== p.new
  if (!account?.has_password) {
    return (
      <Section title={t.title}>
        <Text size="sm">{t.none}</Text>
      </Section>
    )
  }
  const submit = () => {
    if (p.new !== p.again) return
    send.mutate({ body: { old: p.old, new: p.new } }, {
      onSuccess: () => {
        set(empty)
        done(t.done)
      },
    })
  }
  const field = (name: keyof typeof p) => ({ value: p[name], onChange: (e: { currentTarget: { value: string } }) => set({ ...p, [name]: e.currentTarget.value }), required: true })
  return (
    <Section title={t.title} lead={t.others}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          submit()
        }}
      >
        <Stack gap="sm" maw={420}>
          <PasswordInput label={t.old} autoComplete="current-password" {...field('old')} />
          <PasswordInput label={t.new} description={t.hint} autoComplete="new-password" {...field('new')} />
          <PasswordInput label={t.again} autoComplete="new-password" error={differ ? t.differ : undefined} {...field('again')} />
          <SaveNote error={send.error} />
          <Group>
            <Button type="submit" loading={send.isPending}>
              {t.change}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  )
}
