import errno
import hashlib
import threading
import time as real_time

import httpx
import pytest

from pxw.ddm import download as module
from pxw.ddm.catalogue import Entry
from pxw.ddm.client import Client
from pxw.errors import (
    DatasetAlteredError,
    DDMNotFoundError,
    DDMProtocolError,
    DDMUnavailableError,
    PlaceError,
    StorageFullError,
)
from tests.ddm.faulty_proxy import HASTE, FaultyProxy
from tests.ddm.old_ddm import OldDDM

CONTENT = bytes(range(256)) * 4_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Bytes:
    """A service with one file, that gives it in the ways of a script: a function of the answer for each request."""

    def __init__(self, *script, etag=None, content=CONTENT):
        self.ddm = OldDDM("V2")
        self.script = list(script)
        self.etag = etag
        self.content = content
        self.ranges = []

    def __call__(self, request):
        if "/file/" not in request.url.path:
            return self.ddm(request)
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        headers = {"ETag": self.etag} if self.etag else {}
        if wanted and self.etag and request.headers.get("If-Range") == self.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
            status, content = 206, self.content[start:]
        else:
            status, content = 200, self.content
        change = self.script.pop(0) if self.script else None
        return change(status, headers, content) if change else httpx.Response(status, headers=headers, content=content)


def broken(share):
    """The connection breaks after this share of the answer."""

    def body(content):
        yield content[: int(len(content) * share)]
        raise httpx.ReadError("reset by peer")

    return lambda status, headers, content: httpx.Response(
        status, headers=headers | {"Content-Length": str(len(content))}, content=body(content)
    )


def short(share):
    """The answer ends early, as if that was all."""
    return lambda status, headers, content: httpx.Response(
        status, headers=headers, content=content[: int(len(content) * share)]
    )


def flipped(position):
    def flip(status, headers, content):
        return httpx.Response(status, headers=headers, content=content[:position] + b"?" + content[position + 1 :])

    return flip


def says(status):
    return lambda *_: httpx.Response(status, text="?")


KNOWN = Entry("some-id", sha256=SHA256, size=len(CONTENT))


def fetch(connect, service):
    return connect(service).fetch(KNOWN).read_bytes()


@pytest.mark.parametrize("fault", [broken(0), broken(0.5), short(0), short(0.5), flipped(7), says(503), says(500)])
@pytest.mark.parametrize("etag", [None, '"1"', f'"{SHA256}"', 'W/"1"'])
def test_what_breaks_on_its_way_is_fetched_again(connect, fault, etag):
    assert fetch(connect, Bytes(fault, etag=etag)) == CONTENT


def test_a_tag_allows_to_go_on_where_it_broke(connect):
    service = Bytes(broken(0.5), broken(0.5), etag='"1"')
    assert fetch(connect, service) == CONTENT
    assert service.ranges == [None, f"bytes={len(CONTENT) // 2}-", f"bytes={len(CONTENT) * 3 // 4}-"]


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_without_a_strong_tag_it_begins_again(connect, etag):
    service = Bytes(broken(0.5), etag=etag)
    assert fetch(connect, service) == CONTENT
    assert service.ranges == [None, None]


def test_a_file_that_changed_meanwhile_begins_again(connect):
    service = Bytes(broken(0.5), etag='"1"')

    def changing(request):
        if request.headers.get("Range"):
            service.etag = '"2"'
        return service(request)

    assert fetch(connect, changing) == CONTENT
    assert service.ranges == [None, f"bytes={len(CONTENT) // 2}-"]


def test_a_range_that_the_service_cannot_give_begins_again(connect):
    service = Bytes(broken(0.5), says(416), etag='"1"')
    assert fetch(connect, service) == CONTENT
    assert service.ranges[2] is None


def test_a_range_from_elsewhere_begins_again(connect):
    def elsewhere(status, headers, content):
        return httpx.Response(206, headers=headers | {"Content-Range": "bytes 0-5/6"}, content=CONTENT)

    service = Bytes(broken(0.5), elsewhere, etag='"1"')
    assert fetch(connect, service) == CONTENT
    assert len(service.ranges) == 2


def test_a_download_that_comes_forward_may_break_any_number_of_times(connect):
    assert fetch(connect, Bytes(*[broken(0.1)] * 20, etag='"1"')) == CONTENT


def test_a_download_that_does_not_come_forward_ends(connect):
    service = Bytes(*[broken(0)] * 20, etag='"1"')
    with pytest.raises(DDMUnavailableError):
        fetch(connect, service)
    assert len(service.ranges) == 5


def test_the_same_wrong_bytes_twice_are_altered_bytes(connect):
    service = Bytes(content=CONTENT[:-1] + b"?")
    client = connect(service)
    with pytest.raises(DatasetAlteredError, match="other bytes than were uploaded") as caught:
        client.fetch(KNOWN)
    assert len(service.ranges) == 2
    assert SHA256 in caught.value.details[0]
    assert [path for path in client.cache.root.rglob("*") if path.is_file() and path.parent.name != "locks"] == []


def test_a_file_that_the_service_rewrote_is_altered(connect):
    ddm = OldDDM("V2")
    client = connect(ddm)
    entry = client.upload(b"x\n2.50\n", "demo", "a.csv")
    ddm.bytes[entry.id] = b"x\n2.5\n"
    with pytest.raises(DatasetAlteredError) as caught:
        client.fetch(entry)
    assert caught.value.details[0].startswith("expected 7 bytes")
    assert caught.value.details[1].startswith("found    6 bytes")


