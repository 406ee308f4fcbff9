import { Button, Code, Drawer, Group, Stack, Tabs, Text } from '@mantine/core'
import { IconPencil } from '@tabler/icons-react'
import { useApi } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { McpServer } from '../../../api/schema'
import { text } from '../../../text'
import { duration } from '../../../text/format'
import { Fact, Facts } from '../../../ui/Facts'
import { Loaded } from '../../../ui/Loaded'
import { Access } from './Access'
import { lineOf } from './command'
import { Files } from './Files'
import { ServerTools } from './ServerTools'

/** A server: its tools, to be tested and called; what is said about it; its files or its access. */
export function ServerDrawer({ name, close, edit }: { name: string; close: () => void; edit: (server: McpServer) => void }) {
  const t = text.tooling.mcp
  const may = useMay()
  const api = useApi()
  const query = api.query.useQuery('get', '/v1/mcp/servers/{server}', { params: { path: { server: name } } }, { enabled: name !== '' })
  return (
    <Drawer opened={name !== ''} onClose={close} position="right" size="xl" title={name} closeButtonProps={{ 'aria-label': text.common.close }}>
      <Loaded query={query}>
        {(s) => (
          <Stack key={s.id}>
            <About server={s} />
            {may('mcp.write') && (
              <Group>
                <Button size="compact-md" variant="default" leftSection={<IconPencil size={16} aria-hidden />} aria-label={t.edit(s.name)} onClick={() => edit(s)}>
                  {text.common.edit}
                </Button>
              </Group>
            )}
            <Tabs defaultValue="tools" keepMounted={false}>
              <Tabs.List mb="sm">
                <Tabs.Tab value="tools">{t.detail.tools}</Tabs.Tab>
                <Tabs.Tab value="access">{t.detail.access}</Tabs.Tab>
                {s.transport === 'stdio' && <Tabs.Tab value="files">{t.detail.files}</Tabs.Tab>}
              </Tabs.List>
              <Tabs.Panel value="tools">
                <ServerTools server={s} />
              </Tabs.Panel>
              <Tabs.Panel value="access">
                <Access server={s} />
              </Tabs.Panel>
              <Tabs.Panel value="files">
                <Files server={s} />
              </Tabs.Panel>
            </Tabs>
          </Stack>
        )}
      </Loaded>
    </Drawer>
  )
}

function About({ server: s }: { server: McpServer }) {
  const t = text.tooling.mcp
  const names = (record: Record<string, string> | undefined) => Object.entries(record ?? {})
  return (
    <Facts>
      <Fact name={t.transport}>{t.transports[s.transport]}</Fact>
      {s.address ? <Fact name={t.address}>{s.address}</Fact> : <Fact name={t.program}><Code>{lineOf(s.argv ?? [])}</Code></Fact>}
      <Fact name={t.state}>{s.off ? t.off : t.on}</Fact>
      <Fact name={t.allowed}>{s.tools?.length ? s.tools.join(', ') : t.all}</Fact>
      <Fact name={t.trust}>{s.trust ? t.trustYes : t.trustNo}</Fact>
      <Fact name={t.timeout}>{duration(s.timeout_ms || 60_000)}</Fact>
      {names(s.env).length > 0 && (
        <Fact name={t.env}>
          {names(s.env).map(([name, value]) => (
            <Text key={name} size="sm">
              <Code>{`${name}=${value}`}</Code>
            </Text>
          ))}
        </Fact>
      )}
      {names(s.secrets).length > 0 && (
        <Fact name={t.secrets}>
          {names(s.secrets).map(([name, of]) => (
            <Text key={name} size="sm">
              <Code>{name}</Code>: {of}
            </Text>
          ))}
        </Fact>
      )}
      {s.note && <Fact name={t.note}>{s.note}</Fact>}
    </Facts>
  )
}
