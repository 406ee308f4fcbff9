import { ActionIcon, Button, Group, Table, Text, Tooltip } from '@mantine/core'
import { IconGitBranch, IconPlus, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Repository } from '../../api/schema'
import { text } from '../../text'
import { Confirm } from '../../ui/confirm'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Rows } from '../../ui/Rows'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { done, failed } from '../../ui/told'
import { AddRepository } from './AddRepository'

const list = '/v1/repositories'

/** The git repositories that the project's tasks begin with. */
export default function Repositories() {
  const t = text.knowledge.repositories
  const may = useMay()
  const api = useApi()
  const query = api.query.useQuery('get', list)
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Repository | null>(null)
  const remove = useSend('delete', '/v1/repositories/{repository}', [list])
  const add = may('repository.write') && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={query.data?.items?.length ? add : undefined}>
      <Loaded query={query}>
        {({ items }) =>
          !items?.length ? (
            <Empty icon={IconGitBranch} title={t.none} action={add}>
              {t.noneHint}
            </Empty>
          ) : (
            <Rows label={t.title} head={[t.name, t.branch, t.commit, t.credential, t.synced, '']} minWidth={680}>
                  {items.map((r) => (
                    <Row key={r.name} repository={r} remove={() => setRemoving(r)} />
                  ))}
                </Rows>
          )
        }
      </Loaded>
      <AddRepository opened={adding} close={() => setAdding(false)} />
      <Confirm
        opened={removing !== null}
        close={() => setRemoving(null)}
        title={t.remove}
        action={text.common.remove}
        act={async () => {
          await remove.mutateAsync({ params: { path: { repository: removing?.name ?? '' } } })
          done(t.removed(removing?.name ?? ''))
        }}
      >
        {t.removeHint(removing?.name ?? '')}
      </Confirm>
    </Page>
  )
}

function Row({ repository: r, remove }: { repository: Repository; remove: () => void }) {
  const t = text.knowledge.repositories
  const may = useMay()
  const sync = useSend('post', '/v1/repositories/{repository}/sync', [list])
  const now = () =>
    sync.mutate({ params: { path: { repository: r.name } } }, { onSuccess: (is) => done(is.commit === r.commit ? t.upToDate(r.name) : t.moved(r.name, is.commit.slice(0, 10))), onError: failed })
  return (
    <Table.Tr>
      <Table.Td className="words">
        <Text fw={500}>{r.name}</Text>
        <Text size="xs" c="dimmed">
          {r.url}
        </Text>
      </Table.Td>
      <Table.Td className="words">{r.branch}</Table.Td>
      <Table.Td>
        <Text ff="monospace" size="sm" title={r.commit}>
          {r.commit.slice(0, 10)}
        </Text>
      </Table.Td>
      <Table.Td>{r.credential || <Text c="dimmed" size="sm">{t.public}</Text>}</Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={r.synced} />
      </Table.Td>
      <Table.Td>
        {may('repository.write') && (
          <Group gap={4} wrap="nowrap" justify="flex-end">
            <Tooltip label={t.sync}>
              <ActionIcon variant="subtle" aria-label={t.syncOf(r.name)} loading={sync.isPending} onClick={now}>
                <IconRefresh size={16} aria-hidden />
              </ActionIcon>
            </Tooltip>
            <ActionIcon variant="subtle" color="red" aria-label={`${text.common.remove} ${r.name}`} onClick={remove}>
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </Group>
        )}
      </Table.Td>
    </Table.Tr>
  )
}
