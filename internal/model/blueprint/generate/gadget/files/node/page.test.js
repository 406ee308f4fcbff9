// The page: everything that it refers to is there, and nothing comes from elsewhere.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";

const STATIC = new URL("../static/", import.meta.url);
const REFERENCE = /(?:src|href)="(\/[^"]*)"|(?:from|import) "\.?(\/[^"]+)"|Worker\("(\/[^"]+)"\)/g;
const TYPES = { css: "text/css", js: "text/javascript", svg: "image/svg+xml", html: "text/html" };

export const tests = {
  "everything referred to is served as its type": async ({ request }) => {
    const waiting = ["/"];
    const seen = new Set();
    while (waiting.length > 0) {
      const path = waiting.pop();
      if (seen.has(path)) continue;
      seen.add(path);
      const { status, headers, body } = await request("GET", path);
      const type = TYPES[path.includes(".") ? path.split(".").at(-1) : "html"];
      assert.equal(status, 200, path);
      assert.ok(headers["content-type"].startsWith(type), path);
      for (const found of body.matchAll(REFERENCE)) waiting.push(found.slice(1).find(Boolean));
    }
    assert.ok(seen.has("/gadget.css"));
  },

  "nothing comes from elsewhere or inline": async () => {
    for (const name of readdirSync(STATIC)) {
      const text = readFileSync(new URL(name, STATIC), "utf8");
      assert.doesNotMatch(text, /(?:src|href|url\()\s*=?\s*["']?https?:/, name);
      assert.doesNotMatch(text, /\binnerHTML\b|\beval\(|\bnew Function\b/, name);
    }
    const page = readFileSync(new URL("index.html", STATIC), "utf8");
    assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  },
};
