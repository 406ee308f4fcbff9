import { Alert, List } from '@mantine/core'
import { IconClockExclamation } from '@tabler/icons-react'
import { useApi } from '../../../api/hooks'
import { text } from '../../../text'
import { day } from '../../../text/format'
import { useProjects } from '../directory'

/** Those of all projects that should have got a new value by now. */
export function Due() {
  const t = text.org.secrets
  const projects = useProjects()
  const due = useApi().query.useQuery('get', '/v1/due-secrets').data ?? []
  if (due.length === 0) return null
  return (
    <Alert color="orange" variant="light" mb="md" icon={<IconClockExclamation aria-hidden />} title={t.dueTitle(due.length)}>
      <List size="sm">
        {due.map((s) => (
          <List.Item key={s.id} className="words">
            {s.name} · {s.project ? projects.name(s.project) : t.shared} · {t.overdue} {day(s.due!)}
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}
