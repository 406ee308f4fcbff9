import { Button, Code, Table, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useApi } from '../../api/hooks'
import type { Diagnostics as Counted } from '../../api/schema'
import { text } from '../../text'
import { bytes, duration, exactly, number } from '../../text/format'
import { Fact, Facts } from '../../ui/Facts'
import { Loaded } from '../../ui/Loaded'
import { Moment } from '../../ui/Moment'
import { Page } from '../../ui/Page'
import { Rows } from '../../ui/Rows'
import { Section } from '../../ui/Section'

/** What a node has counted. */
export default function Diagnostics() {
  const t = text.installation.diagnostics
  const query = useApi().query.useQuery('get', '/v1/installation/diagnostics')
  return (
    <Page
      wide
      title={t.title}
      lead={query.data ? t.lead(query.data.node, exactly(query.data.since)) : t.leadShort}
      actions={
        <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} loading={query.isFetching} onClick={() => void query.refetch()}>
          {text.common.reload}
        </Button>
      }
    >
      <Loaded query={query}>{(d) => <Parts of={d} />}</Loaded>
    </Page>
  )
}

/** Words with how often: ok 3, failed 1. */
const counts = (of: Record<string, number>) => Object.entries(of).map(([word, n]) => `${word} ${number(n)}`).join(', ')

function Parts({ of }: { of: Counted }) {
  const t = text.installation.diagnostics
  return (
    <>
      <Section title={t.process}>
        <Facts>
          <Fact name={t.version}>{`${of.version}, ${of.runtime.go}`}</Fact>
          <Fact name={t.uptime}>{duration(of.runtime.uptime_seconds * 1000)}</Fact>
          <Fact name={t.heap}>{bytes(of.runtime.heap_bytes)}</Fact>
          <Fact name={t.taken}>{bytes(of.runtime.total_bytes)}</Fact>
          <Fact name={t.goroutines}>{number(of.runtime.goroutines)}</Fact>
        </Facts>
      </Section>
      <Part title={t.requests} lead={t.requestsLead} head={[t.operation, t.count, t.refused, t.failed, t.open, t.median, t.p95, t.p99, t.total]}>
        {of.requests?.map((r) => <Line key={r.operation} cells={[r.operation, number(r.count), number(r.refused), number(r.failed), number(r.in_flight), duration(r.p50_ms), duration(r.p95_ms), duration(r.p99_ms), duration(r.total_ms)]} />)}
      </Part>
      <Part title={t.queries} lead={t.queriesLead(duration(of.slow_ms))} head={[t.statement, t.count, t.longest, t.total, t.last]}>
        {of.queries?.map((q) => (
          <Table.Tr key={`${q.store} ${q.statement}`}>
            <Table.Td maw={640}>
              <Text size="xs" c="dimmed">
                {q.store}
              </Text>
              <Code block style={{ whiteSpace: 'pre-wrap' }} className="words">
                {q.statement}
              </Code>
            </Table.Td>
            <Table.Td>{number(q.count)}</Table.Td>
            <Table.Td>{duration(q.longest_ms)}</Table.Td>
            <Table.Td>{duration(q.total_ms)}</Table.Td>
            <Table.Td>
              <Moment at={q.last} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Part>
      <Part title={t.tools} lead={t.toolsLead} head={[t.tool, t.count, t.failed, t.median, t.p95, t.longest, t.total, t.outcomes]}>
        {of.tools?.map((x) => <Line key={x.tool} cells={[x.tool, number(x.count), number(x.failed), duration(x.p50_ms), duration(x.p95_ms), duration(x.longest_ms), duration(x.total_ms), counts(x.errors)]} />)}
      </Part>
      <Part title={t.models} lead={t.modelsLead} head={[t.provider, t.model, t.operation, t.count, t.outcomes]}>
        {of.models?.map((m) => <Line key={`${m.provider} ${m.model} ${m.op}`} cells={[m.provider, m.model, m.op, number(m.count), counts(m.statuses)]} />)}
      </Part>
      <Part title={t.providers} lead={t.providersLead} head={[t.provider, t.operation, t.median, t.p95, t.first, t.outcomes]}>
        {of.providers?.map((p) => <Line key={`${p.provider} ${p.op}`} cells={[p.provider, p.op, duration(p.call.p50_ms), duration(p.call.p95_ms), duration(p.first.p50_ms), counts(p.attempts)]} />)}
      </Part>
    </>
  )
}

function Part({ title, lead, head, children }: { title: string; lead: string; head: string[]; children: ReactNode[] | undefined }) {
  return (
    <Section title={title} lead={lead}>
      {children?.length ? (
        <Rows label={title} head={head} minWidth={720}>
          {children}
        </Rows>
      ) : (
        <Text size="sm" c="dimmed">
          {text.installation.diagnostics.nothing}
        </Text>
      )}
    </Section>
  )
}

function Line({ cells }: { cells: string[] }) {
  return (
    <Table.Tr>
      {cells.map((cell, i) => (
        <Table.Td key={i} className={i === 0 ? 'words' : undefined}>
          {cell}
        </Table.Td>
      ))}
    </Table.Tr>
  )
}
