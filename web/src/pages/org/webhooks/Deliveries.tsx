import { Badge, Button, Code, Group, List, Paper, Select, Stack, Text } from '@mantine/core'
import { IconMail, IconRepeat } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Delivery, Webhook } from '../../../api/schema'
import { text } from '../../../text'
import { duration, exactly } from '../../../text/format'
import { Details } from '../../../ui/Details'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { More, RowAction } from '../../../ui/Rows'
import { done, failed } from '../../../ui/told'
import { lists } from './HookForm'

type State = Delivery['state']
const colors = { pending: 'blue', delivered: 'green', dead: 'red' }

/** The messages to a webhook, with what came of each try. */
export function Deliveries({ of: hook }: { of: Webhook }) {
  const t = text.org.webhooks.delivery
  const write = useMay()('webhook.write')
  const [state, setState] = useState<State | null>(null)
  const path = { webhook: hook.id }
  const query = useApi().query.useInfiniteQuery(
    'get',
    '/v1/webhooks/{webhook}/deliveries',
    { params: { path, query: { limit: 20, ...(state && { state }) } } },
    { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined, refetchInterval: 5000 },
  )
  const replay = useSend('post', '/v1/webhooks/{webhook}/deliveries/{message}/replay', lists)
  const replayDead = useSend('post', '/v1/webhooks/{webhook}/replay', lists)
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="sm">
        <Select aria-label={t.state} placeholder={t.any} clearable size="xs" w={160} data={(['pending', 'delivered', 'dead'] as const).map((value) => ({ value, label: t.states[value] }))} value={state} onChange={(v) => setState(v as State | null)} clearButtonProps={{ 'aria-label': text.common.clear }} />
        {write && (
          <Button size="xs" variant="default" loading={replayDead.isPending} onClick={() => replayDead.mutate({ params: { path } }, { onSuccess: (r) => done(t.replayed(r.replayed)), onError: failed })}>
            {t.replayDead}
          </Button>
        )}
      </Group>
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0) return <Empty icon={IconMail} title={t.none}>{t.noneHint}</Empty>
          return (
            <>
              {all.map((d) => (
                <Paper key={d.id} withBorder radius="md" p="sm">
                  <Group justify="space-between" wrap="nowrap" align="flex-start">
                    <div style={{ minWidth: 0 }} className="words">
                      <Group gap="xs">
                        <Badge variant="light" color={colors[d.state]}>
                          {t.states[d.state]}
                        </Badge>
                        <Text size="sm" fw={500}>
                          {d.type}
                        </Text>
                        <Text size="xs" c="dimmed">
                          <Moment at={d.created} />
                        </Text>
                      </Group>
                      <Text size="xs" c="dimmed">
                        {d.id} · {t.tries}: {d.tries}
                        {d.next && ` · ${t.next}: ${exactly(d.next)}`}
                      </Text>
                    </div>
                    {write && d.state !== 'pending' && <RowAction icon={IconRepeat} label={t.replay(d.id)} busy={replay.isPending} act={() => replay.mutate({ params: { path: { ...path, message: d.id } } }, { onSuccess: () => done(t.again), onError: failed })} />}
                  </Group>
                  <Details summary={t.attemptsWord}>
                    <List size="sm" mb="xs">
                      {(d.attempts ?? []).map((a) => (
                        <List.Item key={a.at} className="words">
                          {exactly(a.at)} · {duration(a.took_ms)} · {a.status ? t.status(a.status) : ''} {a.error ?? t.taken}
                        </List.Item>
                      ))}
                    </List>
                    <Code block tabIndex={0} role="region" aria-label={t.body} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                      {JSON.stringify(d.body, null, 2)}
                    </Code>
                  </Details>
                </Paper>
              ))}
              <More query={query} />
            </>
          )
        }}
      </Loaded>
    </Stack>
  )
}
