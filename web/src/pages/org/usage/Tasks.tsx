import { Table } from '@mantine/core'
import { IconChecklist } from '@tabler/icons-react'
import { BarChart } from '@mantine/charts'
import { useApi } from '../../../api/hooks'
import { text } from '../../../text'
import { about, duration, number } from '../../../text/format'
import { Empty } from '../../../ui/Empty'
import { Loaded } from '../../../ui/Loaded'
import { Rows } from '../../../ui/Rows'
import { daysBack } from '../days'

/** What the project's tasks have used. */
export function TaskUsage({ days }: { days: number }) {
  const t = text.org.usage
  const query = useApi().query.useQuery('get', '/v1/usage', { params: { query: { days } } })
  return (
    <Loaded query={query}>
      {(used) => {
        const all = [...(used ?? [])].sort((a, b) => b.day.localeCompare(a.day))
        if (all.length === 0) return <Empty icon={IconChecklist} title={t.tasks.none}>{t.tasks.noneHint}</Empty>
        const data = daysBack(days).map((day) => ({ day, tasks: all.filter((u) => u.day === day).reduce((n, u) => n + u.tasks, 0) }))
        return (
          <>
            <div role="img" aria-label={t.chart(t.taskCount, t.day)}>
              <BarChart h={180} data={data} dataKey="day" series={[{ name: 'tasks', label: t.taskCount, color: 'violet.6' }]} valueFormatter={about} barChartProps={{ accessibilityLayer: false }} yAxisProps={{ allowDecimals: false }} />
            </div>
            <Rows label={t.tasks.title} head={[t.day, t.model, t.taskCount, t.modelCalls, t.toolCalls, t.input, t.output, t.time]} minWidth={760}>
              {all.map((u) => (
                <Table.Tr key={`${u.day} ${u.model}`} style={{ fontVariantNumeric: 'tabular-nums' }}>
                  <Table.Td style={{ whiteSpace: 'nowrap' }}>{u.day}</Table.Td>
                  <Table.Td className="words">{u.model}</Table.Td>
                  <Table.Td>{number(u.tasks)}</Table.Td>
                  <Table.Td>{number(u.model_calls)}</Table.Td>
                  <Table.Td>{number(u.tool_calls)}</Table.Td>
                  <Table.Td>{number(u.input)}</Table.Td>
                  <Table.Td>{number(u.output)}</Table.Td>
                  <Table.Td style={{ whiteSpace: 'nowrap' }}>{duration(u.seconds * 1000)}</Table.Td>
                </Table.Tr>
              ))}
            </Rows>
          </>
        )
      }}
    </Loaded>
  )
}
