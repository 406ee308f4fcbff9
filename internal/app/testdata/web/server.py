"""A small app with one of everything that a preview has to pass through."""
import base64, hashlib, json, os, struct, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DATA = os.path.join(os.environ["DATA_DIR"], "note")
GO = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, status=200, kind="text/plain", **headers):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        getattr(self, "get_" + (self.path.split("?")[0].strip("/") or "root"), self.missing)()

    def missing(self):
        self.answer("not here", 404)

    def get_root(self):
        with open("/app/isekai.json") as f:
            self.answer("<title>%s</title>" % json.load(f)["title"], kind="text/html")

    def get_request(self):
        self.answer(json.dumps({"path": self.path, "headers": self.headers.items()}), kind="application/json")

    def get_cookie(self):
        self.answer("set", Set_Cookie="a=1; Domain=localhost; Path=/; HttpOnly")

    def get_note(self):
        with open(DATA) as f:
            self.answer(f.read())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(DATA, "wb") as f:
            f.write(body)
        print("noted", flush=True)
        self.answer("noted")

    def get_write(self):
        """Tries to change its own code, which must fail."""
        try:
            open("/app/server.py", "a").close()
            self.answer("changed")
        except OSError as e:
            self.answer(type(e).__name__)

    def get_stream(self):
        """Sends the second event only after somebody has asked for /go."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk(b"data: first\n\n")
        GO.wait()
        self.chunk(b"data: second\n\n")
        self.chunk(b"")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def get_go(self):
        GO.set()
        self.answer("gone")

    def get_crash(self):
        print("last words", flush=True)
        os._exit(3)

    def get_ws(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:  # echo short masked frames (RFC 6455, section 5.2) until one closes
            head = self.rfile.read(2)
            if len(head) < 2:
                return
            size, mask = head[1] & 0x7F, self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
            self.wfile.write(struct.pack("BB", head[0], size) + data)
            self.wfile.flush()
            if head[0] & 0x0F == 8:
                return

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
