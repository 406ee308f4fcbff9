import { Tabs } from '@mantine/core'
import { text } from '../../text'
import { Page } from '../../ui/Page'
import { usePlace } from '../../ui/place'
import { Documents } from './memory/Documents'
import { Remembered } from './memory/Remembered'
import { Search } from './memory/Search'
import { Settings } from './memory/Settings'

/** What the project's agents can look up. */
export default function Memory() {
  const t = text.knowledge.memory
  const [tab, setTab] = usePlace('tab', 'documents')
  return (
    <Page title={t.title} lead={t.lead}>
      <Tabs value={tab in t.tabs ? tab : 'documents'} onChange={(v) => setTab(v ?? 'documents')} keepMounted={false}>
        <Tabs.List mb="md">
          {Object.entries(t.tabs).map(([value, label]) => (
            <Tabs.Tab key={value} value={value}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="documents">
          <Documents />
        </Tabs.Panel>
        <Tabs.Panel value="facts">
          <Remembered settings={() => setTab('settings')} />
        </Tabs.Panel>
        <Tabs.Panel value="search">
          <Search />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <Settings />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}
