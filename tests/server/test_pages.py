"""The web page, as a browser without JavaScript sees it."""

import io
import re
from html.parser import HTMLParser

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;{{ 7*7 }}{% raw %}"


class Seen(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.handlers, self.links, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on") or name == "style"]
        self.links += [value for name, value in attributes if name in {"href", "src", "action"}]

    def handle_data(self, data):
        self.text += data


def page(client, path, status=200, **query):
    answer = client.get(path, params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert answer.headers["cache-control"] == "no-store"
    seen = Seen(answer.text)
    assert not {"script", "img", "iframe", "object", "svg"} & set(seen.tags)
    assert seen.handlers == []
    assert all(link.startswith("/") and not link.startswith("//") for link in seen.links), seen.links
    return seen


@pytest.fixture
def browser(stranger, client):
    """A client that knows the token only as a browser does: by its cookie."""
    token = client.headers.pop("Authorization").split()[1]
    answer = client.post("/sign-in", data={"token": token, "next": "/?project=demo"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?project=demo")
    cookie = answer.headers["set-cookie"]
    assert token not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    return client


@pytest.fixture
def put(browser, upload):
    def send(*arguments, **fields):
        browser.headers["Authorization"] = "a-token-of-the-tests"
        try:
            return upload(*arguments, **fields)
        finally:
            del browser.headers["Authorization"]

    return send


def test_a_stranger_is_asked_for_the_token_and_comes_back_to_where_he_was_going(stranger):
    answer = stranger.get("/file/x", params={"a": "b&c"})
    assert answer.headers["location"] == "/sign-in?next=%2Ffile%2Fx%3Fa%3Db%2526c"
    form = stranger.get(answer.headers["location"]).text
    assert 'name="next" value="/file/x?a=b%26c"' in form


def test_a_wrong_token_is_refused_on_the_page(stranger):
    answer = stranger.post("/sign-in", data={"token": "wrong"})
    assert answer.status_code == 401
    assert "not valid" in answer.text
    assert "set-cookie" not in answer.headers
    assert stranger.post("/sign-in", content=b"\xff=%ff&token=%00").status_code == 401
    assert stranger.post("/sign-in", content=b"x" * 10_000).status_code == 413


@pytest.mark.parametrize("elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", ""])
def test_a_sign_in_never_leads_to_another_site(client, elsewhere):
    token = client.headers.pop("Authorization").split()[1]
    answer = client.post("/sign-in", data={"token": token, "next": elsewhere})
    assert answer.headers["location"] == "/"


def test_a_cookie_opens_the_pages_and_never_the_routes_that_change_things(browser, put):
    row = put()
    page(browser, "/")
    assert browser.get("/ddm/catalog/list").status_code == 401
    assert browser.delete(f"/ddm/file/{row['id']}/delete").status_code == 401
    stolen = {"Authorization": f"Bearer {browser.cookies['pxw_session']}"}
    assert browser.get("/ddm/catalog/list", headers=stolen).status_code == 401
    browser.post("/sign-out")
    assert browser.get("/").status_code == 303


def test_projects_are_browsed_level_by_level(browser, put):
    assert "Nothing was uploaded yet" in page(browser, "/").text
    row = put("a b.csv", project="demo & co/x y")
    top = page(browser, "/")
    assert "/?project=demo+%26+co" in top.links
    level = page(browser, "/", project="demo & co")
    assert "/?project=demo+%26+co%2Fx+y" in level.links
    files = page(browser, "/", project="demo & co/x y")
    assert f"/file/{row['id']}" in files.links
    assert "/download?project=demo+%26+co%2Fx+y" in files.links
    assert "demo & co" in files.text
    page(browser, "/", 404, project="nowhere")


def test_a_search_finds_names_and_projects_whatever_their_case(browser, put):
    for name, project in (("Raw.csv", "demo"), ("x", "RAW/y"), ("other", "demo"), ("100%_", "demo")):
        put(name, project=project)
    assert "Raw.csv" in page(browser, "/", q="raw").text
    assert "RAW/y" in page(browser, "/", q="raw").text
    assert "RAW/y" not in page(browser, "/", q="raw", project="demo").text
    assert "other" not in page(browser, "/", q="%").text
    assert "Nothing is called so" in page(browser, "/", q="<b>").text


def test_long_lists_come_in_pages(browser, put):
    for index in range(101):
        put(f"f{index:03}", b"")
    first, second = page(browser, "/", project="demo"), page(browser, "/", project="demo", page=2)
    assert "f099" in first.text
    assert "f100" not in first.text
    assert "/?project=demo&page=2" in first.links
    assert "f100" in second.text
    assert "/?project=demo&page=1" in second.links
    page(browser, "/", 400, page=0)


TABLE = pa.table({"age": [1, None, 3], "<b>": ["x", "<i>y</i>", "z"]})


def written(suffix):
    if suffix == "csv":
        return b"age,<b>\n1,x\n,<i>y</i>\n3,z\n"
    if suffix == "tsv":
        return b"age\t<b>\n1\tx\n\t<i>y</i>\n3\tz\n"
    if suffix == "json":
        return b'[{"age": 1, "<b>": "x"}, {"<b>": "<i>y</i>"}, {"age": 3, "<b>": "z"}]'
    if suffix == "jsonl":
        return b'{"age": 1, "<b>": "x"}\n{"<b>": "<i>y</i>"}\n\n{"age": 3, "<b>": "z"}'
    sink = io.BytesIO()
    if suffix == "parquet":
        parquet.write_table(TABLE, sink)
    elif suffix == "feather":
        feather.write_feather(TABLE, sink, compression="zstd")
    else:
        with (pa.ipc.new_file if suffix == "arrow" else pa.ipc.new_stream)(sink, TABLE.schema) as writer:
            writer.write_table(TABLE)
    return sink.getvalue()


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet", "feather", "arrow", "ipc"])
def test_a_table_shows_its_schema_and_first_rows(browser, put, suffix):
    row = put(f"t.{suffix}", written(suffix))
    seen = page(browser, f"/file/{row['id']}")
    assert seen.tags.count("th") == 2
    assert seen.tags.count("td") == 6
    for text in ("age", "int", "<b>", "str", "<i>y</i>", row["sha256"], row["id"]):
        assert text in seen.text
    assert "2 columns" in seen.text


def test_a_preview_reads_only_the_beginning(browser, put):
    head = b"a,b\n" + b"1,2\n" * 1_000_000
    seen = page(browser, f"/file/{put('big.csv', head)['id']}")
    assert seen.tags.count("td") == 100
    seen = page(browser, f"/file/{put('big.txt', b'word ' * 1_000_000)['id']}")
    assert len(seen.text) < 20_000
    wide = b",".join(b"c%d" % n for n in range(5000)) + b"\n"
    seen = page(browser, f"/file/{put('wide.csv', wide)['id']}")
    assert seen.tags.count("th") == 1_000


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet", "feather", "arrow", "ipc", "txt", "pkl"])
@pytest.mark.parametrize("data", [b"\x00\xff<script>" * 50, b"PAR1" + b"\xff" * 64 + b"PAR1", b"ARROW1\x00\x00" * 9])
def test_a_file_that_is_not_what_its_name_says_still_has_a_page(browser, put, suffix, data):
    page(browser, f"/file/{put(f't.{suffix}', data)['id']}")


def test_a_truncated_table_is_told_as_such(browser, put):
    for suffix in ("parquet", "arrow", "feather"):
        seen = page(browser, f"/file/{put(f't.{suffix}', written(suffix)[:-9])['id']}")
        assert f"not readable as {suffix}" in seen.text


def test_everything_is_shown_as_text_and_nothing_runs(browser, put):
    safe = HOSTILE.replace("/", "").replace("*", "").replace("?", "")
    fields = {"description": HOSTILE, "use_case": '["<u>x</u>"]'}
    row = put(
        f"{safe}.csv",
        f"{HOSTILE!r},b\n{HOSTILE!r},2\n".encode(),
        safe,
        descriptions=HOSTILE,
        use_case=fields["use_case"],
    )
    browser.headers["Authorization"] = "a-token-of-the-tests"
    browser.post(f"/ddm/uploader_metadata/{row['id']}", json={"uploader_metadata": {HOSTILE: HOSTILE}})
    report = browser.get(f"/ddm/file_metadata/report/{row['id']}")
    del browser.headers["Authorization"]
    assert "script" not in Seen(report.text).tags
    for seen in (
        page(browser, "/"),
        page(browser, "/", project=safe),
        page(browser, "/", q=safe),
        page(browser, f"/file/{row['id']}"),
    ):
        assert safe in seen.text
    assert HOSTILE in page(browser, f"/file/{row['id']}").text
    page(browser, "/", 404, project=HOSTILE)
    page(browser, f"/file/{safe}", 404)
    page(browser, f"/{safe}", 404)


def test_what_pxw_noted_for_itself_is_not_shown(browser, put):
    note = f"[pxw upload={'a' * 32} sha256={'b' * 64} size=3 at=2026-01-02T03:04:05+00:00]"
    seen = page(browser, f"/file/{put(descriptions=f'for people {note}')['id']}")
    assert "for people" in seen.text
    assert "pxw upload" not in seen.text


def test_files_are_downloaded_from_the_page(browser, put):
    row = put("a.csv", b"123")
    assert browser.get(f"/file/{row['id']}/download").content == b"123"
    assert browser.get("/download", params={"project": "demo"}).headers["content-type"] == "application/zip"
    assert browser.get("/download", params={"project": "x"}).status_code == 404


def test_the_style_sheet_is_all_that_the_page_loads(stranger):
    answer = stranger.get("/style.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert not re.search(r"url\(|@import", answer.text)


def test_facts_tell_the_schema(client, upload):
    row = upload("t.parquet", written("parquet"))
    expected = {
        "file_size": row["file_size"],
        "file_type": "parquet",
        "sha256": row["sha256"],
        "columns": [{"name": "age", "type": "int64"}, {"name": "<b>", "type": "string"}],
        "rows": 3,
    }
    one = client.get(f"/ddm/file_metadata/{row['id']}").json()
    assert one == {"id": row["id"], "filename": "t.parquet", "file_metadata": expected}
    assert client.post("/ddm/file_metadata/", json={"file_ids": [row["id"]]}).json() == [one]
    reports = client.post("/ddm/file_metadata/reports", json={"file_ids": [row["id"]]})
    assert reports.headers["content-type"] == "application/zip"
