import { Box } from '@mantine/core'
import type { ComponentProps, ReactNode, Ref, UIEventHandler } from 'react'

/** What is scrolled by itself can be reached by the keyboard, which then scrolls it. */
export function Scrollable({ label, children, pre, ref, ...more }: { label?: string; children: ReactNode; pre?: boolean; ref?: Ref<HTMLDivElement>; className?: string; role?: string; onScroll?: UIEventHandler<HTMLDivElement>; style?: ComponentProps<'div'>['style']; 'aria-live'?: 'off' }) {
  return (
    <Box component={pre ? ('pre' as 'div') : 'div'} ref={ref} tabIndex={0} role="group" aria-label={label} {...more}>
      {children}
    </Box>
  )
}
