// Conversations, with a model whose answers the tests write.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { axe, launch, open, settled, signIn, tooWide } from './browser.mjs'
import { gate, results, said, startModel } from './scripted-model.mjs'
import { api, ask, base, email, password, project, unique } from './server.mjs'
import { openWay } from './way.mjs'

const patience = 90_000
const limit = { timeout: 600_000 }

let browser, storageState, home, model
before(async () => {
  browser = await launch()
  model = await startModel('scripted')
  const { context, page } = await open(browser)
  await signIn(page, base, email, password)
  storageState = await context.storageState()
  await context.close()
  home = `/p/${await project()}/chat`
})
after(async () => {
  await browser.close()
  await model.close()
})

/** A page of somebody who is signed in. */
async function begin(options = {}) {
  const opened = await open(browser, { storageState, ...options })
  opened.page.setDefaultTimeout(patience)
  opened.page.on('dialog', (dialog) => opened.problems.push(`dialog: ${dialog.message()}`))
  return opened
}

/** A conversation with the model, which has heard and answered this. */
async function conversation(...words) {
  const { id } = await api('POST', '/v1/conversations', { model: model.name })
  for (const text of words) await answered(id, (await api('POST', `/v1/conversations/${id}/messages`, { text, route: 'chat' })).id)
  return id
}

