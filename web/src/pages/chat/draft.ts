import { useState } from 'react'

/** What is typed and not sent yet: it is still there after a reload, in this tab. */
export function useDraft(of: string): [string, (text: string) => void] {
  const key = `isekai-draft ${of}`
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? '')
  const type = (next: string) => {
    setText(next)
    try {
      if (next) sessionStorage.setItem(key, next)
      else sessionStorage.removeItem(key)
    } catch {
      // There is no room for it: it is lost by a reload, which is no reason not to take it.
    }
  }
  return [text, type]
}
