import { useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useMe } from '../api/me'

const lastKey = 'isekai-project'

/** The project at hand: that of the address, or the one that was last, or the signed-in's own; "" for an operator. */
export function useProject(): string {
  const me = useMe()
  const { project } = useParams({ strict: false }) as { project?: string }
  useEffect(() => {
    if (project) sessionStorage.setItem(lastKey, `${me.org} ${project}`)
  }, [me.org, project])
  if (project) return project
  const [org, last] = (sessionStorage.getItem(lastKey) ?? '').split(' ')
  return org === me.org && last && me.project ? last : me.project
}
