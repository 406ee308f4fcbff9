import { Tabs } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { Tagged } from '../../api/hooks'
import type { AppDetail } from '../../api/schema'
import { text } from '../../text'
import classes from './build.module.css'
import { Files } from './Files'
import { Logs } from './Logs'
import { Preview } from './Preview'
import { Versions } from './Versions'

const panels = ['preview', 'files', 'logs', 'versions'] as const

/** What there is of an app, by tabs. Where there is no room beside them, the requests are one of these. */
export function Workbench({ app, building, tab, choose, requests }: { app: Tagged<AppDetail> | undefined; building: boolean; tab: string | undefined; choose: (tab: string) => void; requests: ReactNode | undefined }) {
  const t = text.build.tabs
  const [version, setVersion] = useState<number | null>(null) // whose files are shown; null: the selected one's
  const all: readonly string[] = requests ? ['chat', ...panels] : panels
  const at = tab && all.includes(tab) ? tab : all[0]!
  const detail = app?.data
  const nothing = <Preview app={undefined} building={building} />
  return (
    <Tabs value={at} onChange={(value) => value && choose(value)} keepMounted={false} className={classes.main}>
      <Tabs.List>
        {all.map((name) => (
          <Tabs.Tab key={name} value={name} px={requests ? 8 : 'sm'}>
            {t[name as keyof typeof t]}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {requests && (
        <Tabs.Panel value="chat" className={classes.panel}>
          {requests}
        </Tabs.Panel>
      )}
      {/* The app in the frame goes on while another tab is looked at. */}
      <Tabs.Panel value="preview" className={at === 'preview' ? classes.panel : undefined} keepMounted>
        <Preview app={detail} building={building} />
      </Tabs.Panel>
      <Tabs.Panel value="files" className={classes.panel}>
        {detail ? <Files key={version ?? detail.version} app={detail} version={version ?? detail.version} choose={setVersion} /> : nothing}
      </Tabs.Panel>
      <Tabs.Panel value="logs" className={classes.panel}>
        {detail ? <Logs app={detail.id} /> : nothing}
      </Tabs.Panel>
      <Tabs.Panel value="versions" className={classes.panel}>
        {app ? (
          <Versions
            app={app}
            files={(version) => {
              setVersion(version)
              choose('files')
            }}
          />
        ) : (
          nothing
        )}
      </Tabs.Panel>
    </Tabs>
  )
}
