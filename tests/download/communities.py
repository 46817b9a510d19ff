"""A community on loopback: a paginated JSON API, and the description by which it is listed."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from tests.download.fetching import png
from tests.download.servers import Request, Server

TOKEN = "t0ps3cret"


class FakeCommunity:
    """Three works a page, newest first; media addresses work once and for a fresh signature."""

    def __init__(self, n_works: int):
        self.works = [work(number) for number in range(n_works)]
        self.signature = 0
        self.n_unchanged = 0
        self.valid: set[str] = set()
        self.first_answers: list[Any] = []

    def share(self, *numbers: int) -> None:
        self.works += [work(number) for number in numbers]

    def __call__(self, request: Request) -> None:
        kind, _, rest = request.where.strip("/").partition("/")
        if kind == "media":
            self.media(request)
        elif request.headers.get("Authorization") != f"Bearer {TOKEN}":
            request.say_json({"error": "who are you?"}, 401)
        elif self.first_answers:
            status, headers = self.first_answers.pop(0)
            request.say_json({}, status, **headers)
        elif kind == "works" and rest:
            self.item(request, unquote(rest))
        else:
            self.page(request)

    def page(self, request: Request) -> None:
        tag = f'"{len(self.works)}"'
        if request.headers.get("If-None-Match") == tag:
            self.n_unchanged += 1
            request.say(304, ETag=tag)
            return
        newest = [self.signed(work, request) for work in reversed(self.works)]
        if "cursor" in request.query or request.where == "/feed":
            start = int(request.query.get("cursor", 0))
            following = start + 3 if start + 3 < len(newest) else None
            data = {"items": newest[start : start + 3], "next": following}
        else:
            page = int(request.query["page"])
            data = {"items": newest[3 * page - 3 : 3 * page]}
        request.say_json({"data": data}, ETag=tag)

    def item(self, request: Request, name: str) -> None:
        found = [work for work in self.works if work["id"] == name]
        if found:
            request.say_json({"work": self.signed(found[0], request)})
        else:
            request.say_json({}, 404)

    def signed(self, work: dict[str, Any], request: Request) -> dict[str, Any]:
        self.signature += 1
        self.valid.add(str(self.signature))
        address = f"{request.server.url}/media/{work['id']}.png"
        return work | {"video": {"url": f"{address}?Signature=s{self.signature}&Expires=1"}}

    def media(self, request: Request) -> None:
        signature = request.query.get("Signature", "").removeprefix("s")
        assert "Authorization" not in request.headers  # the token is for the API alone
        if signature in self.valid:
            request.serve(png((40, 30)) + request.where.encode())
        else:
            request.say(403)


def work(number: int) -> dict[str, Any]:
    return {
        "id": f"w/{number}",
        "type": "text" if number == 4 else "photo",
        "author": {"name": f"ann-{number % 2}"},
        "camera": "ONE X2",
        "licence": "CC-BY-4.0",
        "created": f"2026-11-{number + 1:02d}T00:00:00Z",
        "tags": ["street", "snow"],
    }


def describe(folder: Path, server: Server, **changes: Any) -> str:
    description = {
        "name": "works",
        "url": f"{server.url}/works",
        "token": "MATTEFLOW_TOKEN_WORKS",
        "items": "data.items",
        "fields": {
            "entry": "id",
            "media": "video.url",
            "kind": "type",
            "uploader": "author.name",
            "captured_with": "camera",
            "licence": "licence",
            "shared_at": "created",
            "scenes": "tags",
        },
        "kinds": {"photo": "image"},
        "item_url": f"{server.url}/works/{{entry}}",
        "item": "work",
    } | changes
    path = folder / "works.yaml"
    path.write_text(yaml.safe_dump({"community": description, "batch": "autumn"}))
    return str(path)
