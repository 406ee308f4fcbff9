import '@mantine/charts/styles.css'
import { AreaChart, BarChart } from '@mantine/charts'
import { SegmentedControl, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Api } from '../../../api/client'
import { useApi } from '../../../api/hooks'
import type { Entry } from '../../../api/schema'
import { text } from '../../../text'
import { about, credits } from '../../../text/format'
import { Details } from '../../../ui/Details'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { daysBack } from '../days'

const span = 30 // days
const pages = 20 // of entries that are read at most

/** What was used on each of the last days, or what there was to use at their ends. */
export function Chart() {
  const t = text.org.credits.chart
  const api = useApi()
  const [show, setShow] = useState<'spent' | 'available'>('spent')
  const query = useQuery({ queryKey: ['get', '/v1/credits', 'entries', show], queryFn: () => read(api, show), staleTime: 60_000 })
  return (
    <Section
      title={t.title}
      lead={t.lead(span)}
      actions={<SegmentedControl aria-label={t.show} size="xs" data={[{ value: 'spent', label: t.spent }, { value: 'available', label: t.available }]} value={show} onChange={(v) => setShow(v as 'spent' | 'available')} />}
    >
      <Loaded query={query}>
        {({ entries, cut }) => {
          const data = show === 'spent' ? spentByDay(entries) : leftByDay(entries)
          if (show === 'spent' && data.every((d) => d.credits === 0)) return <Text size="sm" c="dimmed">{t.none}</Text>
          const Drawn = show === 'spent' ? BarChart : AreaChart
          return (
            <>
              <div role="img" aria-label={`${show === 'spent' ? t.spent : t.available}: ${t.lead(span)}`}>
                <Drawn h={220} data={data} dataKey="day" series={[{ name: 'credits', label: t.credits, color: 'violet.6' }]} valueFormatter={about} tickLine="y" withDots={false} curveType="stepAfter" />
              </div>
              {cut && <Text size="xs" c="dimmed">{t.cut}</Text>}
              <Details summary={t.table}>
                <Rows label={show === 'spent' ? t.spent : t.available} head={[t.day, t.credits]} minWidth={240}>
                  {[...data].reverse().map((d) => (
                    <Table.Tr key={d.day}>
                      <Table.Td>{d.day}</Table.Td>
                      <Table.Td>{credits(d.credits * 1e6)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Rows>
              </Details>
            </>
          )
        }}
      </Loaded>
    </Section>
  )
}

/** The entries of an account in the last days, newest first, and the one before them. */
async function read(api: Api, account: string): Promise<{ entries: Entry[]; cut: boolean }> {
  const first = daysBack(span)[0]!
  const entries: Entry[] = []
  for (let cursor = '', n = 0; n < pages; n++) {
    const { data } = await api.client.GET('/v1/credits/entries', { params: { query: { account, newest: true, limit: 100, cursor } } })
    const found = data!.items ?? []
    entries.push(...found)
    if (!data!.next || found.some((e) => e.at.slice(0, 10) < first)) return { entries, cut: false }
    cursor = data!.next
  }
  return { entries, cut: true }
}

function spentByDay(entries: Entry[]) {
  const sums = new Map<string, number>()
  for (const e of entries) sums.set(e.at.slice(0, 10), (sums.get(e.at.slice(0, 10)) ?? 0) + e.amount)
  return daysBack(span).map((day) => ({ day, credits: (sums.get(day) ?? 0) / 1e6 }))
}

function leftByDay(entries: Entry[]) {
  return daysBack(span).map((day) => ({ day, credits: (entries.find((e) => e.at.slice(0, 10) <= day)?.balance ?? 0) / 1e6 }))
}
