import { Box, Select, Skeleton } from '@mantine/core'
import { IconFolders } from '@tabler/icons-react'
import { type ReactNode, Suspense, useState } from 'react'
import { inProject } from '../../api/projects'
import { Provided } from '../../shell/Provided'
import { useProject } from '../../shell/project'
import { text } from '../../text'
import { Empty } from '../../ui/Empty'
import { useProjects } from './directory'

/** What belongs to one project of the org, which is chosen here. */
export function OfProject({ children }: { children: ReactNode }) {
  const t = text.org
  const here = useProject()
  const projects = useProjects()
  const [chosen, choose] = useState(here)
  if (!chosen) return <Empty icon={IconFolders} title={t.noProject}>{t.noProjectHint}</Empty>
  const reader = inProject(chosen)
  return (
    <>
      <Select label={t.project} data={projects.options} value={chosen} onChange={(v) => v && choose(v)} allowDeselect={false} maw={320} mb="md" />
      <Box key={chosen}>
        <Provided {...reader}>
          <Suspense fallback={<Skeleton height={120} />}>{children}</Suspense>
        </Provided>
      </Box>
    </>
  )
}
