import { useMay } from '../../api/me'
import { text } from '../../text'
import { Page } from '../../ui/Page'
import { Section } from '../../ui/Section'
import { OfProject } from './OfProject'
import { Egress } from './policies/Egress'
import { Prompts } from './policies/Prompts'
import { Redaction } from './policies/Redaction'

/** What may leave, and what is kept. */
export default function Policies() {
  const t = text.org.policies
  const may = useMay()
  return (
    <Page title={t.title} lead={t.lead}>
      {may('egress.read') && (
        <Section title={t.egress.title} lead={t.egress.lead}>
          <OfProject>
            <Egress />
          </OfProject>
        </Section>
      )}
      {may('redact.read') && <Redaction />}
      {may('prompt.read') && <Prompts />}
    </Page>
  )
}
