"""Tests the app over HTTP, as its users have it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request


class App:
    """The app with a data folder of its own, on a free port."""

    def __init__(self, data):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        env = dict(os.environ, PORT=str(self.port), DATA_DIR=data)
        self.process = subprocess.Popen([sys.executable, "server.py"], env=env, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the server doesn't start\n0 passed, 1 failed")
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def get(self, path="/"):
        return self.send(path, None)

    def post(self, path, **form):
        return self.send(path, urllib.parse.urlencode(form).encode())

    def send(self, path, body):
        """Returns status and text; redirects are followed."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", body, timeout=10) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()


def test_begins_empty(app):
    status, text = app.get()
    assert status == 200 and "No notes yet" in text


def test_create_search_delete(app):
    status, text = app.post("/notes", title="Milk", body="two litres")
    assert status == 200 and "Milk" in text and "two litres" in text
    assert "Milk" in app.get("/?q=LITRES")[1]
    assert "Nothing matches" in app.get("/?q=100%25")[1]
    number = text.split("/notes/")[1].split("/")[0]
    assert "Milk" not in app.post(f"/notes/{number}/delete")[1]
    assert app.post(f"/notes/{number}/delete")[0] == 404


def test_invalid_is_refused_and_kept_in_the_form(app):
    status, text = app.post("/notes", title=" ", body="kept")
    assert status == 400 and "needs a title" in text and "kept" in text
    status, text = app.post("/notes", title="x" * 121)
    assert status == 400 and "at most 120" in text
    assert "No notes yet" in app.get()[1]


def test_output_is_escaped(app):
    text = app.post("/notes", title="<script>alert(1)</script>", body="a & b")[1]
    assert "<script>" not in text and "&lt;script&gt;" in text and "a &amp; b" in text


def test_unknown_pages(app):
    assert app.get("/nope")[0] == 404 and app.post("/nope")[0] == 404


def test_data_outlives_a_restart(app):
    app.post("/notes", title="Stays")
    app.stop()
    app.__init__(app.data)
    assert "Stays" in app.get()[1]


def main():
    passed = failed = 0
    for name, test in [(n, t) for n, t in globals().items() if n.startswith("test_")]:
        with tempfile.TemporaryDirectory() as data:
            app = App(data)
            app.data = data
            try:
                test(app)
                passed += 1
            except Exception as e:  # a test that breaks has failed
                failed += 1
                print(f"FAIL {name}: {type(e).__name__}: {e}")
            finally:
                app.stop()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
