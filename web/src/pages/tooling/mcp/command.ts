/** The words of a command as it is typed: with quotes, without a shell. Nothing for a quote that isn't closed. */
export function wordsOf(line: string): string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i)
    if (quote) {
      if (c === quote) quote = ''
      else if (c === '\\' && quote === '"' && /["\\]/.test(line.charAt(i + 1))) word = (word ?? '') + line.charAt(++i)
      else word = (word ?? '') + c
    } else if (c === '"' || c === "'") {
      quote = c
      word ??= ''
    } else if (c === '\\' && i + 1 < line.length) {
      word = (word ?? '') + line.charAt(++i)
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + c
    }
  }
  if (quote) return undefined
  if (word !== undefined) words.push(word)
  return words
}

/** The line that has these words. */
export function lineOf(words: readonly string[]): string {
  return words.map((w) => (/^[\w./:=@%+,-]+$/.test(w) ? w : `"${w.replace(/["\\]/g, '\\$&')}"`)).join(' ')
}
