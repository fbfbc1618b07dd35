import io
import itertools
import json
import os
from datetime import timedelta

import httpx
import pytest

from pxw.ddm.retry import Clock, Retry
from pxw.ddm.wire import Envelope
from pxw.errors import (
    DatasetAlteredError,
    DDMError,
    DDMProtocolError,
    DDMRejectedError,
    DDMUnavailableError,
    MissingDataError,
    PlaceError,
    SpecError,
)
from tests.ddm.old_ddm import OldDDM

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# -- what is sent


def test_one_file_goes_up_under_the_guard_with_all_that_is_said_about_it(connect, time):
    ddm = OldDDM("V2")
    entry = connect(ddm).upload(
        b"abc", "demo/a", "input.csv", description="ages", use_case=["uc1", "uc2"], metadata={"task": "T"}
    )
    (form,) = ddm.forms
    assert [part[:2] for part in form] == [
        ("project_id", ""),
        ("user_filenames", ""),
        ("use_case", ""),
        ("metadata-files", "metadata.json"),
        ("files", "input.csv.bin"),
        ("descriptions", ""),
    ]
    values = [value for *_, value in form]
    assert values[:2] == [b"demo/a", b"input.csv"]
    assert [json.loads(value) for value in values[2:4]] == [["uc1", "uc2"], {"task": "T"}]
    assert values[4] == b"abc"
    assert Envelope.of(values[5].decode()) == Envelope(upload_id=entry.upload_id, sha256=ABC, size=3, at=time.now())
    assert entry.description == "ages"
    assert (entry.project, entry.name, entry.size, entry.sha256) == ("demo/a", "input.csv", 3, ABC)


@pytest.mark.parametrize("generation", ["V0", "V1", "V2"])
def test_bytes_come_back_identical_from_every_generation(connect, generation, tmp_path):
    client = connect(OldDDM(generation))
    for name, content in {"a.csv": b"x\n2.50\n", "b.json": b'{"a": 2.50}', "c": bytes(range(256)) * 99}.items():
        client.upload(content, "demo", name, verify="hash")
        assert client.download(client.find("demo", name), tmp_path / name).read_bytes() == content


def test_the_request_tells_its_length_and_wants_no_encoding(connect):
    ddm = OldDDM()
    connect(ddm).upload(b"abc", "demo", "a")
    (post,) = (request for request in ddm.log if request.method == "POST")
    assert int(post.headers["Content-Length"]) == len(post.content)
    assert "Transfer-Encoding" not in post.headers
    assert {request.headers["Accept-Encoding"] for request in ddm.log} == {"identity"}


def test_names_may_hold_what_file_names_hold(connect):
    ddm = OldDDM("V2")
    client = connect(ddm)
    for name in ('say "hi".txt', "ünï cödé", "a/b/c.csv", "100%; x=y", "x" * 200, "3\u202fPM.png"):
        assert client.upload(b"abc", "demo", name).name == name
    part = next(file_name for field, file_name, _ in ddm.forms[0] if field == "files")
    assert part == "say %22hi%22.txt.bin"


def make_file(tmp_path):
    path = tmp_path / "input.csv"
    path.write_bytes(b"abc")
    return path


@pytest.mark.parametrize("as_", ["path", "text", "bytes", "bytearray", "memoryview", "stream", "file", "pipe"])
def test_whatever_holds_bytes_can_be_uploaded(connect, tmp_path, as_):
    path = make_file(tmp_path)
    reader, writer = os.pipe()
    os.write(writer, b"abc")
    os.close(writer)
    stream = io.BytesIO(b"xxxabc")
    stream.seek(3)
    with path.open("rb") as file, os.fdopen(reader, "rb") as pipe:
        data = {
            "path": path,
            "text": str(path),
            "bytes": b"abc",
            "bytearray": bytearray(b"abc"),
            "memoryview": memoryview(b"abc"),
            "stream": stream,
            "file": file,
            "pipe": pipe,
        }[as_]
        client = connect(OldDDM())
        assert client.upload(data, "demo", "a").sha256 == ABC
        assert client.find("demo", "a").sha256 == ABC
    assert list(client.cache.root.glob(".pxw-*")) == []


def test_a_path_names_its_file_and_bytes_need_a_name(connect, tmp_path):
    client = connect(OldDDM())
    assert client.upload(make_file(tmp_path), "demo").name == "input.csv"
    with pytest.raises(SpecError, match="need a name"):
        client.upload(b"abc", "demo")