/** Waits for the answer of a message. */
async function answered(id, message) {
  for (;;) {
    const found = (await api('GET', `/v1/conversations/${id}`)).messages.find((m) => m.parent === message && m.role === 'assistant')
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const box = (page) => page.getByRole('textbox', { name: 'Message' })
const turn = (page, n) => page.getByRole('article', { name: `Isekai, message ${n}`, exact: true })
const mine = (page, n) => page.getByRole('article', { name: `You, message ${n}`, exact: true })
const over = (page, n = 1) => turn(page, n).getByRole('link', { name: 'Show its task' }).waitFor()

const focused = (element) => element.evaluate((e) => e === document.activeElement)

async function send(page, text) {
  await box(page).fill(text)
  await box(page).press('Enter')
}

/** What an answer says, as it is shown. */
const words = async (page, n = 1) => (await turn(page, n).locator('[class*=markdown]').allInnerTexts()).join('\n')

const waitForWords = (page, text, n = 1) => turn(page, n).locator('[class*=markdown]').getByText(text).waitFor()

async function well({ page, problems }, what) {
  assert.deepEqual([...problems.splice(0), ...(await axe(page)), ...(await tooWide(page))], [], what)
}

test('an answer comes as it is said, and goes on where it was after a reload', limit, async () => {
  const opened = await begin()
  const { context, page, problems } = opened
  const [rest, end] = [gate(), gate()]
  model.answers(async (say) => {
    say.text('The first part, ')
    await rest.opened
    say.text('the second part, ')
    await end.opened
    say.text('and the **last** one.')
  })
  const words1 = unique('tell me')
  await page.goto(base + home)
  await page.getByRole('button', { name: 'Model: Automatic' }).click()
  await page.getByRole('menuitemradio', { name: model.name, exact: true }).click()
  await box(page).fill(words1)
  await box(page).press('Shift+Enter')
  await page.keyboard.type('in two lines')
  assert.equal(await box(page).inputValue(), `${words1}\nin two lines`)
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/chat\/cnv_\w+$/)
  await waitForWords(page, 'The first part,')
  assert.match(await mine(page, 1).innerText(), new RegExp(`${words1}\nin two lines`))
  assert.equal(await focused(box(page)), true)
  await page.getByRole('button', { name: 'Model: scripted' }).waitFor()
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor()

  // What is typed meanwhile isn't sent, and is still there afterwards.
  await box(page).fill('a draft')
  await box(page).press('Enter')
  assert.equal(await page.getByRole('article').count(), 2)
  await page.reload()
  await waitForWords(page, 'The first part,')
  assert.equal(await box(page).inputValue(), 'a draft')
  rest.open()
  await waitForWords(page, 'The first part, the second part,')
  await page.reload()
  await waitForWords(page, 'The first part, the second part,')
  const heard = [] // by who listens to the page: where it is, and not each word
  await page.exposeFunction('hear', (text) => heard.push(text))
  await page.evaluate(() => {
    const status = document.querySelector('article [role=status]')
    new MutationObserver(() => window.hear(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true })
  })
  end.open()
  await over(page)
  assert.equal(await words(page), 'The first part, the second part, and the last one.')
  assert.equal(await turn(page, 1).locator('strong').innerText(), 'last')
  assert.deepEqual(heard.filter(Boolean), ['The answer is there'])
  await page.reload() // once it is over
  await over(page)
  assert.equal(await words(page), 'The first part, the second part, and the last one.')
  await well(opened)
  await page.getByRole('link', { name: 'All conversations' }).click()
  await page.getByRole('link', { name: words1 }).waitFor()
  assert.deepEqual(problems, [])
  await context.close()
})

test('an answer goes on where it was after the connection was lost', limit, async () => {
  const way = await openWay()
  const { context, page, problems } = await begin({ expected: ['ERR_'] })
  const [rest, end] = [gate(), gate()]
  model.answers(async (say) => {
    say.text('Before it, ')
    await rest.opened
    for (let i = 0; i < 20; i++) say.text(`${i} `)
    await end.opened
    say.text('after it.')
  })
  const id = await conversation()
  await page.goto(`${way.base}${home}/${id}`)
  await box(page).waitFor()
  await send(page, 'tell me')
  await waitForWords(page, 'Before it,')
  way.cut()
  rest.open()
  await page.getByText('Connection lost').waitFor()
  assert.equal((await words(page)).trim(), 'Before it,')
  way.mend()
  const all = `Before it, ${Array.from({ length: 20 }, (_, i) => i).join(' ')}`
  await waitForWords(page, all)
  assert.equal((await words(page)).trim(), all)
  way.cut()
  end.open()
  const [question] = (await api('GET', `/v1/conversations/${id}`)).messages
  await answered(id, question.id)
  way.mend()
  await over(page)
  assert.equal(await words(page), `${all} after it.`)
  await page.getByText('Connection lost').waitFor({ state: 'hidden' })
  assert.deepEqual(problems, [])
  await context.close()
  way.close()
})

const hostile = `# Heading

<script>window.hit = 1</script><img src=x onerror="window.hit = 2"><svg onload="window.hit = 3"></svg><iframe src="javascript:window.hit=4"></iframe>

[one](javascript:window.hit=5) [two](JaVaScRiPt:window.hit=6) [three](data:text/html,<script>window.hit=7</script>) [four](vbscript:x) [five](/v1/session) [six](//evil.example/x) [seven](file:///etc/passwd)
[eight](&#106;avascript:window.hit=8) [nine](java&#10;script:window.hit=9) <javascript:window.hit=10> javascript:window.hit=11 [good](https://example.com/page "x onmouseover=window.hit=12") <mail@example.org>

![ten](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9IndpbmRvdy5oaXQ9MTMiLz4=) ![eleven](https://evil.example/pixel.png) ![twelve](javascript:window.hit=14)

[ref]: javascript:window.hit=15 "x"

[ref] and [^1] and ${'w'.repeat(300)} \u202etxt.exe

[^1]: <b onclick="window.hit=16">note</b> [thirteen](javascript:window.hit=17)

| a | b |
| :-- | --: |
| <td onclick="window.hit=18"> | ${'cell '.repeat(60)} |

- [x] done
- [ ] open

\`\`\`python
def greet(name):
    return "<script>window.hit = 19</script>" + ${'"long "'.repeat(60)}
\`\`\`

\`\`\`"><script>window.hit=20</script>
plain
\`\`\`
`

test('Markdown is shown with its code, and nothing that it says is run', limit, async () => {
  model.answers((say) => {
    for (let i = 0; i < hostile.length; i += 40) say.text(hostile.slice(i, i + 40))
  })
  const { id } = await api('POST', '/v1/conversations', { model: model.name, title: '<img src=x onerror=window.hit=21>' })
  for (const [width, colorScheme] of [[1280, 'light'], [360, 'dark'], [360, 'light'], [1280, 'dark']]) {
    const opened = await begin({ width, colorScheme })
    const { context, page } = opened
    const outside = []
    page.on('request', (request) => new URL(request.url()).origin !== base && !request.url().startsWith('data:') && outside.push(request.url()))
    await page.goto(`${base}${home}/${id}`)
    if (width === 1280 && colorScheme === 'light') {
      await box(page).waitFor()
      await send(page, '<script>window.hit = 22</script> [x](javascript:window.hit=23)')
    }
    await over(page)
    await page.locator('.hljs-keyword').first().waitFor()
    await turn(page, 1).getByText('<script>window.hit = 1</script>').waitFor()
    await mine(page, 1).getByText('<script>window.hit = 22</script> [x](javascript:window.hit=23)').waitFor()
    const found = await turn(page, 1).evaluate((article) => ({
      links: [...article.querySelectorAll('a[href]')].map((a) => [a.getAttribute('href'), a.target, a.rel]),
      elements: [...article.querySelectorAll('script, img, iframe, object, embed, form, input, style, link, base, b')].map((e) => e.tagName),
      handlers: [...article.querySelectorAll('*')].flatMap((e) => e.getAttributeNames().filter((name) => name.startsWith('on'))),
    }))
    const beyond = found.links.filter(([href]) => !href.startsWith('#note-') && !href.startsWith('/p/'))
    assert.deepEqual(beyond.map(([href]) => href).sort(), ['https://evil.example/pixel.png', 'https://example.com/page', 'mailto:mail@example.org'])
    for (const [href, target, rel] of beyond) assert.deepEqual([target, rel], ['_blank', 'noopener noreferrer'], href)
    assert.deepEqual([found.elements, found.handlers], [[], []])
    for (const label of ['one', 'eight', 'nine', 'ten', 'twelve', 'thirteen']) await turn(page, 1).getByText(label, { exact: true }).first().click()
    assert.equal(await page.evaluate(() => window.hit), undefined)
    assert.deepEqual(outside, [])
    await well(opened, `at ${width} px, ${colorScheme}`)
    await context.close()
  }
})

test('tool calls are folded, and citations open what they are from', limit, async () => {
  const opened = await begin()
  const { context, page } = opened
  const source = `${unique('holidays')}.md`
  const { id: document } = await api('POST', '/v1/documents', { source, content: Buffer.from('# Leave\n\nEverybody has 31 days of leave in a leap year of the zebra.\n').toString('base64') })
  model.answers((say, request) => {
    if (results(request).length === 0) {
      say.text('Let me see.')
      say.call('recall', { question: 'days of leave in a leap year of the zebra' })
    } else {
      say.text('There are 31 days [1]. Not a source: `list[1]`, [99].')
    }
  })
  const id = await conversation()
  await page.goto(`${base}${home}/${id}`)
  await box(page).waitFor()
  await send(page, 'how many days?')
  await over(page)
  const look = async () => {
    const call = turn(page, 1).getByRole('button', { name: /recall/ })
    assert.equal(await call.getAttribute('aria-expanded'), 'false')
    assert.equal(await turn(page, 1).getByText('Everybody has 31 days').count(), 0)
    await call.click()
    await turn(page, 1).getByText('question: days of leave in a leap year of the zebra').waitFor()
    await turn(page, 1).getByText('Everybody has 31 days').waitFor()
    await call.click()
    assert.equal(await turn(page, 1).getByText('[99]').count(), 1)
    assert.equal(await turn(page, 1).getByRole('button', { name: 'Source 1' }).count(), 1)
    await turn(page, 1).getByRole('button', { name: 'Source 1' }).click()
    const drawer = page.getByRole('dialog', { name: 'Source' })
    await drawer.getByRole('region', { name: /^Passage/ }).getByText('Everybody has 31 days of leave').waitFor()
    await well(opened, 'a source')
    await drawer.getByRole('button', { name: 'Open the document' }).click()
    await page.getByRole('dialog').getByText('# Leave').waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').first().waitFor({ state: 'detached' })
    await turn(page, 1).getByRole('list', { name: 'Sources' }).getByRole('button').click()
    await page.getByRole('dialog', { name: 'Source' }).getByText('Everybody has 31 days of leave').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').first().waitFor({ state: 'detached' })
  }
  await look() // as it has come
  await page.reload()
  await over(page)
  await turn(page, 1).getByRole('button', { name: 'Source 1' }).waitFor()
  await look() // as it was
  await well(opened)
  await context.close()
  await api('DELETE', `/v1/documents/${document}`)
})

test('what has to be allowed or answered is asked in line', limit, async () => {
  const opened = await begin()
  const { context, page } = opened
  const before = await api('GET', '/v1/permissions')
  await api('PUT', '/v1/permissions', { rules: [{ tool: 'write_file', do: 'ask' }] })
  try {
    model.answers((say, request) => {
      const had = results(request)
      if (had.length === 0) say.call('write_file', { path: 'note.txt', content: 'kept' })
      else if (had.length === 1) say.call('ask_person', { question: 'Which colour shall it have?' })
      else say.text(`It is done: ${had.at(-1)}`)
    })
    const id = await conversation()
    await page.goto(`${base}${home}/${id}`)
    await box(page).waitFor()
    await send(page, 'write it')
    const asks = turn(page, 1).getByRole('group', { name: 'Your answer is needed' })
    await asks.getByText('write_file: note.txt').waitFor()
    await well(opened, 'a question')
    await page.reload() // it waits
    await asks.getByRole('button', { name: 'Allow', exact: true }).click()
    await asks.getByText('Which colour shall it have?').waitFor()
    await asks.getByLabel('Your reply').fill('dark violet')
    await asks.getByRole('button', { name: 'Reply', exact: true }).click()
    await over(page)
    assert.match(await words(page), /It is done: .*dark violet/s)
    await turn(page, 1).getByText('Replied: dark violet').waitFor()

    // What isn't clear is asked, too.
    model.routes(() => ({ route: 'task', confidence: 0.1, reason: 'It could be either.' }))
    model.answers((say) => say.text('Here it is.'))
    await send(page, 'do something')
    await turn(page, 2).getByRole('group', { name: 'Your answer is needed' }).getByText('It could be either. What shall it be?').waitFor()
    await turn(page, 2).getByRole('button', { name: 'Answer here', exact: true }).click()
    await over(page, 2)
    assert.equal(await words(page, 2), 'Here it is.')
    model.routes(() => ({ route: 'chat' }))

    // What a part of the work asks, too: the planner builds an app, by a task of its own.
    await page.getByRole('button', { name: `Model: ${model.name}` }).click()
    await page.getByRole('menuitemradio', { name: /^Built-in planner/ }).click()
    await page.getByRole('button', { name: 'Model: Built-in planner' }).waitFor()
    await send(page, 'a reading list with title and author')
    const part = turn(page, 3).getByRole('group', { name: 'Your answer is needed' })
    await part.getByText('write_file: isekai.json').waitFor()
    await part.getByRole('button', { name: 'Allow', exact: true }).click()
    await part.getByText('write_file: blueprint.json').waitFor()
    await part.getByRole('button', { name: 'Allow always in this task' }).click()
    await turn(page, 3).getByRole('link', { name: 'Open the app' }).click()
    await page.getByRole('heading', { level: 1, name: 'Reading list' }).waitFor()
    const app = new URL(page.url()).pathname.split('/').pop()
    await page.goto(base + home) // so that the frame doesn't ask for what is deleted
    await api('DELETE', `/v1/apps/${app}`)
    await settled(page)
    await well(opened)
  } finally {
    await api('PUT', '/v1/permissions', { rules: before.rules ?? [] })
  }
  await context.close()
})

test('files come with a message, picked, pasted or dropped, and can be had back', limit, async () => {
  const opened = await begin()
  const { context, page, problems } = opened
  model.answers((say, request) => say.text(`Heard: ${said(request)}`))
  const id = await conversation()
  await page.goto(`${base}${home}/${id}`)
  await box(page).waitFor()
  await page.locator('input[type=file]').setInputFiles([{ name: 'report.csv', mimeType: 'text/csv', buffer: Buffer.from('a,b\n1,2\n') }, { name: 'unwanted.txt', mimeType: 'text/plain', buffer: Buffer.from('x') }])
  const files = page.getByRole('list', { name: 'Files to be sent' })
  await files.getByText('8 B').waitFor()
  await files.getByRole('button', { name: 'Remove unwanted.txt' }).click()
  const give = (selector, type) =>
    page.evaluate(([selector, type]) => {
      const data = new DataTransfer()
      data.items.add(new File([`by ${type}`], 'report.csv', { type: 'text/csv' }))
      const event = type === 'paste' ? new ClipboardEvent(type, { clipboardData: data, bubbles: true, cancelable: true }) : new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true })
      document.querySelector(selector).dispatchEvent(event)
    }, [selector, type])
  await give('textarea[aria-label=Message]', 'paste')
  await give('[aria-label=Messages]', 'dragenter')
  await page.getByText('Drop the files to attach them').waitFor()
  await give('[aria-label=Messages]', 'drop')
  await page.getByText('Drop the files to attach them').waitFor({ state: 'detached' })
  assert.deepEqual((await files.getByRole('listitem').allInnerTexts()).map((t) => t.split('\n')[0]), ['report.csv', 'report-2.csv', 'report-3.csv'])
  await page.locator('input[type=file]').setInputFiles({ name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(9 * 2 ** 20) })
  await page.getByText('8 MiB together').waitFor()
  assert.equal(await files.getByRole('listitem').count(), 3)
  await well(opened, 'files')
  await box(page).press('Enter') // without a word
  await over(page)
  assert.match(await words(page), /Attached: files\/report\.csv \(8 bytes\)/)
  assert.equal(await files.count(), 0)
  const [kept] = await Promise.all([page.waitForEvent('download'), mine(page, 1).getByRole('button', { name: 'Download report.csv' }).click()])
  assert.equal(kept.suggestedFilename(), 'report.csv')
  assert.equal(await readFile(await kept.path(), 'utf8'), 'a,b\n1,2\n')
  const [dropped] = await Promise.all([page.waitForEvent('download'), mine(page, 1).getByRole('button', { name: 'Download report-3.csv' }).click()])
  assert.equal(await readFile(await dropped.path(), 'utf8'), 'by drop')
  await turn(page, 1).getByRole('button', { name: 'Try again' }).click() // they come along
  await mine(page, 1).getByText('2/2').waitFor()
  await over(page)
  assert.equal(await mine(page, 1).getByRole('button', { name: /^Download/ }).count(), 3)
  assert.deepEqual(problems, [])
  await context.close()
})

