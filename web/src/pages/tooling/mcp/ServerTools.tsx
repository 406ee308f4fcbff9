import { Accordion, Alert, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { IconPlugConnected } from '@tabler/icons-react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { McpServer, McpTool } from '../../../api/schema'
import { text } from '../../../text'
import { duration } from '../../../text/format'
import { Loaded } from '../../../ui/Loaded'
import { ProblemNote } from '../../../ui/ProblemNote'
import { Source } from '../../../ui/Source'
import { serverPaths } from './paths'
import { TryTool } from './TryTool'

const colors: Record<string, string> = { pure: 'green', idempotent: 'blue', once: 'orange' }

/** A server's tools as it listed them last; it can be asked anew, and each can be called. */
export function ServerTools({ server: s }: { server: McpServer }) {
  const t = text.tooling.mcp
  const may = useMay()('mcp.write')
  const api = useApi()
  const query = api.query.useQuery('get', '/v1/mcp/servers/{server}/tools', { params: { path: { server: s.name } } })
  const test = useSend('post', '/v1/mcp/servers/{server}/test', serverPaths)
  return (
    <Stack>
      {may && (
        <Group justify="space-between">
          <Text size="sm" c="dimmed" role="status">
            {test.isPending ? t.testing : t.testHint}
          </Text>
          <Button leftSection={<IconPlugConnected size={16} aria-hidden />} loading={test.isPending} aria-label={t.testOf(s.name)} onClick={() => test.mutate({ params: { path: { server: s.name } } })}>
            {t.test}
          </Button>
        </Group>
      )}
      {test.error && <ProblemNote error={test.error} />}
      {test.data && (
        <Alert color="green" variant="light" role="status">
          <Text size="sm" className="words">
            {t.tested(test.data.server ?? '', test.data.protocol, duration(test.data.took_ms), test.data.tools?.length ?? 0)}
          </Text>
          {test.data.left ? <Text size="sm">{t.left(test.data.left)}</Text> : null}
        </Alert>
      )}
      <Loaded query={query}>
        {(tools) =>
          !tools?.length ? (
            <Text c="dimmed">{t.noTools}</Text>
          ) : (
            <>
              <Text size="xs" c="dimmed">
                {t.words}
              </Text>
              <Accordion variant="separated" chevronPosition="left" order={3}>
                {tools.map((tool) => (
                  <Accordion.Item key={tool.name} value={tool.name}>
                    <Accordion.Control>
                      <Group gap="xs">
                        <Text fw={500} className="words">
                          {tool.tool}
                        </Text>
                        <Badge variant="light" color={colors[tool.effect] ?? 'gray'}>
                          {t.effect[tool.effect as keyof typeof t.effect] ?? tool.effect}
                        </Badge>
                        {!tool.allowed && (
                          <Badge variant="light" color="red">
                            {t.denied}
                          </Badge>
                        )}
                      </Group>
                    </Accordion.Control>
                    <Accordion.Panel>
                      <Shown server={s.name} tool={tool} />
                    </Accordion.Panel>
                  </Accordion.Item>
                ))}
              </Accordion>
            </>
          )
        }
      </Loaded>
    </Stack>
  )
}

function Shown({ server, tool }: { server: string; tool: McpTool }) {
  const t = text.tooling.mcp
  const may = useMay()('mcp.write')
  return (
    <Stack gap="sm">
      <Text size="sm" className="words" dir="auto" style={{ whiteSpace: 'pre-wrap' }}>
        {tool.description}
      </Text>
      <Text size="xs" c="dimmed" className="words">
        {t.inTasks(tool.name)}
      </Text>
      {tool.schema !== undefined && (
        <Source label={t.schema} tall={240}>
          {JSON.stringify(tool.schema, null, 2)}
        </Source>
      )}
      {may && tool.allowed && <TryTool server={server} tool={tool} />}
    </Stack>
  )
}
