import { Anchor, Button, Code, Group, Stack, Table, Text } from '@mantine/core'
import { IconEye, IconMessageOff, IconTrash } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Prompt } from '../../../api/schema'
import { text } from '../../../text'
import { exactly } from '../../../text/format'
import { Confirm } from '../../../ui/confirm'
import { Dialog } from '../../../ui/Dialog'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Moment } from '../../../ui/Moment'
import { More, RowAction, Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { useMembers } from '../directory'

const path = '/v1/gateway/prompts'

/** What was said in calls of models, where the org keeps that. It is read on demand: who looks is in the audit log. */
export function Prompts() {
  const t = text.org.policies.prompts
  const [asked, ask] = useState(false)
  return (
    <Section
      title={t.title}
      plain
      lead={
        <>
          {t.lead}{' '}
          <Anchor component={Link} to="/org/models" size="sm">
            {t.settings}
          </Anchor>
        </>
      }
    >
      {asked ? (
        <List />
      ) : (
        <Button variant="default" onClick={() => ask(true)}>
          {t.load}
        </Button>
      )}
    </Section>
  )
}

function List() {
  const t = text.org.policies.prompts
  const write = useMay()('prompt.write')
  const members = useMembers()
  const query = useApi().query.useInfiniteQuery('get', path, { params: { query: { limit: 50 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined, refetchOnWindowFocus: false, staleTime: Infinity })
  const remove = useSend('delete', '/v1/gateway/prompts/{prompt}', [path])
  const removeAll = useSend('delete', path, [path])
  const [showing, show] = useState<Prompt | null>(null)
  const [removing, setRemoving] = useState<Prompt | 'all' | null>(null)
  return (
    <>
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0 && !query.hasNextPage) return <Empty icon={IconMessageOff} title={t.none}>{t.noneHint}</Empty>
          return (
            <>
              <Rows label={t.title} head={[t.at, t.model, t.who, t.outcome, t.expires, '']} minWidth={640}>
                {all.map((p) => (
                  <Table.Tr key={p.id}>
                    <Table.Td style={{ whiteSpace: 'nowrap' }}>
                      <Moment at={p.at} />
                    </Table.Td>
                    <Table.Td className="words">{p.provider ? `${p.provider}/${p.model}` : p.model}</Table.Td>
                    <Table.Td className="words">{p.key ?? p.task ?? members.name(p.actor.id)}</Table.Td>
                    <Table.Td>{t.outcomes[p.outcome] ?? p.outcome}</Table.Td>
                    <Table.Td style={{ whiteSpace: 'nowrap' }}>
                      <Moment at={p.expires} />
                    </Table.Td>
                    <Table.Td>
                      <Group gap={4} justify="flex-end" wrap="nowrap">
                        <RowAction icon={IconEye} label={t.show(exactly(p.at))} act={() => show(p)} />
                        {write && <RowAction icon={IconTrash} danger label={t.remove(exactly(p.at))} act={() => setRemoving(p)} />}
                      </Group>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Rows>
              <Group mt="sm" align="center">
                <More query={query} />
                {write && all.length > 0 && (
                  <Button variant="default" mt="md" onClick={() => setRemoving('all')}>
                    {t.removeAll}
                  </Button>
                )}
              </Group>
            </>
          )
        }}
      </Loaded>
      <Dialog about={showing} title={t.showTitle} close={() => show(null)} size="xl">
        {(p) => <Said id={p.id} />}
      </Dialog>
      <Confirm
        opened={!!removing}
        close={() => setRemoving(null)}
        title={removing === 'all' ? t.removeAllTitle : t.removeTitle}
        action={text.common.remove}
        word={removing === 'all' ? t.word : undefined}
        act={() => (removing === 'all' ? removeAll.mutateAsync({}) : remove.mutateAsync({ params: { path: { prompt: removing!.id } } }))}
      >
        {removing === 'all' ? t.removeAllText : t.removeText}
      </Confirm>
    </>
  )
}

function Said({ id }: { id: string }) {
  const t = text.org.policies.prompts
  const query = useApi().query.useQuery('get', '/v1/gateway/prompts/{prompt}', { params: { path: { prompt: id } } }, { staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false })
  return (
    <Loaded query={query}>
      {(p) => (
        <Stack gap="sm">
          {p.cut && (
            <Text size="sm" c="dimmed">
              {t.cut}
            </Text>
          )}
          <Block label={t.request} said={pretty(p.request)} />
          <Block label={t.answer} said={pretty(p.answer)} />
        </Stack>
      )}
    </Loaded>
  )
}

function Block({ label, said }: { label: string; said: string }) {
  return (
    <div>
      <Text size="sm" fw={600} component="h3" m={0}>
        {label}
      </Text>
      <Code block tabIndex={0} aria-label={label} role="region" mah={360} style={{ overflow: 'auto', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {said}
      </Code>
    </div>
  )
}

function pretty(said: string): string {
  try {
    return JSON.stringify(JSON.parse(said), null, 2)
  } catch {
    return said
  }
}
