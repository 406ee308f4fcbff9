import { CloseButton, Group, Text } from '@mantine/core'
import { IconFile } from '@tabler/icons-react'
import { text } from '../../text'
import { bytes } from '../../text/format'
import classes from './chat.module.css'
import type { Attached } from './files'

/** Files that are to come with a message. */
export function AttachedFiles({ files, drop }: { files: readonly Attached[]; drop: (name: string) => void }) {
  const t = text.chat.composer
  if (files.length === 0) return null
  return (
    <Group component="ul" gap={6} p={0} m={0} aria-label={t.files} className={classes.sources}>
      {files.map((f) => (
        <li key={f.name} className={classes.file}>
          <IconFile size={14} aria-hidden style={{ flex: 'none' }} />
          <Text span size="xs" className="words">
            {f.name}
          </Text>
          <Text span size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
            {bytes(f.data.size)}
          </Text>
          <CloseButton size="xs" aria-label={t.removeFile(f.name)} onClick={() => drop(f.name)} />
        </li>
      ))}
    </Group>
  )
}
