// Every page: nothing that the browser or axe-core complains about, nothing that is too wide, at 1280 and 360 px, light
// and dark; a picture of each is kept in ISEKAI_PICTURES, if that is set.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { axe, launch, open, settled, signIn, tooWide } from './browser.mjs'
import { base, email, password, project } from './server.mjs'

const outside = ['/sign-in', '/setup', '/invitation', '/reset']
const ofProject = ['', '/build', '/chat', '/tasks', '/memory', '/skills', '/repositories', '/permissions', '/mcp']
const ofOrg = ['members', 'projects', 'keys', 'credits', 'usage', 'models', 'secrets', 'policies', 'webhooks', 'audit'].map((name) => `/org/${name}`)
const ofInstallation = ['orgs', 'users', 'health', 'diagnostics', 'dead-letters', 'projections', 'backups', 'models', 'audit'].map((name) => `/installation/${name}`)

const pictures = process.env.ISEKAI_PICTURES
let browser
before(async () => {
  browser = await launch()
  if (pictures) mkdirSync(pictures, { recursive: true })
})
after(() => browser.close())

for (const colorScheme of ['light', 'dark']) {
  for (const width of [1280, 360]) {
    test(`every page, ${colorScheme}, ${width} px`, { timeout: 900_000 }, async () => {
      const { context, page, problems } = await open(browser, { width, colorScheme })
      const all = []
      const look = async (path) => {
        await page.goto(base + path)
        await settled(page)
        if (pictures) await page.screenshot({ path: `${pictures}/${path.replace(/\W+/g, '-').replace(/^-|-$/g, '')}-${width}-${colorScheme}.png`, fullPage: true })
        const wrong = [...problems.splice(0), ...(await axe(page)), ...(await tooWide(page))]
        const headings = await page.locator('h1').count()
        if (headings !== 1) wrong.push(`${headings} headings of the first level`)
        all.push(...wrong.map((w) => `${path}: ${w}`))
      }
      for (const path of outside) await look(path)
      await signIn(page, base, email, password)
      const at = await project()
      for (const path of [...ofProject.map((p) => `/p/${at}${p}`), ...ofOrg, '/account']) await look(path)
      await page.evaluate(() => fetch('/v1/session/enter', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"org":"org_installation"}' }))
      for (const path of ofInstallation) await look(path)
      await context.close()
      assert.deepEqual(all, [])
    })
  }
}
