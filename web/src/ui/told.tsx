import { showNotification } from '@mantine/notifications'
import { asProblem } from '../api/problem'
import { text } from '../text'
import { sentence } from './ProblemNote'

/** Says that something was done. */
export function done(message: string): void {
  showNotification({ message, color: 'green' })
}

/** Says what went wrong, with how to go on and the request's id. */
export function failed(error: unknown): void {
  const problem = asProblem(error)
  const parts = problem.status === 0 ? [text.common.problem.unreachable] : [problem.message, problem.hint].filter(Boolean).map(sentence)
  if (problem.request) parts.push(text.common.problem.request(problem.request))
  showNotification({ color: 'red', title: text.common.problem.title, message: parts.join(' '), autoClose: 12_000, role: 'alert' })
}
