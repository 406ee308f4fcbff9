import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, open, signIn } from './browser.mjs'
import { base, email, password } from './server.mjs'

let browser
before(async () => {
  browser = await launch()
})
after(() => browser.close())

test('who signs in gets to where he wanted', async () => {
  const { context, page, problems } = await open(browser, { expected: ['401'] })
  await page.goto(`${base}/org/members`)
  await page.waitForURL(/\/sign-in\?/)
  await page.locator('input[autocomplete=username]').fill(email)
  await page.locator('input[autocomplete=current-password]').fill('wrong')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  const note = page.getByRole('alert').filter({ hasText: 'Request' })
  await note.waitFor()
  assert.match(await note.innerText(), /Request req_/)
  await page.locator('input[autocomplete=current-password]').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${base}/org/members`)
  assert.deepEqual(problems, [])
  await context.close()
})

test('no script sees the session, and it ends', async () => {
  const { context, page, problems } = await open(browser)
  await signIn(page, base, email, password)
  assert.equal(await page.evaluate(() => document.cookie), '')
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((k) => /token|session|access/i.test(k))), [])
  await page.getByRole('button', { name: 'Your account' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.waitForURL(/\/sign-in/)
  assert.equal(await page.evaluate(() => fetch('/v1/me').then((r) => r.status)), 401)
  assert.deepEqual(problems.filter((p) => !p.includes('401')), [])
  await context.close()
})

test('nowhere but there is the one to be sent on to', async () => {
  const { context, page } = await open(browser)
  for (const to of ['//evil.example/', '/\\evil.example/', 'https://evil.example/', 'javascript:alert(1)', '/\t/evil.example/']) {
    await context.clearCookies()
    await page.goto(`${base}/sign-in?to=${encodeURIComponent(to)}`)
    await page.locator('input[autocomplete=username]').fill(email)
    await page.locator('input[autocomplete=current-password]').fill(password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'))
    assert.equal(new URL(page.url()).origin, base, to)
  }
  await context.close()
})

test('the palette goes to any page by its name, with the keyboard alone', async () => {
  const { context, page, problems } = await open(browser)
  await signIn(page, base, email, password)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Go to a page').waitFor()
  await page.keyboard.type('webhooks')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${base}/org/webhooks`)
  assert.deepEqual(problems, [])
  await context.close()
})
