import { Alert, Anchor, Button, Group, Table, Text } from '@mantine/core'
import { IconBulb, IconPlus, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { changed, useApi, useSend, useTagged } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Fact } from '../../../api/schema'
import { text } from '../../../text'
import { Confirm } from '../../../ui/confirm'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { Moment } from '../../../ui/Moment'
import { done } from '../../../ui/told'
import { undoable } from '../../../ui/undo'
import { Who } from '../../../ui/Who'
import { AddFact } from './AddFact'

/** What the project remembers: all of it can be seen, and forgotten. */
export function Remembered({ settings }: { settings: () => void }) {
  const t = text.knowledge.memory.facts
  const may = useMay()
  const api = useApi()
  const queries = useQueryClient()
  const query = api.query.useQuery('get', '/v1/memories')
  const set = useTagged('/v1/memory/settings')
  const off = set.data !== undefined && !set.data.data.remember
  const forgetAll = useSend('delete', '/v1/memories', ['/v1/memories'])
  const [going, setGoing] = useState<ReadonlySet<string>>(new Set())
  const [adding, setAdding] = useState(false)
  const [all, setAll] = useState(false)
  const forget = (fact: Fact) => {
    setGoing((now) => new Set(now).add(fact.id))
    undoable(
      t.forgotten,
      async () => {
        await api.client.DELETE('/v1/memories/{memory}', { params: { path: { memory: fact.id } } })
        await changed(queries, ['/v1/memories'])
      },
      () => setGoing((now) => new Set([...now].filter((id) => id !== fact.id))),
    )
  }
  const add = may('memory.write') && !off && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  )
  return (
    <>
      {off && (
        <Alert mb="md" variant="light" color="blue" title={t.off}>
          <Text size="sm">{t.offHint}</Text>
          <Button mt="xs" size="compact-sm" variant="default" onClick={settings}>
            {t.allow}
          </Button>
        </Alert>
      )}
      <Loaded query={query}>
        {(facts) => {
          const shown = (facts ?? []).filter((f) => !going.has(f.id))
          if (shown.length === 0) {
            return (
              <Empty icon={IconBulb} title={t.none} action={add}>
                {t.noneHint}
              </Empty>
            )
          }
          return (
            <>
              <Group mb="sm" justify="space-between">
                {add}
                {may('memory.write') && (
                  <Button variant="light" color="red" onClick={() => setAll(true)}>
                    {t.all}
                  </Button>
                )}
              </Group>
              <Rows label={text.knowledge.memory.tabs.facts} head={[t.fact, t.by, t.at, t.until, '']} minWidth={620}>
                    {shown.map((f) => (
                      <Table.Tr key={f.id}>
                        <Table.Td className="words" dir="auto" style={{ whiteSpace: 'pre-wrap' }}>
                          {f.text}
                        </Table.Td>
                        <Table.Td>
                          <Where fact={f} />
                        </Table.Td>
                        <Table.Td style={{ whiteSpace: 'nowrap' }}>
                          <Moment at={f.created} />
                        </Table.Td>
                        <Table.Td style={{ whiteSpace: 'nowrap' }}>
                          <Moment at={f.expires} />
                        </Table.Td>
                        <Table.Td>
                          {may('memory.write') && (
                            <Button size="compact-sm" variant="subtle" color="red" leftSection={<IconTrash size={14} aria-hidden />} aria-label={t.forgetOne(f.text.slice(0, 60))} onClick={() => forget(f)}>
                              {t.forget}
                            </Button>
                          )}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Rows>
            </>
          )
        }}
      </Loaded>
      <AddFact opened={adding} close={() => setAdding(false)} />
      <Confirm opened={all} close={() => setAll(false)} title={t.allTitle} action={t.all} word={t.allWord} act={async () => done(t.allDone((await forgetAll.mutateAsync({})).count))}>
        {t.allHint(query.data?.length ?? 0)}
      </Confirm>
    </>
  )
}

function Where({ fact }: { fact: Fact }) {
  const t = text.knowledge.memory.facts
  const { project } = useApi()
  return (
    <Text size="sm" component="div">
      {!fact.task && !fact.source && <Who actor={fact.by} />}
      {fact.task && (
        <Anchor component={Link} to="/p/$project/tasks/$task" params={{ project, task: fact.task } as never} size="sm">
          {t.task}
        </Anchor>
      )}
      {fact.task && fact.source ? ', ' : null}
      {fact.source && (
        <Anchor component={Link} to="/p/$project/chat/$conversation" params={{ project, conversation: fact.source } as never} size="sm">
          {t.conversation}
        </Anchor>
      )}
    </Text>
  )
}
