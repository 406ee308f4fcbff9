import type { QueryClient as Queries } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Navigate, Outlet, redirect } from '@tanstack/react-router'
import type { Api } from './api/client'
import { meOptions } from './api/me'
import { Problem } from './api/problem'
import { inProject } from './api/projects'
import { Crashed, Missing } from './shell/Crashed'
import { Waiting } from './shell/Waiting'
import { Provided } from './shell/Provided'
import { Shell } from './shell/Shell'

/** What every route stands on. */
export interface Context {
  api: Api
  queries: Queries
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: Missing, errorComponent: Crashed })

const outside = createRoute({ getParentRoute: () => root, id: 'outside', component: lazyRouteComponent(() => import('./pages/signin/Outside')) })
interface SignInSearch {
  to?: string
}
const signIn = createRoute({
  getParentRoute: () => outside,
  path: '/sign-in',
  validateSearch: (search: Record<string, unknown>): SignInSearch => (typeof search.to === 'string' ? { to: search.to } : {}),
  component: lazyRouteComponent(() => import('./pages/signin/SignIn')),
})
const setup = createRoute({ getParentRoute: () => outside, path: '/setup', component: lazyRouteComponent(() => import('./pages/signin/Setup')) })
const invitation = createRoute({ getParentRoute: () => outside, path: '/invitation', component: lazyRouteComponent(() => import('./pages/signin/Invitation')) })
const reset = createRoute({ getParentRoute: () => outside, path: '/reset', component: lazyRouteComponent(() => import('./pages/signin/Reset')) })

/** All pages of somebody who is signed in. */
const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  beforeLoad: async ({ context, location }) => {
    try {
      return { me: await context.queries.ensureQueryData(meOptions(context.api)) }
    } catch (error) {
      if (error instanceof Problem && error.status === 401) throw redirect({ to: '/sign-in', search: location.pathname === '/' ? {} : { to: location.href } })
      throw error
    }
  },
  component: function Inside() {
    const { api, queries } = inside.useRouteContext()
    return (
      <Provided api={api} queries={queries}>
        <Shell>
          <Outlet />
        </Shell>
      </Provided>
    )
  },
  pendingComponent: Waiting,
  errorComponent: Crashed,
})
const start = createRoute({
  getParentRoute: () => inside,
  path: '/',
  component: function Start() {
    const { me } = inside.useRouteContext()
    return me.project ? <Navigate to="/p/$project" params={{ project: me.project }} replace /> : <Navigate to="/installation/health" replace />
  },
})

const project = createRoute({
  getParentRoute: () => inside,
  path: '/p/$project',
  beforeLoad: ({ params }) => inProject(params.project),
  loader: ({ context }) => context.queries.ensureQueryData(meOptions(context.api)),
  component: function InProject() {
    const { api, queries } = project.useRouteContext()
    return (
      <Provided api={api} queries={queries}>
        <Outlet />
      </Provided>
    )
  },
  errorComponent: Crashed,
})
const home = createRoute({ getParentRoute: () => project, path: '/', component: lazyRouteComponent(() => import('./pages/home/Home')) })
const build = createRoute({ getParentRoute: () => project, path: '/build', component: lazyRouteComponent(() => import('./pages/build/Build')) })
interface AppSearch {
  /** Whose timeline is shown; the newest if not given. */
  task?: string
  tab?: string
}
const app = createRoute({
  getParentRoute: () => project,
  path: '/build/$app',
  validateSearch: (search: Record<string, unknown>): AppSearch => ({
    ...(typeof search.task === 'string' && /^tsk_\w+$/.test(search.task) && { task: search.task }),
    ...(typeof search.tab === 'string' && { tab: search.tab }),
  }),
  component: lazyRouteComponent(() => import('./pages/build/App')),
})
interface ChatSearch {
  /** Words to find conversations by. */
  q?: string
}
const chat = createRoute({
  getParentRoute: () => project,
  path: '/chat',
  validateSearch: (search: Record<string, unknown>): ChatSearch => (typeof search.q === 'string' ? { q: search.q.slice(0, 200) } : {}),
  component: lazyRouteComponent(() => import('./pages/chat/Chat')),
})
interface ConversationSearch {
  /** The message whose branch is shown; that of the newest if not given. */
  at?: string
}
const conversation = createRoute({
  getParentRoute: () => project,
  path: '/chat/$conversation',
  validateSearch: (search: Record<string, unknown>): ConversationSearch => (typeof search.at === 'string' && /^msg_\w+$/.test(search.at) ? { at: search.at } : {}),
  component: lazyRouteComponent(() => import('./pages/chat/Conversation')),
})
const tasks = createRoute({ getParentRoute: () => project, path: '/tasks', component: lazyRouteComponent(() => import('./pages/tasks/Tasks')) })
const task = createRoute({ getParentRoute: () => project, path: '/tasks/$task', component: lazyRouteComponent(() => import('./pages/tasks/Task')) })
const memory = createRoute({ getParentRoute: () => project, path: '/memory', component: lazyRouteComponent(() => import('./pages/knowledge/Memory')) })
const skills = createRoute({ getParentRoute: () => project, path: '/skills', component: lazyRouteComponent(() => import('./pages/knowledge/Skills')) })
const repositories = createRoute({ getParentRoute: () => project, path: '/repositories', component: lazyRouteComponent(() => import('./pages/knowledge/Repositories')) })
const mcp = createRoute({ getParentRoute: () => project, path: '/mcp', component: lazyRouteComponent(() => import('./pages/tooling/McpServers')) })
const permissions = createRoute({ getParentRoute: () => project, path: '/permissions', component: lazyRouteComponent(() => import('./pages/tooling/Permissions')) })

