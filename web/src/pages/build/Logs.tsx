import { Badge, Button, Group, SegmentedControl, Text, TextInput } from '@mantine/core'
import { IconPlayerPause, IconPlayerPlay, IconTerminal2 } from '@tabler/icons-react'
import { memo, useEffect, useRef, useState } from 'react'
import { Problem } from '../../api/problem'
import type { LogLine, Problem as Refusal } from '../../api/schema'
import { text } from '../../text'
import { language } from '../../text'
import { exactly } from '../../text/format'
import { Empty } from '../../ui/Empty'
import { ProblemNote } from '../../ui/ProblemNote'
import { Scrollable } from '../../ui/Scrollable'
import { tone } from '../../ui/tone'
import { parts } from './ansi'
import classes from './build.module.css'
import { useLog } from './useLog'

type From = LogLine['from'] | 'all'

/** What an app writes, as it writes it. */
export function Logs({ app }: { app: string }) {
  const t = text.build.logs
  const { lines, problem, clear } = useLog(app)
  const [from, setFrom] = useState<From>('all')
  const [filter, setFilter] = useState('')
  const [held, setHeld] = useState<readonly LogLine[] | null>(null) // what is shown while it is paused
  const [below, setBelow] = useState(true) // the newest line is in sight, and new ones are scrolled to
  const box = useRef<HTMLDivElement>(null)
  const at = held ?? lines
  const wanted = filter.toLowerCase()
  const shown = at.filter((line) => (from === 'all' || line.from === from) && (!wanted || line.text.toLowerCase().includes(wanted)))
  useEffect(() => {
    if (below && !held && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [shown.length, below, held, lines])
  if (problem) return <ProblemNote error={new Problem(404, problem as Partial<Refusal>)} />
  const last = held?.at(-1)?.seq ?? 0
  const waiting = held ? lines.filter((line) => line.seq > last).length : 0
  return (
    <>
      <Group gap="xs" mb="xs">
        <SegmentedControl size="xs" aria-label={t.from} value={from} onChange={(v) => setFrom(v as From)} data={(['all', 'stdout', 'stderr', 'isekai'] as const).map((value) => ({ value, label: t[value] }))} />
        <TextInput size="xs" aria-label={t.filter} placeholder={t.filter} value={filter} onChange={(e) => setFilter(e.currentTarget.value)} style={{ flex: '1 1 8rem' }} />
        <Button size="xs" variant="default" aria-pressed={held !== null} leftSection={held ? <IconPlayerPlay size={14} aria-hidden /> : <IconPlayerPause size={14} aria-hidden />} onClick={() => setHeld(held ? null : lines)}>
          {held ? t.resume : t.pause}
        </Button>
        <Button
          size="xs"
          variant="default"
          onClick={() => {
            clear()
            setHeld(null)
          }}
        >
          {t.clear}
        </Button>
        {waiting > 0 && <Badge variant="light" tt="none">{t.waiting(waiting)}</Badge>}
        {!below && !held && (
          <Button size="compact-xs" variant="light" onClick={() => setBelow(true)}>
            {t.follow}
          </Button>
        )}
      </Group>
      {at.length === 0 ? (
        <Empty icon={IconTerminal2} title={t.none}>
          {t.noneHint}
        </Empty>
      ) : (
        <Scrollable
          ref={box}
          className={classes.log}
          role="log"
          label={t.lines}
          aria-live="off"
          onScroll={(e) => {
            const { scrollHeight, scrollTop, clientHeight } = e.currentTarget
            setBelow(scrollHeight - scrollTop - clientHeight < 30)
          }}
        >
          {shown.length === 0 ? <Text size="sm" c="dimmed">{t.nothing}</Text> : shown.map((line) => <Line key={line.seq} line={line} />)}
        </Scrollable>
      )}
      <Text size="xs" c="dimmed" mt={4}>
        {t.kept}
      </Text>
    </>
  )
}

const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const colors = ['dimmed', 'red', 'green', 'yellow', 'blue', 'grape', 'cyan', undefined]
const sources = { stdout: undefined, stderr: tone.bad, isekai: 'light-dark(var(--mantine-color-violet-8), var(--mantine-color-violet-2))' }

const Line = memo(function Line({ line }: { line: LogLine }) {
  const t = text.build.logs
  return (
    <div>
      <time dateTime={line.at} title={exactly(line.at)} style={{ color: 'var(--mantine-color-dimmed)' }}>
        {clock.format(new Date(line.at))}
      </time>
      <span style={{ color: sources[line.from], fontWeight: line.from === 'stdout' ? undefined : 600 }}>{t[line.from]}</span>
      <span>
        {line.dropped ? <em>{`(${t.missing(line.dropped)}) `}</em> : null}
        {parts(line.text).map((part, i) => (
          <span key={i} style={{ color: shade(part.color), fontWeight: part.bold ? 700 : undefined }}>
            {part.text}
          </span>
        ))}
      </span>
    </div>
  )
})

function shade(color: number | undefined): string | undefined {
  const name = color === undefined ? undefined : colors[color]
  if (!name) return undefined
  return name === 'dimmed' ? 'var(--mantine-color-dimmed)' : `light-dark(color-mix(in srgb, var(--mantine-color-${name}-9) 75%, black), var(--mantine-color-${name}-3))`
}
