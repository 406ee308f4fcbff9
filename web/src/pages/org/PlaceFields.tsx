import { MultiSelect, Select } from '@mantine/core'
import { useMe } from '../../api/me'
import type { Place } from '../../api/schema'
import { text } from '../../text'
import { useProjects } from './directory'

export type Role = Place['role']

/** Roles, from the one that may least. */
export const roles: Role[] = ['viewer', 'member', 'admin', 'owner']

/** Those that the signed-in may give: none above his own. */
export function useRoles(): Role[] {
  const own = useMe().role
  return roles.slice(0, roles.indexOf(own) + 1)
}

/** A role, and the projects that it is held to. Admins and owners are of the whole org. */
export function PlaceFields({ value, change }: { value: Place; change: (place: Place) => void }) {
  const t = text.org.place
  const may = useRoles()
  const projects = useProjects()
  const wide = value.role === 'admin' || value.role === 'owner'
  return (
    <>
      <Select
        label={t.role}
        description={t.may[value.role]}
        data={may.map((r) => ({ value: r, label: text.common.role[r] }))}
        value={value.role}
        allowDeselect={false}
        onChange={(r) => r && change({ role: r as Role, projects: r === 'admin' || r === 'owner' ? [] : value.projects })}
      />
      {!wide && (
        <MultiSelect label={t.projects} description={t.projectsHint} placeholder={value.projects?.length ? undefined : text.org.allProjects} data={projects.options} value={value.projects ?? []} onChange={(p) => change({ ...value, projects: p })} clearable clearButtonProps={{ 'aria-label': t.clear }} />
      )}
    </>
  )
}
