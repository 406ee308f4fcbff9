import type { Api } from '../../api/client'
import type { Message, NewFile } from '../../api/schema'
import { base64 } from '../../files/bytes'
import { download } from '../../files/download'
import { text } from '../../text'

const most = 10 // files of a message
const largest = 8 * 2 ** 20 // bytes of them together

/** A file that is to come with a message, by a name that no other of them has. */
export interface Attached {
  name: string
  data: Blob
}

/** Those that there are with more, or why that can't be. */
export function attach(had: readonly Attached[], more: readonly File[]): { files: readonly Attached[]; why: string } {
  const files = [...had]
  for (const file of more) files.push({ name: free(plain(file.name), files), data: file })
  if (files.length > most) return { files: had, why: text.chat.composer.tooMany }
  if (files.reduce((sum, f) => sum + f.data.size, 0) > largest) return { files: had, why: text.chat.composer.tooLarge }
  return { files, why: '' }
}

/** A name without a folder, without what no file's name can have, and short enough: 200 bytes with what is added to it. */
function plain(path: string): string {
  const name = (path.split(/[/\\]/).pop() ?? '').replace(/\p{Cc}/gu, '') || 'file'
  if (new TextEncoder().encode(name).length <= 190) return name
  const [stem, end] = parts(name)
  return stem.slice(0, 38) + end.slice(0, 8)
}

function parts(name: string): [string, string] {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
}

function free(name: string, files: readonly Attached[]): string {
  const [stem, end] = parts(name)
  let next = name
  for (let n = 2; files.some((f) => f.name === next); n++) next = `${stem}-${n}${end}`
  return next
}

/** As the API takes them. */
export function sent(files: readonly Attached[]): Promise<NewFile[]> {
  return Promise.all(files.map(async (f) => ({ name: f.name, content: await base64(f.data) })))
}

const at = (conversation: string, message: Message, file: number) => `/v1/conversations/${encodeURIComponent(conversation)}/messages/${encodeURIComponent(message.id)}/files/${file}`

/** The files that came with a message, to be sent once more. */
export function filesOf(api: Api, conversation: string, message: Message): Promise<Attached[]> {
  return Promise.all((message.files ?? []).map(async (f, i) => ({ name: f.name, data: await (await api.fetch(at(conversation, message, i))).blob() })))
}

/** Has the browser keep a file that came with a message. */
export function keepFile(api: Api, conversation: string, message: Message, file: number): Promise<void> {
  return download(api, at(conversation, message, file), message.files?.[file]?.name ?? '')
}
