import { Box } from '@mantine/core'

/** A text as it is: what a file, a model or a server says. It is never more than text. */
export function Source({ label, children, tall = 420 }: { label: string; children: string; tall?: number }) {
  return (
    <Box
      component="pre"
      tabIndex={0}
      role="region"
      aria-label={label}
      dir="auto"
      p="sm"
      m={0}
      bg="var(--mantine-color-default-hover)"
      bdrs="md"
      fz="xs"
      ff="monospace"
      mah={tall}
      style={{ overflow: 'auto', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
    >
      {children}
    </Box>
  )
}
