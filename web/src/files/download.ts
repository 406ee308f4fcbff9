import type { Api } from '../api/client'
import { keep } from './bytes'

/** Has the browser keep what the API answers as a file. */
export async function download(api: Api, path: string, name: string): Promise<void> {
  keep(name, await (await api.fetch(path)).blob())
}
