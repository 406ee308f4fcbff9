import { Alert, List, Stack, Tabs } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { useTagged } from '../../api/hooks'
import { text } from '../../text'
import { Loaded } from '../../ui/Loaded'
import { Page } from '../../ui/Page'
import { usePlace } from '../../ui/place'
import { Rules } from './permissions/Rules'
import { Wait } from './permissions/Wait'

/** Which calls of tools are allowed, by the project and by its org. */
export default function Permissions() {
  const t = text.tooling.permissions
  const [tab, setTab] = usePlace('of', 'project')
  return (
    <Page title={t.title} lead={t.lead}>
      <Alert variant="light" color="blue" mb="md" icon={<IconInfoCircle aria-hidden />} title={t.how}>
        <List size="sm" spacing={4}>
          <List.Item>{t.howRules}</List.Item>
          <List.Item>{t.howNone}</List.Item>
          <List.Item>{t.howHeed}</List.Item>
          <List.Item>{t.howWall}</List.Item>
        </List>
      </Alert>
      <Tabs value={tab === 'org' ? 'org' : 'project'} onChange={(v) => setTab(v ?? 'project')} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="project">{t.tabs.project}</Tabs.Tab>
          <Tabs.Tab value="org">{t.tabs.org}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="project">
          <Policy path="/v1/permissions" />
        </Tabs.Panel>
        <Tabs.Panel value="org">
          <Policy path="/v1/org/permissions" />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Policy({ path }: { path: '/v1/permissions' | '/v1/org/permissions' }) {
  const query = useTagged(path)
  return (
    <Loaded query={query}>
      {(now) => (
        <Stack gap="xl">
          <Rules path={path} now={now} />
          <Wait key={now.data.wait_seconds} path={path} now={now} />
        </Stack>
      )}
    </Loaded>
  )
}

