import { Box, Button, Loader } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useEffect } from 'react'
import { changed, useApi } from '../../api/hooks'
import { useMay } from '../../api/me'
import { text } from '../../text'
import { terminal } from '../../timeline/state'
import { useTaskEvents } from '../../timeline/useTaskEvents'
import { Empty } from '../../ui/Empty'
import { Page } from '../../ui/Page'
import { ProblemNote } from '../../ui/ProblemNote'
import { AppActions } from './AppActions'
import { appLists, useApp, useHidden } from './apps'
import { Requests } from './Requests'
import classes from './build.module.css'
import { Workbench } from './Workbench'

/** An app and the work on it: what was asked for and is being done, beside what there is of it. */
export default function AppPage() {
  const { app } = useParams({ from: '/inside/p/$project/build/$app' })
  return <OneApp key={app} app={app} />
}

function OneApp({ app }: { app: string }) {
  const t = text.build
  const api = useApi()
  const { project } = api
  const queries = useQueryClient()
  const navigate = useNavigate()
  const hidden = useHidden()
  const wide = useMediaQuery('(min-width: 62em)', undefined, { getInitialValueInEffect: false })
  const { task: shown, tab } = useSearch({ from: '/inside/p/$project/build/$app' })
  const tasks = api.query.useQuery('get', '/v1/tasks', { params: { query: { kind: 'app', limit: 100 } } }, { enabled: useMay()('task.read') })
  const mine = (tasks.data?.items ?? []).filter((task) => task.app === app)
  const newest = mine[0]
  const task = shown ?? newest?.id ?? ''
  const events = useTaskEvents(task)
  const { state } = events

  // An app is there once its first version is published: before that there is nothing to be read of it.
  const first = Boolean(shown) && !events.problem && (state.version === 0 || (!state.created?.base && !state.published))
  const elsewhere = mine.some((other) => other.id !== shown && other.version)
  const exists = !first || elsewhere
  const query = useApp(app, exists)
  const detail = query.data?.data

  const over = terminal.includes(state.status)
  useEffect(() => {
    if (state.published || over) void changed(queries, [...appLists, '/v1/tasks'])
  }, [queries, state.published, state.tried, over])

  if (hidden.has(app)) {
    return (
      <Page title={t.app.building}>
        <Empty icon={IconTrash} title={t.app.goneTitle} action={<Button renderRoot={(props) => <Link to="/p/$project/build" params={{ project }} {...props} />}>{t.app.back}</Button>} />
      </Page>
    )
  }
  const title = detail?.title ?? state.phases.findLast((phase) => phase.plan)?.plan?.title ?? t.app.building
  const running = mine.find((other) => !terminal.includes(other.status))?.id ?? (task && state.version > 0 && !over ? task : undefined)
  const go = (search: { task?: string; tab?: string }) => void navigate({ to: '/p/$project/build/$app', params: { project, app }, search: (was) => ({ ...was, ...search }), replace: !search.task })
  const requests = <Requests app={app} detail={detail} tasks={mine} events={events} running={running} show={(task) => go({ task })} />
  return (
    <Page title={title} lead={detail ? t.app.lead(detail.version, detail.versions) : undefined} wide actions={detail && <AppActions app={detail} running={running} />}>
      {query.error && <ProblemNote error={query.error} retry={() => void query.refetch()} />}
      {exists && !detail && !query.error ? (
        <Loader size="sm" role="status" aria-label={text.common.loading} />
      ) : query.error && !detail && !task ? null : (
        <Box className={wide ? classes.bench : undefined}>
          {wide && (
            <section className={classes.side} aria-label={t.tabs.chat}>
              {requests}
            </section>
          )}
          <Workbench app={query.data} building={!over && !detail} tab={tab} choose={(tab) => go({ tab })} requests={wide ? undefined : requests} />
        </Box>
      )}
    </Page>
  )
}
