"""The page: everything that it refers to is there, and nothing comes from elsewhere."""

import re
import unittest
from pathlib import Path

from harness import AppTest

STATIC = Path(__file__).parent.parent / "static"
REFERENCE = re.compile(r"""(?:src|href)="(/[^"]*)"|from "\.?(/[^"]+)"|import "\.?(/[^"]+)"|Worker\("(/[^"]+)"\)""")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}


class PageTest(AppTest):
    def test_everything_referred_to_is_served_as_its_type(self):
        waiting, seen = ["/"], set()
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            status, headers, text = self.request("GET", path)
            self.assertEqual(200, status, path)
            self.assertEqual(TYPES[Path(path).suffix or ".html"], headers.get_content_type(), path)
            waiting += [next(filter(None, found)) for found in REFERENCE.findall(text)]
        self.assertIn("/gadget.css", seen)

    def test_nothing_comes_from_elsewhere_or_inline(self):
        for path in STATIC.iterdir():
            text = path.read_text(encoding="utf-8")
            self.assertNotRegex(text, r"""(?:src|href|url\()\s*=?\s*["']?https?:""", path.name)
            self.assertNotRegex(text, r"\binnerHTML\b|\beval\(|\bnew Function\b", path.name)
        page = (STATIC / "index.html").read_text(encoding="utf-8")
        self.assertNotRegex(page, r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)")


if __name__ == "__main__":
    unittest.main()