test('a message is said in other words as a branch, and one goes from branch to branch', limit, async () => {
  const opened = await begin()
  const { context, page } = opened
  model.answers((say, request) => say.text(`Heard: ${request.messages.filter((m) => m.role === 'user').map((m) => m.content).join(' / ')}`))
  const id = await conversation('one', 'two')
  await page.goto(`${base}${home}/${id}`)
  await over(page, 2)
  await mine(page, 1).getByRole('button', { name: /^Edit/ }).click()
  const edit = page.getByLabel('Edit your message')
  assert.equal(await edit.inputValue(), 'one')
  await edit.press('Escape')
  assert.equal(await edit.count(), 0)
  assert.equal(await focused(mine(page, 1).getByRole('button', { name: /^Edit/ })), true)
  await page.keyboard.press('Enter')
  await edit.fill('uno')
  await well(opened, 'an edit')
  await edit.press('Enter')
  await mine(page, 1).getByText('2/2').waitFor()
  await waitForWords(page, 'Heard: uno')
  assert.equal(await focused(box(page)), true)
  assert.equal(await page.getByRole('article').count(), 2)
  await mine(page, 1).getByRole('button', { name: 'The branch before' }).click()
  assert.equal(await focused(mine(page, 1).getByRole('button', { name: 'The branch before' })), true)
  await waitForWords(page, 'Heard: one / two', 2)
  await page.reload()
  await waitForWords(page, 'Heard: one / two', 2)
  assert.equal(await mine(page, 1).getByRole('button', { name: 'The branch before' }).isDisabled(), true)
  await send(page, 'three')
  await waitForWords(page, 'Heard: one / two / three', 3)
  await over(page, 3)
  await mine(page, 1).getByRole('button', { name: 'The next branch' }).click()
  await waitForWords(page, 'Heard: uno')
  await send(page, 'dos')
  await waitForWords(page, 'Heard: uno / dos', 2)
  await over(page, 2)
  await mine(page, 1).getByRole('button', { name: 'The branch before' }).click()
  await waitForWords(page, 'Heard: one / two / three', 3)
  await well(opened)
  await context.close()
})

