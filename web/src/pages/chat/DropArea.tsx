import { Box, Overlay, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { text } from '../../text'

/** Takes files that are dropped anywhere on what is in it. */
export function DropArea({ take, children, className }: { take: ((files: readonly File[]) => void) | undefined; children: ReactNode; className?: string | undefined }) {
  const [over, setOver] = useState(0) // how many elements the files are over, one in another
  const holds = (e: React.DragEvent) => take !== undefined && e.dataTransfer.types.includes('Files')
  return (
    <Box
      className={className}
      style={{ position: 'relative' }}
      onDragEnter={(e) => holds(e) && setOver((n) => n + 1)}
      onDragLeave={(e) => holds(e) && setOver((n) => Math.max(n - 1, 0))}
      onDragOver={(e) => holds(e) && e.preventDefault()}
      onDrop={(e) => {
        setOver(0)
        if (!holds(e)) return
        e.preventDefault()
        take?.([...e.dataTransfer.files])
      }}
    >
      {children}
      {over > 0 && (
        <Overlay center radius="md" backgroundOpacity={0.75} color="var(--mantine-color-body)" zIndex={50} style={{ pointerEvents: 'none' }}>
          <Text fw={600}>{text.chat.composer.drop}</Text>
        </Overlay>
      )}
    </Box>
  )
}
