import {
  IconActivity, IconAppWindow, IconBook2, IconBuilding, IconChartBar, IconChecklist, IconCloudUp, IconCoins, IconDatabase, IconFolders, IconGitBranch, IconHeartbeat,
  IconHistory, IconHome, IconKey, IconMail, IconMessages, IconPlugConnected, IconRobot, IconSchool, IconShieldCheck, IconShieldLock, IconUsers, IconWebhook, type Icon,
} from '@tabler/icons-react'
import type { LinkProps } from '@tanstack/react-router'
import { text } from '../text'

/** A page that one gets to from everywhere. */
export interface Place {
  to: LinkProps['to']
  label: string
  icon: Icon
  /** Which action it takes to see something there; it is left out for who may not. */
  action: string
  /** Only its own address counts as being there, not what is below. */
  exact?: boolean
}

export interface PlaceGroup {
  label: string
  places: Place[]
}

const t = text.shell

/** All pages, as the navigation and the palette have them. Those below /p/$project are the project's at hand. */
export const places: PlaceGroup[] = [
  {
    label: t.groups.work,
    places: [
      { to: '/p/$project', label: t.home, icon: IconHome, action: 'task.read', exact: true },
      { to: '/p/$project/build', label: t.build, icon: IconAppWindow, action: 'app.read' },
      { to: '/p/$project/chat', label: t.chat, icon: IconMessages, action: 'conversation.read' },
      { to: '/p/$project/tasks', label: t.tasks, icon: IconChecklist, action: 'task.read' },
    ],
  },
  {
    label: t.groups.knowledge,
    places: [
      { to: '/p/$project/memory', label: t.memory, icon: IconBook2, action: 'memory.read' },
      { to: '/p/$project/skills', label: t.skills, icon: IconSchool, action: 'skill.read' },
      { to: '/p/$project/repositories', label: t.repositories, icon: IconGitBranch, action: 'repository.read' },
    ],
  },
  {
    label: t.groups.tooling,
    places: [
      { to: '/p/$project/permissions', label: t.permissions, icon: IconShieldLock, action: 'permission.read' },
      { to: '/p/$project/mcp', label: t.mcp, icon: IconPlugConnected, action: 'mcp.read' },
    ],
  },
  {
    label: t.groups.org,
    places: [
      { to: '/org/members', label: t.members, icon: IconUsers, action: 'member.read' },
      { to: '/org/projects', label: t.projects, icon: IconFolders, action: 'org.read' },
      { to: '/org/keys', label: t.keys, icon: IconKey, action: 'key.read' },
      { to: '/org/credits', label: t.credits, icon: IconCoins, action: 'credit.read' },
      { to: '/org/usage', label: t.usage, icon: IconChartBar, action: 'usage.read' },
      { to: '/org/models', label: t.models, icon: IconRobot, action: 'model.read' },
      { to: '/org/secrets', label: t.secrets, icon: IconShieldLock, action: 'secret.read' },
      { to: '/org/policies', label: t.policies, icon: IconShieldCheck, action: 'redact.read' },
      { to: '/org/webhooks', label: t.webhooks, icon: IconWebhook, action: 'webhook.read' },
      { to: '/org/audit', label: t.audit, icon: IconHistory, action: 'audit.read' },
    ],
  },
  {
    label: t.groups.installation,
    places: [
      { to: '/installation/health', label: t.health, icon: IconHeartbeat, action: 'operate.read' },
      { to: '/installation/diagnostics', label: t.diagnostics, icon: IconActivity, action: 'operate.read' },
      { to: '/installation/orgs', label: t.orgs, icon: IconBuilding, action: 'operate.read' },
      { to: '/installation/users', label: t.users, icon: IconUsers, action: 'operate.read' },
      { to: '/installation/dead-letters', label: t.deadLetters, icon: IconMail, action: 'operate.read' },
      { to: '/installation/projections', label: t.projections, icon: IconDatabase, action: 'operate.read' },
      { to: '/installation/backups', label: t.backups, icon: IconCloudUp, action: 'operate.read' },
      { to: '/installation/models', label: t.houseModels, icon: IconRobot, action: 'operate.read' },
      { to: '/installation/audit', label: t.houseAudit, icon: IconHistory, action: 'operate.read' },
    ],
  },
]
