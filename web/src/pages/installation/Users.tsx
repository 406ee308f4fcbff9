import { Badge, Button, Group, Menu, PasswordInput, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconDots, IconUserPlus, IconUsers } from '@tabler/icons-react'
import { ActionIcon } from '@mantine/core'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { User } from '../../api/schema'
import { text } from '../../text'
import { Confirm } from '../../ui/confirm'
import { ShownOnce } from '../../ui/Copyable'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { More, Rows } from '../../ui/Rows'
import { done, failed } from '../../ui/told'

const lists = ['/v1/users']

/** Everybody who can sign in. */
export default function Users() {
  const t = text.installation.users
  const may = useMay()
  const [typed, setTyped] = useState('')
  const [email] = useDebouncedValue(typed.trim(), 300)
  const [making, make] = useState(false)
  const query = useApi().query.useInfiniteQuery('get', '/v1/users', { params: { query: { limit: 50, ...(email && { email }) } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        may('operate.people') && (
          <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => make(true)}>
            {t.make}
          </Button>
        )
      }
    >
      <TextInput label={t.find} type="search" maw={320} mb="md" value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0) return <Empty icon={IconUsers} title={t.nobody}>{t.nobodyHint}</Empty>
          return (
            <>
              <Rows label={t.title} head={[t.name, t.email, t.factor, t.state, t.created, '']} minWidth={720}>
                {all.map((u) => (
                  <Row key={u.id} user={u} />
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
      <Dialog about={making} title={t.make} close={() => make(false)}>
        {() => <NewUser close={() => make(false)} />}
      </Dialog>
    </Page>
  )
}

function Row({ user }: { user: User }) {
  const t = text.installation.users
  const may = useMay()
  const [link, setLink] = useState('')
  const [moving, move] = useState(false)
  const [disabling, setDisabling] = useState(false)
  const of = { params: { path: { user: user.id } } }
  const disable = useSend('post', '/v1/users/{user}/disable', lists)
  const enable = useSend('post', '/v1/users/{user}/enable', lists)
  const reset = useSend('post', '/v1/users/{user}/reset')
  return (
    <Table.Tr>
      <Table.Td className="words">{user.name}</Table.Td>
      <Table.Td className="words">{user.service ? t.service : user.email}</Table.Td>
      <Table.Td>{user.second_factor ? t.on : t.off}</Table.Td>
      <Table.Td>
        <Badge variant="light" color={user.disabled ? 'red' : 'green'}>
          {user.disabled ? t.disabled : t.active}
        </Badge>
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={user.created} />
      </Table.Td>
      <Table.Td>
        {may('operate') && (
          <Group justify="flex-end">
            <Menu position="bottom-end" withinPortal>
              <Menu.Target>
                <ActionIcon variant="subtle" color="gray" aria-label={text.common.actions(user.name)}>
                  <IconDots size={17} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                {may('operate.people') && !user.service && (
                  <Menu.Item onClick={() => reset.mutate(of, { onSuccess: ({ token }) => setLink(`${location.origin}/reset#token=${encodeURIComponent(token)}`), onError: failed })}>{t.reset}</Menu.Item>
                )}
                {may('operate.people') && !user.service && <Menu.Item onClick={() => move(true)}>{t.move}</Menu.Item>}
                {user.disabled
                  ? may('operate.people') && <Menu.Item onClick={() => enable.mutate(of, { onSuccess: () => done(t.done), onError: failed })}>{t.enable}</Menu.Item>
                  : <Menu.Item color="red" onClick={() => setDisabling(true)}>{t.disable}</Menu.Item>}
              </Menu.Dropdown>
            </Menu>
          </Group>
        )}
        <Dialog about={link} title={t.reset} close={() => setLink('')}>
          {(value) => <ShownOnce label={t.reset} value={value} note={t.resetHint} close={() => setLink('')} />}
        </Dialog>
        <Dialog about={moving} title={t.move} close={() => move(false)}>
          {() => <Move user={user} close={() => move(false)} />}
        </Dialog>
        <Confirm opened={disabling} close={() => setDisabling(false)} title={`${t.disable}: ${user.name}`} action={t.disable} act={() => disable.mutateAsync(of)}>
          {t.disableHint}
        </Confirm>
      </Table.Td>
    </Table.Tr>
  )
}

function NewUser({ close }: { close: () => void }) {
  const t = text.installation.users
  const [user, setUser] = useState({ name: '', email: '', password: '' })
  const send = useSend('post', '/v1/users', lists)
  return (
    <DialogForm action={text.common.create} close={close} busy={send.isPending} error={send.error} submit={() => send.mutate({ body: user }, { onSuccess: close })}>
      <Text size="sm">{t.makeHint}</Text>
      <TextInput label={t.name} value={user.name} onChange={(e) => setUser({ ...user, name: e.currentTarget.value })} required data-autofocus />
      <TextInput label={t.email} type="email" value={user.email} onChange={(e) => setUser({ ...user, email: e.currentTarget.value })} required autoComplete="off" />
      <PasswordInput label={t.password} description={text.signin.passwordHint} value={user.password} onChange={(e) => setUser({ ...user, password: e.currentTarget.value })} required autoComplete="new-password" />
    </DialogForm>
  )
}

function Move({ user, close }: { user: User; close: () => void }) {
  const t = text.installation.users
  const [email, setEmail] = useState(user.email ?? '')
  const send = useSend('put', '/v1/users/{user}/email', lists)
  return (
    <DialogForm action={text.common.save} close={close} busy={send.isPending} error={send.error} submit={() => send.mutate({ params: { path: { user: user.id } }, body: { email } }, { onSuccess: close })}>
      <TextInput label={t.email} type="email" value={email} onChange={(e) => setEmail(e.currentTarget.value)} required data-autofocus autoComplete="off" />
    </DialogForm>
  )
}
