import { Box, Button, Group, Stack, Text } from '@mantine/core'
import { IconPlayerStop } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import type { AppDetail, Task } from '../../api/schema'
import { text } from '../../text'
import { Timeline } from '../../timeline/Timeline'
import { terminal } from '../../timeline/state'
import type { TaskEvents } from '../../timeline/useTaskEvents'
import { Moment } from '../../ui/Moment'
import { StatusBadge } from '../../ui/StatusBadge'
import { failed } from '../../ui/told'
import { useVersions } from './apps'
import classes from './build.module.css'
import { draft } from './draft'
import { PromptBox } from './PromptBox'

interface Request {
  task: string
  prompt: string
  at: string
  status?: Task['status']
  version?: number
}

/** What was asked for, in order, each with what was done on demand; and where one asks for more. */
export function Requests({ app, detail, tasks, events, running, show }: { app: string; detail: AppDetail | undefined; tasks: Task[]; events: TaskEvents; running: string | undefined; show: (task: string) => void }) {
  const t = text.build.app
  const versions = useVersions(app, detail !== undefined)
  const { task: current, state } = events
  const requests = useMemo(() => {
    const all = new Map<string, Request>()
    for (const v of versions) all.set(v.task, { task: v.task, prompt: v.prompt, at: v.created_at, status: 'succeeded', version: v.number })
    for (const task of tasks) all.set(task.id, { task: task.id, prompt: task.prompt, at: task.created_at, status: task.status, version: task.version })
    if (current && state.created && !all.has(current)) all.set(current, { task: current, prompt: state.created.prompt, at: state.createdAt })
    return [...all.values()].sort((a, b) => a.at.localeCompare(b.at))
  }, [versions, tasks, current, state.created, state.createdAt])

  const scroll = useRef<HTMLDivElement>(null)
  const stuck = useRef(true)
  useEffect(() => {
    const box = scroll.current
    if (box && stuck.current) box.scrollTop = box.scrollHeight
  }, [state.version, requests.length, running, detail?.version])
  return (
    <>
      <Box
        ref={scroll}
        className={classes.scroll}
        tabIndex={0}
        role="group"
        aria-label={t.requests}
        onScroll={(e) => {
          const box = e.currentTarget
          stuck.current = box.scrollHeight - box.scrollTop - box.clientHeight < 80
        }}
      >
        <Stack gap="sm">
          {requests.map((request) => {
            const open = request.task === current
            const status = open && state.version > 0 ? state.status : request.status
            return (
              <div key={request.task}>
                <div className={classes.asked}>
                  <Text size="sm" className="words" style={{ whiteSpace: 'pre-wrap' }}>
                    {request.prompt}
                  </Text>
                  <Group gap={6} mt={4}>
                    {status && status !== 'succeeded' && <StatusBadge status={status} />}
                    <Text size="xs">
                      {request.version ? `${t.made(request.version)} · ` : ''}
                      <Moment at={request.at} />
                    </Text>
                    {!open && (
                      <Button size="compact-xs" variant="subtle" ml="auto" onClick={() => show(request.task)}>
                        {t.showTimeline}
                      </Button>
                    )}
                  </Group>
                </div>
                {open && (
                  <Box mt="xs">
                    <Timeline events={events} />
                  </Box>
                )}
              </div>
            )
          })}
          {requests.length === 0 && current && <Timeline events={events} />}
        </Stack>
      </Box>
      <Next app={app} detail={detail} events={events} running={running} show={show} />
    </>
  )
}

/** What can be done next: stop, ask for a change, or begin anew where nothing came of it. */
function Next({ app, detail, events, running, show }: { app: string; detail: AppDetail | undefined; events: TaskEvents; running: string | undefined; show: (task: string) => void }) {
  const t = text.build.app
  const may = useMay()
  const { project } = useApi()
  const navigate = useNavigate()
  const { state } = events
  const cancel = useSend('post', '/v1/tasks/{task}/cancel', ['/v1/tasks', '/v1/tasks/{task}'])
  if (running) {
    if (!may('task.write')) return null
    return (
      <Group className={classes.composer} justify="space-between" gap="xs">
        <Text size="sm" c="dimmed">
          {detail ? t.busy : ''}
        </Text>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlayerStop size={14} aria-hidden />}
          loading={cancel.isPending}
          disabled={running === events.task && state.canceling}
          onClick={() => cancel.mutate({ params: { path: { task: running } }, body: {} }, { onError: failed })}
        >
          {running === events.task && state.canceling ? t.stopping : t.stopTask}
        </Button>
      </Group>
    )
  }
  if (detail) return may('app.write') ? <Change app={app} detail={detail} show={show} /> : null
  if (!state.created || !terminal.includes(state.status) || state.status === 'succeeded') return null
  const again = () => {
    draft.keep(state.created?.prompt ?? '')
    void navigate({ to: '/p/$project/build', params: { project } })
  }
  return (
    <Group className={classes.composer}>
      <Button size="xs" onClick={again}>
        {t.tryOther}
      </Button>
    </Group>
  )
}

function Change({ app, detail, show }: { app: string; detail: AppDetail; show: (task: string) => void }) {
  const t = text.build.app
  const [prompt, setPrompt] = useState('')
  const change = useSend('post', '/v1/apps/{app}/changes', ['/v1/tasks'])
  const send = (prompt: string, model: string | undefined) =>
    change.mutate(
      { params: { path: { app } }, body: { prompt, ...(model && { model }) } },
      {
        onSuccess: (task) => {
          setPrompt('')
          show(task.id)
        },
      },
    )
  const suggestions = detail.selected.suggestions ?? []
  return (
    <Box className={classes.composer}>
      {suggestions.length > 0 && (
        <Group gap={6} mb="xs" role="group" aria-label={t.suggestions}>
          {suggestions.map((s) => (
            <Button key={s} size="compact-sm" radius="xl" variant="light" disabled={change.isPending} onClick={() => send(s, undefined)} styles={{ root: { maxWidth: '100%' } }}>
              {s}
            </Button>
          ))}
        </Group>
      )}
      <PromptBox label={t.change} placeholder={t.changePlaceholder} submit={t.send} value={prompt} change={setPrompt} send={send} busy={change.isPending} error={change.error} rows={2} />
    </Box>
  )
}
