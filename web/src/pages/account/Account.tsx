import { useMay } from '../../api/me'
import { text } from '../../text'
import { Page } from '../../ui/Page'
import { Factor } from './Factor'
import { Keys } from './Keys'
import { Notices } from './Notices'
import { Orgs } from './Orgs'
import { Password } from './Password'
import { Profile } from './Profile'
import { Sessions } from './Sessions'

/** What is one's own: who one is, how one signs in, and what one hears of. */
export default function Account() {
  const t = text.account
  const may = useMay()
  return (
    <Page title={t.title} lead={t.lead}>
      <Profile />
      <Password />
      <Factor />
      <Sessions />
      <Keys />
      {may('notify.read') && <Notices />}
      <Orgs />
    </Page>
  )
}
