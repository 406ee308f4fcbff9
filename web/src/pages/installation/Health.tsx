import { Alert, Button, Card, Group, SimpleGrid, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconRefresh } from '@tabler/icons-react'
import { useApi } from '../../api/hooks'
import type { Health as State, HealthCheck } from '../../api/schema'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { Page } from '../../ui/Page'
import { sentence } from '../../ui/ProblemNote'

const often = 15_000 // ms

/** How each dependency is. */
export default function Health() {
  const t = text.installation.health
  const query = useApi().query.useQuery('get', '/v1/health', {}, { refetchInterval: often })
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} loading={query.isFetching} onClick={() => void query.refetch()}>
          {t.again}
        </Button>
      }
    >
      <Loaded query={query}>{(state) => <Checks state={state} />}</Loaded>
    </Page>
  )
}

function Checks({ state }: { state: State }) {
  const t = text.installation.health
  const well = state.status === 'ok'
  return (
    <Stack>
      <Alert role="status" color={well ? 'green' : 'orange'} icon={well ? <IconCheck aria-hidden /> : <IconAlertTriangle aria-hidden />} title={well ? t.ok : t.degraded}>
        <Text size="sm">{t.version(state.version)}</Text>
        <Text size="sm">{t.model(state.model)}</Text>
        {state.notice && <Text size="sm" className="words">{sentence(state.notice)}</Text>}
      </Alert>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {(state.checks ?? []).map((check) => (
          <Check key={check.name} check={check} />
        ))}
      </SimpleGrid>
    </Stack>
  )
}

function Check({ check }: { check: HealthCheck }) {
  const t = text.installation.health
  return (
    <Card withBorder padding="md">
      <Group wrap="nowrap" align="flex-start">
        <ThemeIcon variant="light" color={check.ok ? 'green' : 'red'} aria-hidden>
          {check.ok ? <IconCheck size={18} /> : <IconAlertTriangle size={18} />}
        </ThemeIcon>
        <Stack gap={2} style={{ minWidth: 0 }}>
          <Text fw={600} className="words">
            {check.name}
          </Text>
          <Text size="sm">{check.ok ? t.fine : t.bad}</Text>
          {check.detail && <Text size="sm" c="dimmed" className="words">{sentence(check.detail)}</Text>}
          {check.hint && <Text size="sm" className="words">{sentence(check.hint)}</Text>}
        </Stack>
      </Group>
    </Card>
  )
}
