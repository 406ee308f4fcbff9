import { Button, Group, Stack, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useSend, useTagged } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import { text } from '../../../text'
import { Loaded } from '../../../ui/Loaded'
import { SaveNote } from '../../../ui/SaveNote'
import { done } from '../../../ui/told'

const path = '/v1/egress'

/** Which hosts the project's sandboxes may reach. */
export function Egress() {
  const query = useTagged(path)
  return <Loaded query={query} lines={2}>{({ data, etag }) => <Form from={data.hosts ?? []} etag={etag} />}</Loaded>
}

function Form({ from, etag }: { from: string[]; etag: string }) {
  const t = text.org.policies.egress
  const write = useMay()('egress.write')
  const [hosts, setHosts] = useState(from.join('\n'))
  const send = useSend('put', path, [path])
  const submit = () => send.mutate({ body: { hosts: hosts.split(/\s+/).filter(Boolean) }, ...(etag && { params: { header: { 'If-Match': etag } } }) }, { onSuccess: () => done(t.saved) })
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        submit()
      }}
    >
      <Stack gap="sm">
        <Textarea label={t.hosts} description={t.hint} value={hosts} onChange={(e) => setHosts(e.currentTarget.value)} autosize minRows={3} maxRows={16} placeholder={t.none} spellCheck={false} readOnly={!write} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} />
        <SaveNote error={send.error} />
        {write && (
          <Group>
            <Button type="submit" loading={send.isPending}>
              {text.common.save}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}
