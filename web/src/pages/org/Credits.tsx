import { text } from '../../text'
import { Page } from '../../ui/Page'
import { Balance } from './credits/Balance'
import { Budgets } from './credits/Budgets'
import { Chart } from './credits/Chart'
import { Entries } from './credits/Entries'
import { Prices } from './credits/Prices'

/** What the org has, what it has used, and what may be used by whom. */
export default function Credits() {
  const t = text.org.credits
  return (
    <Page title={t.title} lead={t.lead}>
      <Balance />
      <Chart />
      <Budgets />
      <Entries />
      <Prices />
    </Page>
  )
}
