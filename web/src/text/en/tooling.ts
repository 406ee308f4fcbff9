import { connections } from './tooling/connections'
import { mcp } from './tooling/mcp'
import { permissions } from './tooling/permissions'
import { schedules } from './tooling/schedules'
import { tools } from './tooling/tools'

export const tooling = { connections, mcp, permissions, schedules, tools }
