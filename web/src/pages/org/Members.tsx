import { Badge, Button, Group, Table, Text } from '@mantine/core'
import { IconPencil, IconRobot, IconTrash, IconUserPlus, IconUsers } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay, useMe } from '../../api/me'
import type { Member, Place } from '../../api/schema'
import { text } from '../../text'
import { Confirm } from '../../ui/confirm'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { More, RowAction, Rows } from '../../ui/Rows'
import { Section } from '../../ui/Section'
import { done } from '../../ui/told'
import { useProjects } from './directory'
import { Invitations } from './members/Invitations'
import { Invite, NewService } from './members/Invite'
import { Org } from './members/Org'
import { PlaceFields, roles } from './PlaceFields'

/** Who belongs to the org. */
export default function Members() {
  const t = text.org.members
  const api = useApi()
  const me = useMe()
  const may = useMay()
  const query = api.query.useInfiniteQuery('get', '/v1/members', { params: { query: { limit: 100 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  const remove = useSend('delete', '/v1/members/{user}', ['/v1/members', '/v1/api-keys'])
  const [making, make] = useState<'person' | 'service' | null>(null)
  const [changing, change] = useState<Member | null>(null)
  const [leaving, part] = useState<Member | null>(null)
  const write = may('member.write')
  const above = (m: Member) => roles.indexOf(m.role) > roles.indexOf(me.role)
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        write && (
          <>
            <Button variant="default" leftSection={<IconRobot size={16} aria-hidden />} onClick={() => make('service')}>
              {t.service}
            </Button>
            <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => make('person')}>
              {t.invite}
            </Button>
          </>
        )
      }
    >
      <Org />
      <Section title={t.title} plain>
        <Loaded query={query}>
          {({ pages }) => {
            const all = pages.flatMap((p) => p.items ?? [])
            if (all.length === 0) return <Empty icon={IconUsers} title={t.none}>{t.noneHint}</Empty>
            return (
              <>
                <Rows label={t.title} head={[t.person, t.role, t.projects, ...(write ? [t.factor] : []), t.since, '']} minWidth={680}>
                  {all.map((m) => (
                    <Row key={m.user.id} member={m} change={write && !above(m) ? () => change(m) : undefined} remove={write && !above(m) && m.user.id !== me.user ? () => part(m) : undefined} factor={write} />
                  ))}
                </Rows>
                <More query={query} />
              </>
            )
          }}
        </Loaded>
      </Section>
      <Invitations />
      <Dialog about={making === 'person'} title={t.inviteTitle} close={() => make(null)}>
        {() => <Invite close={() => make(null)} />}
      </Dialog>
      <Dialog about={making === 'service'} title={t.serviceTitle} close={() => make(null)}>
        {() => <NewService close={() => make(null)} made={(name) => done(t.serviceMade(name))} />}
      </Dialog>
      <Dialog about={changing} title={t.changeTitle(named(changing))} close={() => change(null)}>
        {(m) => <Change member={m} close={() => change(null)} />}
      </Dialog>
      <Confirm
        opened={!!leaving}
        close={() => part(null)}
        title={t.removeTitle(named(leaving))}
        action={text.common.remove}
        act={async () => {
          await remove.mutateAsync({ params: { path: { user: leaving!.user.id } } })
          done(t.removed(named(leaving)))
        }}
      >
        {t.removeText}
      </Confirm>
    </Page>
  )
}

const named = (m: Member | null) => m?.user.name || m?.user.email || m?.user.id || ''

function Row({ member: m, change, remove, factor }: { member: Member; change?: () => void; remove?: () => void; factor: boolean }) {
  const t = text.org.members
  const me = useMe()
  const projects = useProjects()
  const name = named(m)
  return (
    <Table.Tr>
      <Table.Td className="words">
        <Group gap="xs">
          <Text size="sm" fw={500}>
            {name}
          </Text>
          {m.user.id === me.user && <Badge variant="light">{t.you}</Badge>}
          {m.user.service && <Badge variant="light" color="gray">{t.isService}</Badge>}
          {m.user.disabled && <Badge variant="light" color="red">{t.disabled}</Badge>}
        </Group>
        <Text size="xs" c="dimmed">
          {m.user.email ?? m.user.id}
        </Text>
      </Table.Td>
      <Table.Td>
        {text.common.role[m.role]}
        {m.source && <Text size="xs" c="dimmed" className="words">{t.byIssuer(m.source)}</Text>}
      </Table.Td>
      <Table.Td className="words">{projects.names(m.projects)}</Table.Td>
      {factor && <Table.Td>{m.user.service ? '' : m.user.second_factor ? t.on : t.off}</Table.Td>}
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={m.since} />
      </Table.Td>
      <Table.Td>
        <Group gap={4} justify="flex-end" wrap="nowrap">
          {change && <RowAction icon={IconPencil} label={t.change(name)} act={change} />}
          {remove && <RowAction icon={IconTrash} danger label={t.remove(name)} act={remove} />}
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}

function Change({ member, close }: { member: Member; close: () => void }) {
  const t = text.org.members
  const [place, setPlace] = useState<Place>({ role: member.role, projects: member.projects ?? [] })
  const send = useSend('patch', '/v1/members/{user}', ['/v1/members', '/v1/me'])
  return (
    <DialogForm
      action={text.common.save}
      close={close}
      busy={send.isPending}
      error={send.error}
      submit={() =>
        send.mutate({ params: { path: { user: member.user.id } }, body: place }, {
          onSuccess: () => {
            done(t.changed)
            close()
          },
        })
      }
    >
      <PlaceFields value={place} change={setPlace} />
    </DialogForm>
  )
}
