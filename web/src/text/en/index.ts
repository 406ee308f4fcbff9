import { account } from './account'
import { build } from './build'
import { chat } from './chat'
import { common } from './common'
import { home } from './home'
import { installation } from './installation'
import { knowledge } from './knowledge'
import { org } from './org'
import { shell } from './shell'
import { signin } from './signin'
import { tasks } from './tasks'
import { tooling } from './tooling'

export const en = { account, build, chat, common, home, installation, knowledge, org, shell, signin, tasks, tooling }
