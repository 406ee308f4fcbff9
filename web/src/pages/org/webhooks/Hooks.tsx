import { Badge, Button, Group, Table, Text } from '@mantine/core'
import { IconList, IconPencil, IconPlus, IconRefresh, IconSend, IconTrash, IconWebhook } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { Webhook } from '../../../api/schema'
import { text } from '../../../text'
import { ago, duration, moment } from '../../../text/format'
import { Confirm } from '../../../ui/confirm'
import { ShownOnce } from '../../../ui/Copyable'
import { Dialog } from '../../../ui/Dialog'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { RowAction, Rows } from '../../../ui/Rows'
import { done, failed } from '../../../ui/told'
import { Deliveries } from './Deliveries'
import { HookForm, lists } from './HookForm'

/** The project's webhooks, and what can be done with each. */
export function Hooks() {
  const t = text.org.webhooks
  const write = useMay()('webhook.write')
  const query = useApi().query.useQuery('get', '/v1/webhooks')
  const [editing, edit] = useState<Webhook | 'new' | null>(null)
  const [listing, list] = useState<Webhook | null>(null)
  const add = write && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => edit('new')}>
      {t.add}
    </Button>
  )
  return (
    <>
      <Loaded query={query}>
        {(all) =>
          (all ?? []).length === 0 ? (
            <Empty icon={IconWebhook} title={t.none} action={add}>
              {t.noneHint}
            </Empty>
          ) : (
            <>
              <Group justify="flex-end" mb="sm">
                {add}
              </Group>
              <Rows label={t.title} head={[t.url, t.types, t.state, '']} minWidth={640}>
                {(all ?? []).map((h) => (
                  <Row key={h.id} of={h} write={write} edit={() => edit(h)} list={() => list(h)} />
                ))}
              </Rows>
            </>
          )
        }
      </Loaded>
      <Dialog about={editing} title={editing === 'new' ? t.addTitle : t.editTitle} close={() => edit(null)} size="lg">
        {(h) => <HookForm from={h === 'new' ? undefined : h} all={query.data ?? []} close={() => edit(null)} />}
      </Dialog>
      <Dialog about={listing} title={t.deliveries(listing ? hostOf(listing.url) : '')} close={() => list(null)} size="xl">
        {(h) => <Deliveries of={h} />}
      </Dialog>
    </>
  )
}

/** The address without what may be a secret in its path. */
function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}

function Row({ of: h, write, edit, list }: { of: Webhook; write: boolean; edit: () => void; list: () => void }) {
  const t = text.org.webhooks
  const host = hostOf(h.url)
  const path = { params: { path: { webhook: h.id } } }
  const test = useSend('post', '/v1/webhooks/{webhook}/test', lists)
  const rotate = useSend('post', '/v1/webhooks/{webhook}/rotate', lists)
  const remove = useSend('delete', '/v1/webhooks/{webhook}', lists)
  const [asking, ask] = useState<'rotate' | 'remove' | null>(null)
  const [secret, setSecret] = useState<{ secret: string; until: string } | null>(null)
  const send = () =>
    test.mutate(path, {
      onSuccess: (a) => (a.error ? failed(new Error(t.testFailed(a.error))) : done(t.testTook(duration(a.took_ms)))),
      onError: failed,
    })
  return (
    <Table.Tr>
      <Table.Td className="words">
        <Text size="sm" fw={500}>
          {h.url}
        </Text>
        {h.note && (
          <Text size="xs" c="dimmed">
            {h.note}
          </Text>
        )}
      </Table.Td>
      <Table.Td className="words">
        <Text size="xs">{h.types?.length ? h.types.join(', ') : t.allTypes}</Text>
      </Table.Td>
      <Table.Td>
        <Badge variant="light" color={h.disabled ? 'gray' : h.failing ? 'orange' : 'green'}>
          {h.disabled ? t.disabled : t.works}
        </Badge>
        {(h.why ?? h.failing) && (
          <Text size="xs" c="dimmed" className="words">
            {h.why ?? t.failing(ago(h.failing!))}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Group gap={4} justify="flex-end" wrap="nowrap">
          <RowAction icon={IconList} label={t.deliveries(host)} act={list} />
          {write && (
            <>
              <RowAction icon={IconSend} label={t.test(host)} act={send} busy={test.isPending} />
              <RowAction icon={IconRefresh} label={t.rotate(host)} act={() => ask('rotate')} />
              <RowAction icon={IconPencil} label={t.edit(host)} act={edit} />
              <RowAction icon={IconTrash} danger label={t.remove(host)} act={() => ask('remove')} />
            </>
          )}
        </Group>
        <Confirm opened={asking === 'rotate'} close={() => ask(null)} title={t.rotateTitle(host)} action={t.rotateAction} danger={false} act={async () => setSecret(await rotate.mutateAsync(path))}>
          {t.rotateText}
        </Confirm>
        <Confirm opened={asking === 'remove'} close={() => ask(null)} title={t.removeTitle(host)} action={text.common.remove} act={() => remove.mutateAsync({ params: { ...path.params, header: { 'If-Match': `"${h.revision}"` } } })}>
          {t.removeText}
        </Confirm>
        <Dialog about={secret} title={t.secret} close={() => setSecret(null)}>
          {(s) => (
            <ShownOnce label={t.secret} value={s.secret} note={t.once} close={() => setSecret(null)}>
              <Text size="sm">{t.oldUntil(moment(s.until))}</Text>
            </ShownOnce>
          )}
        </Dialog>
      </Table.Td>
    </Table.Tr>
  )
}
