import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'
import { text } from './text'

const violet: MantineColorsTuple = ['#f1eeff', '#ded8fb', '#bab0f0', '#9585e6', '#7661dd', '#6249d8', '#573dd6', '#4830be', '#3f2aab', '#342297']

const dark: MantineColorsTuple = ['#e4e4ec', '#c3c3d0', '#a9a9ba', '#7c7c91', '#565669', '#3c3c4d', '#2c2c3a', '#1b1b24', '#16161e', '#111118']

/** How the console looks. Colours are such that text on them, and of them on either background, can be read (WCAG 2.2 AA). */
export const theme = createTheme({
  primaryColor: 'violet',
  primaryShade: { light: 6, dark: 5 },
  colors: { violet, dark },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '650' },
  components: {
    CloseButton: { defaultProps: { 'aria-label': text.common.close } },
    // A dialog's header is none of the page's.
    ModalHeader: { defaultProps: { component: 'div' } },
    DrawerHeader: { defaultProps: { component: 'div' } },
  },
})

/** Text that is set back, and links, can be read on both backgrounds: 4.5 to 1. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { '--mantine-color-dimmed': '#5c636b', '--mantine-color-placeholder': '#6b727a', '--mantine-color-error': '#c92a2a', '--mantine-color-orange-light-color': '#a33405', '--mantine-color-green-light-color': '#1f662d' },
  dark: { '--mantine-color-dimmed': '#a9a9ba', '--mantine-color-placeholder': '#9494a8', '--mantine-color-anchor': violet[2], '--mantine-color-error': '#ff8787' },
})
