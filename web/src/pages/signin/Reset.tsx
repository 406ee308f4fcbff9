import { Alert, Button, PasswordInput, Stack, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDocumentTitle } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi } from '../../api/hooks'
import { text } from '../../text'
import { ProblemNote } from '../../ui/ProblemNote'
import { linkToken } from './enter'

/** Sets a new password by a link that an operator has made. */
export default function Reset() {
  const t = text.signin
  useDocumentTitle(`${t.reset.title} · ${text.shell.product}`)
  const api = useApi()
  const [token] = useState(linkToken)
  const [state, setState] = useState<'open' | 'busy' | 'done'>('open')
  const [error, setError] = useState<unknown>(null)
  const form = useForm({ mode: 'uncontrolled', initialValues: { password: '' } })
  const submit = form.onSubmit(async ({ password }) => {
    setState('busy')
    setError(null)
    try {
      await api.client.POST('/v1/password', { body: { token, password } })
      setState('done')
    } catch (e) {
      setError(e)
      setState('open')
    }
  })
  return (
    <Stack>
      <Title order={1} size="h3">
        {t.reset.title}
      </Title>
      {token === '' ? (
        <Alert color="orange">{t.reset.missing}</Alert>
      ) : state === 'done' ? (
        <>
          <Alert color="green">{t.reset.done}</Alert>
          <Button component={Link} to="/sign-in">
            {t.title}
          </Button>
        </>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm">
            <PasswordInput label={t.reset.password} description={t.passwordHint} autoComplete="new-password" required {...form.getInputProps('password')} />
            {error !== null && <ProblemNote error={error} />}
            <Button type="submit" loading={state === 'busy'}>
              {t.reset.submit}
            </Button>
          </Stack>
        </form>
      )}
    </Stack>
  )
}
