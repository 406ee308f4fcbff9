import { Alert, Anchor, Button, Divider, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDocumentTitle } from '@mantine/hooks'
import { Link, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi } from '../../api/hooks'
import { text } from '../../text'
import { ProblemNote } from '../../ui/ProblemNote'
import { failed } from '../../ui/told'
import { enter, onward } from './enter'

export default function SignIn() {
  const t = text.signin
  useDocumentTitle(`${t.title} · ${text.shell.product}`)
  const api = useApi()
  const { to } = useSearch({ from: '/outside/sign-in' })
  const issuers = api.query.useQuery('get', '/v1/oidc')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const [coded, setCoded] = useState(false)
  const form = useForm({ mode: 'uncontrolled', initialValues: { email: '', password: '', code: '' } })
  const submit = form.onSubmit(async ({ email, password, code }) => {
    setBusy(true)
    setError(null)
    try {
      if ((await enter(api, email, password, code.trim())) === 'code') setCoded(true)
      else location.assign(onward(to))
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  })
  const by = async (provider: string) => {
    try {
      const { data } = await api.client.POST('/v1/oidc/{provider}', { params: { path: { provider } } })
      location.assign(data!.url)
    } catch (e) {
      failed(e)
    }
  }
  return (
    <Stack>
      <Title order={1} size="h3">
        {t.title}
      </Title>
      {to && !error && (
        <Alert color="gray" variant="light" role="status">
          {t.ended}
        </Alert>
      )}
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput label={t.email} type="email" autoComplete="username" required {...form.getInputProps('email')} />
          <PasswordInput label={t.password} autoComplete="current-password" required {...form.getInputProps('password')} />
          {coded && <TextInput label={t.code} description={t.codeHint} autoComplete="one-time-code" data-autofocus required {...form.getInputProps('code')} />}
          {error !== null && <ProblemNote error={error} />}
          <Button type="submit" loading={busy} fullWidth>
            {t.submit}
          </Button>
        </Stack>
      </form>
      {issuers.data && issuers.data.length > 0 && (
        <>
          <Divider label={t.or} />
          {issuers.data.map((issuer) => (
            <Button key={issuer} variant="default" fullWidth onClick={() => void by(issuer)}>
              {t.by(issuer)}
            </Button>
          ))}
        </>
      )}
      <Text size="sm" c="dimmed">
        {t.forgotten}
      </Text>
      <Anchor component={Link} to="/setup" size="sm" underline="always">
        {t.first}
      </Anchor>
    </Stack>
  )
}