def test_a_file_that_is_not_there_is_told_before_anything_is_sent(connect, tmp_path):
    ddm = OldDDM()
    with pytest.raises(MissingDataError, match="no such file"):
        connect(ddm).upload(tmp_path / "nothing", "demo")
    assert ddm.log == []


BAD_PROJECTS = ("", "/demo", "demo/", "de//mo", "x" * 256, "de*mo", "a?b", "a#b", "a$b", "a\nb")
BAD_NAMES = ("", "a\0b", "a\r\nb", "a\udcff")


@pytest.mark.parametrize(
    ("project", "name"), [*((project, "a") for project in BAD_PROJECTS), *(("demo", name) for name in BAD_NAMES)]
)
def test_an_address_that_would_leave_a_broken_row_is_refused_here(connect, project, name):
    ddm = OldDDM()
    with pytest.raises(DDMRejectedError):
        connect(ddm).upload(b"abc", project, name)
    assert ddm.log == []


@pytest.mark.parametrize("change", ["grow", "shrink"])
def test_a_file_that_changes_while_it_is_sent_is_refused(connect, tmp_path, change):
    path = tmp_path / "big"
    path.write_bytes(b"x" * 1_000_000)
    ddm = OldDDM()

    def disturb(done, total):
        if change == "grow":
            with path.open("ab") as file:
                file.write(b"y")
        else:
            os.truncate(path, 600_000)

    with pytest.raises(PlaceError, match="changed while"):
        connect(ddm).upload(path, "demo", progress=disturb)
    assert ddm.rows == {}


def test_progress_counts_the_bytes(connect):
    told = []
    connect(OldDDM()).upload(b"x" * 600_000, "demo", "a", progress=lambda *numbers: told.append(numbers))
    assert told == [(262_144, 600_000), (524_288, 600_000), (600_000, 600_000)]


def test_two_uploads_never_have_the_same_time(connect, time):
    client = connect(OldDDM())
    first, second = (client.upload(content, "demo", "a") for content in (b"1", b"2"))
    assert second.when - first.when == timedelta(microseconds=1)
    assert client.find("demo", "a").id == second.id


def test_a_clock_that_goes_back_does_not_make_an_old_version_of_a_new_one(connect, time):
    hours = itertools.count(9, -1)
    clock = Clock(
        now=lambda: time.now() + timedelta(hours=next(hours)), monotonic=lambda: time.seconds, sleep=time.sleep
    )
    client = connect(OldDDM(), clock=clock)
    client.upload(b"1", "demo", "a")
    assert client.upload(b"2", "demo", "a").id == client.find("demo", "a").id


# -- sent once, as far as anybody can tell


def losing(ddm, *what):
    """Lose the first POSTs: `before` the service sees one, or `after` it did what it was asked."""
    plan = iter(what)

    def answer(request):
        if request.method != "POST":
            return ddm(request)
        match next(plan, "pass"):
            case "before":
                request.read()
                raise httpx.WriteError("broken pipe")
            case "after":
                ddm(request)
                raise httpx.ReadTimeout("no answer")
            case "502 after":
                ddm(request)
                return httpx.Response(502)
            case "twice":
                ddm(request)
        return ddm(request)

    return answer


@pytest.mark.parametrize("what", ["after", "502 after"])
def test_an_upload_of_which_the_answer_got_lost_is_not_sent_again(connect, what):
    ddm = OldDDM()
    client = connect(losing(ddm, what))
    entry = client.upload(b"abc", "demo", "a")
    assert ddm.asked("POST", "/ddm/files/upload") == 1
    assert list(ddm.rows) == [entry.id]
    assert client.fetch(entry).read_bytes() == b"abc"


def test_an_upload_that_did_not_arrive_is_sent_again_under_the_same_key(connect):
    ddm = OldDDM()
    entry = connect(losing(ddm, "before", "before")).upload(io.BytesIO(b"abc"), "demo", "a")
    assert list(ddm.rows) == [entry.id]
    assert {request.headers["Idempotency-Key"] for request in ddm.log if request.method == "POST"} == {entry.upload_id}


