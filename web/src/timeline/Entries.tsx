import { Badge, Button, Loader, Text, UnstyledButton } from '@mantine/core'
import { IconAlertTriangle, IconArrowFork, IconBan, IconCheck, IconChevronDown, IconChevronRight, IconInfoCircle, IconX } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { memo, type ReactNode, useState } from 'react'
import { useApi } from '../api/hooks'
import type { EventModelSettled, EventToolRequested, EventToolSettled } from '../api/schema'
import { text } from '../text'
import { duration } from '../text/format'
import { sentence } from '../ui/ProblemNote'
import { Scrollable } from '../ui/Scrollable'
import { tone } from '../ui/tone'
import { ApprovalEntry } from './ApprovalEntry'
import { Content, readable } from './Content'
import type { Entry, ModelCall, Note, ToolCall } from './state'
import classes from './timeline.module.css'

const most = 25 // entries shown before one asks for more
const more = 200

/** What happened in order; of a long list the newest. */
export const Entries = memo(function Entries({ task, entries }: { task: string; entries: readonly Entry[] }) {
  const [shown, setShown] = useState(most)
  const hidden = entries.length - shown
  return (
    <>
      {hidden > 0 && (
        <Button size="compact-xs" variant="subtle" onClick={() => setShown(shown + more)}>
          {text.timeline.earlier(hidden)}
        </Button>
      )}
      <ol className={classes.list}>
        {entries.slice(Math.max(hidden, 0)).map((entry) => (
          <OneEntry key={entry.key} task={task} entry={entry} />
        ))}
      </ol>
    </>
  )
})

const OneEntry = memo(function OneEntry({ task, entry }: { task: string; entry: Entry }) {
  const shown =
    entry.kind === 'tool' ? <ToolEntry task={task} tool={entry} /> : entry.kind === 'model' ? modelEntry(task, entry) : entry.kind === 'approval' ? <ApprovalEntry task={task} approval={entry} /> : <NoteEntry note={entry} />
  return shown && <li className={classes.entry}>{shown}</li>
})

/** A line that can be unfolded. */
function Folded({ icon, children, inside }: { icon: ReactNode; children: ReactNode; inside: () => ReactNode }) {
  const [open, setOpen] = useState(false)
  const Chevron = open ? IconChevronDown : IconChevronRight
  return (
    <>
      <UnstyledButton className={classes.line} aria-expanded={open} onClick={() => setOpen(!open)}>
        {icon}
        {children}
        <Chevron size={14} aria-hidden />
      </UnstyledButton>
      {open && inside()}
    </>
  )
}

const icons = { done: IconCheck, failed: IconX, denied: IconBan }
const colors = { done: tone.good, failed: tone.bad, denied: tone.warn }

function ToolEntry({ task, tool }: { task: string; tool: ToolCall }) {
  const t = text.timeline.tool
  const { project } = useApi()
  const Icon = tool.state === 'running' ? null : icons[tool.state]
  const { evidence, error, output, subtask } = tool
  const inside = () => (
    <div style={{ paddingInlineStart: '1.25rem' }}>
      {tool.arguments && (
        <>
          <Text size="xs" c="dimmed" fw={600}>{t.sent}</Text>
          <Content task={task} kept={tool.arguments} pick={(data: EventToolRequested) => data.call.arguments} as={readable} />
        </>
      )}
      {output && (
        <>
          <Text size="xs" c="dimmed" fw={600}>{t.output}</Text>
          <Content task={task} kept={output} pick={(data: EventToolSettled) => data.output} />
        </>
      )}
      {evidence?.detail && <Scrollable pre className={classes.text}>{evidence.detail}</Scrollable>}
      {subtask && project && (
        <Button component={Link} to="/p/$project/tasks/$task" params={{ project, task: subtask.task } as never} size="compact-xs" variant="default" leftSection={<IconArrowFork size={14} aria-hidden />}>
          {t.subtask}
        </Button>
      )}
    </div>
  )
  return (
    <>
      <Folded icon={Icon && tool.state !== 'running' ? <Icon size={14} color={colors[tool.state]} aria-label={t[tool.state]} role="img" /> : <Loader size={12} aria-label={t.running} role="img" />} inside={inside}>
        <Text span size="sm" fw={500}>{tool.tool}</Text>
        <Text span size="sm" c="dimmed" className={classes.subject}>{tool.subject}</Text>
        {tool.undo && <Badge size="xs" variant="default" tt="none">{t.undo}</Badge>}
        {tool.state !== 'running' && tool.state !== 'done' && <Text span size="xs" c={colors[tool.state]}>{t[tool.state]}</Text>}
        {tool.until && <Text span size="xs" c="dimmed">{duration(between(tool.at, tool.until))}</Text>}
      </Folded>
      {error && <Text size="sm" c={tone.bad} className="words" pl="1.25rem">{[error.msg, error.hint ?? ''].filter(Boolean).map(sentence).join(' ')}</Text>}
      {evidence && !error && (
        <Text size="xs" c={evidence.ok ? 'dimmed' : tone.bad} className="words" pl="1.25rem">
          {evidence.kind === 'tests' && (evidence.passed || evidence.failed) ? t.tests(evidence.passed ?? 0, evidence.failed ?? 0) : evidence.text}
        </Text>
      )}
    </>
  )
}

