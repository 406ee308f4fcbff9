import { Alert, Button, Divider, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDocumentTitle } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useApi } from '../../api/hooks'
import type { Invitation as Asked } from '../../api/schema'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { ProblemNote } from '../../ui/ProblemNote'
import { enter, linkToken } from './enter'

/** What somebody sees who was invited into an org. */
export default function Invitation() {
  const t = text.signin.invitation
  useDocumentTitle(`${t.title} · ${text.shell.product}`)
  const api = useApi()
  const [token] = useState(linkToken)
  const query = useQuery({
    queryKey: ['invitation', token],
    queryFn: async () => (await api.client.POST('/v1/invitations/show', { body: { token } })).data!,
    enabled: token !== '',
    retry: false,
  })
  return (
    <Stack>
      <Title order={1} size="h3">
        {t.title}
      </Title>
      {token === '' ? <Alert color="orange">{t.missing}</Alert> : <Loaded query={query}>{(asked) => <Accept asked={asked} token={token} />}</Loaded>}
    </Stack>
  )
}

function Accept({ asked, token }: { asked: Asked; token: string }) {
  const t = text.signin
  const api = useApi()
  const [error, setError] = useState<unknown>(null)
  const form = useForm({ mode: 'uncontrolled', initialValues: { name: '', password: '' } })
  const attempt = (act: () => Promise<unknown>) => async () => {
    setError(null)
    try {
      await act()
      location.assign('/')
    } catch (e) {
      setError(e)
    }
  }
  const create = form.onSubmit(({ name, password }) =>
    attempt(async () => {
      await api.client.POST('/v1/invitations/accept', { body: { token, name, password } })
      await enter(api, asked.email, password, '')
    })(),
  )
  return (
    <>
      <Text className="words">{t.invitation.lead(asked.org_name, text.common.role[asked.role])}</Text>
      <Text size="sm" c="dimmed" className="words">
        {t.invitation.as(asked.email)}
      </Text>
      {error !== null && <ProblemNote error={error} />}
      <form onSubmit={create}>
        <Stack gap="sm">
          <TextInput label={t.invitation.name} autoComplete="name" required {...form.getInputProps('name')} />
          <PasswordInput label={t.password} description={t.passwordHint} autoComplete="new-password" required {...form.getInputProps('password')} />
          <Button type="submit">{t.invitation.create}</Button>
        </Stack>
      </form>
      <Divider label={t.or} />
      <Button variant="default" onClick={() => void attempt(() => api.client.POST('/v1/invitations/join', { body: { token } }))()}>
        {t.invitation.join}
      </Button>
      <Text size="sm" c="dimmed">
        {t.invitation.joinHint}
      </Text>
    </>
  )
}
