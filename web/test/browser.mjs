// What the console's tests share: Debian's Chromium, pages that must have nothing to complain about, and how they look.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Bounds every wait, in milliseconds: long, for a machine under load. */
const patience = 120_000

/** Starts the browser. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking'] })
}

/**
 * A page with a profile of its own, and a list of what was wrong there: exceptions, what the console of the browser says,
 * violations of the policy, requests that failed or left the origin. `expected` are texts of trouble that the test makes itself.
 */
export async function open(browser, { width = 1280, height = 800, colorScheme = 'light', storageState, expected = [] } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, storageState, reducedMotion: 'reduce' })
  context.setDefaultTimeout(patience)
  const problems = []
  const tell = (problem) => {
    if (!expected.some((text) => problem.includes(text))) problems.push(problem)
  }
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`))
  })
  context.on('page', (page) => watch(page, tell))
  const page = await context.newPage()
  return { context, page, problems, expected }
}

function watch(page, tell) {
  page.on('pageerror', (error) => tell(`exception: ${error.stack ?? error}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') tell(`console.${message.type()}: ${message.text()} ${message.location().url}`)
  })
}

/** Signs in by the page for it. */
export async function signIn(page, base, email, password) {
  await page.goto(`${base}/sign-in`)
  await page.locator('input[autocomplete=username]').fill(email)
  await page.locator('input[autocomplete=current-password]').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'))
}

/** Waits until nothing is being loaded any more. */
export async function settled(page) {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => document.querySelectorAll('[role=status][aria-label="Loading"]').length === 0, undefined, { timeout: patience })
  await page.evaluate(() => document.fonts.ready)
}

/** What axe-core finds wrong, by WCAG 2.2 A and AA and its own best practices. */
export async function axe(page) {
  await page.evaluate(axeSource)
  const violations = await page.evaluate(async () => (await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations)
  return violations.map((v) => `${v.id} (${v.impact}): ${v.help}: ${v.nodes.slice(0, 4).map((n) => `${n.target.join(' ')} | ${n.html.slice(0, 160)}${n.any[0] ? ` | ${n.any[0].message.slice(0, 200)}` : ''}`).join(' ; ')}`)
}

/** Whether the page can be scrolled sideways, and what is too wide. */
export function tooWide(page) {
  return page.evaluate(() => {
    const most = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= most) return []
    return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > most + 1).slice(0, 5).map((e) => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().right)}`)
  })
}
