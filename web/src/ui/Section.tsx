import { Box, Group, Paper, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A part of a page, under a heading of its own. */
export function Section({ title, lead, actions, children, plain }: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode; plain?: boolean }) {
  return (
    <Box component="section" mb="xl" aria-label={title}>
      <Group justify="space-between" align="flex-start" mb="sm" gap="sm">
        <Box style={{ flex: '1 1 14rem', minWidth: 0 }}>
          <Title order={2} size="h4">
            {title}
          </Title>
          {lead && (
            <Text size="sm" c="dimmed" maw={680}>
              {lead}
            </Text>
          )}
        </Box>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {plain ? children : (
        <Paper withBorder radius="md" p={{ base: 'sm', sm: 'md' }}>
          {children}
        </Paper>
      )}
    </Box>
  )
}