test('an answer is stopped and continued; one that failed is tried again', limit, async () => {
  const opened = await begin()
  const { context, page } = opened
  const heard = []
  model.answers(async (say, request) => {
    heard.push(said(request))
    const listens = () => !say.gone
    if (/^begin/.test(said(request))) {
      say.text('As far as this ')
      while (listens()) await new Promise((resolve) => setTimeout(resolve, 20))
    } else if (/^fail/.test(said(request)) && heard.filter((h) => h === said(request)).length === 1) {
      say.refuse('there is something wrong with that')
    } else {
      say.text('and on.')
    }
  })
  const id = await conversation()
  await page.goto(`${base}${home}/${id}`)
  await box(page).waitFor()
  await send(page, 'begin')
  await waitForWords(page, 'As far as this')
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await turn(page, 1).getByText('Stopped. What was said is kept.').waitFor()
  assert.equal((await words(page)).trim(), 'As far as this')
  assert.equal(await focused(box(page)), true)
  await well(opened, 'stopped')
  await turn(page, 1).getByRole('button', { name: 'Continue' }).click()
  await waitForWords(page, 'and on.', 2)
  await over(page, 2)
  assert.equal(heard.at(-1), 'Go on where you stopped.')
  assert.equal(await turn(page, 1).getByRole('button', { name: 'Continue' }).count(), 0)

  await send(page, 'fail once')
  await turn(page, 3).getByText('This could not be answered').waitFor()
  await turn(page, 3).getByText('there is something wrong with that').first().waitFor()
  await well(opened, 'failed')
  await turn(page, 3).getByRole('button', { name: 'Try again' }).click()
  await mine(page, 3).getByText('2/2').waitFor()
  await waitForWords(page, 'and on.', 3)
  await well(opened)
  await context.close()
})

