// An org's pages, against a server that runs: ISEKAI_URL, ISEKAI_EMAIL and ISEKAI_PASSWORD of an owner.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { axe, launch, open, settled, signIn, tooWide } from './browser.mjs'

const base = process.env.ISEKAI_URL ?? 'http://127.0.0.1:7015'
const email = process.env.ISEKAI_EMAIL ?? 'olga@example.org'
const password = process.env.ISEKAI_PASSWORD ?? 'a long enough sentence'
const unique = Date.now().toString(36)
const hostile = `<img src=x onerror=alert(1)> ${unique}`
const run = promisify(execFile)

let browser, storageState

before(async () => {
  browser = await launch()
  const { context, page } = await open(browser)
  await signIn(page, base, email, password)
  storageState = await context.storageState()
  await context.close()
})
after(() => browser?.close())

/** A page of the owner's, whose troubles fail the test. */
async function at(path, options = {}) {
  const opened = await open(browser, { storageState, ...options })
  await opened.page.goto(base + path)
  await settled(opened.page)
  return opened
}

async function well({ page, problems }) {
  assert.deepEqual(problems, [])
  assert.deepEqual(await axe(page), [])
  assert.deepEqual(await tooWide(page), [])
}

const dialog = (page) => page.getByRole('dialog')
/** The row of a table that has a text. */
const row = (page, text) => page.getByRole('row').filter({ hasText: text })

async function choose(scope, label, option) {
  await scope.getByRole('combobox', { name: label }).or(scope.getByRole('textbox', { name: label })).first().click()
  await scope.page().getByRole('option', { name: option, exact: true }).click()
}

test('a key is made, used with curl, and revoked', async () => {
  const opened = await at('/org/keys', { expected: [] })
  const { page } = opened
  const name = `key ${unique}`
  await page.getByRole('button', { name: 'New key' }).first().click()
  await dialog(page).getByRole('textbox', { name: 'Name' }).fill(name)
  await dialog(page).getByLabel('See usage').check()
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  const command = await dialog(page).getByRole('textbox', { name: 'Try it' }).inputValue()
  const key = await dialog(page).getByRole('textbox', { name: 'Key', exact: true }).inputValue()
  assert.match(key, /^isk_/)
  await well(opened)

  const curl = async () => {
    const { stdout } = await run('sh', ['-c', `${command} -s -o /dev/null -w '%{http_code}'`])
    return stdout
  }
  assert.equal(await curl(), '200')
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  assert.equal(await page.getByText(key).count(), 0, 'the key is shown once')

  await page.getByRole('button', { name: `Revoke ${name}` }).click()
  await dialog(page).getByRole('button', { name: 'Revoke' }).click()
  await row(page, name).waitFor({ state: 'detached' })
  assert.equal(await curl(), '401')
  await page.getByText('Ended', { exact: true }).first().click()
  await row(page, name).waitFor()
  await well(opened)
  await opened.context.close()
})

