"""A stand-in for Spotify on the loopback: a real HTTP server that speaks both shapes and fails on request."""

import base64
import gzip
import hashlib
import io
import json
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRETS = (
    "access-AAAA-1111", "access-BBBB-2222", "refresh-CCCC-3333", "refresh-DDDD-4444", "clientsecretEEEE5555",
    "code-FFFF-6666",
)  # fmt: skip
ACCESS, RENEWED, REFRESH, NEXT_REFRESH, CLIENT_SECRET, CODE = SECRETS
CLIENT_ID = "clientid0000"


def pid(number):
    return f"{number:022d}"


def track(number, **more):
    return {
        "type": "track", "id": f"{number:022d}", "uri": f"spotify:track:{number:022d}", "name": f"Título {number}",
        "artists": [{"name": f"Artist {number % 7}"}, {"name": "Björk 🎵"}], "album": {"name": f"Album {number % 3}"},
        "duration_ms": 180_000 + number, "external_ids": {"isrc": f"GBAYE{number:07d}"}, **more,
    }  # fmt: skip


def item(content, shape="item", **more):
    keys = ("item", "track") if shape == "both" else (shape,)
    return {"added_at": "2026-03-01T10:00:00Z", "is_local": False, **dict.fromkeys(keys, content), **more}


def tracks(count, shape="item", first=0):
    return [item(track(number), shape) for number in range(first, first + count)]


def answer(status, body=b"{}", **headers):
    """A fault: this answer instead of the true one."""

    def act(handler):
        handler.reply(status, body, **{name.replace("_", "-"): value for name, value in headers.items()})

    return act


def error(status, message, **headers):
    return answer(status, json.dumps({"error": {"status": status, "message": message}}).encode(), **headers)


def hang_up(handler):
    handler.close_connection = True


