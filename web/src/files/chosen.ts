/** A file that somebody has chosen, with its place in the folder that was chosen. */
export interface Chosen {
  path: string
  file: File
}

const passedOver = new Set(['.git', '.DS_Store', '__MACOSX', '__pycache__'])
const most = 20_000 // files of a folder

/** The files of an input's, without what no one means to send. */
export function chosenOf(files: Iterable<File>): Chosen[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })).filter(wanted)
}

const wanted = ({ path }: Chosen): boolean => !path.split('/').some((part) => passedOver.has(part))

/** The files that were dropped, also those in folders. Entries are to be taken before anything is waited for. */
export async function droppedOf(data: DataTransfer): Promise<Chosen[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((e) => e !== null)
  if (entries.length === 0) return chosenOf(data.files)
  const all: Chosen[] = []
  for (const entry of entries) await collect(entry, '', all)
  return all.filter(wanted)
}

async function collect(entry: FileSystemEntry, below: string, all: Chosen[]): Promise<void> {
  const path = below + entry.name
  if (passedOver.has(entry.name) || all.length >= most) return
  if (entry.isFile) {
    all.push({ path, file: await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)) })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const one of some) await collect(one, `${path}/`, all)
  }
}

/** The same without the one folder that all are in. */
export function withoutFolder(files: Chosen[]): Chosen[] {
  const first = files[0]?.path.split('/')[0]
  if (!first || !files.every((f) => f.path.startsWith(`${first}/`))) return files
  return files.map(({ path, file }) => ({ path: path.slice(first.length + 1), file }))
}