def test_a_second_row_that_an_old_listing_hid_is_removed(connect):
    ddm = OldDDM()
    lossy, hidden = losing(ddm, "after"), [httpx.Response(200, json=empty_page())] * 1

    def answer(request):
        if request.url.path == "/ddm/catalog/list" and request.url.params.get("project_id") and hidden:
            return hidden.pop()
        return lossy(request)

    client = connect(answer)
    entry = client.upload(b"abc", "demo", "a")
    assert ddm.asked("POST", "/ddm/files/upload") == 2
    assert list(ddm.rows) == [entry.id]


def empty_page():
    return {"data": [], "total": 0, "page": 1, "perPage": 5000, "filtered_total": 0}


def test_a_request_that_somebody_repeats_makes_one_version(connect):
    ddm = OldDDM()
    client = connect(losing(ddm, "twice"))
    entry = client.upload(b"abc", "demo", "a")
    assert len(ddm.rows) == 2
    assert [{found.id, *found.twins} for found in client.list()] == [set(ddm.rows)]
    client.delete(entry)
    assert ddm.rows == {}


def test_a_refusal_is_not_sent_again(connect):
    ddm = OldDDM()

    def refuse(request):
        return httpx.Response(413, text="too large") if request.method == "POST" else ddm(request)

    with pytest.raises(DDMRejectedError, match="too large"):
        connect(refuse).upload(b"abc", "demo", "a")
    assert ddm.asked("GET", "/ddm/catalog/list") == 1  # only to see which generation it is


def test_a_service_that_fails_on_uploads_gets_a_second_one_and_no_third(connect):
    ddm, posts = OldDDM(), itertools.count(1)

    def fail(request):
        if request.method == "POST":
            request.read()
            next(posts)
            return httpx.Response(500, json={"message": "Failed to update file record."})
        return ddm(request)

    with pytest.raises(DDMError, match="Failed to update file record"):
        connect(fail).upload(b"abc", "demo", "a")
    assert next(posts) == 3