def test_a_tag_that_is_a_digest_is_checked_even_if_nothing_else_is_known(connect):
    with pytest.raises(DatasetAlteredError):
        connect(Bytes(etag=f'"{SHA256}"', content=b"other")).fetch("some-id")


def test_what_somebody_else_uploaded_is_taken_as_it_comes(connect):
    ddm = OldDDM()
    ddm.add("demo", "a.csv", b"2.50")
    client = connect(ddm)
    entry = client.find("demo", "a.csv")
    assert (entry.sha256, client.fetch(entry).read_bytes()) == (None, b"2.5")
    ddm.bytes[entry.id] = b"later"
    assert client.fetch(entry).read_bytes() == b"later"


def test_what_is_not_there_is_not_waited_for(connect, time):
    with pytest.raises(DDMNotFoundError):
        connect(OldDDM("V2")).fetch("nothing")
    assert time.slept == []


def test_what_was_uploaded_just_now_is_waited_for(connect, time):
    ddm = OldDDM()
    entry = connect(ddm).upload(b"abc", "demo", "a")
    ddm._waits[entry.id] = 3
    assert connect(ddm).fetch(entry).read_bytes() == b"abc"
    time.sleep(3600)
    ddm._waits[entry.id] = 3
    with pytest.raises(DDMNotFoundError):
        connect(ddm).fetch(entry)


def test_a_body_that_a_proxy_packed_all_the_same_is_unpacked(connect):
    import gzip

    def pack(status, headers, content):
        return httpx.Response(200, headers={"Content-Encoding": "gzip", "ETag": '"1"'}, content=gzip.compress(content))

    assert fetch(connect, Bytes(pack)) == CONTENT


def test_a_body_that_does_not_unpack_is_a_typed_error(connect):
    def lie(status, headers, content):
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=iter([b"no gzip"]))

    with pytest.raises(DDMUnavailableError, match="does not decode"):
        fetch(connect, Bytes(lie, lie, lie))


# -- where it goes


def test_a_download_appears_when_it_is_complete(connect, tmp_path):
    seen, place = [], tmp_path / "deep" / "copy"

    def look(done, total):
        seen.append((done, total, place.exists(), len(list(place.parent.iterdir()))))

    connect(Bytes()).download(KNOWN, place, progress=look)
    assert place.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT), False, 1)
    assert list(place.parent.iterdir()) == [place]


def test_a_download_that_fails_leaves_what_was_there(connect, tmp_path):
    place = tmp_path / "copy"
    place.write_text("before")
    with pytest.raises(DatasetAlteredError):
        connect(Bytes(content=b"other")).download(KNOWN, place)
    assert place.read_text() == "before"
    assert list(tmp_path.iterdir()) == [place]


def test_a_place_that_cannot_be_written_is_a_typed_error(connect, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(PlaceError, match="cannot write") as caught:
        connect(Bytes()).download("some-id", tmp_path / "file" / "copy")
    assert str(tmp_path) in caught.value.at
    (tmp_path / "directory").mkdir()
    with pytest.raises(PlaceError):
        connect(Bytes()).download("some-id", tmp_path / "directory")


def test_a_full_disk_is_a_typed_error_and_leaves_nothing(connect, tmp_path, monkeypatch):
    def full(file, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "settle", full)
    with pytest.raises(StorageFullError, match="No space left"):
        connect(Bytes()).download("some-id", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_cache_is_not_asked_for_again(connect, tmp_path):
    service = Bytes()
    client = connect(service)
    for _ in range(2):
        client.fetch(KNOWN)
    with client.open(KNOWN) as stream:
        assert stream.read() == CONTENT
    assert client.download(KNOWN, tmp_path / "copy").read_bytes() == CONTENT
    assert len(service.ranges) == 1


def test_threads_that_want_the_same_file_fetch_it_once(connect):
    def slow(status, headers, content):
        real_time.sleep(0.05)
        return httpx.Response(status, content=content)

    service = Bytes(slow)
    client, barrier, found = connect(service), threading.Barrier(6), []

    def want():
        barrier.wait()
        found.append(client.fetch(KNOWN))

    threads = [threading.Thread(target=want) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(service.ranges) == 1


@pytest.mark.parametrize("fault", ["cut body", "drop before", "lose answer", "503", "late answer", "short body"])
def test_real_connections_break_like_those_of_the_tests(tmp_path, fault):
    ddm = OldDDM("V2")
    ddm.bytes["some-id"] = CONTENT
    with (
        FaultyProxy(ddm, rate=0.5, seed=1, faults=(fault,), late=0.15) as proxy,
        Client(proxy.url, cache=tmp_path, timeout=0.1, retry=HASTE) as client,
    ):
        for _ in range(3):
            place = client.download(KNOWN, tmp_path / "copy")
            assert place.read_bytes() == CONTENT
    assert proxy.met[fault]


def test_an_address_that_is_not_for_files_is_a_protocol_error(connect):
    with pytest.raises(DDMProtocolError):
        connect(Bytes(says(302))).fetch("some-id")


def test_an_answer_that_is_always_too_short_ends(connect):
    service = Bytes(*[short(0.5)] * 99, etag='"1"')
    with pytest.raises(DatasetAlteredError):
        fetch(connect, service)
    assert len(service.ranges) < 40
