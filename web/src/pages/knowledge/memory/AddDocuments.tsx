import { Badge, Box, Button, Group, Loader, Modal, Paper, Stack, Tabs, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSend } from '../../../api/hooks'
import { text } from '../../../text'
import { bytes } from '../../../text/format'
import { FileDrop } from '../../../ui/FileDrop'
import { ProblemNote } from '../../../ui/ProblemNote'
import { done } from '../../../ui/told'
import { useUploads, type Upload } from './uploads'

/** Adds documents: files, or a text that is pasted. Files go on being added when the dialog is closed. */
export function AddDocuments({ opened, close }: { opened: boolean; close: () => void }) {
  const t = text.knowledge.memory.documents
  const { uploads, add, clear } = useUploads()
  const leave = () => {
    clear()
    close()
  }
  return (
    <Modal opened={opened} onClose={leave} title={t.add} size="lg" closeButtonProps={{ 'aria-label': text.common.close }}>
      <Tabs defaultValue="files">
        <Tabs.List mb="md">
          <Tabs.Tab value="files">{t.byFile}</Tabs.Tab>
          <Tabs.Tab value="text">{t.byText}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="files">
          <Stack>
            <FileDrop label={t.drop} hint={t.limits} multiple folder take={add} />
            {uploads.length > 0 && <Queue uploads={uploads} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={leave}>
                {text.common.close}
              </Button>
            </Group>
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="text">
          <Pasted close={leave} />
        </Tabs.Panel>
      </Tabs>
    </Modal>
  )
}

const colors = { queued: 'gray', sending: 'blue', sent: 'green', failed: 'red' } as const

function Queue({ uploads }: { uploads: Upload[] }) {
  const t = text.knowledge.memory.documents
  return (
    <Paper withBorder p="xs" mah={260} style={{ overflow: 'auto' }} tabIndex={0} role="region" aria-label={t.queue}>
      <Stack gap={6} aria-live="polite">
        {uploads.map((u) => (
          <Box key={u.id}>
            <Group justify="space-between" wrap="nowrap" gap="xs">
              <Text size="sm" className="words" dir="auto">
                {u.name}{' '}
                <Text span size="xs" c="dimmed">
                  {bytes(u.size)}
                </Text>
              </Text>
              <Badge variant="light" color={colors[u.state]} style={{ flexShrink: 0 }} leftSection={u.state === 'sending' ? <Loader size={10} aria-hidden /> : undefined}>
                {t[u.state]}
              </Badge>
            </Group>
            {u.why && (
              <Text size="xs" c="var(--mantine-color-error)" className="words">
                {u.why}
              </Text>
            )}
          </Box>
        ))}
      </Stack>
    </Paper>
  )
}

function Pasted({ close }: { close: () => void }) {
  const t = text.knowledge.memory.documents
  const [source, setSource] = useState('')
  const [title, setTitle] = useState('')
  const [content, setContent] = useState('')
  const send = useSend('post', '/v1/documents', ['/v1/documents'])
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        send.mutate(
          { body: { source: source.trim(), text: content, ...(title.trim() && { title: title.trim() }) } },
          {
            onSuccess: (d) => {
              done(t.added(d.title || d.source))
              close()
            },
          },
        )
      }}
    >
      <Stack>
        <TextInput label={t.source} description={t.sourceHint} placeholder="handbook.md" required maxLength={1000} value={source} onChange={(e) => setSource(e.currentTarget.value)} data-autofocus />
        <TextInput label={t.heading} description={t.headingHint} maxLength={300} value={title} onChange={(e) => setTitle(e.currentTarget.value)} />
        <Textarea label={t.content} required autosize minRows={8} maxRows={18} value={content} onChange={(e) => setContent(e.currentTarget.value)} />
        {send.error && <ProblemNote error={send.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {text.common.cancel}
          </Button>
          <Button type="submit" loading={send.isPending} disabled={!source.trim() || !content.trim()}>
            {t.addText}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
