let kept = ''

/** What was typed for a new app and not sent yet: it is still there when one comes back to the page. */
export const draft = {
  get: (): string => kept,
  keep: (prompt: string): void => {
    kept = prompt
  },
}