test('a member is invited, and sees what a viewer held to one project may', async () => {
  const project = `Lab ${unique}`
  const person = `vera-${unique}@example.org`
  const opened = await at('/org/projects')
  const { page } = opened
  await page.getByRole('button', { name: 'New project' }).click()
  await dialog(page).getByRole('textbox', { name: 'Name' }).fill(project)
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  await row(page, project).waitFor()
  const other = (await page.locator('a[href^="/p/"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')))).find((h) => h === '/p/prj_default')

  await page.goto(`${base}/org/members`)
  await page.getByRole('button', { name: 'Invite' }).click()
  await dialog(page).getByRole('textbox', { name: 'E-mail' }).fill(person)
  await choose(dialog(page), 'Role', 'Viewer')
  await choose(dialog(page), 'Projects', project)
  await page.keyboard.press('Escape')
  await dialog(page).getByRole('button', { name: 'Make invitation' }).click()
  const link = await dialog(page).getByRole('textbox', { name: 'Link' }).inputValue()
  assert.ok(link.startsWith(`${base}/invitation#token=`))
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await row(page, person).waitFor()

  const guest = await open(browser)
  await guest.page.goto(link)
  await guest.page.getByRole('textbox', { name: 'Your name' }).fill('Vera Viewer')
  await guest.page.locator('input[autocomplete=new-password]').fill('another long sentence')
  await guest.page.getByRole('button', { name: 'Make an account and join' }).click()
  await guest.page.waitForURL((url) => url.pathname.startsWith('/p/'))
  await settled(guest.page)
  await guest.page.getByRole('link', { name: 'Projects' }).click()
  await row(guest.page, project).waitFor()
  assert.equal(await guest.page.getByRole('row').count(), 2, 'a heading and the one project')
  const places = await guest.page.getByRole('navigation').getByRole('link').allInnerTexts()
  for (const hidden of ['Members', 'API keys', 'Data policies', 'Webhooks', 'Audit log', 'Secrets']) assert.ok(!places.includes(hidden), `${hidden} is shown to a viewer`)
  for (const seen of ['Tasks', 'Credits and budgets', 'Usage', 'Models']) assert.ok(places.includes(seen), `${seen} isn't shown to a viewer`)
  assert.equal(await guest.page.getByRole('button', { name: 'New project' }).count(), 0)
  await well(guest)
  // The server has the last word.
  guest.expected.push('Failed to load resource')
  for (const [path, status] of [['/v1/members', 403], ['/v1/api-keys', 403], ['/v1/audit', 403], [`/v1/tasks?other=${other}`, 200]]) {
    assert.equal(await guest.page.evaluate((p) => fetch(p).then((r) => r.status), path), status, path)
  }
  assert.equal(await guest.page.evaluate(() => fetch('/v1/tasks', { headers: { 'Isekai-Project': 'prj_default' } }).then((r) => r.status)), 404)
  await guest.page.goto(`${base}/org/keys`)
  await guest.page.getByRole('alert').filter({ hasText: "You can't see this" }).first().waitFor()

  await page.reload()
  await row(page, 'Vera Viewer').waitFor()
  assert.match(await row(page, 'Vera Viewer').innerText(), new RegExp(`Viewer[\\s\\S]*${project}`))
  await page.getByRole('button', { name: 'Change what Vera Viewer may do' }).last().click()
  await choose(dialog(page), 'Role', 'Member')
  await dialog(page).getByRole('button', { name: 'Save' }).click()
  await dialog(page).waitFor({ state: 'detached' })
  assert.match(await row(page, person).innerText(), /Member/)
  await page.getByRole('button', { name: 'Remove Vera Viewer' }).last().click()
  await dialog(page).getByRole('button', { name: 'Remove' }).click()
  await row(page, person).waitFor({ state: 'detached' })
  assert.notEqual(await guest.page.evaluate(() => fetch('/v1/tasks').then((r) => r.status)), 200)
  await well(opened)
  await guest.context.close()
  await opened.context.close()
})

test('an invitation is withdrawn, a service is made with a key of its own, a project is archived and restored', async () => {
  const opened = await at('/org/members')
  const { page } = opened
  const person = `gone-${unique}@example.org`
  await page.getByRole('button', { name: 'Invite' }).click()
  await dialog(page).getByRole('textbox', { name: 'E-mail' }).fill(person)
  await dialog(page).getByRole('button', { name: 'Make invitation' }).click()
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: `Withdraw the invitation of ${person}` }).click()
  await dialog(page).getByRole('button', { name: 'Withdraw' }).click()
  await row(page, person).waitFor({ state: 'detached' })

  const service = `bot ${unique}`
  await page.getByRole('button', { name: 'New service' }).click()
  await dialog(page).getByRole('textbox', { name: 'Name' }).fill(service)
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  await row(page, service).waitFor()
  await page.getByRole('link', { name: 'API keys' }).click()
  await page.getByRole('button', { name: 'New key' }).first().click()
  await dialog(page).getByRole('textbox', { name: 'Name' }).fill(`of ${service}`)
  await choose(dialog(page), 'Whose', service)
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  assert.match(await row(page, `of ${service}`).innerText(), new RegExp(`${service}[\\s\\S]*Member`, 'i'))

  await page.goto(`${base}/org/projects`)
  const project = `Old ${unique}`
  await page.getByRole('button', { name: 'New project' }).click()
  await dialog(page).getByRole('textbox', { name: 'Name' }).fill(project)
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  await page.getByRole('button', { name: `Archive ${project}` }).click()
  await dialog(page).getByRole('button', { name: 'Archive' }).click()
  await row(page, project).getByText('Archived').waitFor()
  await page.getByRole('button', { name: `Restore ${project}` }).click()
  await row(page, project).getByText('Active').waitFor()
  await well(opened)
  await opened.context.close()
})

