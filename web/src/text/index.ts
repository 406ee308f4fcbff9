import { en } from './en'

/** Every text that the console shows, in one language. Another language is another value of this type. */
export type Text = typeof en

/** The texts of the language at hand. */
export const text: Text = en

/** The language, for dates and numbers. */
export const language = 'en'
