import type { QueryClient } from '@tanstack/react-query'
import type { Api } from '../../api/client'
import type { File } from '../../api/schema'
import { sourceOptions } from './source'

export interface Hit {
  path: string
  line: number // from 1
  text: string
}

export interface Found {
  hits: Hit[]
  /** There are more than are here. */
  limited: boolean
  /** How many files weren't looked into. */
  skipped: number
}

// Bounds of one search.
const mostFiles = 300
const mostBytes = 256 * 1024 // of a file
const mostInAll = 8 * 1024 * 1024
const mostHits = 100
const atOnce = 6

/** Looks for a text, given in lower case, in the contents of a version's files. */
export async function search(api: Api, queries: QueryClient, app: string, version: number, files: readonly File[], wanted: string, signal: AbortSignal): Promise<Found> {
  let room = mostInAll
  const looked = files.filter((f, i) => i < mostFiles && f.size <= mostBytes && (room -= f.size) >= 0)
  const byFile = new Map<string, Hit[]>()
  let next = 0
  const look = async () => {
    for (let file = looked[next++]; file && !signal.aborted; file = looked[next++]) {
      const { path } = file
      const source = await queries.fetchQuery(sourceOptions(api, app, version, path))
      if (source?.toLowerCase().includes(wanted)) byFile.set(path, hitsIn(path, source, wanted))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, look))
  const hits = looked.flatMap((f) => byFile.get(f.path) ?? [])
  return { hits: hits.slice(0, mostHits), limited: hits.length > mostHits, skipped: files.length - looked.length }
}

function hitsIn(path: string, source: string, wanted: string): Hit[] {
  const hits: Hit[] = []
  const lines = source.split('\n')
  for (let i = 0; i < lines.length && hits.length <= mostHits; i++) {
    const line = lines[i]!
    if (line.toLowerCase().includes(wanted)) hits.push({ path, line: i + 1, text: line.trim().slice(0, 200) })
  }
  return hits
}
