import { Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../api/hooks'
import { text } from '../../text'
import { CredentialField } from '../../ui/CredentialField'
import { ProblemNote } from '../../ui/ProblemNote'
import { done } from '../../ui/told'

const blank = { url: '', name: '', branch: '', credential: '', host_key: '' }

/** Adds a repository, which is fetched first. Its name is that of its address until another is given. */
export function AddRepository({ opened, close }: { opened: boolean; close: () => void }) {
  const t = text.knowledge.repositories.form
  const [f, setF] = useState(blank)
  const send = useSend('post', '/v1/repositories', ['/v1/repositories'])
  const url = f.url.trim()
  const ssh = /^(ssh:|[^/]+@)/.test(url)
  const name = f.name || nameOf(url)
  const wrongName = name !== '' && !/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name)
  const leave = () => {
    send.reset()
    close()
  }
  const submit = () => {
    const more = Object.fromEntries(Object.entries({ branch: f.branch, credential: f.credential, ...(ssh && { host_key: f.host_key }) }).flatMap(([k, v]) => (v.trim() ? [[k, v.trim()]] : [])))
    send.mutate(
      { body: { name, url, ...more } },
      {
        onSuccess: (r) => {
          done(text.knowledge.repositories.added(r.name))
          setF(blank)
          leave()
        },
      },
    )
  }
  return (
    <Modal opened={opened} onClose={leave} title={text.knowledge.repositories.add} size="lg" closeButtonProps={{ 'aria-label': text.common.close }}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          submit()
        }}
      >
        <Stack>
          <TextInput label={t.url} description={t.urlHint} required maxLength={2000} value={f.url} onChange={(e) => setF({ ...f, url: e.currentTarget.value })} data-autofocus />
          <TextInput label={t.name} description={t.nameHint} error={wrongName && t.nameWrong} required maxLength={63} value={name} onChange={(e) => setF({ ...f, name: e.currentTarget.value })} />
          <TextInput label={t.branch} description={t.branchHint} maxLength={200} value={f.branch} onChange={(e) => setF({ ...f, branch: e.currentTarget.value })} />
          <CredentialField label={t.credential} description={ssh ? t.credentialNeeded : t.credentialHint} required={ssh} value={f.credential} onChange={(credential) => setF({ ...f, credential })} />
          {ssh && <Textarea label={t.hostKey} description={t.hostKeyHint} autosize maxLength={4000} value={f.host_key} onChange={(e) => setF({ ...f, host_key: e.currentTarget.value })} />}
          <Text size="xs" c="dimmed" role="status">
            {send.isPending ? t.fetching : t.fetched}
          </Text>
          {send.error && <ProblemNote error={send.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={leave}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={send.isPending} disabled={!url || !name || wrongName || (ssh && !f.credential.trim())}>
              {text.common.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** The name that an address suggests: that of its last part. */
function nameOf(url: string): string {
  const last = url.replace(/\/+$/, '').replace(/\.git$/, '').split(/[/:]/).pop() ?? ''
  return url.includes('/') ? last.toLowerCase().replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+/, '').slice(0, 63) : ''
}
