import { Button, Card, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Projection } from '../../api/schema'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { Page } from '../../ui/Page'
import { failed } from '../../ui/told'
import { OrgSelect } from './OrgSelect'

/** What lists are read from, compared with the events and built anew. */
export default function Projections() {
  const t = text.installation.projections
  const [org, setOrg] = useState('')
  const query = useApi().query.useQuery('get', '/v1/projections')
  return (
    <Page title={t.title} lead={t.lead}>
      <Stack>
        <OrgSelect org={org} choose={setOrg} />
        {org && (
          <Loaded query={query}>
            {(views) => (
              <SimpleGrid cols={{ base: 1, sm: 2 }} key={org}>
                {views?.map((view) => <View key={view} view={view} org={org} />)}
              </SimpleGrid>
            )}
          </Loaded>
        )}
      </Stack>
    </Page>
  )
}

function View({ view, org }: { view: string; org: string }) {
  const t = text.installation.projections
  const may = useMay()
  const [result, setResult] = useState<Projection | null>(null)
  const verify = useSend('post', '/v1/projections/{view}/verify')
  const rebuild = useSend('post', '/v1/projections/{view}/rebuild')
  const of = { params: { path: { view }, query: { org } } }
  const differences = result?.differences ?? []
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Text fw={600} component="h2">
          {view}
        </Text>
        {may('operate') && (
          <Group gap="xs">
            <Button size="xs" variant="default" loading={verify.isPending} onClick={() => verify.mutate(of, { onSuccess: setResult, onError: failed })}>
              {t.verify}
            </Button>
            <Button size="xs" variant="default" loading={rebuild.isPending} onClick={() => rebuild.mutate(of, { onSuccess: setResult, onError: failed })}>
              {t.rebuild}
            </Button>
          </Group>
        )}
        <Text size="xs" c="dimmed">
          {t.rebuildHint}
        </Text>
        <div role="status">
          {result && (
            <Text size="sm" fw={500} c={differences.length === 0 ? undefined : 'var(--mantine-color-error)'}>
              {differences.length === 0 ? t.same(result.rows) : t.differ(differences.length)}
            </Text>
          )}
          {differences.slice(0, 50).map((d) => (
            <Text key={`${d.id} ${d.what}`} size="xs" ff="monospace" className="words">
              {d.id}: {d.what}
            </Text>
          ))}
        </div>
      </Stack>
    </Card>
  )
}