def test_a_service_that_stays_away_is_unavailable(connect, time):
    def down(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(DDMUnavailableError, match="no connection") as caught:
        connect(down).upload(b"abc", "demo", "a")
    assert "tried 5 times" in caught.value.details[0]


def test_a_name_that_the_service_changes_is_told(connect):
    ddm = OldDDM()

    def change(request):
        response = ddm(request)
        if request.method == "POST":
            row = response.json()["files"][0] | {"upload_filename": "a_b"}
            return httpx.Response(200, json={"message": "", "files": [row]})
        return response

    with pytest.raises(DDMRejectedError, match="as 'a_b' instead of 'a b'"):
        connect(change).upload(b"abc", "demo", "a b")


def test_an_answer_without_the_file_is_not_a_success(connect):
    ddm = OldDDM()

    def forget(request):
        return httpx.Response(200, json={"message": "", "files": []}) if request.method == "POST" else ddm(request)

    with pytest.raises(DDMProtocolError, match="0 files"):
        connect(forget).upload(b"abc", "demo", "a")


def test_a_service_that_loses_the_description_is_still_verified(connect):
    ddm = OldDDM()

    def forget(request):
        response = ddm(request)
        if request.method == "POST":
            row = response.json()["files"][0] | {"description": None}
            return httpx.Response(200, json={"message": "", "files": [row]})
        return response

    entry = connect(forget).upload(b"abc", "demo", "a", description="ages")
    assert (entry.sha256, entry.size, entry.description) == (ABC, 3, "ages")


# -- read back


@pytest.mark.parametrize("verify", ["size", "hash"])
@pytest.mark.parametrize("size", [3, 3_000_000])
def test_an_upload_that_is_not_readable_yet_is_waited_for(connect, time, verify, size):
    ddm = OldDDM()
    ddm.not_yet = 6
    connect(ddm).upload(b"x" * size, "demo", "a", verify=verify)
    assert ddm.asked("GET", "/ddm/file/") == 7
    assert time.seconds > 0


def test_an_upload_that_never_becomes_readable_is_an_error_and_leaves_no_row(connect, time):
    ddm = OldDDM()
    ddm.stores = False
    with pytest.raises(DDMUnavailableError, match="never gave it back") as caught:
        connect(ddm, retry=Retry(appearance=30)).upload(b"x" * 5 * 2**20, "demo", "a")
    assert ddm.rows == {}
    assert 30 <= time.seconds <= 35
    assert "tried" in caught.value.details[0]


def test_an_upload_that_comes_back_as_something_else_is_an_error(connect):
    ddm = OldDDM()

    def alter(request):
        response = ddm(request)
        return httpx.Response(200, content=b"xyz") if "/file/" in request.url.path else response

    with pytest.raises(DatasetAlteredError, match="other bytes"):
        connect(alter).upload(b"abc", "demo", "a")
    assert ddm.rows == {}  # else it were the newest version


@pytest.mark.parametrize("size", [2_000_000 - 1, 2_000_000 + 1])
def test_a_large_upload_is_measured_without_reading_it(connect, size):
    ddm, content, chunks = OldDDM(), b"x" * 2_000_000, []

    def stream(length):
        for _ in range(length // 1_000):
            chunks.append(1)
            yield b"x" * 1_000

    def answer(length):
        def handler(request):
            if "/file/" in request.url.path:
                return httpx.Response(200, headers={"Content-Length": str(length)}, content=stream(length))
            return ddm(request)

        return handler

    connect(answer(2_000_000)).upload(content, "demo", "a")
    assert chunks == []
    with pytest.raises(DatasetAlteredError, match="other bytes"):
        connect(answer(size)).upload(content, "demo", "a")


def test_a_service_that_tells_digests_is_believed(connect):
    ddm, content = OldDDM(), b"x" * 2_000_000

    def answer(tag):
        def handler(request):
            response = ddm(request)
            if "/file/" in request.url.path:
                response.headers["ETag"] = tag
            return response

        return handler

    tag = f'"{connect(ddm).upload(content, "demo", "a").sha256}"'
    connect(answer(tag)).upload(content, "demo", "a")
    with pytest.raises(DatasetAlteredError):
        connect(answer('"' + "0" * 64 + '"')).upload(content, "demo", "a")


def test_an_empty_file_is_uploaded_and_read_without_asking_for_its_bytes(connect, tmp_path):
    ddm = OldDDM()
    client = connect(ddm)
    client.upload(b"", "demo", "empty.csv")
    entry = client.find("demo", "empty.csv")
    assert client.fetch(entry).read_bytes() == b""
    assert client.download(entry, tmp_path / "copy").read_bytes() == b""
    assert ddm.asked("GET", "/ddm/file/") == 0


def test_reading_back_can_be_left_out(connect):
    ddm = OldDDM()
    connect(ddm).upload(b"abc", "demo", "a", verify="none")
    assert ddm.asked("GET", "/ddm/file/") == 0


def test_ddm_s_statistics_are_given_the_plain_name_and_may_rewrite_the_file(connect):
    ddm = OldDDM("V2")
    client = connect(ddm)
    entry = client.upload(b"x\n2.50\n", "demo", "a.csv", ddm_profile=True)
    assert ddm.rows[entry.id]["file_type"] == "csv"
    assert entry.sha256 is None
    assert client.fetch(client.find("demo", "a.csv")).read_bytes() == b"x\n2.5\n"


@pytest.mark.parametrize("metadata", [{"a": object()}, {"a": float("nan")}])
def test_metadata_that_json_cannot_hold_is_refused_before_anything_is_sent(connect, metadata):
    ddm = OldDDM()
    with pytest.raises(DDMRejectedError, match="metadata that JSON cannot hold"):
        connect(ddm).upload(b"abc", "demo", "a", metadata=metadata)
    assert ddm.log == []


def test_an_upload_that_is_stored_does_not_fail_for_want_of_a_listing(connect):
    ddm = OldDDM()
    lossy = losing(ddm, "before")

    def answer(request):
        if ddm.rows and request.url.path == "/ddm/catalog/list":
            return httpx.Response(404)
        return lossy(request)

    assert connect(answer).upload(b"abc", "demo", "a").id in ddm.rows


def test_a_large_file_gets_more_time_for_its_answer(connect):
    ddm = OldDDM()
    connect(ddm, timeout=10).upload(b"x" * 5 * 2**20, "demo", "a")
    post = next(request for request in ddm.log if request.method == "POST")
    assert post.extensions["timeout"] == {"connect": 10, "read": 15, "write": 10, "pool": 10}


def test_a_file_that_cannot_be_read_is_a_typed_error(connect, tmp_path):
    with pytest.raises(PlaceError, match="cannot read: Is a directory"):
        connect(OldDDM()).upload(tmp_path, "demo")
