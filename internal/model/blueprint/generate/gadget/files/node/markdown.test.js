// Markdown, as the tree that it means.
import assert from "node:assert/strict";
import { parse, safeLink } from "../static/markdown.js";

// A tree in one line: p(a em(b)).
function brief(nodes) {
  return nodes.map((node) => (typeof node === "string" ? node : `${node.tag}(${brief(node.children)})`)).join("");
}

const CASES = {
  "paragraphs and lines": ["a\nb\n\nc", "p(abr()b)p(c)"],
  "headings": ["# One\n### Three ###", "h1(One)h3(Three)"],
  "emphasis": ["*a* **b** ~~c~~ __d__ _e_", "p(em(a) strong(b) del(c) strong(d) em(e))"],
  "emphasis in emphasis": ["**a *b* c**", "p(strong(a em(b) c))"],
  "stars that multiply": ["2 * 3 * 4", "p(2 * 3 * 4)"],
  "names with underscores": ["snake_case_name", "p(snake_case_name)"],
  "escapes": ["\\*a\\*", "p(*a*)"],
  "code": ["`a*b*`", "p(code(a*b*))"],
  "fenced code": ["```js\na < *b*\n```\nafter", "pre(code(a < *b*))p(after)"],
  "lists": ["- a\n- b\n\n1. c\n2. d", "ul(li(a)li(b))ol(li(c)li(d))"],
  "lists in lists": ["- a\n  - b\n- c", "ul(li(aul(li(b)))li(c))"],
  "quotes": ["> a\n> - b", "blockquote(p(a)ul(li(b)))"],
  "rules": ["a\n\n---\n\nb", "p(a)hr()p(b)"],
  "links": ["[a](https://example.org/b) and https://example.org.", "p(a(a) and a(https://example.org).)"],
  "HTML is text": ["<script>alert(1)</script>", "p(<script>alert(1)</script>)"],
};

export const tests = Object.fromEntries([
  ...Object.entries(CASES).map(([name, [text, tree]]) => [name, async () => assert.equal(brief(parse(text)), tree)]),
  ["tasks", async () => {
    const [list] = parse("- [x] a\n- [ ] b\n- c");
    assert.deepEqual(list.children.map(({ done }) => done), [true, false, undefined]);
  }],
  ["links lead to pages and mail only", async () => {
    assert.equal(safeLink("https://example.org"), "https://example.org");
    assert.equal(safeLink("mailto:a@example.org"), "mailto:a@example.org");
    for (const address of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "//example.org", "/x"]) {
      assert.equal(safeLink(address), null, address);
      assert.equal(brief(parse(`[a](${address})`)), `p([a](${address}))`);
    }
  }],
  ["long nonsense takes no long time", async () => {
    const begin = performance.now();
    for (const piece of ["*", "[", "`", ">", "*a ", "**a", "[a](", "- ", "_a*b`"]) parse(piece.repeat(10_000 / piece.length));
    assert.ok(performance.now() - begin < 2000);
  }],
]);
