import '@mantine/spotlight/styles.css'
import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight'
import { createSpotlight } from '@mantine/spotlight'
import { IconAppWindow, IconChecklist, IconMessages, IconPlus, IconSearch } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useMay } from '../api/me'
import { inProject } from '../api/projects'
import { text } from '../text'
import { places } from './nav'
import { useProject } from './project'

const [store, palette] = createSpotlight()

/** Goes to any page, app, task or conversation by its name. */
export default function Palette({ close }: { close: () => void }) {
  const t = text.shell.palette
  const navigate = useNavigate()
  const may = useMay()
  const project = useProject()
  const [found, setFound] = useState<SpotlightActionGroupData[]>([])
  useEffect(() => {
    palette.open()
  }, [])
  useEffect(() => {
    if (!project) return
    let here = true
    const { api: { query }, queries } = inProject(project)
    const limit = { params: { query: { limit: 50 } } }
    void Promise.allSettled([
      may('app.read') ? queries.fetchQuery(query.queryOptions('get', '/v1/apps', limit)) : undefined,
      may('task.read') ? queries.fetchQuery(query.queryOptions('get', '/v1/tasks', limit)) : undefined,
      may('conversation.read') ? queries.fetchQuery(query.queryOptions('get', '/v1/conversations', limit)) : undefined,
    ]).then(([apps, tasks, conversations]) => {
      if (!here) return
      const of = <T,>(r: PromiseSettledResult<{ items: T[] | null } | undefined>) => (r.status === 'fulfilled' ? (r.value?.items ?? []) : [])
      setFound([
        { group: t.apps, actions: of(apps).map((a) => ({ id: a.id, label: a.title, leftSection: <IconAppWindow size={18} aria-hidden />, onClick: () => void navigate({ to: '/p/$project/build/$app', params: { project, app: a.id } }) })) },
        { group: t.conversations, actions: of(conversations).map((c) => ({ id: c.id, label: c.title || text.chat.untitled, leftSection: <IconMessages size={18} aria-hidden />, onClick: () => void navigate({ to: '/p/$project/chat/$conversation', params: { project, conversation: c.id } }) })) },
        { group: t.tasks, actions: of(tasks).map((k) => ({ id: k.id, label: k.title || k.prompt.slice(0, 120), leftSection: <IconChecklist size={18} aria-hidden />, onClick: () => void navigate({ to: '/p/$project/tasks/$task', params: { project, task: k.id } }) })) },
      ])
    })
    return () => {
      here = false
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- read once for each opening
  }, [project])
  const pages = places.flatMap((g) => g.places.filter((p) => may(p.action) && (project || !p.to?.startsWith('/p/'))).map((p) => ({
    id: String(p.to), label: p.label, description: g.label, leftSection: <p.icon size={18} aria-hidden />, onClick: () => void navigate({ to: p.to, params: { project } as never }),
  })))
  const doing = project ? [
    ...(may('task.write') && may('app.write') ? [{ id: 'new-app', label: t.newApp, leftSection: <IconPlus size={18} aria-hidden />, onClick: () => void navigate({ to: '/p/$project/build', params: { project } }) }] : []),
    ...(may('task.write') && may('conversation.write') ? [{ id: 'new-chat', label: t.newChat, leftSection: <IconPlus size={18} aria-hidden />, onClick: () => void navigate({ to: '/p/$project/chat', params: { project } }) }] : []),
  ] : []
  return (
    <Spotlight
      store={store}
      onSpotlightClose={close}
      shortcut={null}
      actions={[{ group: t.do, actions: doing }, { group: t.pages, actions: pages }, ...found].filter((g) => g.actions.length > 0)}
      nothingFound={t.nothing}
      limit={30}
      scrollable
      maxHeight="60vh"
      searchProps={{ leftSection: <IconSearch size={18} aria-hidden />, placeholder: t.placeholder, 'aria-label': t.placeholder }}
    />
  )
}
