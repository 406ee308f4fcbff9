import { ActionIcon, Button, Group, Menu, NumberInput, Table, Text, TextInput } from '@mantine/core'
import { IconBuilding, IconDots, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Org } from '../../api/schema'
import { text } from '../../text'
import { credits } from '../../text/format'
import { Confirm } from '../../ui/confirm'
import { ShownOnce } from '../../ui/Copyable'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { More, Rows } from '../../ui/Rows'
import { done, failed } from '../../ui/told'

const lists = ['/v1/installation/orgs']

/** The tenants. */
export default function Orgs() {
  const t = text.installation.orgs
  const may = useMay()
  const [making, make] = useState(false)
  const query = useApi().query.useInfiniteQuery('get', '/v1/installation/orgs', { params: { query: { limit: 50 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        may('operate.people') && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => make(true)}>
            {t.make}
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0) return <Empty icon={IconBuilding} title={t.none}>{t.noneHint}</Empty>
          return (
            <>
              <Rows label={t.title} head={[t.name, t.credits, t.created, '']}>
                {all.map((o) => (
                  <Row key={o.id} org={o} />
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
      <Dialog about={making} title={t.make} close={() => make(false)}>
        {() => <NewOrg close={() => make(false)} />}
      </Dialog>
    </Page>
  )
}

type Doing = 'grant' | 'share' | 'shred' | null

function Row({ org }: { org: Org }) {
  const t = text.installation.orgs
  const may = useMay()
  const [doing, setDoing] = useState<Doing>(null)
  const tenant = org.id !== 'org_installation'
  const balance = useApi().query.useQuery('get', '/v1/installation/credits', { params: { query: { org: org.id } } }, { enabled: tenant })
  const rotate = useSend('post', '/v1/keys/rotate')
  const shred = useSend('post', '/v1/keys/shred', lists)
  const close = () => setDoing(null)
  return (
    <Table.Tr>
      <Table.Td className="words">
        <Text fw={500}>{org.name}</Text>
        <Text size="xs" c="dimmed" ff="monospace">
          {org.id}
        </Text>
      </Table.Td>
      <Table.Td>{balance.data && t.balance(credits(balance.data.available), credits(balance.data.spent))}</Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={org.created} />
      </Table.Td>
      <Table.Td>
        {may('operate') && tenant && (
          <Group justify="flex-end">
            <Menu position="bottom-end" withinPortal>
              <Menu.Target>
                <ActionIcon variant="subtle" color="gray" aria-label={text.common.actions(org.name)}>
                  <IconDots size={17} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => setDoing('grant')}>{t.grant}</Menu.Item>
                <Menu.Item onClick={() => setDoing('share')}>{t.share}</Menu.Item>
                <Menu.Item onClick={() => rotate.mutate({ body: { org: org.id } }, { onSuccess: () => done(t.rotated), onError: failed })}>{t.rotate}</Menu.Item>
                <Menu.Divider />
                <Menu.Item color="red" onClick={() => setDoing('shred')}>
                  {t.shred}
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Group>
        )}
        <Dialog about={doing === 'grant'} title={`${t.grant}: ${org.name}`} close={close}>
          {() => <Grant org={org.id} close={close} />}
        </Dialog>
        <Dialog about={doing === 'share'} title={`${t.share}: ${org.name}`} close={close}>
          {() => <ShareForm org={org.id} close={close} />}
        </Dialog>
        <Confirm opened={doing === 'shred'} close={close} title={`${t.shred}: ${org.name}`} action={t.shred} word={org.id} act={() => shred.mutateAsync({ body: { org: org.id, confirm: org.id } }).then(() => done(t.shredded))}>
          {t.shredHint}
        </Confirm>
      </Table.Td>
    </Table.Tr>
  )
}

function NewOrg({ close }: { close: () => void }) {
  const t = text.installation.orgs
  const [name, setName] = useState('')
  const [invite, setInvite] = useState('')
  const [link, setLink] = useState('')
  const send = useSend('post', '/v1/installation/orgs', lists)
  if (link) return <ShownOnce label={t.made} value={link} note={t.link} close={close} />
  return (
    <DialogForm
      action={text.common.create}
      close={close}
      busy={send.isPending}
      error={send.error}
      submit={() => send.mutate({ body: { name, invite } }, { onSuccess: (made) => (made.invitation ? setLink(`${location.origin}/invitation#token=${encodeURIComponent(made.invitation)}`) : close()) })}
    >
      <TextInput label={t.name} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
      <TextInput label={t.invite} type="email" value={invite} onChange={(e) => setInvite(e.currentTarget.value)} required autoComplete="off" />
    </DialogForm>
  )
}

function Grant({ org, close }: { org: string; close: () => void }) {
  const t = text.installation.orgs
  const [amount, setAmount] = useState<number | string>('')
  const [note, setNote] = useState('')
  const send = useSend('post', '/v1/installation/credits/grant', ['/v1/installation/credits'])
  const submit = () =>
    send.mutate({ params: { query: { org } }, body: { amount: Math.round(Number(amount) * 1e6), ...(note && { note }) } }, {
      onSuccess: () => {
        done(t.granted)
        close()
      },
    })
  return (
    <DialogForm action={t.grant} close={close} busy={send.isPending} error={send.error} disabled={!(Number(amount) > 0)} submit={submit}>
      <NumberInput label={t.amount} value={amount} onChange={setAmount} min={0} required data-autofocus />
      <TextInput label={t.note} value={note} onChange={(e) => setNote(e.currentTarget.value)} maxLength={200} />
    </DialogForm>
  )
}

function ShareForm({ org, close }: { org: string; close: () => void }) {
  const t = text.installation.orgs
  const at = { params: { query: { org } } }
  const query = useApi().query.useQuery('get', '/v1/installation/share', at)
  const [share, setShare] = useState<number | string | undefined>()
  const send = useSend('put', '/v1/installation/share', ['/v1/installation/share'])
  return (
    <Loaded query={query}>
      {(was) => (
        <DialogForm action={text.common.save} close={close} busy={send.isPending} error={send.error} submit={() => send.mutate({ ...at, body: { share: Number(share ?? was.share) } }, { onSuccess: close })}>
          <NumberInput label={t.share} description={t.shareHint} value={share ?? was.share} onChange={setShare} min={1} max={100} required data-autofocus />
        </DialogForm>
      )}
    </Loaded>
  )
}
