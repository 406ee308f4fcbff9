import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import type { McpTool } from '../../../api/schema'
import { text } from '../../../text'
import { ProblemNote } from '../../../ui/ProblemNote'
import { Source } from '../../../ui/Source'

/** Calls a tool, really, with arguments that are written as JSON. */
export function TryTool({ server, tool }: { server: string; tool: McpTool }) {
  const t = text.tooling.mcp
  const [says, setSays] = useState(() => JSON.stringify(begin(tool.schema), null, 2))
  const call = useSend('post', '/v1/mcp/servers/{server}/call')
  const { value, wrong } = read(says)
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        if (!wrong) call.mutate({ params: { path: { server } }, body: { tool: tool.tool, arguments: value } })
      }}
    >
      <Stack gap="xs">
        <Textarea label={t.arguments} description={t.argumentsHint} error={wrong} autosize minRows={3} maxRows={14} spellCheck={false} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 'var(--mantine-font-size-xs)' } }} value={says} onChange={(e) => setSays(e.currentTarget.value)} />
        <Group justify="space-between" gap="xs">
          <Text size="xs" c="dimmed" style={{ flex: '1 1 14rem' }}>
            {t.callHint}
          </Text>
          <Button type="submit" variant="light" loading={call.isPending} disabled={!!wrong} leftSection={<IconPlayerPlay size={16} aria-hidden />}>
            {t.call}
          </Button>
        </Group>
        {call.error && <ProblemNote error={call.error} />}
        {call.data && (
          <Stack gap="xs" role="status">
            {call.data.failed && (
              <Alert color="red" variant="light">
                {t.failed}
              </Alert>
            )}
            <Source label={t.answered} tall={320}>
              {call.data.output}
            </Source>
            {call.data.data !== undefined && call.data.data !== null && (
              <Source label={t.data} tall={240}>
                {JSON.stringify(call.data.data, null, 2)}
              </Source>
            )}
          </Stack>
        )}
      </Stack>
    </form>
  )
}

/** The arguments that are written, or what is wrong with them. */
function read(says: string): { value?: unknown; wrong?: string } {
  const t = text.tooling.mcp
  if (!says.trim()) return { value: {} }
  try {
    const value: unknown = JSON.parse(says)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { value } : { wrong: t.notObject }
  } catch (error) {
    return { wrong: t.notJson(error instanceof Error ? error.message : String(error)) }
  }
}

/** Arguments to begin with: those that a schema requires, as its defaults and types have them. */
function begin(schema: unknown): Record<string, unknown> {
  const { properties, required } = (schema ?? {}) as { properties?: Record<string, { type?: unknown; default?: unknown; enum?: unknown[] } | undefined>; required?: unknown }
  const empty: Record<string, unknown> = { string: '', number: 0, integer: 0, boolean: false, array: [], object: {} }
  return Object.fromEntries(
    (Array.isArray(required) ? required : []).flatMap((name) => {
      const is = typeof name === 'string' ? properties?.[name] : undefined
      return is && typeof is === 'object' ? [[name, is.default ?? is.enum?.[0] ?? (typeof is.type === 'string' ? empty[is.type] : null) ?? null]] : []
    }),
  )
}
