import { ActionIcon, Button, Table, Tooltip, VisuallyHidden } from '@mantine/core'
import type { Icon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { text } from '../text'

/** A table that is scrolled by itself where it is too wide. A heading of "" is of a column of actions. */
export function Rows({ label, head, minWidth = 560, children }: { label: string; head: readonly string[]; minWidth?: number; children: ReactNode }) {
  return (
    <Table.ScrollContainer minWidth={minWidth} type="native" tabIndex={0} role="group" aria-label={label} style={{ position: 'relative' }}>
      <Table verticalSpacing="xs" highlightOnHover aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            {head.map((h, i) => (
              <Table.Th key={i} style={{ whiteSpace: 'nowrap' }}>
                {h || <VisuallyHidden>{text.common.actionsColumn}</VisuallyHidden>}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

/** Something that can be done to a row, as an icon: its label says what, and to which. */
export function RowAction({ icon: Icon, label, act, danger, busy }: { icon: Icon; label: string; act: () => void; danger?: boolean; busy?: boolean }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color={danger ? 'red' : 'gray'} size="md" aria-label={label} onClick={act} loading={busy}>
        <Icon size={17} stroke={1.7} />
      </ActionIcon>
    </Tooltip>
  )
}

/** Reads a list's next page. */
export function More({ query }: { query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> } }) {
  if (!query.hasNextPage) return null
  return (
    <Button variant="default" mt="md" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
      {text.common.more}
    </Button>
  )
}
