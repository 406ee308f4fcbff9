/** One event of a stream of server-sent events (WHATWG HTML, section 9.2.6). */
export interface Message {
  event: string
  id: string
  data: string
}

/** Reads server-sent events from a body until it ends. What is cut off in the middle isn't told. */
export async function* messages(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Message> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      rest += value
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const message = parse(rest.slice(0, end))
        rest = rest.slice(end + 2)
        if (message) yield message
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function parse(block: string): Message | null {
  const message: Message = { event: 'message', id: '', data: '' }
  let data = false
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue // a comment
    const value = line.slice(colon + 1).replace(/^ /, '')
    switch (line.slice(0, colon)) {
      case 'event':
        message.event = value
        break
      case 'id':
        message.id = value
        break
      case 'data':
        message.data += data ? `\n${value}` : value
        data = true
    }
  }
  return data ? message : null
}
