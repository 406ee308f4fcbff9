import { Button, Group, Paper, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useApi, useSend } from '../../api/hooks'
import { useMay } from '../../api/me'
import { text } from '../../text'
import { Page } from '../../ui/Page'
import { AppCards } from './AppCards'
import { draft } from './draft'
import { PromptBox } from './PromptBox'

/** From a prompt to an app, and the apps that there are. */
export default function Build() {
  const t = text.build
  const { project } = useApi()
  const may = useMay()
  const navigate = useNavigate()
  const [prompt, setPrompt] = useState(draft.get)
  const type = (text: string) => {
    draft.keep(text)
    setPrompt(text)
  }
  const create = useSend('post', '/v1/tasks', ['/v1/tasks'])
  const send = (prompt: string, model: string | undefined) =>
    create.mutate(
      { body: { kind: 'app', prompt, ...(model && { model }) } },
      {
        onSuccess: (task) => {
          draft.keep('')
          void (task.app
            ? navigate({ to: '/p/$project/build/$app', params: { project, app: task.app }, search: { task: task.id } })
            : navigate({ to: '/p/$project/tasks/$task', params: { project, task: task.id } as never }))
        },
      },
    )
  return (
    <Page title={t.title} lead={t.lead}>
      {may('task.write') && (
        <Paper withBorder p="md" mb="xl" shadow="xs">
          <PromptBox label={t.prompt} placeholder={t.placeholder} submit={t.submit} value={prompt} change={type} send={send} busy={create.isPending} error={create.error} rows={4}>
            <Group gap={6} role="group" aria-label={t.examplesTitle}>
              <Text size="sm" c="dimmed" aria-hidden>
                {t.examplesTitle}
              </Text>
              {t.examples.map((example) => (
                <Button key={example.name} size="compact-sm" variant="default" radius="xl" onClick={() => type(example.prompt)}>
                  {example.name}
                </Button>
              ))}
            </Group>
          </PromptBox>
        </Paper>
      )}
      <AppCards />
    </Page>
  )
}
