import { base64 } from '../../../files/bytes'
import { withoutFolder, type Chosen } from '../../../files/chosen'
import { tarGz, type Packed } from '../../../files/pack'
import { refused } from '../../../files/refused'
import { text } from '../../../text'

/** What is sent of a skill. */
export interface Archive {
  name: string
  files: number
  size: number // bytes, packed
  base64: string
}

const most = 2 << 20 // bytes, packed

/** What somebody has chosen as an archive: one already, a SKILL.md by itself, or a folder with one. */
export async function archiveOf(files: Chosen[]): Promise<Archive> {
  const t = text.knowledge.skills.form
  const [only] = files
  if (files.length === 1 && only && /\.(zip|tar\.gz|tgz)$/i.test(only.path)) return sealed(only.file, only.file.name, 1)
  if (files.length === 1 && only && /\.md$/i.test(only.path)) return packed([{ path: 'SKILL.md', data: only.file }], only.file.name)
  const folder = files[0]?.path.split('/')[0] ?? ''
  if (!withoutFolder(files).some((f) => f.path === 'SKILL.md')) throw refused(t.noMain)
  return packed(files.map(({ path, file }) => ({ path, data: file })), folder)
}

export async function packed(files: Packed[], name: string): Promise<Archive> {
  return sealed(await tarGz(files), name, files.length)
}

async function sealed(data: Blob, name: string, files: number): Promise<Archive> {
  if (data.size > most) throw refused(text.knowledge.skills.form.tooLarge(data.size))
  return { name, files, size: data.size, base64: await base64(data) }
}