test('a provider is added with a key, tested, routed to, and seen to be left alone when it fails', async () => {
  let broken = false
  const answers = createServer((req, res) => {
    res.setHeader('Content-Type', 'application/json')
    if (broken) return res.writeHead(500).end('{"error":{"message":"<b>out of order</b>"}}')
    if (req.headers.authorization !== 'Bearer sk-of-the-test') return res.writeHead(401).end('{"error":{"message":"no"}}')
    if (req.url.endsWith('/models')) return res.end(JSON.stringify({ object: 'list', data: [{ id: 'tiny', object: 'model' }] }))
    req.resume()
    if (req.url.endsWith('/embeddings')) return res.end(JSON.stringify({ object: 'list', model: 'tiny', data: [{ object: 'embedding', index: 0, embedding: [0.1, 0.2] }], usage: { prompt_tokens: 1, total_tokens: 1 } }))
    res.end(JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'tiny', choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }], usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 } }))
  })
  await new Promise((listening) => answers.listen(0, '127.0.0.1', listening))
  const opened = await at('/org/models')
  const { page } = opened
  const name = `p${unique}`
  await page.getByRole('button', { name: 'Add a provider' }).first().click()
  await dialog(page).getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await choose(dialog(page), 'Kind', 'OpenAI-compatible server')
  await dialog(page).getByRole('textbox', { name: 'Base address of its API' }).fill(`http://127.0.0.1:${answers.address().port}/v1`)
  await dialog(page).getByLabel('API key', { exact: true }).fill('sk-of-the-test')
  await dialog(page).getByRole('button', { name: 'Add a model' }).click()
  await dialog(page).getByRole('textbox', { name: 'Model', exact: true }).fill('tiny')
  await dialog(page).getByRole('button', { name: 'Save' }).click()
  const card = page.getByRole('listitem', { name })
  await card.waitFor()
  assert.equal(await page.getByText('sk-of-the-test').count(), 0)

  await page.getByRole('button', { name: `Test ${name}` }).click()
  await dialog(page).getByRole('button', { name: 'Run the test' }).click()
  await dialog(page).getByText(/It works|It does not work/).waitFor({ timeout: 30_000 })
  const said = await dialog(page).innerText()
  if (!said.includes('It works')) assert.match(said, /egress|private|address|reach/i, 'an org reaches private addresses only where the operator lets it')
  await page.keyboard.press('Escape')
  await dialog(page).waitFor({ state: 'detached' })

  await page.getByRole('button', { name: 'Add a route' }).click()
  await dialog(page).getByRole('textbox', { name: 'Name', exact: true }).fill(`r${unique}`)
  await dialog(page).getByLabel('Provider 1').fill(name)
  await dialog(page).getByLabel('Model 1').fill('tiny')
  await dialog(page).getByRole('heading').first().click()
  await dialog(page).getByRole('button', { name: 'Save' }).click()
  await row(page, `r${unique}`).waitFor()
  assert.match(await row(page, `r${unique}`).innerText(), new RegExp(`${name}/tiny × 1`))

  broken = true
  for (let i = 0; i < 6; i++) {
    await page.evaluate((model) => fetch('/v1/chat/completions', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello?' }] }) }), `r${unique}`)
  }
  opened.expected.push('Failed to load resource')
  await page.reload()
  await card.getByText(/chat: (Failing|Left alone|Being tried)/).waitFor({ timeout: 15_000 })
  await page.getByRole('button', { name: `Remove the route r${unique}` }).click()
  await dialog(page).getByRole('button', { name: 'Remove' }).click()
  await row(page, `r${unique}`).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: `Remove ${name}` }).click()
  await dialog(page).getByRole('button', { name: 'Remove' }).click()
  await card.waitFor({ state: 'detached' })
  await opened.context.close()
  answers.close()
})

