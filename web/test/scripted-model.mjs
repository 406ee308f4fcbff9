// A model whose answers a test writes: a server of OpenAI's chat completions on loopback, as a provider of the installation's.
import { createServer } from 'node:http'
import { ask, email, password } from './server.mjs'

/**
 * Starts it and has the installation ask it for the model of the name. `answers(f)` has f(say, request) answer from now on, where say.text(piece) says a
 * piece, say.call(tool, arguments) asks for a tool, and say.gone is true once nobody listens; what f waits for, the answer
 * waits for. How a message is to be answered is asked by itself: that is "chat", unless `routes(f)` says more.
 */
export async function startModel(name) {
  let answer = () => {}
  let route = () => ({ route: 'chat' })
  const failures = []
  const server = createServer((request, response) => {
    serve(request, response).catch((error) => {
      failures.push(error)
      response.destroy()
    })
  })
  async function serve(request, response) {
    let body = ''
    for await (const piece of request) body += piece
    if (!request.url.endsWith('/chat/completions')) return void response.writeHead(404).end()
    const asked = JSON.parse(body)
    const say = new Say(response, asked.model)
    if (/confidence/.test(JSON.stringify(asked.response_format ?? '')) || /route is\n/.test(textOf(asked.messages[0]))) {
      say.text(JSON.stringify({ skill: '', app: '', prompt: said(asked), title: said(asked).slice(0, 60), confidence: 1, reason: 'the test says so', ...route(asked) }))
    } else {
      await answer(say, asked)
    }
    say.end()
  }
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const operator = await operating()
  const timeouts = { first_ms: 600_000, idle_ms: 600_000, total_ms: 600_000 }
  await ask('PUT', `/v1/installation/gateway/providers/${name}`, { kind: 'openai-compatible', address: `http://127.0.0.1:${server.address().port}/v1`, models: [{ name }], timeouts }, operator)
  return {
    name,
    failures,
    answers: (f) => (answer = f),
    routes: (f) => (route = f),
    async close() {
      await ask('DELETE', `/v1/installation/gateway/providers/${name}`, undefined, await operating())
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Who looks after the installation. */
async function operating() {
  const { access } = await ask('POST', '/v1/session', { email, password, org: 'org_installation' })
  return { Authorization: `Bearer ${access}` }
}

/** What a person said last. */
export function said(request) {
  return textOf(request.messages.findLast((m) => m.role === 'user'))
}

/** What tools have answered since then, in order. */
export function results(request) {
  const from = request.messages.findLastIndex((m) => m.role === 'user')
  return request.messages.slice(from + 1).filter((m) => m.role === 'tool').map(textOf)
}

const textOf = (message) => (typeof message?.content === 'string' ? message.content : (message?.content ?? []).map((part) => part.text ?? '').join(''))

/** Something that a test lets through when it wants. */
export function gate() {
  let open
  const opened = new Promise((resolve) => (open = resolve))
  return { opened, open }
}

class Say {
  #response
  #model
  #calls = 0
  gone = false

  constructor(response, model) {
    this.#response = response
    this.#model = model
    response.on('close', () => (this.gone = true))
  }

  /** Refuses the request, so that the task fails. */
  refuse(message) {
    this.#response.writeHead(400, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } }))
  }

  text(content) {
    this.#send({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
  }

  call(tool, args) {
    const call = { index: this.#calls, id: `call_${Math.random().toString(36).slice(2)}`, type: 'function', function: { name: tool, arguments: JSON.stringify(args) } }
    this.#calls++
    this.#send({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] })
  }

  end() {
    if (this.#response.writableEnded || this.gone) return
    this.#send({ choices: [{ index: 0, delta: {}, finish_reason: this.#calls ? 'tool_calls' : 'stop' }] })
    this.#send({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 } })
    this.#response.end('data: [DONE]\n\n')
  }

  #send(data) {
    if (!this.#response.headersSent) this.#response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    this.#response.write(`data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: this.#model, ...data })}\n\n`)
  }
}
