import type { McpFiles } from '../../../api/schema'
import { base64 } from '../../../files/bytes'
import { withoutFolder, type Chosen } from '../../../files/chosen'
import { tarGz } from '../../../files/pack'
import { refused } from '../../../files/refused'
import { text } from '../../../text'

const most = 23 << 20 // bytes, packed

/** A program's files as they are sent, and how many bytes that is. */
export interface ProgramFiles {
  body: McpFiles
  count: number
  size: number
}

/** What somebody has chosen: an archive as it is, or a folder, of which what is in it is packed. */
export async function programFiles(files: Chosen[]): Promise<ProgramFiles> {
  const [only] = files
  const name = only?.file.name.toLowerCase() ?? ''
  const format = files.length > 1 ? '' : name.endsWith('.zip') ? 'zip' : /\.(tar\.gz|tgz)$/.test(name) ? 'tar.gz' : ''
  const data = format && only ? only.file : await tarGz(withoutFolder(files).map(({ path, file }) => ({ path, data: file })))
  if (data.size > most) throw refused(text.tooling.mcp.files.tooLarge(data.size))
  return { body: { format: format || 'tar.gz', archive: await base64(data) }, count: files.length, size: data.size }
}