const account = createRoute({ getParentRoute: () => inside, path: '/account', component: lazyRouteComponent(() => import('./pages/account/Account')) })

const members = createRoute({ getParentRoute: () => inside, path: '/org/members', component: lazyRouteComponent(() => import('./pages/org/Members')) })
const projects = createRoute({ getParentRoute: () => inside, path: '/org/projects', component: lazyRouteComponent(() => import('./pages/org/Projects')) })
const keys = createRoute({ getParentRoute: () => inside, path: '/org/keys', component: lazyRouteComponent(() => import('./pages/org/Keys')) })
const credits = createRoute({ getParentRoute: () => inside, path: '/org/credits', component: lazyRouteComponent(() => import('./pages/org/Credits')) })
const usage = createRoute({ getParentRoute: () => inside, path: '/org/usage', component: lazyRouteComponent(() => import('./pages/org/Usage')) })
const models = createRoute({ getParentRoute: () => inside, path: '/org/models', component: lazyRouteComponent(() => import('./pages/org/Models')) })
const secrets = createRoute({ getParentRoute: () => inside, path: '/org/secrets', component: lazyRouteComponent(() => import('./pages/org/Secrets')) })
const policies = createRoute({ getParentRoute: () => inside, path: '/org/policies', component: lazyRouteComponent(() => import('./pages/org/Policies')) })
const webhooks = createRoute({ getParentRoute: () => inside, path: '/org/webhooks', component: lazyRouteComponent(() => import('./pages/org/Webhooks')) })
const audit = createRoute({ getParentRoute: () => inside, path: '/org/audit', component: lazyRouteComponent(() => import('./pages/org/Audit')) })

const orgs = createRoute({ getParentRoute: () => inside, path: '/installation/orgs', component: lazyRouteComponent(() => import('./pages/installation/Orgs')) })
const users = createRoute({ getParentRoute: () => inside, path: '/installation/users', component: lazyRouteComponent(() => import('./pages/installation/Users')) })
const health = createRoute({ getParentRoute: () => inside, path: '/installation/health', component: lazyRouteComponent(() => import('./pages/installation/Health')) })
const diagnostics = createRoute({ getParentRoute: () => inside, path: '/installation/diagnostics', component: lazyRouteComponent(() => import('./pages/installation/Diagnostics')) })
const deadLetters = createRoute({ getParentRoute: () => inside, path: '/installation/dead-letters', component: lazyRouteComponent(() => import('./pages/installation/DeadLetters')) })
const projections = createRoute({ getParentRoute: () => inside, path: '/installation/projections', component: lazyRouteComponent(() => import('./pages/installation/Projections')) })
const backups = createRoute({ getParentRoute: () => inside, path: '/installation/backups', component: lazyRouteComponent(() => import('./pages/installation/Backups')) })
const houseModels = createRoute({ getParentRoute: () => inside, path: '/installation/models', component: lazyRouteComponent(() => import('./pages/installation/Models')) })
const houseAudit = createRoute({ getParentRoute: () => inside, path: '/installation/audit', component: lazyRouteComponent(() => import('./pages/installation/Audit')) })

const tree = root.addChildren([
  outside.addChildren([signIn, setup, invitation, reset]),
  inside.addChildren([
    start,
    project.addChildren([home, build, app, chat, conversation, tasks, task, memory, skills, repositories, mcp, permissions]),
    account,
    members, projects, keys, credits, usage, models, secrets, policies, webhooks, audit,
    orgs, users, health, diagnostics, deadLetters, projections, backups, houseModels, houseAudit,
  ]),
])

export function createConsole(context: Context) {
  return createRouter({ routeTree: tree, context, defaultPreload: 'intent', defaultPendingComponent: Waiting, scrollRestoration: true, defaultPreloadStaleTime: 0 })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsole>
  }
}
