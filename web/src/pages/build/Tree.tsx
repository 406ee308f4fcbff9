import { UnstyledButton } from '@mantine/core'
import { IconChevronDown, IconChevronRight, IconFile } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import type { File } from '../../api/schema'
import classes from './build.module.css'

interface Folder {
  folders: Map<string, Folder>
  files: File[]
}

/** Files by folder. */
export function Tree({ files, at, open }: { files: readonly File[]; at: string | undefined; open: (path: string) => void }) {
  const root = useMemo(() => grown(files), [files])
  return <Level folder={root} at={at} open={open} />
}

function grown(files: readonly File[]): Folder {
  const root: Folder = { folders: new Map(), files: [] }
  for (const file of files) {
    let at = root
    for (const part of file.path.split('/').slice(0, -1)) {
      let below = at.folders.get(part)
      if (!below) at.folders.set(part, (below = { folders: new Map(), files: [] }))
      at = below
    }
    at.files.push(file)
  }
  return root
}

function Level({ folder, at, open }: { folder: Folder; at: string | undefined; open: (path: string) => void }) {
  return (
    <ul>
      {[...folder.folders].map(([name, below]) => (
        <Branch key={name} name={name} folder={below} at={at} open={open} />
      ))}
      {folder.files.map((file) => (
        <li key={file.path}>
          <UnstyledButton className={classes.node} aria-current={file.path === at ? 'true' : undefined} onClick={() => open(file.path)}>
            <IconFile size={14} aria-hidden />
            {file.path.slice(file.path.lastIndexOf('/') + 1)}
          </UnstyledButton>
        </li>
      ))}
    </ul>
  )
}

function Branch({ name, folder, at, open }: { name: string; folder: Folder; at: string | undefined; open: (path: string) => void }) {
  const [unfolded, setUnfolded] = useState(true)
  const Chevron = unfolded ? IconChevronDown : IconChevronRight
  return (
    <li>
      <UnstyledButton className={classes.node} aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
        <Chevron size={14} aria-hidden />
        {name}
      </UnstyledButton>
      {unfolded && <Level folder={folder} at={at} open={open} />}
    </li>
  )
}
