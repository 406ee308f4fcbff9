import { Button, Group, Paper, Stack, Text } from '@mantine/core'
import { IconCloudUpload } from '@tabler/icons-react'
import { useRef, useState } from 'react'
import { chosenOf, droppedOf, type Chosen } from '../files/chosen'
import { text } from '../text'
import { failed } from './told'

/** Takes files by a picker or dropped on it; with `folder` whole folders, too. */
export function FileDrop({ label, hint, accept, multiple = false, folder = false, disabled = false, take }: {
  label: string
  hint: string
  accept?: string
  multiple?: boolean
  folder?: boolean
  disabled?: boolean
  take: (files: Chosen[]) => void
}) {
  const t = text.knowledge.files
  const [over, setOver] = useState(false)
  const files = useRef<HTMLInputElement>(null)
  const folders = useRef<HTMLInputElement>(null)
  const taken = (input: HTMLInputElement) => {
    if (input.files?.length) take(chosenOf(input.files))
    input.value = ''
  }
  return (
    <Paper
      withBorder
      p="lg"
      role="group"
      aria-label={label}
      style={{ borderStyle: 'dashed', ...(over && { borderColor: 'var(--mantine-primary-color-filled)', background: 'var(--mantine-primary-color-light)' }) }}
      onDragOver={(e) => {
        e.preventDefault()
        setOver(!disabled)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        e.preventDefault()
        setOver(false)
        if (!disabled) droppedOf(e.dataTransfer).then((got) => got.length > 0 && take(multiple || folder ? got : got.slice(0, 1)), failed)
      }}
    >
      <Stack align="center" gap="xs" ta="center">
        <IconCloudUpload size={32} stroke={1.5} aria-hidden />
        <Text size="sm">{label}</Text>
        <Group gap="xs" justify="center">
          <Button size="compact-md" variant="light" disabled={disabled} onClick={() => files.current?.click()}>
            {multiple ? t.choose : t.chooseOne}
          </Button>
          {folder && (
            <Button size="compact-md" variant="default" disabled={disabled} onClick={() => folders.current?.click()}>
              {t.chooseFolder}
            </Button>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {hint}
        </Text>
      </Stack>
      <input ref={files} type="file" hidden aria-label={label} accept={accept} multiple={multiple} onChange={(e) => taken(e.currentTarget)} />
      {folder && <input ref={folders} type="file" hidden aria-label={t.chooseFolder} {...{ webkitdirectory: "" }} onChange={(e) => taken(e.currentTarget)} />}
    </Paper>
  )
}
