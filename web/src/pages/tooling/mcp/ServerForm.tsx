import { Checkbox, Code, Collapse, Button, Group, NumberInput, SegmentedControl, Stack, TagsInput, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { McpServer, NewMcpServer } from '../../../api/schema'
import { text } from '../../../text'
import { CredentialField } from '../../../ui/CredentialField'
import { DialogForm } from '../../../ui/Dialog'
import { FileDrop } from '../../../ui/FileDrop'
import { done } from '../../../ui/told'
import { Pairs, pairsOf, recordOf } from '../Pairs'
import { lineOf, wordsOf } from './command'
import { programFiles, type ProgramFiles } from './program'
import { serverPaths } from './paths'

const nameForm = /^[a-z][a-z0-9]{0,23}$/
const variable = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

/** A server, new or to be changed. What belongs to the other transport stays in the form, and isn't sent. */
export function ServerForm({ server, close, saved }: { server: McpServer | undefined; close: () => void; saved: (name: string) => void }) {
  const t = text.tooling.mcp
  const f = t.form
  const api = useApi()
  const may = useMay()
  const others = api.query.useQuery('get', '/v1/mcp/servers').data ?? []
  const secretNames = [...new Set((api.query.useQuery('get', '/v1/secrets', { params: { query: { limit: 100 } } }, { enabled: may('secret.read') }).data?.items ?? []).map((s) => s.name))]
  const [name, setName] = useState(server?.name ?? '')
  const [is, setIs] = useState<NewMcpServer>({ transport: 'http', ...server })
  const [line, setLine] = useState(lineOf(server?.argv ?? []))
  const [env, setEnv] = useState(pairsOf(server?.env))
  const [secrets, setSecrets] = useState(pairsOf(server?.secrets))
  const [files, setFiles] = useState<ProgramFiles | null>(null)
  const [more, setMore] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const put = useSend('put', '/v1/mcp/servers/{server}', serverPaths)
  const putFiles = useSend('put', '/v1/mcp/servers/{server}/files', serverPaths)
  const edit = (change: Partial<NewMcpServer>) => setIs((was) => ({ ...was, ...change }))
  const argv = wordsOf(line)
  const stdio = is.transport === 'stdio'
  const wrongName = name !== '' && !nameForm.test(name)
  const taken = !server && others.some((o) => o.name === name)
  const wrongVariable = [...env, ...secrets].some(([n]) => n.trim() !== '' && !variable.test(n.trim()))

  const body = (): NewMcpServer => ({
    transport: is.transport,
    ...(stdio ? { argv: argv ?? [], env: recordOf(env), secrets: recordOf(secrets) } : { address: is.address?.trim() ?? '', ...(is.credential?.trim() && { credential: is.credential.trim() }) }),
    ...(is.tools?.length && { tools: is.tools }),
    ...(is.trust && { trust: true }),
    ...(is.off && { off: true }),
    ...(is.timeout_ms && { timeout_ms: is.timeout_ms }),
    ...(is.note?.trim() && { note: is.note.trim() }),
  })
  const submit = async () => {
    setError(null)
    try {
      const path = { server: name }
      await put.mutateAsync({ params: { path, header: server ? { 'If-Match': `"${server.revision}"` } : {} }, body: body() })
      if (stdio && files) await putFiles.mutateAsync({ params: { path }, body: files.body })
      done(t.saved(name))
      close()
      saved(name)
    } catch (e) {
      setError(e)
    }
  }
  return (
    <DialogForm submit={() => void submit()} action={text.common.save} close={close} busy={put.isPending || putFiles.isPending} error={error} disabled={!name || wrongName || taken || wrongVariable || (stdio ? !argv?.length : !is.address?.trim())}>
      <TextInput label={f.name} description={f.nameHint} error={wrongName ? f.nameWrong : taken && f.taken} required disabled={!!server} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus={!server} spellCheck={false} />
      <SegmentedControl aria-label={f.transport} fullWidth value={is.transport} onChange={(v) => edit({ transport: v as 'http' | 'stdio' })} data={(['http', 'stdio'] as const).map((value) => ({ value, label: t.transports[value] }))} />
      {stdio ? (
        <>
          <Textarea label={f.command} description={f.commandHint} required autosize error={argv === undefined && f.quote} placeholder="node dist/index.js --verbose" value={line} onChange={(e) => setLine(e.currentTarget.value)} spellCheck={false} />
          {argv && argv.length > 1 && (
            <Text size="xs" c="dimmed" component="div" className="words">
              {f.parts}{' '}
              {argv.map((word, i) => (
                <Code key={i} mr={4}>
                  {word}
                </Code>
              ))}
            </Text>
          )}
          <FileDrop label={t.files.drop} hint={t.files.hint} folder multiple take={(chosen) => void programFiles(chosen).then(setFiles, setError)} />
          {files && (
            <Text size="sm" role="status">
              {t.files.put(files.count, files.size)}
            </Text>
          )}
          <Pairs legend={f.env} hint={f.envHint} name={f.variable} value={f.value} add={f.addVariable} pairs={env} onChange={setEnv} error={wrongVariable ? f.variableWrong : undefined} />
          <Pairs legend={f.secrets} hint={f.secretsHint} name={f.variable} value={f.credentialName} add={f.addSecret} pairs={secrets} onChange={setSecrets} options={secretNames} />
          <Text size="xs" c="dimmed">
            {f.box}
          </Text>
        </>
      ) : (
        <>
          <TextInput label={f.address} description={f.addressHint} required type="url" maxLength={2000} placeholder="https://mcp.example.com/mcp" value={is.address ?? ''} onChange={(e) => edit({ address: e.currentTarget.value })} />
          <CredentialField label={f.credential} description={f.credentialHint} value={is.credential ?? ''} onChange={(credential) => edit({ credential })} />
        </>
      )}
      <Group>
        <Button size="compact-sm" variant="subtle" aria-expanded={more} onClick={() => setMore(!more)}>
          {f.more}
        </Button>
      </Group>
      <Collapse expanded={more}>
        <Stack gap="sm">
          <TagsInput label={f.tools} description={f.toolsHint} maxTags={200} value={is.tools ?? []} onChange={(tools) => edit({ tools })} />
          <NumberInput label={f.timeout} description={f.timeoutHint} min={1} max={600} allowDecimal={false} value={is.timeout_ms ? is.timeout_ms / 1000 : ''} onChange={(v) => edit({ timeout_ms: v === '' ? 0 : Number(v) * 1000 })} />
          <TextInput label={f.note} maxLength={500} value={is.note ?? ''} onChange={(e) => edit({ note: e.currentTarget.value })} />
          <Checkbox label={f.trust} description={f.trustHint} checked={is.trust ?? false} onChange={(e) => edit({ trust: e.currentTarget.checked })} />
          <Checkbox label={f.off} description={f.offHint} checked={is.off ?? false} onChange={(e) => edit({ off: e.currentTarget.checked })} />
        </Stack>
      </Collapse>
    </DialogForm>
  )
}