test('the next message is answered as it was chosen, once', limit, async () => {
  const { context, page, problems } = await begin()
  model.answers((say, request) => say.text(/analyze-csv/.test(JSON.stringify(request.messages)) ? 'By the skill.' : 'By itself.'))
  const id = await conversation()
  await page.goto(`${base}${home}/${id}`)
  await page.getByRole('button', { name: 'As: Automatic' }).click()
  await page.getByRole('menuitemradio', { name: /^analyze-csv/ }).click()
  await box(page).fill('have a look')
  const [posted] = await Promise.all([page.waitForRequest((r) => r.method() === 'POST' && r.url().endsWith('/messages')), page.getByRole('button', { name: 'As: analyze-csv' }).waitFor().then(() => box(page).press('Enter'))])
  assert.deepEqual(posted.postDataJSON(), { parent: '', text: 'have a look', files: [], model: 'scripted', route: 'skill', skill: 'analyze-csv' })
  await over(page)
  assert.equal(await words(page), 'By the skill.')
  await turn(page, 1).getByRole('button', { name: 'Try again' }).click()
  await mine(page, 1).getByText('2/2').waitFor()
  await over(page)
  assert.equal(await words(page), 'By the skill.') // as it was
  await page.getByRole('button', { name: 'As: Automatic' }).waitFor()
  assert.deepEqual(problems, [])
  await context.close()
})

