// Looks at pages: node test/look.mjs BASE EMAIL PASSWORD FOLDER PATH... keeps a picture of each at 1280 and 360 px, light and
// dark, in the folder, and says what is wrong: the browser's complaints, axe's, and what is too wide.
import { mkdirSync } from 'node:fs'
import { axe, launch, open, settled, signIn, tooWide } from './browser.mjs'

const [base, email, password, folder, ...paths] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const browser = await launch()
let storageState
let wrong = 0
for (const colorScheme of ['light', 'dark']) {
  for (const width of [1280, 360]) {
    const { context, page, problems } = await open(browser, { width, colorScheme, storageState })
    if (!storageState && email !== '-') {
      await signIn(page, base, email, password)
      storageState = await context.storageState()
    }
    for (const path of paths) {
      await page.goto(base + path)
      await settled(page)
      await page.waitForTimeout(300)
      const name = `${path.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'start'}-${width}-${colorScheme}`
      await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
      const found = [...problems.splice(0), ...(await axe(page)).map((v) => `axe: ${v}`), ...(await tooWide(page)).map((e) => `too wide: ${e}`)]
      wrong += found.length
      for (const f of found) console.log(`${name}: ${f}`)
    }
    await context.close()
  }
}
await browser.close()
console.log(wrong === 0 ? 'nothing is wrong' : `${wrong} wrong`)
process.exitCode = wrong === 0 ? 0 : 1
