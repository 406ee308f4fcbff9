import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { text } from '../../text'
import { Page } from '../../ui/Page'
import { Section } from '../../ui/Section'
import { OfProject } from './OfProject'
import { Calls } from './usage/Calls'
import { TaskUsage } from './usage/Tasks'

/** What was used, by day. */
export default function Usage() {
  const t = text.org.usage
  const [days, setDays] = useState(30)
  return (
    <Page title={t.title} lead={t.lead} actions={<SegmentedControl aria-label={t.range} size="xs" data={[7, 30, 90].map((n) => ({ value: String(n), label: t.ranges(n) }))} value={String(days)} onChange={(v) => setDays(Number(v))} />}>
      <Calls days={days} />
      <Section title={t.tasks.title} lead={t.tasks.lead} plain>
        <OfProject>
          <TaskUsage days={days} />
        </OfProject>
      </Section>
    </Page>
  )
}
