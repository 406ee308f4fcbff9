import { createTheme, type MantineColorsTuple } from '@mantine/core'

const violet: MantineColorsTuple = ['#f1eeff', '#ded8fb', '#bab0f0', '#9585e6', '#7661dd', '#6249d8', '#573dd6', '#4830be', '#3f2aab', '#342297']

/** How the console looks. Colours are such that text on them, and of them on either background, can be read (WCAG 2.2 AA). */
export const theme = createTheme({
  primaryColor: 'violet',
  primaryShade: { light: 6, dark: 5 },
  colors: { violet },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '650' },
})
