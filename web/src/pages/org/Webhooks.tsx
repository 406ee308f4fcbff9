import { text } from '../../text'
import { Page } from '../../ui/Page'
import { OfProject } from './OfProject'
import { Hooks } from './webhooks/Hooks'

/** Where programs hear of a project. */
export default function Webhooks() {
  const t = text.org.webhooks
  return (
    <Page title={t.title} lead={t.lead}>
      <OfProject>
        <Hooks />
      </OfProject>
    </Page>
  )
}
