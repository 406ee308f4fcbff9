import { audit } from './org/audit'
import { credits, usage } from './org/credits'
import { keys, operatorScopes, scopes } from './org/keys'
import { members, place, projects } from './org/members'
import { models } from './org/models'
import { policies } from './org/policies'
import { secrets } from './org/secrets'
import { webhooks } from './org/webhooks'

export const org = {
  audit, credits, keys, members, models, operatorScopes, place, policies, projects, scopes, secrets, usage, webhooks,
  allProjects: 'All projects',
  project: 'Project',
  noProject: 'No project is at hand',
  noProjectHint: 'This belongs to a project. Choose an org that has one.',
}
