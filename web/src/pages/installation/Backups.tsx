import { Button, Table, Text } from '@mantine/core'
import { IconCloudUp } from '@tabler/icons-react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import { text } from '../../text'
import { exactly, number } from '../../text/format'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Page } from '../../ui/Page'
import { Rows } from '../../ui/Rows'
import { done, failed } from '../../ui/told'

/** Copies of the installation. */
export default function Backups() {
  const t = text.installation.backups
  const may = useMay()
  const query = useApi().query.useQuery('get', '/v1/backups')
  const take = useSend('post', '/v1/backups', ['/v1/backups'])
  const action = may('operate') && (
    <Button leftSection={<IconCloudUp size={16} aria-hidden />} loading={take.isPending} onClick={() => take.mutate({}, { onSuccess: () => done(t.taken), onError: failed })}>
      {t.take}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={action}>
      <Loaded query={query}>
        {(all) =>
          !all?.length ? (
            <Empty icon={IconCloudUp} title={t.none}>
              {t.noneHint}
            </Empty>
          ) : (
            <Rows label={t.title} head={[t.at, t.id, t.orgs, t.events, t.blobs]}>
                  {all.map((b) => (
                    <Table.Tr key={b.id}>
                      <Table.Td style={{ whiteSpace: 'nowrap' }}>{exactly(b.at)}</Table.Td>
                      <Table.Td>
                        <Text size="sm" ff="monospace">
                          {b.id}
                        </Text>
                      </Table.Td>
                      <Table.Td>{number(b.orgs)}</Table.Td>
                      <Table.Td>{number(b.events)}</Table.Td>
                      <Table.Td>{number(b.blobs)}</Table.Td>
                    </Table.Tr>
                  ))}
            </Rows>
          )
        }
      </Loaded>
    </Page>
  )
}
