"""A small web app on the standard library: a list of notes. Change what it is about."""

import html
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DATABASE = os.path.join(os.environ.get("DATA_DIR", "."), "app.db")

# Each is run once, in order, and never changed once people have data: add another.
MIGRATIONS = [
    "CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL DEFAULT '', made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)",
]

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 42rem; margin: 0 auto; padding: 1rem }
input, textarea, button { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin: .2rem 0 .8rem }
button { width: auto; cursor: pointer }
li { display: flex; justify-content: space-between; gap: 1rem; align-items: start }
li p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }
.wrong { color: #c22 }
:focus-visible { outline: 3px solid #48f; outline-offset: 2px }
"""


def connect():
    db = sqlite3.connect(DATABASE, timeout=10)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    return db


def migrate():
    with connect() as db:
        done = db.execute("PRAGMA user_version").fetchone()[0]
        for number, change in enumerate(MIGRATIONS[done:], done + 1):
            db.execute(change)
            db.execute(f"PRAGMA user_version = {number}")


def check(form):
    """Returns the fields as they are stored, and what is wrong, by field."""
    title, body = form.get("title", "").strip(), form.get("body", "").strip()
    wrong = {}
    if not title:
        wrong["title"] = "A note needs a title."
    elif len(title) > 120:
        wrong["title"] = "A title has at most 120 characters."
    if len(body) > 5000:
        wrong["body"] = "A note has at most 5,000 characters."
    return {"title": title, "body": body}, wrong


def page(title, content):
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="stylesheet" href="/style.css"></head><body><main><h1>{html.escape(title)}</h1>{content}</main></body></html>'
    )


def home(query="", form=None, wrong=None):
    form, wrong, e = form or {}, wrong or {}, html.escape

    def problem(field):
        return f'<p class="wrong" id="{field}-wrong">{e(wrong[field])}</p>' if field in wrong else ""

    with connect() as db:
        like = "%" + query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        notes = db.execute("SELECT * FROM note WHERE title LIKE ? ESCAPE '\\' OR body LIKE ? ESCAPE '\\' ORDER BY id DESC LIMIT 200", (like, like)).fetchall()
    items = "".join(
        f'<li><p><strong>{e(n["title"])}</strong><br>{e(n["body"])}</p>'
        f'<form method="post" action="/notes/{n["id"]}/delete"><button aria-label="Delete {e(n["title"])}">Delete</button></form></li>'
        for n in notes
    )
    empty = "Nothing matches." if query else "No notes yet: write the first above."
    return page("Notes", (
        '<form method="post" action="/notes"><label for="title">Title</label>'
        f'<input id="title" name="title" required maxlength="120" value="{e(form.get("title", ""))}">{problem("title")}'
        f'<label for="body">Text</label><textarea id="body" name="body" rows="3" maxlength="5000">{e(form.get("body", ""))}</textarea>{problem("body")}'
        '<button>Add</button></form>'
        f'<form role="search"><label for="q">Search</label><input id="q" name="q" type="search" value="{e(query)}"></form>'
        + (f"<ul>{items}</ul>" if items else f"<p>{empty}</p>")
    ))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/":
            self.answer(200, home(parse_qs(url.query).get("q", [""])[0][:200]))
        elif url.path == "/style.css":
            self.answer(200, STYLE, "text/css")
        else:
            self.answer(404, page("Not found", '<p><a href="/">Back</a></p>'))

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > 64 << 10:
            self.close_connection = True
            self.answer(413, page("Too long", '<p><a href="/">Back</a></p>'))
            return
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode("utf-8", "replace"), keep_blank_values=True).items()}
        parts = urlsplit(self.path).path.strip("/").split("/")
        if parts == ["notes"]:
            note, wrong = check(form)
            if wrong:
                self.answer(400, home(form=form, wrong=wrong))
                return
            with connect() as db:
                db.execute("INSERT INTO note (title, body) VALUES (:title, :body)", note)
            self.redirect("/")
        elif len(parts) == 3 and parts[0] == "notes" and parts[1].isdigit() and parts[2] == "delete":
            with connect() as db:
                gone = db.execute("DELETE FROM note WHERE id = ?", (int(parts[1]),)).rowcount
            self.redirect("/") if gone else self.answer(404, page("Not found", '<p><a href="/">Back</a></p>'))
        else:
            self.answer(404, page("Not found", '<p><a href="/">Back</a></p>'))

    def redirect(self, to):
        self.send_response(303)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, status, text, kind="text/html"):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_HEAD = do_GET


if __name__ == "__main__":
    migrate()
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
