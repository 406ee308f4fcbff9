// The page about oneself, against a server that runs. Each test makes a user of its own, by an invitation of the owner's.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { axe, launch, open, settled, signIn, tooWide } from './browser.mjs'
import { base, email, password } from './server.mjs'

const unique = Date.now().toString(36)

let browser, owner

before(async () => {
  browser = await launch()
  owner = await open(browser)
  await signIn(owner.page, base, email, password)
})
after(() => browser?.close())

let people = 0
/** Somebody new in the org, who is signed in and at the page. */
async function somebody(name = 'Sam') {
  const address = `${unique}-${++people}@example.org`
  const asked = await owner.page.request.post(`${base}/v1/invitations`, { data: { email: address, role: 'member' }, headers: { Origin: base } })
  const { token } = await asked.json()
  const made = await owner.page.request.post(`${base}/v1/invitations/accept`, { data: { token, name, password: 'the first sentence' }, headers: { Origin: base } })
  assert.equal(made.status(), 201, await made.text())
  const opened = await open(browser, { expected: ['Failed to load resource'] })
  await signIn(opened.page, base, address, 'the first sentence')
  await opened.page.goto(`${base}/account`)
  await settled(opened.page)
  return { ...opened, address }
}

async function well({ page, problems }) {
  assert.deepEqual(problems, [])
  assert.deepEqual(await axe(page), [])
  assert.deepEqual(await tooWide(page), [])
}

const dialog = (page) => page.getByRole('dialog')

/** The code of RFC 6238 for a secret in base 32. */
function totp(secret, now = Date.now()) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const count = Buffer.alloc(8)
  count.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)))
  const mac = createHmac('sha1', key).update(count).digest()
  const at = mac[19] & 15
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

test('a second factor is set up, asked for, and switched off', async () => {
  const me = await somebody()
  const { page } = me
  const factor = page.getByRole('region', { name: 'Second factor' })
  await factor.getByRole('button', { name: 'Set up' }).click()
  await dialog(page).getByLabel('Your password').fill('the first sentence')
  await dialog(page).getByRole('button', { name: 'Go on' }).click()
  await dialog(page).getByRole('img', { name: /^QR code/ }).waitFor()
  const secret = await dialog(page).getByRole('textbox', { name: 'Secret' }).inputValue()
  assert.ok((await dialog(page).getByRole('link').getAttribute('href')).startsWith('otpauth://totp/'))
  await well(me)
  await dialog(page).getByRole('textbox', { name: 'Code' }).fill('000000')
  await dialog(page).getByRole('button', { name: 'Switch on' }).click()
  await dialog(page).getByRole('alert').waitFor()
  await dialog(page).getByRole('textbox', { name: 'Code' }).fill(totp(secret))
  await dialog(page).getByRole('button', { name: 'Switch on' }).click()
  const codes = (await dialog(page).getByRole('textbox', { name: 'Recovery codes' }).inputValue()).split('\n')
  assert.ok(codes.length >= 8)
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await factor.getByText('On', { exact: true }).waitFor()

  const again = await open(browser, { expected: ['Failed to load resource'] })
  await again.page.goto(`${base}/sign-in`)
  await again.page.locator('input[autocomplete=username]').fill(me.address)
  await again.page.locator('input[autocomplete=current-password]').fill('the first sentence')
  await again.page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await again.page.locator('input[autocomplete=one-time-code]').fill(codes[0])
  await again.page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await again.page.waitForURL((url) => !url.pathname.startsWith('/sign-in'))
  await again.context.close()

  await factor.getByRole('button', { name: 'Switch off' }).click()
  await dialog(page).getByLabel('Your password').fill('the first sentence')
  await dialog(page).getByRole('button', { name: 'Switch off' }).click()
  await factor.getByText('Off', { exact: true }).waitFor()
  await well(me)
  await me.context.close()
})