test('what others have written is shown as text: a secret, a canary, a webhook and a budget', async () => {
  const opened = await at('/org/secrets')
  const { page } = opened
  const name = `s-${unique}`
  await page.getByRole('button', { name: 'New secret' }).first().click()
  await dialog(page).getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await dialog(page).getByLabel('Value', { exact: true }).fill('nobody sees this')
  await dialog(page).getByRole('textbox', { name: 'Note' }).fill(hostile)
  await dialog(page).getByRole('button', { name: 'Save' }).click()
  await row(page, name).waitFor()
  assert.match(await row(page, name).innerText(), /<img src=x/)
  assert.ok(!(await page.content()).includes('nobody sees this'))
  await page.getByRole('button', { name: `Change ${name}` }).click()
  await dialog(page).getByLabel('New value').fill('nor this')
  await dialog(page).getByRole('textbox', { name: 'Hosts' }).fill('example.org')
  await dialog(page).getByRole('button', { name: 'Save' }).click()
  await row(page, name).getByText('example.org').waitFor()
  await page.getByRole('button', { name: `Remove ${name}` }).click()
  await dialog(page).getByRole('button', { name: 'Remove' }).click()
  await row(page, name).waitFor({ state: 'detached' })

  await page.getByRole('button', { name: 'New canary' }).click()
  await dialog(page).getByRole('textbox', { name: 'Where you put it' }).fill(hostile)
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  assert.ok((await dialog(page).getByRole('textbox', { name: 'Canary' }).inputValue()).length > 10)
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: `Remove the canary ${hostile}` }).click()
  await dialog(page).getByRole('button', { name: 'Remove' }).click()
  await row(page, hostile).waitFor({ state: 'detached' })
  await well(opened)

  await page.goto(`${base}/org/webhooks`)
  await page.getByRole('button', { name: 'New webhook' }).click()
  await dialog(page).getByRole('textbox', { name: 'Address' }).fill(`https://hooks.example.invalid/${unique}`)
  await dialog(page).getByRole('textbox', { name: 'Note' }).fill(hostile)
  await dialog(page).getByRole('button', { name: 'Add' }).click()
  assert.match(await dialog(page).getByRole('textbox', { name: 'Secret' }).inputValue(), /^whsec_/)
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  const hook = row(page, `https://hooks.example.invalid/${unique}`)
  await hook.getByRole('button', { name: /^Send a test message/ }).click()
  await page.getByText(/The test message was not taken/).waitFor({ timeout: 20_000 })
  await hook.getByRole('button', { name: /^New secret/ }).click()
  await dialog(page).getByRole('button', { name: 'Make a new secret' }).click()
  await dialog(page).getByText('The old one is good until').waitFor()
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await hook.getByRole('button', { name: /^Messages to/ }).click()
  await dialog(page).getByText('No messages').waitFor()
  await page.keyboard.press('Escape')
  await hook.getByRole('button', { name: /^Remove/ }).click()
  await dialog(page).getByRole('button', { name: 'Remove' }).click()
  await hook.waitFor({ state: 'detached' })
  await well(opened)

  await page.goto(`${base}/org/credits`)
  await page.getByRole('button', { name: 'Set a budget' }).click()
  await choose(dialog(page), 'Budget of', 'A project')
  await choose(dialog(page), 'Project', 'Default')
  await dialog(page).getByRole('textbox', { name: 'Limit in credits' }).fill('12.5')
  await dialog(page).getByRole('button', { name: 'Save' }).click()
  await row(page, 'Project: Default').getByText('0 of 12.5').waitFor()
  await page.getByRole('button', { name: 'Remove the budget of Project: Default' }).click()
  await dialog(page).getByRole('button', { name: 'Remove' }).click()
  await row(page, 'Project: Default').waitFor({ state: 'detached' })
  await well(opened)
  await opened.context.close()
})

