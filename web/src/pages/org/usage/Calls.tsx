import '@mantine/charts/styles.css'
import { BarChart } from '@mantine/charts'
import { Group, Select, Table, Text } from '@mantine/core'
import { IconChartBar } from '@tabler/icons-react'
import { useState } from 'react'
import { useApi } from '../../../api/hooks'
import { useMay } from '../../../api/me'
import { text } from '../../../text'
import { about, credits, number } from '../../../text/format'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { Section } from '../../../ui/Section'
import { daysBack } from '../days'
import { useProjects } from '../directory'
import { type By, byDay, drawn, type Measure, sums } from './sums'

const colors = ['violet.6', 'teal.6', 'orange.6', 'blue.6', 'pink.6', 'lime.7', 'gray.6']

/** What calls of models have used, by model, project or key. */
export function Calls({ days }: { days: number }) {
  const t = text.org.usage
  const [by, setBy] = useState<By>('model')
  const [measure, setMeasure] = useState<Measure>('tokens')
  const named = useNamed(by)
  const query = useApi().query.useQuery('get', '/v1/usage/models', { params: { query: { from: daysBack(days)[0] } } }, { refetchInterval: 60_000 })
  return (
    <Section
      title={t.calls.title}
      lead={t.calls.lead}
      plain
      actions={
        <>
          <Select aria-label={t.by} size="xs" w={120} data={(['model', 'project', 'key'] as const).map((value) => ({ value, label: t.groups[value] }))} value={by} onChange={(v) => setBy(v as By)} allowDeselect={false} />
          <Select aria-label={t.measure} size="xs" w={120} data={(['tokens', 'calls', 'credits'] as const).map((value) => ({ value, label: t.measures[value] }))} value={measure} onChange={(v) => setMeasure(v as Measure)} allowDeselect={false} />
        </>
      }
    >
      <Loaded query={query}>
        {(used) => {
          const all = sums(used ?? [], by, measure)
          if (all.length === 0) return <Empty icon={IconChartBar} title={t.calls.none}>{t.calls.noneHint}</Empty>
          const groups = all.map((s) => s.group)
          const series = groups.slice(0, drawn + 1).map((g, i) => ({ name: `g${i}`, label: i === drawn ? t.rest : named(g), color: colors[i]! }))
          const estimated = (used ?? []).reduce((n, u) => n + (u.estimated ?? 0), 0)
          return (
            <>
              <div role="img" aria-label={t.chart(t.measures[measure], t.groups[by])}>
                <BarChart h={260} type="stacked" data={byDay(used ?? [], by, measure, groups, days)} dataKey="day" series={series} valueFormatter={about} barChartProps={{ accessibilityLayer: false }} />
              </div>
              <Legend series={series} />
              <Rows label={t.calls.title} head={[t.groups[by], t.measures.calls, t.failed, t.input, t.cached, t.output, t.credits]} minWidth={720}>
                {all.map((s) => (
                  <Table.Tr key={s.group} style={{ fontVariantNumeric: 'tabular-nums' }}>
                    <Table.Td className="words">{named(s.group)}</Table.Td>
                    <Table.Td>{number(s.calls)}</Table.Td>
                    <Table.Td>{number(s.failed)}</Table.Td>
                    <Table.Td>{number(s.input)}</Table.Td>
                    <Table.Td>{number(s.cached)}</Table.Td>
                    <Table.Td>{number(s.output)}</Table.Td>
                    <Table.Td>{credits(s.credits)}</Table.Td>
                  </Table.Tr>
                ))}
              </Rows>
              {estimated > 0 && (
                <Text size="sm" c="dimmed" mt="xs">
                  {t.estimated(number(estimated))}
                </Text>
              )}
            </>
          )
        }}
      </Loaded>
    </Section>
  )
}

function Legend({ series }: { series: { name: string; label: string; color: string }[] }) {
  return (
    <Group gap="md" my="xs" component="ul" p={0} style={{ listStyle: 'none' }}>
      {series.map((s) => (
        <Group key={s.name} gap={6} component="li" wrap="nowrap">
          <span aria-hidden style={{ width: 10, height: 10, borderRadius: 3, flexShrink: 0, background: `var(--mantine-color-${s.color.replace('.', '-')})` }} />
          <Text size="xs" component="span" className="words">
            {s.label}
          </Text>
        </Group>
      ))}
    </Group>
  )
}

/** What a group is called. */
function useNamed(by: By): (group: string) => string {
  const t = text.org.usage
  const may = useMay()
  const projects = useProjects()
  const keys = useApi().query.useQuery('get', '/v1/api-keys', { params: { query: { limit: 200 } } }, { enabled: by === 'key' && may('key.read'), staleTime: 60_000 }).data?.items ?? []
  return (group) => {
    if (by === 'project') return projects.name(group) || text.common.none
    if (by === 'key') return group ? (keys.find((k) => k.id === group)?.name ?? group) : t.people
    return group || text.common.unknown
  }
}
