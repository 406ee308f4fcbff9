import { Anchor, Badge, Button, Code, Group, Table, TextInput } from '@mantine/core'
import { IconArchive, IconArchiveOff, IconFolderPlus, IconFolders, IconPencil } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { Project } from '../../api/schema'
import { text } from '../../text'
import { Confirm } from '../../ui/confirm'
import { Dialog, DialogForm } from '../../ui/Dialog'
import { Empty } from '../../ui/Empty'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { More, RowAction, Rows } from '../../ui/Rows'
import { done, failed } from '../../ui/told'

const lists = ['/v1/projects']

/** The org's projects. */
export default function Projects() {
  const t = text.org.projects
  const api = useApi()
  const may = useMay()
  const write = may('project.write')
  const query = api.query.useInfiniteQuery('get', '/v1/projects', { params: { query: { limit: 50 } } }, { pageParamName: 'cursor', initialPageParam: '', getNextPageParam: (page) => page.next || undefined })
  const archive = useSend('post', '/v1/projects/{project}/archive', lists)
  const restore = useSend('post', '/v1/projects/{project}/restore', lists)
  const [making, make] = useState(false)
  const [renaming, rename] = useState<Project | null>(null)
  const [archiving, setArchiving] = useState<Project | null>(null)
  const open = (p: Project) => restore.mutate({ params: { path: { project: p.id } } }, { onSuccess: () => done(t.restored(p.name)), onError: failed })
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        write && (
          <Button leftSection={<IconFolderPlus size={16} aria-hidden />} onClick={() => make(true)}>
            {t.create}
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {({ pages }) => {
          const all = pages.flatMap((p) => p.items ?? [])
          if (all.length === 0) return <Empty icon={IconFolders} title={t.none}>{t.noneHint}</Empty>
          return (
            <>
              <Rows label={t.title} head={[t.name, t.id, t.state, t.created, '']}>
                {all.map((p) => (
                  <Table.Tr key={p.id}>
                    <Table.Td className="words">
                      {p.archived ? (
                        p.name
                      ) : (
                        <Anchor component={Link} to="/p/$project" params={{ project: p.id } as never} fw={500}>
                          {p.name}
                        </Anchor>
                      )}
                    </Table.Td>
                    <Table.Td>
                      <Code>{p.id}</Code>
                    </Table.Td>
                    <Table.Td>
                      <Badge variant="light" color={p.archived ? 'gray' : 'green'}>
                        {p.archived ? t.archived : t.active}
                      </Badge>
                    </Table.Td>
                    <Table.Td style={{ whiteSpace: 'nowrap' }}>
                      <Moment at={p.created} />
                    </Table.Td>
                    <Table.Td>
                      {write && (
                        <Group gap={4} justify="flex-end" wrap="nowrap">
                          <RowAction icon={IconPencil} label={t.rename(p.name)} act={() => rename(p)} />
                          {p.archived ? <RowAction icon={IconArchiveOff} label={t.restore(p.name)} act={() => open(p)} /> : <RowAction icon={IconArchive} label={t.archive(p.name)} act={() => setArchiving(p)} />}
                        </Group>
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Rows>
              <More query={query} />
            </>
          )
        }}
      </Loaded>
      <Dialog about={making} title={t.createTitle} close={() => make(false)}>
        {() => <Create close={() => make(false)} />}
      </Dialog>
      <Dialog about={renaming} title={t.renameTitle} close={() => rename(null)}>
        {(p) => <Rename project={p} close={() => rename(null)} />}
      </Dialog>
      <Confirm opened={!!archiving} close={() => setArchiving(null)} title={t.archiveTitle(archiving?.name ?? '')} action={t.archiveAction} act={() => archive.mutateAsync({ params: { path: { project: archiving!.id } } })}>
        {t.archiveText}
      </Confirm>
    </Page>
  )
}

function Create({ close }: { close: () => void }) {
  const t = text.org.projects
  const [name, setName] = useState('')
  const send = useSend('post', '/v1/projects', lists)
  const submit = () =>
    send.mutate({ body: { name } }, {
      onSuccess: () => {
        done(t.made(name))
        close()
      },
    })
  return (
    <DialogForm action={text.common.create} close={close} busy={send.isPending} error={send.error} submit={submit}>
      <TextInput label={t.name} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
    </DialogForm>
  )
}

function Rename({ project, close }: { project: Project; close: () => void }) {
  const t = text.org.projects
  const [name, setName] = useState(project.name)
  const send = useSend('patch', '/v1/projects/{project}', lists)
  return (
    <DialogForm action={text.common.save} close={close} busy={send.isPending} error={send.error} submit={() => send.mutate({ params: { path: { project: project.id } }, body: { name } }, { onSuccess: close })}>
      <TextInput label={t.name} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={100} data-autofocus />
    </DialogForm>
  )
}
