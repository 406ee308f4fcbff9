import { Alert, Button, Checkbox, Group, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconLink } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { asProblem } from '../../../api/problem'
import { useMay } from '../../../api/me'
import type { McpServer, NewMcpServer } from '../../../api/schema'
import { refused } from '../../../files/refused'
import { text } from '../../../text'
import { goTo } from '../../../ui/away'
import { Fact, Facts } from '../../../ui/Facts'
import { ProblemNote, sentence } from '../../../ui/ProblemNote'
import { serverPaths } from './paths'

/** What a server is sent to let us in, and how it gets that by OAuth. */
export function Access({ server: s }: { server: McpServer }) {
  const t = text.tooling.mcp.access
  const may = useMay()
  if (s.transport === 'stdio') return <Text size="sm">{t.stdio}</Text>
  return (
    <Stack>
      <Text size="sm">{s.credential ? t.uses(s.credential) : t.usesNone}</Text>
      {may('secret.read') && s.credential && <Kept name={s.credential} />}
      {s.wants?.length ? (
        <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          {t.wants(s.wants.join(', '))}
        </Alert>
      ) : null}
      {may('mcp.write') && may('secret.write') && <Connect server={s} />}
    </Stack>
  )
}

/** Says what is wrong with the credential that a server names, if something is. */
function Kept({ name }: { name: string }) {
  const t = text.tooling.mcp.access
  const api = useApi()
  const { data, error } = api.query.useQuery('get', '/v1/secrets/{secret}', { params: { path: { secret: name } } })
  const wrong = error && asProblem(error).status === 404 ? t.missing(name) : data?.connection?.broken ? t.broken(name) : ''
  if (!wrong) return null
  return (
    <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />}>
      {wrong}
    </Alert>
  )
}

function Connect({ server: s }: { server: McpServer }) {
  const t = text.tooling.mcp.access
  const api = useApi()
  const path = { server: s.name }
  const asked = api.query.useQuery('get', '/v1/mcp/servers/{server}/authorization', { params: { path } }, { enabled: false, retry: false })
  const begin = useSend('post', '/v1/mcp/servers/{server}/connect')
  const put = useSend('put', '/v1/mcp/servers/{server}', serverPaths)
  const [shared, setShared] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const a = asked.data
  const refusal: unknown = asked.error
  const connect = async () => {
    setError(null)
    try {
      const { url } = await begin.mutateAsync({ params: { path }, body: shared ? { shared } : {} })
      // The connection has the server's name: from now on that is what it is sent.
      if (s.credential !== s.name) await put.mutateAsync({ params: { path, header: { 'If-Match': `"${s.revision}"` } }, body: { ...recordOf(s), credential: s.name } })
      if (!goTo(url)) setError(refused(text.tooling.connections.strange))
    } catch (e) {
      setError(e)
    }
  }
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm" c="dimmed" style={{ flex: '1 1 14rem' }}>
          {t.askHint}
        </Text>
        <Button variant="default" loading={asked.isFetching} onClick={() => void asked.refetch()}>
          {t.ask}
        </Button>
      </Group>
      {refusal ? <ProblemNote error={refusal} /> : null}
      {a && !a.needed && (
        <Alert color="green" variant="light" role="status">
          {t.notNeeded}
        </Alert>
      )}
      {a?.needed && (
        <>
          <Facts>
            {a.issuers?.length ? <Fact name={t.issuers}>{a.issuers.join(', ')}</Fact> : null}
            {a.scopes?.length ? <Fact name={t.scopes}>{a.scopes.join(' ')}</Fact> : null}
            {a.provider && <Fact name={t.provider}>{a.provider}</Fact>}
          </Facts>
          {a.missing ? (
            <Alert color="orange" variant="light" title={t.cannot}>
              {sentence(a.missing)}
            </Alert>
          ) : (
            <>
              <Checkbox label={t.shared} checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} />
              <Text size="xs" c="dimmed">
                {t.connectHint}
              </Text>
              <Group>
                <Button leftSection={<IconLink size={16} aria-hidden />} loading={begin.isPending || put.isPending} onClick={() => void connect()}>
                  {s.credential === s.name ? t.again : t.connect}
                </Button>
              </Group>
            </>
          )}
        </>
      )}
      {error !== null && <ProblemNote error={error} />}
    </Stack>
  )
}

/** What is said about a server, without what it is. */
function recordOf(s: McpServer): NewMcpServer {
  const { transport, address, tools, trust, off, timeout_ms, note } = s
  return Object.fromEntries(Object.entries({ transport, address, tools, trust, off, timeout_ms, note }).filter(([, v]) => v !== undefined)) as unknown as NewMcpServer
}
