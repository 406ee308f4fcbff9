import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import type { McpServer } from '../../../api/schema'
import { text } from '../../../text'
import { FileDrop } from '../../../ui/FileDrop'
import { SaveNote } from '../../../ui/SaveNote'
import { done } from '../../../ui/told'
import { programFiles, type ProgramFiles } from './program'
import { serverPaths } from './paths'

/** The files that a program is seen with, and others in their place. */
export function Files({ server: s }: { server: McpServer }) {
  const t = text.tooling.mcp
  const may = useMay()
  const [files, setFiles] = useState<ProgramFiles | null>(null)
  const [error, setError] = useState<unknown>(null)
  const put = useSend('put', '/v1/mcp/servers/{server}/files', serverPaths)
  const send = async (body: ProgramFiles['body']) => {
    setError(null)
    try {
      await put.mutateAsync({ params: { path: { server: s.name }, header: { 'If-Match': `"${s.revision}"` } }, body })
      done(t.saved(s.name))
      setFiles(null)
    } catch (e) {
      setError(e)
    }
  }
  return (
    <Stack>
      <Text size="sm">{s.files ? t.files.has : t.files.hasNone}</Text>
      {s.files && (
        <Text size="xs" c="dimmed" className="words">
          {t.files.digest(s.files)}
        </Text>
      )}
      {may('mcp.write') && (
        <>
          <FileDrop
            label={t.files.drop}
            hint={t.files.hint}
            folder
            multiple
            disabled={put.isPending}
            take={(chosen) => {
              setError(null)
              programFiles(chosen).then(setFiles, setError)
            }}
          />
          {files && (
            <Group justify="space-between">
              <Text size="sm" role="status">
                {put.isPending ? t.files.sending : t.files.put(files.count, files.size)}
              </Text>
              <Button loading={put.isPending} onClick={() => void send(files.body)}>
                {t.files.take}
              </Button>
            </Group>
          )}
          <SaveNote error={error} />
        </>
      )}
    </Stack>
  )
}
