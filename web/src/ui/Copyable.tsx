import { ActionIcon, Alert, Button, CopyButton, Group, Stack, Text, Textarea, Tooltip } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconCopy } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { text } from '../text'

/** A text to be taken elsewhere, with a button that copies it. */
export function Copyable({ label, value }: { label: string; value: string }) {
  return (
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <Textarea label={label} value={value} readOnly autosize minRows={1} maxRows={12} spellCheck={false} style={{ flex: 1, minWidth: 0 }} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 'var(--mantine-font-size-xs)', overflowWrap: 'anywhere' } }} onFocus={(e) => e.currentTarget.select()} />
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? text.common.copied : text.common.copy}>
            <ActionIcon variant="default" size={36} aria-label={`${copied ? text.common.copied : text.common.copy}: ${label}`} onClick={copy}>
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  )
}

/** What is shown this one time: it is to be kept before the dialog is closed. */
export function ShownOnce({ label, value, note, children, close }: { label: string; value: string; note: string; children?: ReactNode; close: () => void }) {
  return (
    <Stack gap="sm">
      <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />} role="status">
        <Text size="sm">{note}</Text>
      </Alert>
      <Copyable label={label} value={value} />
      {children}
      <Group justify="flex-end">
        <Button onClick={close}>{text.common.done}</Button>
      </Group>
    </Stack>
  )
}
