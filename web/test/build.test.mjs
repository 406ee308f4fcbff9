// From a prompt to an app that runs, and what is done with it, with the built-in planner.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { axe, launch, open, settled, signIn, tooWide } from './browser.mjs'
import { api, base, email, password, project } from './server.mjs'

const prompt = 'a reading list with title, author, a finished flag and a rating'
const patience = 90_000

let browser, storageState, home
before(async () => {
  browser = await launch()
  const { context, page } = await open(browser)
  await signIn(page, base, email, password)
  storageState = await context.storageState()
  await context.close()
  home = `/p/${await project()}/build`
})
after(() => browser.close())

/** A page of somebody who is signed in; what a click on a link that was deleted asks for is no trouble. */
async function begin(options = {}) {
  const opened = await open(browser, { storageState, ...options })
  opened.page.setDefaultTimeout(patience)
  return opened
}

/** An app that is made by the API. */
async function made(words = prompt) {
  const { id } = await api('POST', '/v1/tasks', { kind: 'app', prompt: words })
  for (;;) {
    const task = await api('GET', `/v1/tasks/${id}`)
    if (task.status === 'succeeded') return task
    assert.ok(['queued', 'running'].includes(task.status), JSON.stringify(task))
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

const idOf = (page) => new URL(page.url()).pathname.split('/').pop()

test('a prompt becomes an app that works, is changed, gone back with, kept and deleted', { timeout: 900_000 }, async () => {
  const { context, page, problems } = await begin()
  await page.goto(base + home)
  await page.getByRole('button', { name: 'Reading list', exact: true }).click()
  assert.equal(await page.getByLabel('What shall it be?').inputValue(), prompt)
  await page.getByLabel('What shall it be?').press('Control+Enter')
  await page.waitForURL(/\/build\/app_\w+\?task=tsk_/)
  const address = page.url()
  await page.getByText('Nothing runs yet').waitFor()
  await page.getByText('Plan: Reading list').waitFor() // it has begun
  await page.reload() // in the middle of it
  assert.equal(page.url(), address)
  await page.getByText('Plan: Reading list').waitFor()

  // It runs in a frame of another origin, and works there.
  const frame = page.frameLocator('iframe[title="Preview of Reading list"]')
  await frame.getByRole('button', { name: 'Add the first book' }).click()
  await page.getByText('5 of 5 steps done').waitFor()
  assert.notEqual(new URL(await page.locator('iframe').getAttribute('src')).origin, base)
  await frame.getByRole('textbox', { name: 'Title' }).fill('Kokoro')
  await frame.getByRole('textbox', { name: 'Author' }).fill('Natsume Soseki')
  await frame.getByRole('button', { name: /^(Add|Save)/ }).last().click()
  await frame.getByText('Kokoro').first().waitFor()

  // The timeline tells of each step, call and verdict; what is long on demand.
  await page.getByRole('button', { name: /Data and server/ }).click()
  await page.getByText(/calls done, 0 failed/).first().waitFor()
  await page.getByRole('button', { name: /write_file.*server\.py/ }).click()
  await page.getByRole('button', { name: /^Show all \(/ }).click()
  await page.getByText('Serves Reading list').first().waitFor()

  // A change by one click.
  await page.getByRole('group', { name: 'Suggestions' }).getByRole('button', { name: 'add tags' }).click()
  await page.getByText('made version 2').waitFor()
  await page.getByText('Version 2 of 2').waitFor()
  await frame.getByText('Kokoro').first().waitFor() // the data stays

  // Two versions, what differs, and back.
  await page.getByRole('tab', { name: 'Versions' }).click()
  const second = page.getByRole('article', { name: 'Version 2' })
  await second.getByText('Selected').waitFor()
  await second.getByRole('button', { name: 'Compare' }).click()
  await page.getByText(/files? differ/).waitFor()
  const diff = page.getByRole('region', { name: 'Changes in schema.py' })
  assert.match(await diff.innerText(), /^\+.*tags/m)
  await page.getByRole('button', { name: 'Close the comparison' }).click()
  await page.getByRole('article', { name: 'Version 1' }).getByRole('button', { name: 'Roll back to this' }).click()
  await page.getByText('Version 1 of 2').waitFor()
  assert.equal((await api('GET', `/v1/apps/${idOf(page)}`)).version, 1)

  // An archive to keep.
  await page.getByRole('button', { name: 'Actions for Reading list' }).click()
  const [archive] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export as zip' }).click()])
  assert.match(archive.suggestedFilename(), /^reading-list.*-v1\.zip$/)
  assert.equal((await readFile(await archive.path())).subarray(0, 4).toString('latin1'), 'PK\x03\x04')

  // Deleted, undone, deleted.
  const id = idOf(page)
  const card = page.locator(`a[href="${home}/${id}"]`)
  await page.getByRole('button', { name: 'Actions for Reading list' }).click()
  await page.getByRole('menuitem', { name: 'Delete app' }).click()
  await page.waitForURL(base + home)
  await page.getByText('Reading list is deleted.').waitFor()
  assert.equal(await card.count(), 0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await card.waitFor()
  assert.equal((await api('GET', `/v1/apps/${id}`)).id, id)
  await card.click()
  await page.getByRole('button', { name: 'Actions for Reading list' }).click()
  await page.getByRole('menuitem', { name: 'Delete app' }).click()
  await page.waitForURL(base + home)
  await page.waitForResponse((response) => response.request().method() === 'DELETE' && response.url().endsWith(id))
  await assert.rejects(api('GET', `/v1/apps/${id}`), /404/)
  assert.deepEqual(problems, [])
  await context.close()
})

test('an app is stopped and started; its files are read and searched, its output seen', { timeout: 600_000 }, async () => {
  const { app } = await made()
  const { context, page, problems } = await begin()
  await page.goto(`${base}${home}/${app}`)
  await page.locator('iframe').waitFor()
  await page.getByText('Phone', { exact: true }).click()
  assert.ok((await page.locator('iframe').boundingBox()).width <= 392)
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.getByText('This app is stopped').waitFor()
  assert.equal(await page.locator('iframe').count(), 0)
  await page.getByRole('button', { name: 'Start', exact: true }).last().click()
  await page.locator('iframe').waitFor()

  await page.getByRole('tab', { name: 'Files' }).click()
  await page.getByRole('button', { name: 'server.py' }).click()
  await page.locator('.hljs-keyword').first().waitFor()
  await page.getByLabel('Search names and contents').fill('list_page_that_is_nowhere')
  await page.getByText('Nothing has that in its name or content.').waitFor()
  await page.getByLabel('Search names and contents').fill('CREATE TABLE')
  await page.getByRole('button', { name: /^migrate\.py:\d+/ }).click()
  await page.getByRole('group', { name: 'Content of migrate.py' }).waitFor()

  await page.getByRole('tab', { name: 'Logs' }).click()
  const log = page.getByRole('log', { name: 'Lines' })
  await log.getByText('version 1 starts').first().waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByText('Errors', { exact: true }).click()
  assert.equal(await log.getByText('version 1 starts').count(), 0)
  assert.deepEqual(problems, [])
  await context.close()
  await api('DELETE', `/v1/apps/${app}`)
})

test('a build that asks is answered where it asks, or stopped; what was wanted can be said differently', { timeout: 600_000 }, async () => {
  const { context, page, problems } = await begin()
  const before = await api('GET', '/v1/permissions')
  await api('PUT', '/v1/permissions', { rules: [{ tool: 'write_file', do: 'ask' }] })
  const build = async () => {
    await page.goto(base + home)
    await page.getByLabel('What shall it be?').fill(prompt)
    await page.getByRole('button', { name: 'Build it' }).click()
    await page.getByRole('group', { name: 'Your answer is needed' }).waitFor()
  }
  try {
    await build()
    await page.getByText('May the task call write_file: isekai.json?').waitFor()
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByText('May the task call write_file: blueprint.json?').waitFor()
    assert.deepEqual([...problems.splice(0), ...(await axe(page))], [])
    await page.getByRole('button', { name: 'Allow always in this task' }).click()
    await page.frameLocator('iframe').getByRole('button', { name: 'Add the first book' }).waitFor()
    const app = idOf(page)
    await page.goto(base + home) // so that the frame doesn't ask for what is deleted
    await api('DELETE', `/v1/apps/${app}`)

    await build()
    await page.getByRole('button', { name: 'Stop working' }).click()
    await page.getByText('There is nothing to show').waitFor()
    await page.getByRole('button', { name: 'Say it differently' }).click()
    await page.waitForURL(base + home)
    assert.equal(await page.getByLabel('What shall it be?').inputValue(), prompt)
  } finally {
    await api('PUT', '/v1/permissions', { rules: before.rules ?? [] })
  }
  assert.deepEqual(problems, [])
  await context.close()
})

test('what others have written is shown as it is, and widens nothing', { timeout: 600_000 }, async () => {
  const words = `a list of <img src=x onerror=alert(1)> with title and javascript:alert(1) ${'w'.repeat(300)} \u202eabc\u202c and a note`
  const { app, id } = await made(words)
  for (const [width, colorScheme] of [[1280, 'light'], [360, 'dark'], [360, 'light'], [1280, 'dark']]) {
    const { context, page, problems } = await begin({ width, colorScheme })
    page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`))
    const wrong = async (what) => assert.deepEqual([...problems.splice(0), ...(await axe(page)), ...(await tooWide(page))], [], `${what} at ${width} px, ${colorScheme}`)
    await page.goto(`${base}${home}/${app}?task=${id}`)
    await page.getByText('<img src=x onerror=alert(1)>').first().waitFor()
    await page.getByText('steps done').waitFor()
    await wrong('requests')
    for (const tab of ['Preview', 'Files', 'Logs', 'Versions']) {
      await page.getByRole('tab', { name: tab }).click()
      if (tab === 'Files') {
        await page.getByRole('button', { name: 'README.md' }).click()
        await page.getByRole('group', { name: 'Content of README.md' }).waitFor()
      }
      await settled(page)
      await wrong(tab)
    }
    await page.goto(base + home)
    await settled(page)
    await wrong('build')
    await context.close()
  }
  await api('DELETE', `/v1/apps/${app}`)
})

test('a prompt that is too long is not sent, and what was typed stays', { timeout: 900_000 }, async () => {
  const { context, page, problems } = await begin()
  await page.goto(base + home)
  const box = page.getByLabel('What shall it be?')
  assert.equal(await page.getByRole('button', { name: 'Build it' }).isDisabled(), true)
  await box.fill('x'.repeat(5001))
  await page.getByText('That is too long').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Build it' }).isDisabled(), true)
  await box.fill('🙂'.repeat(5000))
  await page.getByText('5,000 of 5,000 characters').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Build it' }).isEnabled(), true)
  await page.getByRole('link', { name: 'Tasks' }).click()
  await page.getByRole('heading', { level: 1, name: 'Tasks' }).waitFor()
  await page.getByRole('link', { name: 'Build', exact: true }).click()
  assert.equal(await box.inputValue(), '🙂'.repeat(5000))
  assert.deepEqual(problems, [])
  await context.close()
})
