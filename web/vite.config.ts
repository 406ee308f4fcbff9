import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** The program embeds what is built: only compressed, where that makes it smaller. */
function packed(): Plugin {
  return {
    name: 'packed',
    apply: 'build',
    buildStart() {
      for (const name of ['assets', 'index.html']) rmSync(`dist/${name}`, { recursive: true, force: true })
    },
    closeBundle() {
      for (const name of readdirSync('dist/assets')) {
        const file = `dist/assets/${name}`
        if (!/\.(js|css|svg)$/.test(name)) continue
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }))
        rmSync(file)
      }
    },
  }
}

export default defineConfig({
  plugins: [react(), packed()],
  html: { cspNonce: '{nonce}' },
  build: { emptyOutDir: false, target: 'es2022', assetsInlineLimit: 0, reportCompressedSize: true, modulePreload: { polyfill: false } },
  worker: { format: 'es' },
  server: { proxy: { '/v1': 'http://127.0.0.1:7777', '/openapi.json': 'http://127.0.0.1:7777' } },
})
