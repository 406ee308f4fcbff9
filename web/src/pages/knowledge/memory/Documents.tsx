import { ActionIcon, Anchor, Badge, Button, Group, Table, Text, Tooltip } from '@mantine/core'
import { IconBook2, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Document } from '../../../api/schema'
import { text } from '../../../text'
import { bytes, number } from '../../../text/format'
import { Confirm } from '../../../ui/confirm'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { Moment } from '../../../ui/Moment'
import { usePlace } from '../../../ui/place'
import { done } from '../../../ui/told'
import { AddDocuments } from './AddDocuments'
import { DocumentDrawer } from './DocumentDrawer'

const again = 4000 // ms, while documents are being read

/** The project's documents: each opens, and can be removed. */
export function Documents() {
  const t = text.knowledge.memory.documents
  const may = useMay()
  const api = useApi()
  const [open, setOpen] = usePlace('open')
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Document | null>(null)
  const remove = useSend('delete', '/v1/documents/{document}', ['/v1/documents'])
  const query = api.query.useInfiniteQuery(
    'get',
    '/v1/documents',
    { params: { query: { limit: 50 } } },
    {
      pageParamName: 'cursor',
      initialPageParam: '',
      getNextPageParam: (page) => page.next || undefined,
      refetchInterval: (q) => (q.state.data?.pages.some((p) => p.items?.some((d) => d.state === 'waiting')) ? again : false),
    },
  )
  const add = may('memory.write') && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  )
  return (
    <>
      <Loaded query={query}>
        {({ pages }) => {
          const documents = pages.flatMap((page) => page.items ?? [])
          if (documents.length === 0) {
            return (
              <Empty icon={IconBook2} title={t.none} action={add}>
                {t.noneHint}
              </Empty>
            )
          }
          return (
            <>
              <Group mb="sm">{add}</Group>
              <Rows label={text.knowledge.memory.tabs.documents} head={[t.title, t.kind, t.size, t.parts, t.state, t.changed, '']} minWidth={680}>
                    {documents.map((d) => (
                      <Table.Tr key={d.id}>
                        <Table.Td className="words" dir="auto">
                          <Anchor component="button" type="button" fw={500} ta="start" onClick={() => setOpen(d.id)}>
                            {d.title || d.source}
                          </Anchor>
                          {d.title && d.title !== d.source && (
                            <Text size="xs" c="dimmed" lineClamp={1}>
                              {d.source}
                            </Text>
                          )}
                        </Table.Td>
                        <Table.Td>{t.kinds[d.kind]}</Table.Td>
                        <Table.Td style={{ whiteSpace: 'nowrap' }}>
                          {bytes(d.size)}
                        </Table.Td>
                        <Table.Td>{number(d.parts)}</Table.Td>
                        <Table.Td>
                          <DocumentState of={d} />
                        </Table.Td>
                        <Table.Td style={{ whiteSpace: 'nowrap' }}>
                          <Moment at={d.changed} />
                        </Table.Td>
                        <Table.Td>
                          {may('memory.write') && (
                            <ActionIcon variant="subtle" color="red" aria-label={`${text.common.remove} ${d.title || d.source}`} onClick={() => setRemoving(d)}>
                              <IconTrash size={16} aria-hidden />
                            </ActionIcon>
                          )}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Rows>
              {query.hasNextPage && (
                <Button variant="default" mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {text.common.more}
                </Button>
              )}
            </>
          )
        }}
      </Loaded>
      <AddDocuments opened={adding} close={() => setAdding(false)} />
      <DocumentDrawer id={open} close={() => setOpen('')} remove={setRemoving} />
      <Confirm
        opened={removing !== null}
        close={() => setRemoving(null)}
        title={t.remove}
        action={text.common.remove}
        act={async () => {
          await remove.mutateAsync({ params: { path: { document: removing?.id ?? '' } } })
          if (open === removing?.id) setOpen('')
          done(t.removed)
        }}
      >
        <span className="words">{t.removeHint(removing?.title || removing?.source || '')}</span>
      </Confirm>
    </>
  )
}

const colors = { indexed: 'green', words: 'blue', waiting: 'gray', failed: 'red' } as const

/** How a document is found, and whether all of it was taken. */
export function DocumentState({ of: d }: { of: Pick<Document, 'state' | 'cut'> }) {
  const t = text.knowledge.memory.documents
  return (
    <Group gap={4} wrap="nowrap">
      <Badge variant="light" color={colors[d.state]} miw="max-content">
        {t.states[d.state]}
      </Badge>
      {d.cut && (
        <Tooltip label={t.cutHint} multiline maw={260}>
          <Badge variant="light" color="orange" miw="max-content">
            {t.cut}
          </Badge>
        </Tooltip>
      )}
    </Group>
  )
}
