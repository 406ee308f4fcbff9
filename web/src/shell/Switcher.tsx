import { Button, Menu, ScrollArea, Text } from '@mantine/core'
import { IconCheck, IconSelector } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useApi, useSend } from '../api/hooks'
import { useMay, useMe } from '../api/me'
import { text } from '../text'
import { failed } from '../ui/told'
import { useProject } from './project'

const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('isekai-org') : null

/** Where one is: the org, which is the session's and so all tabs', and the project, which is the address's. */
export function Switcher() {
  const t = text.shell
  const me = useMe()
  const may = useMay()
  const project = useProject()
  const navigate = useNavigate()
  const { query } = useApi()
  const orgs = query.useQuery('get', '/v1/orgs', {}, { staleTime: 60_000 })
  const projects = query.useQuery('get', '/v1/projects', { params: { query: { limit: 100 } } }, { staleTime: 60_000, enabled: may('org.read') && !!me.project })
  const enter = useSend('post', '/v1/session/enter')
  useEffect(() => {
    const moved = () => location.assign('/')
    tabs?.addEventListener('message', moved)
    return () => tabs?.removeEventListener('message', moved)
  }, [])
  const go = (org: string) =>
    enter.mutate({ body: { org } }, {
      onSuccess: () => {
        tabs?.postMessage(org)
        location.assign('/') // nothing of the other org stays in memory
      },
      onError: failed,
    })
  const org = orgs.data?.find((o) => o.id === me.org)?.name ?? me.org
  const shown = (projects.data?.items ?? []).filter((p) => !p.archived)
  const name = shown.find((p) => p.id === project)?.name
  return (
    <Menu position="bottom-start" width={280} withinPortal>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-md" px="xs" rightSection={<IconSelector size={14} aria-hidden />} style={{ minWidth: 0, flexShrink: 1 }} aria-label={`${t.where}: ${name ? `${org}, ${name}` : org}`}>
          <Text span truncate size="sm" fw={500} maw={220}>
            {name ? `${org} / ${name}` : org}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <ScrollArea.Autosize mah="60vh">
          {shown.length > 0 && <Menu.Label>{t.project}</Menu.Label>}
          {shown.map((p) => (
            <Menu.Item key={p.id} leftSection={<Mark on={p.id === project} />} onClick={() => void navigate({ to: '/p/$project', params: { project: p.id } })}>
              <Text span size="sm" className="words">{p.name}</Text>
            </Menu.Item>
          ))}
          <Menu.Label>{t.org}</Menu.Label>
          {(orgs.data ?? []).map((o) => (
            <Menu.Item key={o.id} leftSection={<Mark on={o.id === me.org} />} onClick={() => (o.id === me.org ? undefined : go(o.id))}>
              <Text span size="sm" className="words">{o.name}</Text>
            </Menu.Item>
          ))}
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  )
}

function Mark({ on }: { on: boolean }) {
  return <IconCheck size={14} aria-hidden style={{ visibility: on ? 'visible' : 'hidden' }} />
}
