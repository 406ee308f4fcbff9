import { ActionIcon, AppShell, Box, Burger, Button, Group, NavLink, ScrollArea, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { Link, useRouterState } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { useMay } from '../api/me'
import { text } from '../text'
import { AccountMenu } from './AccountMenu'
import { ConnectionNote } from './ConnectionNote'
import { places } from './nav'
import { Bell } from './Bell'
import { useProject } from './project'
import { Switcher } from './Switcher'
import { useFeed } from './feed'

const Palette = lazy(() => import('./Palette'))

/** What is around every page of somebody who is signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const t = text.shell
  const [menu, { toggle, close }] = useDisclosure()
  const [palette, setPalette] = useState(false)
  useHotkeys([['mod+K', () => setPalette(true)]], [])
  useFeed()
  const path = useRouterState({ select: (s) => s.location.pathname })
  useEffect(close, [path, close])
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !menu } }} padding={{ base: 'sm', sm: 'lg' }}>
      <a className="skip" href="#content">
        {t.skip}
      </a>
      <AppShell.Header>
        <Group h="100%" px="sm" gap="xs" wrap="nowrap">
          <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t.menu} aria-expanded={menu} />
          <UnstyledButton component={Link} to="/" aria-label={t.product} style={{ display: 'flex', alignItems: 'center', gap: 8 }}>
            <Logo />
            <Text fw={700} visibleFrom="xs" component="span">
              {t.product}
            </Text>
          </UnstyledButton>
          <Switcher />
          <Box style={{ flex: 1 }} />
          <Button visibleFrom="md" variant="default" size="xs" leftSection={<IconSearch size={14} aria-hidden />} onClick={() => setPalette(true)} rightSection={<Text span size="xs" c="dimmed">{t.palette.hint}</Text>}>
            {t.palette.open}
          </Button>
          <Tooltip label={t.palette.open}>
            <ActionIcon hiddenFrom="md" variant="subtle" color="gray" size="lg" aria-label={t.palette.open} onClick={() => setPalette(true)}>
              <IconSearch size={18} />
            </ActionIcon>
          </Tooltip>
          <Bell />
          <AccountMenu />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t.navigation}>
        <Navigation />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} style={{ outline: 'none' }}>
        <ConnectionNote />
        {children}
      </AppShell.Main>
      {palette && (
        <Suspense>
          <Palette close={() => setPalette(false)} />
        </Suspense>
      )}
    </AppShell>
  )
}

function Logo() {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="#5b3fd6" />
      <path d="M8 23V9h4v14zM15 23v-9l9-5v4.600l-5 2.700V23z" fill="#fff" />
    </svg>
  )
}

/** The pages that the signed-in may see. */
function Navigation() {
  const may = useMay()
  const project = useProject()
  const path = useRouterState({ select: (s) => s.location.pathname })
  return (
    <ScrollArea type="hover" scrollbarSize={6} viewportProps={{ tabIndex: 0, 'aria-label': text.shell.navigation, role: 'group' }}>
      {places.map((group) => {
        const shown = group.places.filter((p) => may(p.action) && (project || !p.to?.startsWith('/p/')))
        if (shown.length === 0) return null
        return (
          <Box key={group.label} mb="sm" role="group" aria-label={group.label}>
            <Text size="xs" fw={600} c="dimmed" px="sm" py={4} aria-hidden>
              {group.label}
            </Text>
            {shown.map((p) => {
              const at = p.to!.replace('$project', project)
              const here = p.exact ? path === at || path === `${at}/` : path === at || path.startsWith(`${at}/`)
              return (
                <NavLink
                  key={p.to}
                  renderRoot={(props) => <Link to={p.to} params={{ project } as never} activeOptions={{ exact: true }} {...props} />}
                  label={p.label}
                  leftSection={<p.icon size={18} stroke={1.6} aria-hidden />}
                  active={here}
                  aria-current={here ? 'page' : undefined}
                  variant="light"
                  py={6}
                  style={{ borderRadius: 'var(--mantine-radius-md)' }}
                />
              )
            })}
          </Box>
        )
      })}
    </ScrollArea>
  )
}