test('policies are saved; one that was changed elsewhere says so and keeps what was typed', async () => {
  const opened = await at('/org/policies', { expected: ['Failed to load resource'] })
  const { page } = opened
  const save = () => page.getByRole('region', { name: 'What sandboxes reach' }).getByRole('button', { name: 'Save' })
  const hosts = page.getByRole('textbox', { name: 'Hosts, one in a line' })
  await hosts.fill(`a-${unique}.example.org`)
  await save().click()
  await page.getByText('The hosts are saved').first().waitFor()
  const elsewhere = await at('/org/policies')
  await elsewhere.page.getByRole('textbox', { name: 'Hosts, one in a line' }).fill(`b-${unique}.example.org`)
  await elsewhere.page.getByRole('region', { name: 'What sandboxes reach' }).getByRole('button', { name: 'Save' }).click()
  await elsewhere.page.getByText('The hosts are saved').first().waitFor()
  await elsewhere.context.close()
  await hosts.fill(`c-${unique}.example.org`)
  await save().click()
  await page.getByText('What you have typed is still here').waitFor()
  assert.equal(await hosts.inputValue(), `c-${unique}.example.org`)
  await page.waitForTimeout(500)
  await save().click()
  await page.getByText('What you have typed is still here').waitFor({ state: 'detached' })
  await hosts.fill('')
  await save().click()
  await choose(page.getByRole('region', { name: 'Secrets in what leaves' }).first(), 'What becomes of: AWS key', 'Refuse it all')
  await page.getByRole('region', { name: 'Secrets in what leaves' }).first().getByRole('button', { name: 'Save' }).click()
  await page.getByText('The policy is saved').first().waitFor()
  await page.getByRole('button', { name: 'List what is kept' }).click()
  await page.getByText(/None are kept|Remove all/).first().waitFor()
  await well(opened)
  await opened.context.close()
})

test('the audit log is filtered, verified, and compared with a checkpoint', async () => {
  const opened = await at('/org/audit')
  const { page } = opened
  await page.getByRole('textbox', { name: 'Action' }).fill('sign_in')
  await row(page, 'sign_in').first().waitFor()
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await page.getByText('The log is as it was written').waitFor()
  await page.getByRole('button', { name: 'Make a checkpoint' }).click()
  const kept = await page.getByRole('textbox', { name: 'Checkpoint' }).last().inputValue()
  assert.match(kept, /^isekai\/audit\//)
  await page.getByRole('button', { name: 'Prove growth' }).click()
  await dialog(page).getByRole('textbox', { name: 'Earlier checkpoint' }).fill(kept)
  await dialog(page).getByRole('button', { name: 'Prove growth' }).click()
  await dialog(page).getByText('The log has only grown since then').waitFor()
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: 'Checkpoints that you have kept' }).click()
  await dialog(page).getByRole('textbox', { name: 'Checkpoints that you have kept' }).fill(kept)
  await dialog(page).getByRole('button', { name: 'Verify' }).click()
  await dialog(page).waitFor({ state: 'detached' })
  await page.getByText('The log is as it was written').waitFor()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()])
  assert.equal(download.suggestedFilename(), 'audit.jsonl')
  assert.equal(await download.failure(), null)
  await well(opened)
  await opened.context.close()
})

test('a log that was changed in the database is shown as broken, with its row named', async () => {
  const opened = await open(browser, { storageState })
  // What the server says of a log that was tampered with is its own tests' matter; here it is how the page says it.
  await opened.page.route('**/v1/audit/verify', (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ org: 'org_default', rows: 4, fault: { kind: 'changed', row: 5, id: 'evt_<b>x</b>', text: 'the row says another actor than was written' } }) }))
  await opened.page.goto(`${base}/org/audit`)
  await settled(opened.page)
  await opened.page.getByRole('button', { name: 'Verify', exact: true }).click()
  const alert = opened.page.getByRole('alert').filter({ hasText: 'The log is broken' })
  await alert.waitFor()
  assert.match(await alert.innerText(), /Row 5: it was changed after it was written/)
  assert.match(await alert.innerText(), /evt_<b>x<\/b>/)
  await well(opened)
  await opened.context.close()
})

test('all pages are accessible and fit a phone', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const opened = await open(browser, { storageState, width: 360, colorScheme })
    for (const path of ['members', 'projects', 'keys', 'credits', 'usage', 'models', 'secrets', 'policies', 'webhooks', 'audit']) {
      await opened.page.goto(`${base}/org/${path}`)
      await settled(opened.page)
      assert.deepEqual(opened.problems, [], path)
      assert.deepEqual(await axe(opened.page), [], path)
      assert.deepEqual(await tooWide(opened.page), [], path)
    }
    await opened.context.close()
  }
})
