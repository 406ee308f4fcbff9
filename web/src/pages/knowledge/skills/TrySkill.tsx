import { Alert, Anchor, Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi, useSend } from '../../../api/hooks'
import type { ShownSkill } from '../../../api/schema'
import { text } from '../../../text'
import { ProblemNote } from '../../../ui/ProblemNote'

/** Starts a task whose prompt names the skill, which is how a person has one used. */
export function TrySkill({ skill: s }: { skill: ShownSkill }) {
  const t = text.knowledge.skills
  const { project } = useApi()
  const [prompt, setPrompt] = useState('')
  const start = useSend('post', '/v1/tasks', ['/v1/tasks', '/v1/dashboard'])
  if (!s.enabled) return <Text c="dimmed">{t.tryOff}</Text>
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        start.mutate({ body: { kind: 'task', prompt: `Use the skill ${s.name} for this:\n\n${prompt.trim()}` } })
      }}
    >
      <Stack>
        <Textarea label={t.tryLabel} description={t.tryHint} required autosize minRows={3} maxRows={12} value={prompt} onChange={(e) => setPrompt(e.currentTarget.value)} />
        {start.error && <ProblemNote error={start.error} />}
        {start.data && (
          <Alert color="green" variant="light" role="status">
            {t.started}{' '}
            <Anchor component={Link} to="/p/$project/tasks/$task" params={{ project, task: start.data.id } as never} underline="always">
              {t.toTask}
            </Anchor>
          </Alert>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={start.isPending} disabled={!prompt.trim()} leftSection={<IconPlayerPlay size={16} aria-hidden />}>
            {t.tryStart}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
