"""Who gets in, and what everybody else hears."""

import time

import pytest

from pxw.server.app import ROUTES
from pxw.server.auth import LOGIN, OPEN

CLOSED = [
    (method, route.path.replace("{file_id}", "x").replace("{task_id}", "metadata-x"))
    for route in ROUTES
    for method in sorted(route.methods - {"HEAD"})
    if route.path not in OPEN
]


@pytest.mark.parametrize(("method", "path"), [*CLOSED, ("GET", "/nowhere"), ("POST", "/ddm"), ("GET", "//ddm/file/x")])
def test_nothing_answers_without_a_token(stranger, method, path):
    for authorization in (None, b"Bearer wrong", b"Bearer", b"\xe4", b"Basic YTpi"):
        headers = {"Authorization": authorization} if authorization else {}
        answer = stranger.request(method, f"http://127.0.0.1{path}", headers=headers)
        if path.startswith("/ddm"):
            is_missing = authorization in {None, b"Bearer"}
            assert (answer.status_code, answer.json()["error"]) == (
                401,
                "Missing token" if is_missing else "Unauthorized",
            )
        else:
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in?next=")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_missing_and_a_wrong_token_are_told_apart(stranger):
    missing, wrong = (stranger.get("/ddm/catalog/list", headers=h) for h in ({}, {"Authorization": "Bearer x"}))
    assert (missing.status_code, missing.json()) == (401, {"error": "Missing token"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "Unauthorized")
    assert wrong.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "{}", "Bearer   {}"])
def test_the_token_is_taken_as_bearer_or_bare(client, header):
    token = client.headers.pop("Authorization").split()[1]
    assert client.get("/ddm/catalog/list", headers={"Authorization": header.format(token)}).status_code == 200
    assert client.get("/ddm/catalog/list", headers={"Authorization": header.format(token + "x")}).status_code == 401
    assert client.get("/ddm/catalog/list", headers={"Authorization": header.format(token[:-1])}).status_code == 401


def login(client, username, password):
    return client.post(LOGIN, json={"username": username, "password": password})


def test_a_login_gives_a_token_that_opens_the_routes(stranger):
    answer = login(stranger, "ann", "pass wörd").json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 36_000)
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert stranger.get("/ddm/catalog/list", headers=headers).status_code == 200


@pytest.mark.parametrize(("username", "password", "code"), [("bob", "x", 4012), ("", "", 4012), ("ann", "x", 4011)])
def test_a_login_that_fails_says_why_by_its_code(stranger, username, password, code):
    answer = login(stranger, username, password)
    assert (answer.status_code, answer.json()["error_code"]) == (401, code)


def test_a_token_of_the_login_expires_and_cannot_be_stretched(stranger, monkeypatch):
    token = login(stranger, "ann", "pass wörd").json()["access_token"]
    expiry, _, signature = token.partition(".")
    for forged in (f"{int(expiry) + 1}.{signature}", f"{expiry}.", f".{signature}", f"x.{signature}", "."):
        assert stranger.get("/ddm/catalog/list", headers={"Authorization": forged}).status_code == 401
    ten_hours_later = time.time() + 36_001
    monkeypatch.setattr(time, "time", lambda: ten_hours_later)
    assert stranger.get("/ddm/catalog/list", headers={"Authorization": token}).status_code == 401
