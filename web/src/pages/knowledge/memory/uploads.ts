import { useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { changed, useApi } from '../../../api/hooks'
import { base64 } from '../../../files/bytes'
import type { Chosen } from '../../../files/chosen'
import { asProblem } from '../../../api/problem'
import { text } from '../../../text'
import { sentence } from '../../../ui/ProblemNote'

/** A file on its way to the project's documents. */
export interface Upload {
  id: string
  name: string
  size: number
  state: 'queued' | 'sending' | 'sent' | 'failed'
  why: string
}

export const mostBytes = 8 << 20

/** Adds files to the documents, one after another, and says of each how far it is. */
export function useUploads(): { uploads: Upload[]; add: (files: Chosen[]) => void; clear: () => void } {
  const api = useApi()
  const queries = useQueryClient()
  const [uploads, setUploads] = useState<Upload[]>([])
  const turn = useRef<Promise<unknown>>(Promise.resolve())
  const set = (id: string, change: Partial<Upload>) => setUploads((all) => all.map((u) => (u.id === id ? { ...u, ...change } : u)))

  const send = async (id: string, { path, file }: Chosen) => {
    set(id, { state: 'sending' })
    try {
      await api.client.POST('/v1/documents', { body: { source: path, content: await base64(file) }, headers: { 'Idempotency-Key': id } })
      set(id, { state: 'sent' })
      await changed(queries, ['/v1/documents'])
    } catch (error) {
      const problem = asProblem(error)
      set(id, { state: 'failed', why: problem.status === 0 ? text.common.problem.unreachable : [problem.message, problem.hint].filter(Boolean).map(sentence).join(' ') })
    }
  }

  const add = (files: Chosen[]) => {
    const t = text.knowledge.memory.documents
    for (const chosen of files) {
      const { size } = chosen.file
      const why = size > mostBytes ? t.tooLarge(size) : size === 0 ? t.empty : ''
      const id = crypto.randomUUID()
      setUploads((all) => [...all, { id, name: chosen.path, size, state: why ? 'failed' : 'queued', why }])
      if (!why) turn.current = turn.current.then(() => send(id, chosen))
    }
  }
  return { uploads, add, clear: () => setUploads((all) => all.filter((u) => u.state === 'queued' || u.state === 'sending')) }
}
