import { Paper, SimpleGrid, Text } from '@mantine/core'
import { useApi } from '../../../api/hooks'
import { text } from '../../../text'
import { credits, day } from '../../../text/format'
import { Loaded } from '../../../ui/Loaded'

/** Where the org's credits are. */
export function Balance() {
  const t = text.org.credits.balance
  const query = useApi().query.useQuery('get', '/v1/credits')
  return (
    <Loaded query={query} lines={2}>
      {(b) => (
        <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} mb="xl" component="dl" m={0}>
          <Figure label={t.available} hint={t.availableHint} value={b.available} more={b.expiring && b.expires_at ? t.expiring(credits(b.expiring), day(b.expires_at)) : undefined} />
          <Figure label={t.held} hint={t.heldHint} value={b.held} />
          <Figure label={t.spent} hint={t.spentHint} value={b.spent} more={[b.storage > 0 && t.storage(credits(b.storage)), b.written_off > 0 && t.writtenOff(credits(b.written_off))].filter(Boolean).join(', ') || undefined} />
          <Figure label={t.granted} hint={t.grantedHint} value={b.granted} />
        </SimpleGrid>
      )}
    </Loaded>
  )
}

function Figure({ label, value, hint, more }: { label: string; value: number; hint: string; more?: string }) {
  return (
    <Paper withBorder radius="md" p="md">
      <Text size="sm" c="dimmed" component="dt">
        {label}
      </Text>
      <Text fz={26} fw={650} component="dd" m={0} style={{ fontVariantNumeric: 'tabular-nums' }}>
        {credits(value)}
      </Text>
      <Text size="xs" c="dimmed" component="dd" m={0}>
        {more ?? hint}
      </Text>
    </Paper>
  )
}
