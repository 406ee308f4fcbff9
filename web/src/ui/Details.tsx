import { Box, Button, Collapse } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { type ReactNode, useId } from 'react'

/** What is shown on demand. */
export function Details({ summary, children }: { summary: string; children: ReactNode }) {
  const [open, { toggle }] = useDisclosure(false)
  const id = useId()
  return (
    <Box mt="sm">
      <Button variant="subtle" size="compact-sm" onClick={toggle} aria-expanded={open} aria-controls={id} leftSection={open ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden />}>
        {summary}
      </Button>
      <Collapse expanded={open} id={id}>
        {open ? children : null}
      </Collapse>
    </Box>
  )
}