test('what is very long is shown by its beginning, and all of it on demand', limit, async () => {
  const opened = await begin()
  const { context, page } = opened
  const long = `It begins. ${'A sentence that is one of many. '.repeat(2500)}\n\nIt ends.`
  model.answers((say) => {
    for (let i = 0; i < long.length; i += 4000) say.text(long.slice(i, i + 4000))
  })
  const id = await conversation(`Mine begins. ${'Many words. '.repeat(6000)}Mine ends.`)
  await page.goto(`${base}${home}/${id}`)
  await turn(page, 1).getByRole('button', { name: 'Show all of it' }).click()
  await turn(page, 1).getByText('It ends.', { exact: true }).waitFor()
  assert.equal((await words(page)).replace(/\s+/g, ' '), long.replace(/\s+/g, ' '))
  assert.equal(await mine(page, 1).getByText('Mine ends.').count(), 0)
  await mine(page, 1).getByRole('button', { name: 'Show all of it' }).click()
  await mine(page, 1).getByText('Mine ends.').waitFor()
  await well(opened)
  await context.close()
})

test('conversations are found by what was said, named, and deleted', limit, async () => {
  const opened = await begin()
  const { context, page, problems } = opened
  const [first, second] = [unique('walrus').replace(' ', ''), unique('heron').replace(' ', '')]
  model.answers((say, request) => say.text(`You said ${said(request)}`))
  const ids = [await conversation(`about the ${first}`), await conversation(`about the ${second}`)]
  await page.goto(base + home)
  const row = (id) => page.locator(`a[href="${home}/${id}"]`)
  await row(ids[0]).waitFor()
  await page.getByRole('searchbox', { name: 'Search conversations' }).fill(first)
  await row(ids[1]).waitFor({ state: 'detached' })
  await row(ids[0]).waitFor()
  await page.reload()
  await row(ids[0]).waitFor()
  assert.equal(await page.getByRole('searchbox', { name: 'Search conversations' }).inputValue(), first)
  assert.equal(await row(ids[1]).count(), 0)
  await page.getByRole('searchbox', { name: 'Search conversations' }).fill(`${first} ${second}`)
  await page.getByText('No conversation has these words').waitFor()
  await page.getByRole('searchbox', { name: 'Search conversations' }).fill('')
  await row(ids[1]).waitFor()

  const title = unique('A name')
  await row(ids[1]).click()
  await over(page)
  await page.getByRole('button', { name: /^Actions for/ }).click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await page.getByRole('dialog').getByLabel('Title').fill(title)
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
  // Another page of it hears of its end.
  const other = await begin()
  await other.page.goto(`${base}${home}/${ids[1]}`)
  await over(other.page)
  await page.getByRole('button', { name: `Actions for ${title}` }).click()
  await page.getByRole('menuitemcheckbox', { name: 'Remember what is worth it' }).click()
  await page.getByRole('button', { name: `Actions for ${title}` }).click()
  await page.getByRole('menuitemcheckbox', { name: 'Remember what is worth it', checked: true }).waitFor()
  assert.equal((await api('GET', `/v1/conversations/${ids[1]}`)).remember, true)
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.waitForURL(base + home)
  await page.getByText(`${title} is deleted.`).waitFor()
  assert.equal(await row(ids[1]).count(), 0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await row(ids[1]).waitFor()
  await page.getByRole('button', { name: `Actions for ${title}` }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.waitForResponse((response) => response.request().method() === 'DELETE' && response.url().endsWith(ids[1]))
  await assert.rejects(api('GET', `/v1/conversations/${ids[1]}`), /404/)
  await other.page.getByText('This conversation was deleted').waitFor()
  assert.equal(await box(other.page).count(), 0)
  assert.deepEqual([problems, other.problems], [[], []])
  await context.close()
  await other.context.close()
})

test('who may only read sees what was said, and nothing to say or change it with', limit, async () => {
  model.answers((say) => say.text('You can read this.'))
  const id = await conversation('something')
  const reader = `${unique('reader').replace(' ', '-')}@example.org`
  const { token } = await api('POST', '/v1/invitations', { email: reader, role: 'viewer' })
  await ask('POST', '/v1/invitations/accept', { token, name: 'Rita', password })
  const opened = await begin({ storageState: undefined })
  const { context, page } = opened
  await signIn(page, base, reader, password)
  await page.goto(base + home)
  await page.locator(`a[href="${home}/${id}"]`).waitFor()
  assert.equal(await box(page).count(), 0)
  assert.equal(await page.getByRole('button', { name: /^Actions for/ }).count(), 0)
  await page.locator(`a[href="${home}/${id}"]`).click()
  await waitForWords(page, 'You can read this.')
  await page.getByRole('article', { name: 'Somebody, message 1' }).getByText('something').waitFor()
  await settled(page)
  assert.equal(await box(page).count(), 0)
  assert.equal(await page.getByRole('button', { name: /^(Edit|Try again|Continue|Send|Actions for)/ }).count(), 0)
  await well(opened)
  await context.close()
})

test('a long conversation is drawn once: an answer that grows leaves the others as they are', limit, async () => {
  const rest = gate()
  model.answers(async (say, request) => {
    if (said(request) !== 'the last') return say.text(`# Answer to ${said(request)}\n\n\`\`\`js\nconst n = ${said(request)}\n\`\`\`\n`)
    say.text('It begins. ')
    await rest.opened
    for (let i = 0; i < 40 && !say.gone; i++) {
      say.text(`Line ${i}.\n\n`)
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    say.text('The end.')
  })
  const id = await conversation(...Array.from({ length: 20 }, (_, i) => String(i)))
  const { context, page, problems } = await begin()
  await page.goto(`${base}${home}/${id}`)
  await over(page, 20)
  await turn(page, 20).locator('.hljs-keyword').waitFor()
  await send(page, 'the last')
  await waitForWords(page, 'It begins.', 21)
  await page.evaluate(() => {
    window.changes = []
    const observer = new MutationObserver((all) => window.changes.push(...all.map((m) => `${m.type} ${m.attributeName ?? ''} ${m.target.nodeName} ${m.target.className ?? ''}`)))
    for (const said of [...document.querySelectorAll('article [class*=markdown]')].slice(0, -1)) observer.observe(said, { subtree: true, childList: true, characterData: true, attributes: true })
    document.querySelectorAll('article')[41].querySelector('[class*=markdown]').firstElementChild.setAttribute('data-first', '')
  })
  rest.open()
  await waitForWords(page, 'Line 20.', 21)
  assert.equal(await turn(page, 21).locator('[data-first]').count(), 1) // also what it has said before
  await over(page, 21)
  await turn(page, 21).getByText('The end.').waitFor()
  assert.deepEqual(await page.evaluate(() => window.changes), [])
  await page.waitForFunction(() => document.documentElement.scrollHeight - window.scrollY - window.innerHeight < 5) // at the end, as one was

  // Who reads further up isn't moved, and gets back.
  await page.evaluate(() => window.scrollTo(0, 0))
  await page.getByRole('button', { name: 'To the newest' }).click()
  await page.waitForFunction(() => document.documentElement.scrollHeight - window.scrollY - window.innerHeight < 5)
  assert.deepEqual(problems, [])
  await context.close()
})
