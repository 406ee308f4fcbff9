import { Button, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDocumentTitle } from '@mantine/hooks'
import { useState } from 'react'
import { useApi } from '../../api/hooks'
import { text } from '../../text'
import { ProblemNote } from '../../ui/ProblemNote'
import { enter, linkToken } from './enter'

/** Makes the first user. */
export default function Setup() {
  const t = text.signin
  useDocumentTitle(`${t.setup.title} · ${text.shell.product}`)
  const api = useApi()
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const form = useForm({ mode: 'uncontrolled', initialValues: { token: linkToken(), name: '', email: '', password: '' } })
  const submit = form.onSubmit(async (values) => {
    setBusy(true)
    setError(null)
    try {
      await api.client.POST('/v1/setup', { body: { ...values, token: values.token.trim() } })
      await enter(api, values.email, values.password, '')
      location.assign('/')
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  })
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Title order={1} size="h3">
          {t.setup.title}
        </Title>
        <Text size="sm">{t.setup.lead}</Text>
        <PasswordInput label={t.setup.token} description={t.setup.tokenHint} autoComplete="off" required {...form.getInputProps('token')} />
        <TextInput label={t.setup.name} autoComplete="name" required {...form.getInputProps('name')} />
        <TextInput label={t.email} type="email" autoComplete="username" required {...form.getInputProps('email')} />
        <PasswordInput label={t.password} description={t.passwordHint} autoComplete="new-password" required {...form.getInputProps('password')} />
        {error !== null && <ProblemNote error={error} />}
        <Button type="submit" loading={busy}>
          {t.setup.submit}
        </Button>
      </Stack>
    </form>
  )
}