def cut_body(handler):
    """Fewer bytes than the header says."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"items": [')
    handler.close_connection = True


def drip(where, delay_s=0.02):
    """An answer that comes byte by byte and never ends: its headers, its body of known length, or in chunks."""
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    first, rest = {
        "status": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "headers": (start + b"X: ", b"x"),
        "body": (start + b"Content-Length: 100000000\r\n\r\n{", b" "),
        "closing body": (start + b"Connection: close\r\n\r\n{", b" "),
        "chunks": (start + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    }[where]

    def act(handler):
        handler.close_connection = True
        try:
            handler.wfile.write(first)
            while True:
                handler.wfile.write(rest)
                time.sleep(delay_s)
        except OSError:  # the client left
            handler.wfile = io.BytesIO()

    return act


def zipped(body):
    return answer(200, gzip.compress(body, 1), Content_Encoding="gzip")


@dataclass
class Stub:
    playlists: dict = field(default_factory=dict)
    mine: list = field(default_factory=list)
    addresses: tuple = ("items", "tracks")
    access: set = field(default_factory=lambda: {ACCESS})
    refresh: dict = field(default_factory=lambda: {REFRESH: RENEWED})
    challenges: dict = field(default_factory=dict)
    faults: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    edit: object = None
    delay_s: float = 0.0
    url: str = ""

    def add(self, number, items, *, name=None, snapshot="s1", **more):
        self.playlists[pid(number)] = {
            "id": pid(number), "name": name or f"List {number}", "snapshot_id": snapshot, "description": "a &amp; b",
            "owner": {"id": "user", "display_name": "Zoë"}, "items": items, **more,
        }  # fmt: skip
        self.mine.append(pid(number))
        return pid(number)

    def fail(self, where, act, times=1):
        """The next requests whose address holds `where` get something else."""
        self.faults.append([where, times, act])

    def asked(self, part):
        return [path for _, path, _ in self.requests if part in path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"{}", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        if "Content-Type" not in headers:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, content, status=200):
        self.reply(status, json.dumps(content).encode())

    def handle_any(self):
        stub = self.server.stub
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        stub.requests.append((self.command, self.path, self.headers.get("Authorization")))
        time.sleep(stub.delay_s)
        for fault in stub.faults:
            if fault[0] in self.path and fault[1] > 0:
                fault[1] -= 1
                fault[2](self)
                return
        asked = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        if asked.path == "/api/token":
            self.token({key: values[0] for key, values in parse_qs(body).items()})
        elif self.headers.get("Authorization") not in {f"Bearer {token}" for token in stub.access}:
            self.json({"error": {"status": 401, "message": "The access token expired"}}, 401)
        else:
            self.api(stub, asked.path.removeprefix("/v1/").split("/"), query)

    do_GET = do_POST = handle_any  # noqa: N815

    def api(self, stub, parts, query):
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", 20)), 50)
        if parts == ["me", "playlists"]:
            listed = [{key: value for key, value in stub.playlists[name].items() if key != "items"} if name else None
                      for name in stub.mine]  # fmt: skip
            self.page(listed, offset, limit)
        elif parts[0] != "playlists" or parts[1] not in stub.playlists:
            self.json({"error": {"status": 404, "message": "Resource not found"}}, 404)
        elif len(parts) == 2:
            self.json({key: value for key, value in stub.playlists[parts[1]].items() if key != "items"})
        elif parts[2] not in stub.addresses:
            self.json({"error": {"status": 404, "message": "Service not found"}}, 404)
        else:
            self.page(stub.playlists[parts[1]]["items"], offset, limit)
            if stub.edit is not None:
                stub.edit(parts[1], offset)

    def page(self, items, offset, limit):
        further = f"{self.server.stub.url}/v1/more?offset={offset + limit}" if offset + limit < len(items) else None
        self.json({
            "items": items[offset : offset + limit], "total": len(items), "offset": offset, "limit": limit,
            "next": further,
        })  # fmt: skip

    def token(self, form):
        stub = self.server.stub
        kind = form.get("grant_type")
        content = {"access_token": RENEWED, "token_type": "Bearer", "expires_in": 3600}
        if kind == "client_credentials":
            wanted = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            if self.headers.get("Authorization") != f"Basic {wanted}":
                self.json({"error": "invalid_client", "error_description": "Invalid client secret"}, 400)
                return
            content["access_token"] = ACCESS
        elif kind == "refresh_token" and form["refresh_token"] in stub.refresh:
            content.update(access_token=stub.refresh[form["refresh_token"]], refresh_token=NEXT_REFRESH, scope="x")
            stub.access.add(content["access_token"])
        elif kind == "authorization_code":
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if stub.challenges.get(form["code"]) != proof:
                self.json({"error": "invalid_grant", "error_description": "Invalid authorization code"}, 400)
                return
            content.update(access_token=ACCESS, refresh_token=REFRESH, scope="x")
        else:
            self.json({"error": "invalid_grant", "error_description": "Refresh token revoked"}, 400)
            return
        self.json(content)


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may leave in the middle of an answer
            super().handle_error(request, client_address)


@contextmanager
def serve():
    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.stub = Stub(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def token_file(folder, *, expires_in=3600, access=ACCESS):
    """A user who is signed in."""
    from songnet.playlists.spotify.settings import write_private

    content = {
        "access_token": access, "refresh_token": REFRESH, "expires_at": int(time.time()) + expires_in, "scope": "x",
    }  # fmt: skip
    write_private(folder / "token.json", json.dumps(content).encode())


@dataclass
class Connection:
    client: object
    session: object
    notices: list
    sleeps: list


@contextmanager
def connect(stub, folder, *, app_only=False, answer_s=60.0):
    """A client of the stub that does not really wait."""
    from songnet.playlists.spotify.client import SpotifyClient
    from songnet.playlists.spotify.session import GuardedSession
    from songnet.playlists.spotify.settings import App, Endpoints
    from songnet.playlists.spotify.tokens import AppTokens, TokenFile, UserTokens

    endpoints = Endpoints(f"{stub.url}/v1/", f"{stub.url}/")
    notices, sleeps = [], []
    app = App(CLIENT_ID, CLIENT_SECRET if app_only else None)
    with closing(GuardedSession(endpoints, notify=notices.append, sleep=sleeps.append, answer_s=answer_s)) as session:
        tokens = (
            AppTokens(app, endpoints, session) if app_only else UserTokens(app, endpoints, session, TokenFile(folder))
        )
        yield Connection(SpotifyClient(endpoints, session, tokens), session, notices, sleeps)