const doing: Record<string, 'plan' | 'work' | 'judge' | 'route'> = { plan: 'plan', work: 'work', judge: 'judge', route: 'route' }
const did = { plan: 'planned', work: 'worked', judge: 'judged', route: 'routed' } as const

/** What a model does or has said. That it only called tools is seen by those. */
function modelEntry(task: string, m: ModelCall): ReactNode {
  const t = text.timeline.model
  const purpose = doing[m.purpose] ?? 'work'
  if (!m.until) {
    return (
      <>
        <div className={classes.line}>
          <Loader size={12} aria-hidden />
          <Text span size="sm" c="dimmed">{t[purpose]} {m.model && t.by(m.model)}</Text>
        </div>
        {m.parts.length > 0 && <div className={classes.said}>{m.parts.map((p) => p.text).join('')}</div>}
      </>
    )
  }
  if (m.error) {
    return (
      <div className={classes.line}>
        <IconAlertTriangle size={14} color={tone.warn} aria-hidden />
        <Text span size="sm" className="words">{m.model}: {[m.error.msg, m.error.hint ?? ''].filter(Boolean).map(sentence).join(' ')}</Text>
      </div>
    )
  }
  const { text: said } = m
  if (!said || (!said.content.text && !said.content.blob)) return null
  if (purpose === 'work') return <Said task={task} kept={said} />
  return (
    <Folded icon={<IconCheck size={14} color={tone.good} aria-hidden />} inside={() => <Content task={task} kept={said} pick={settledText} />}>
      <Text span size="sm" className={classes.subject}>{t[did[purpose]]}</Text>
      <Text span size="xs" c="dimmed">{duration(between(m.at, m.until))}</Text>
    </Folded>
  )
}

const settledText = (data: EventModelSettled) => data.text

function Said({ task, kept }: { task: string; kept: NonNullable<ModelCall['text']> }) {
  return kept.content.blob ? <Content task={task} kept={kept} pick={settledText} /> : <div className={classes.said}>{kept.content.text}</div>
}

function NoteEntry({ note }: { note: Note }) {
  const bad = note.what === 'refused' || note.what === 'verdict'
  const Icon = bad ? IconAlertTriangle : IconInfoCircle
  return (
    <div className={classes.line}>
      <Icon size={14} aria-hidden color={bad ? tone.warn : undefined} />
      <Text span size="sm" className="words">{noted(note)}</Text>
    </div>
  )
}

function noted(note: Note): string {
  const t = text.timeline.note
  switch (note.what) {
    case 'routed':
      return t.routed(note.data.intent.route, sentence(note.data.intent.reason))
    case 'refused':
      return [t.refused(note.data.reason), note.data.hint ?? ''].filter(Boolean).map(sentence).join(' ')
    case 'switched':
      return t.switched(note.data.from, note.data.to, note.data.reason)
    case 'forked':
      return t.forked(note.data.from, note.data.at)
    case 'canceling':
      return note.data.reason ? `${t.canceling}: ${note.data.reason}` : t.canceling
    case 'joined':
      return t.joined((note.data.conflicts ?? []).flatMap((c) => c.paths ?? []).join(', '))
    case 'subtask':
      return t.subtask
    case 'verdict':
      return `${text.timeline.verdict[note.data.verdict] ?? note.data.verdict}: ${sentence(note.data.reason)}`
  }
}

export const between = (from: string, to: string): number => new Date(to).getTime() - new Date(from).getTime()
