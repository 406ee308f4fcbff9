import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { IconHelpCircle } from '@tabler/icons-react'
import { useState } from 'react'
import { useSend } from '../api/hooks'
import { useMay } from '../api/me'
import type { Reply } from '../api/schema'
import { text } from '../text'
import { moment } from '../text/format'
import { ProblemNote } from '../ui/ProblemNote'
import type { Approval } from './state'

/** What a person is asked, with the answers to choose from, or the answer that was given. */
export function ApprovalEntry({ task, approval }: { task: string; approval: Approval }) {
  const t = text.timeline.ask
  const { asked, answer } = approval
  return (
    <Alert color={answer ? 'gray' : 'orange'} variant="light" my={6} icon={<IconHelpCircle aria-hidden />} title={answer ? undefined : t.title} role={answer ? undefined : 'group'}>
      <Stack gap={6}>
        <Text size="sm" className="words" style={{ whiteSpace: 'pre-wrap' }}>{asked.question || (asked.tool ? t.permission(asked.tool) : t.outcome)}</Text>
        {asked.subject && !asked.question.includes(asked.subject) && <Text size="sm" ff="monospace" className="words">{asked.tool ? `${asked.tool}: ` : ''}{asked.subject}</Text>}
        {asked.rule && <Text size="xs" c="dimmed" className="words">{t.rule(asked.rule)}</Text>}
        {answer ? (
          <Text size="sm" fw={500} className="words">
            {t.answered[answer.answer] ?? answer.answer}
            {answer.text && `: ${answer.text}`}
            {answer.expired && ` (${t.expired})`}
          </Text>
        ) : (
          <Answer task={task} asked={asked} />
        )}
      </Stack>
    </Alert>
  )
}

function Answer({ task, asked }: { task: string; asked: Approval['asked'] }) {
  const t = text.timeline.ask
  const may = useMay()('task.write')
  const [reply, setReply] = useState('')
  const send = useSend('post', '/v1/tasks/{task}/resume', ['/v1/tasks', '/v1/tasks/{task}'])
  if (!may) return <Text size="sm">{t.cannot}</Text>
  const answer = (as: Reply['as'], more: Partial<Reply> = {}) => send.mutate({ params: { path: { task } }, body: { as, call: asked.call, ...more } })
  const button = (label: string, act: () => void, variant = 'default') => (
    <Button key={label} size="compact-sm" variant={variant} loading={send.isPending} onClick={act}>
      {label}
    </Button>
  )
  const choices = asked.choices ?? []
  return (
    <>
      {asked.until && <Text size="xs">{t.until(moment(asked.until), t.otherwise[asked.otherwise ?? ''] ?? asked.otherwise ?? '')}</Text>}
      {asked.why === 'question' && choices.length === 0 && <Textarea label={t.yourReply} value={reply} onChange={(e) => setReply(e.currentTarget.value)} maxLength={5000} autosize minRows={1} maxRows={8} />}
      <Group gap={6}>
        {asked.why === 'permission' ? (
          <>
            {button(t.allow, () => answer('allow'), 'filled')}
            {button(t.always, () => answer('allow', { always: true }))}
            {button(t.deny, () => answer('deny'))}
          </>
        ) : asked.why === 'question' ? (
          <>
            {choices.length > 0 ? choices.map((choice) => button(choice, () => answer('reply', { text: choice }))) : reply.trim() && button(t.reply, () => answer('reply', { text: reply.trim() }), 'filled')}
            {button(t.noReply, () => answer('deny'))}
          </>
        ) : (
          <>
            {button(t.repeat, () => answer('repeat'))}
            {button(t.done, () => answer('done'))}
            {button(t.failed, () => answer('failed'))}
          </>
        )}
      </Group>
      {send.error && <ProblemNote error={send.error} />}
    </>
  )
}
