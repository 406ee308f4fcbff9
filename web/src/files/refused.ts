import { Problem } from '../api/problem'

/** That something can't be sent, which is known before the API is asked. */
export function refused(why: string): Problem {
  return new Problem(400, { code: 'invalid', detail: why })
}
