import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './console.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createApi, session } from './api/client'
import { createQueries } from './api/projects'
import { createConsole } from './router'
import { theme, variables } from './theme'

const context = { api: createApi(), queries: createQueries() }
const router = createConsole(context)

session.addEventListener('ended', () => {
  const at = router.state.location
  if (router.state.matches.some((m) => m.routeId === '/outside')) return
  context.queries.clear()
  void router.navigate({ to: '/sign-in', search: { to: at.href } })
})

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
Object.assign(globalThis, { __webpack_nonce__: nonce }) // of the styles that dialogs write to hold the page still (get-nonce)

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Notifications position="bottom-right" limit={4} />
      <RouterProvider router={router} />
    </MantineProvider>
  </StrictMode>,
)
