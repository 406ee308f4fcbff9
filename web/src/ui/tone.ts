/** Colours of text and signs that can be read on both backgrounds; never the only thing that tells. */
export const tone = {
  good: 'light-dark(#237032, var(--mantine-color-green-4))',
  warn: 'light-dark(#b23b08, var(--mantine-color-orange-4))',
  bad: 'var(--mantine-color-error)',
} as const
