import { Anchor, Code, Stack, Table, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useMay } from '../../../api/me'
import { text } from '../../../text'
import { Copyable } from '../../../ui/Copyable'
import { Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'

/** How agents elsewhere use Isekai as a server of theirs. */
export function AsServer() {
  const t = text.tooling.mcp.serve
  const may = useMay()
  const address = `${location.origin}/mcp`
  const json = (server: object) => JSON.stringify({ mcpServers: { isekai: server } }, null, 2)
  return (
    <Stack maw={820} gap={0}>
      <Text mb="md">{t.lead}</Text>
      <Section title={t.program} lead={t.programHint}>
        <Stack gap="sm">
          <Copyable label={t.command} value="claude mcp add isekai -- isekai mcp serve" />
          <Text size="sm">{t.other}</Text>
          <Copyable label={`${t.json}: ${t.program}`} value={json({ command: 'isekai', args: ['mcp', 'serve'] })} />
        </Stack>
      </Section>
      <Section title={t.http} lead={t.httpHint}>
        <Stack gap="sm">
          <Copyable label={t.address} value={address} />
          <Copyable label={`${t.json}: ${t.http}`} value={json({ type: 'http', url: address, headers: { Authorization: 'Bearer KEY' } })} />
          {may('key.write') && (
            <Anchor component={Link} to="/org/keys" size="sm">
              {t.keys}
            </Anchor>
          )}
        </Stack>
      </Section>
      <Section title={t.scopes}>
        <Rows label={t.scopes} head={[t.tools, t.scope]} minWidth={320}>
          {t.rows.map(([tools, scope]) => (
            <Table.Tr key={tools}>
              <Table.Td className="words">{tools}</Table.Td>
              <Table.Td>
                <Code>{scope}</Code>
              </Table.Td>
            </Table.Tr>
          ))}
        </Rows>
      </Section>
    </Stack>
  )
}
