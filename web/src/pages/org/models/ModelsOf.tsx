import { text } from '../../../text'
import { Page } from '../../../ui/Page'
import type { Of } from './of'
import { Providers } from './Providers'
import { Routes } from './Routes'
import { Settings } from './Settings'

/** A page of the org's models, or of the installation's. */
export function ModelsOf({ of, title }: { of: Of; title?: string }) {
  const t = text.org.models
  return (
    <Page title={title ?? t.title} lead={of === 'org' ? t.lead : t.leadHouse}>
      <Providers of={of} />
      <Routes of={of} />
      {of === 'org' && <Settings />}
    </Page>
  )
}
