import { Anchor, Badge, Button, Group, Table, Tabs, Text } from '@mantine/core'
import { IconPencil, IconPlugConnected, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { McpServer } from '../../api/schema'
import { text } from '../../text'
import { Confirm } from '../../ui/confirm'
import { Dialog } from '../../ui/Dialog'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { usePlace } from '../../ui/place'
import { RowAction, Rows } from '../../ui/Rows'
import { done } from '../../ui/told'
import { AsServer } from './mcp/AsServer'
import { lineOf } from './mcp/command'
import { ServerDrawer } from './mcp/ServerDrawer'
import { ServerForm } from './mcp/ServerForm'
import { serverPaths } from './mcp/paths'

/** The project's MCP servers, and how Isekai is one. */
export default function McpServers() {
  const t = text.tooling.mcp
  const may = useMay()
  const [tab, setTab] = usePlace('tab', 'servers')
  const [open, setOpen] = usePlace('open')
  const [editing, setEditing] = useState<{ server?: McpServer } | null>(null)
  const servers = tab !== 'serve'
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        servers &&
        may('mcp.write') && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setEditing({})}>
            {t.add}
          </Button>
        )
      }
    >
      <Tabs value={servers ? 'servers' : 'serve'} onChange={(v) => setTab(v ?? 'servers')} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="servers">{t.tabs.servers}</Tabs.Tab>
          <Tabs.Tab value="serve">{t.tabs.serve}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="servers">
          <Servers open={setOpen} edit={(server) => setEditing({ server })} />
        </Tabs.Panel>
        <Tabs.Panel value="serve">
          <AsServer />
        </Tabs.Panel>
      </Tabs>
      <ServerDrawer name={open} close={() => setOpen('')} edit={(server) => setEditing({ server })} />
      <Dialog about={editing} title={editing?.server ? t.edit(editing.server.name) : t.add} close={() => setEditing(null)} size="lg">
        {({ server }) => <ServerForm server={server} close={() => setEditing(null)} saved={setOpen} />}
      </Dialog>
    </Page>
  )
}

function Servers({ open, edit }: { open: (name: string) => void; edit: (server: McpServer) => void }) {
  const t = text.tooling.mcp
  const may = useMay()('mcp.write')
  const api = useApi()
  const query = api.query.useQuery('get', '/v1/mcp/servers')
  const [removing, setRemoving] = useState<McpServer | null>(null)
  const remove = useSend('delete', '/v1/mcp/servers/{server}', serverPaths)
  return (
    <>
      <Loaded query={query}>
        {(servers) =>
          !servers?.length ? (
            <Empty icon={IconPlugConnected} title={t.none}>
              {t.noneHint}
            </Empty>
          ) : (
            <Rows label={t.title} head={[t.name, t.transport, t.state, t.changed, ...(may ? [''] : [])]} minWidth={620}>
              {servers.map((s) => (
                <Table.Tr key={s.id}>
                  <Table.Td className="words">
                    <Anchor component="button" type="button" fw={500} onClick={() => open(s.name)}>
                      {s.name}
                    </Anchor>
                    <Text size="xs" c="dimmed" ff="monospace" lineClamp={1}>
                      {s.address || lineOf(s.argv ?? [])}
                    </Text>
                    {s.note && (
                      <Text size="xs" c="dimmed" dir="auto" lineClamp={1}>
                        {s.note}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>{t.transports[s.transport]}</Table.Td>
                  <Table.Td>
                    <Group gap={4}>
                      <Badge variant="light" color={s.off ? 'gray' : 'green'}>
                        {s.off ? t.off : t.on}
                      </Badge>
                      {s.trust && (
                        <Badge variant="light" color="orange">
                          {t.trusted}
                        </Badge>
                      )}
                    </Group>
                  </Table.Td>
                  <Table.Td style={{ whiteSpace: 'nowrap' }}>
                    <Moment at={s.changed} />
                  </Table.Td>
                  {may && (
                    <Table.Td>
                      <Group gap={4} wrap="nowrap" justify="flex-end">
                        <RowAction icon={IconPencil} label={t.edit(s.name)} act={() => edit(s)} />
                        <RowAction icon={IconTrash} label={`${text.common.remove} ${s.name}`} danger act={() => setRemoving(s)} />
                      </Group>
                    </Table.Td>
                  )}
                </Table.Tr>
              ))}
            </Rows>
          )
        }
      </Loaded>
      <Confirm
        opened={removing !== null}
        close={() => setRemoving(null)}
        title={t.remove}
        action={text.common.remove}
        act={async () => {
          const name = removing?.name ?? ''
          await remove.mutateAsync({ params: { path: { server: name } } })
          done(t.removed(name))
        }}
      >
        {t.removeHint(removing?.name ?? '')}
      </Confirm>
    </>
  )
}