test('sessions are listed and ended; a new password ends the others', async () => {
  const me = await somebody()
  const { page } = me
  const other = await open(browser, { expected: ['Failed to load resource'] })
  await signIn(other.page, base, me.address, 'the first sentence')
  const status = () => other.page.evaluate(() => fetch('/v1/me').then((r) => r.status))
  assert.equal(await status(), 200)
  await page.reload()
  const sessions = page.getByRole('region', { name: 'Sessions' }).first()
  await sessions.getByText('This one').waitFor()
  const ends = sessions.getByRole('button', { name: /^End the session/ })
  await ends.first().waitFor()
  for (let n = await ends.count(); n > 0; n--) {
    await ends.first().click()
    await page.waitForFunction((k) => document.querySelectorAll('button[aria-label^="End the session"]').length === k, n - 1)
  }
  assert.equal(await status(), 401)

  const third = await open(browser, { expected: ['Failed to load resource'] })
  await signIn(third.page, base, me.address, 'the first sentence')
  await page.getByLabel('Old password').fill('the first sentence')
  await page.locator('input[autocomplete=new-password]').first().fill('the second sentence')
  await page.getByLabel('New password again').fill('another')
  await page.getByText('The two are not the same.').waitFor()
  await page.getByLabel('New password again').fill('the second sentence')
  await page.getByRole('button', { name: 'Change password' }).click()
  await page.getByText('Your password is changed').waitFor()
  assert.equal(await third.page.evaluate(() => fetch('/v1/me').then((r) => r.status)), 401)
  assert.equal(await page.evaluate(() => fetch('/v1/me').then((r) => r.status)), 200)
  await well(me)
  for (const o of [other, third, me]) await o.context.close()
})

test('a name, choices of notices, a key and an org of one’s own', async () => {
  const me = await somebody('<img src=x onerror=alert(1)>')
  const { page } = me
  const name = `\u202eمثال ${'x'.repeat(80)}`
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name)
  await page.getByRole('region', { name: 'Profile' }).getByRole('button', { name: 'Save' }).click()
  await page.getByText('Your name is saved').or(page.getByRole('alert')).first().waitFor()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(`Sam ${unique}`)
  await page.getByRole('region', { name: 'Profile' }).getByRole('button', { name: 'Save' }).click()
  await page.getByText('Your name is saved').first().waitFor()

  const choice = page.getByRole('checkbox', { name: /^By e-mail/ }).first()
  const was = await choice.isChecked()
  await choice.click()
  await page.getByRole('button', { name: /^As for everybody/ }).first().waitFor()
  assert.equal(await choice.isChecked(), !was)
  await page.getByRole('button', { name: /^As for everybody/ }).first().click()
  await page.getByRole('button', { name: /^As for everybody/ }).first().waitFor({ state: 'detached' })
  assert.equal(await choice.isChecked(), was)

  const keys = page.getByRole('region', { name: 'Your API keys' })
  await keys.getByRole('button', { name: 'New key' }).click()
  await dialog(page).getByRole('textbox', { name: 'Name' }).fill('mine')
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  assert.match(await dialog(page).getByRole('textbox', { name: 'Key', exact: true }).inputValue(), /^isk_/)
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await keys.getByRole('button', { name: 'Revoke mine' }).click()
  await dialog(page).getByRole('button', { name: 'Revoke' }).click()
  await keys.getByText('No keys').waitFor()
  await well(me)

  await page.getByRole('button', { name: 'New org' }).click()
  await dialog(page).getByRole('textbox', { name: 'Name of the org' }).fill(`Org ${unique}`)
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  await page.getByText(`Org ${unique} is made`).or(dialog(page).getByRole('alert')).first().waitFor()
  if ((await dialog(page).count()) === 0) {
    await page.getByRole('button', { name: `Enter Org ${unique}` }).click()
    await page.waitForURL((url) => url.pathname.startsWith('/p/'))
    await settled(page)
    await page.goto(`${base}/org/members`)
    await page.getByText('You are an owner here.').waitFor()
    await page.getByRole('button', { name: 'Rename' }).click()
    await dialog(page).getByRole('textbox', { name: 'Name of the org' }).fill(`Org ${unique} anew`)
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await page.getByText(`Org ${unique} anew`).first().waitFor()
  }
  await well(me)
  await me.context.close()
})

test('the page is accessible and fits a phone', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const opened = await open(browser, { storageState: await owner.context.storageState(), width: 360, colorScheme })
    await opened.page.goto(`${base}/account`)
    await settled(opened.page)
    await well(opened)
    await opened.context.close()
  }
})
