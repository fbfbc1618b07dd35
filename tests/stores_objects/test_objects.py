"""Datasets in an object store: written whole or not at all, downloaded once, never another version than was meant."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import pxw
from pxw import data
from pxw.errors import (
    CorruptDataError,
    DatasetAlteredError,
    FormatError,
    MissingDataError,
    PickleRefusedError,
    PlaceError,
    SchemaError,
    SpecError,
)
from pxw.settings import load_settings
from pxw.stores import bucket as objects
from pxw.stores import outgoing
from tests.s3 import S3Server
from tests.stores_objects.s3_proxy import S3Proxy

FRAME = pd.DataFrame({"age": [1, 2, 3], "name": ["x", "ü", None]})


def forget() -> None:
    """Be a worker that has never seen any of it."""
    shutil.rmtree(load_settings().home / "cache")


# There and back ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.arrow", "t.parquet", "t.csv", "t.csv.gz", "t.jsonl.zst", "deep/er/t.feather"])
def test_a_table_goes_up_and_comes_back_on_another_machine(bucket: str, name: str) -> None:
    ref = pxw.save(FRAME, pxw.Remote(f"{bucket}/{name}"))
    forget()
    pd.testing.assert_frame_equal(pxw.load(ref), FRAME)
    assert pxw.load(pxw.Remote(f"{bucket}/{name}"), pa.Table).num_rows == 3
    assert ref.place == f"{bucket}/{name}"


@pytest.mark.parametrize("name", ["a b.json", "ü#%20.json", "x+y=z.json", "(1)~'.json"])
def test_keys_may_hold_any_sign(bucket: str, name: str) -> None:
    pxw.save({"auc": 0.9}, pxw.Remote(f"{bucket}/{name}"))
    forget()
    assert pxw.load(pxw.Remote(f"{bucket}/{name}")) == {"auc": 0.9}
    assert [spec.url for spec in data.entries(pxw.Remote(f"{bucket}/"))] == [f"{bucket}/{name}"]


@pytest.mark.parametrize("value", [b"", b"\0\1", "text", np.arange(3)])
def test_other_values_come_back_as_they_were(bucket: str, value: object) -> None:
    suffix = {bytes: "bin", str: "txt", np.ndarray: "npy"}[type(value)]
    ref = pxw.save(value, pxw.Remote(f"{bucket}/v.{suffix}"))
    forget()
    assert np.array_equal(pxw.load(ref, type(value)), value)


def test_a_folder_is_one_object_an_entry(bucket: str) -> None:
    ref = pxw.save({"a.csv": FRAME, "sub/b.json": {"x": 1}}, pxw.Remote(f"{bucket}/out/"))
    forget()
    assert list(pxw.load(ref)) == ["a.csv", "sub/b.json"]
    assert sorted(path.name for path in pxw.load(pxw.Remote(f"{bucket}/out/"), Path).rglob("*.*")) == [
        "a.csv",
        "b.json",
    ]


def test_a_pattern_means_the_objects_that_it_matches(bucket: str) -> None:
    pxw.save({"a1.csv": FRAME, "a2.csv": FRAME, "b.json": {}, "sub/a3.csv": FRAME}, pxw.Remote(f"{bucket}/out/"))
    assert list(pxw.load(pxw.Remote(f"{bucket}/out/a?.csv"), dict[str, pd.DataFrame])) == ["a1.csv", "a2.csv"]
    assert len(pxw.load(pxw.Remote(f"{bucket}/out/*.csv"), pd.DataFrame)) == 6
    assert list(pxw.load(pxw.Remote(f"{bucket}/*/*/a*.csv"), dict[str, bytes])) == ["out/sub/a3.csv"]


def test_a_folder_does_not_hold_what_only_begins_like_it(bucket: str) -> None:
    pxw.save("x", pxw.Remote(f"{bucket}/out2/x.txt"))
    pxw.save("y", pxw.Remote(f"{bucket}/out/y.txt"))
    assert pxw.load(pxw.Remote(f"{bucket}/out/")) == {"y.txt": "y"}


def test_a_copy_keeps_the_bytes_where_the_format_stays(bucket: str, tmp_path: Path) -> None:
    Path("in.csv").write_text("a;b\n1;2,50\n")
    form = pxw.Csv(delimiter=";", decimal=",")
    pxw.save(pxw.Local("in.csv", format=form), pxw.Remote(f"{bucket}/in.csv", format=form))
    pxw.save(pxw.Remote(f"{bucket}/in.csv", format=form), pxw.Local("out.csv", format=form))
    assert Path("out.csv").read_bytes() == Path("in.csv").read_bytes()
    pxw.save(pxw.Remote(f"{bucket}/in.csv", format=form), pxw.Remote(f"{bucket}/in.parquet"))
    assert pxw.load(pxw.Remote(f"{bucket}/in.parquet")).b.tolist() == [2.5]


# Once --------------------------------------------------------------------------------------------------------------


def gets(s3: S3Server, since: int) -> list[int]:
    return list(s3.asked("GET", since).values())


def test_nothing_is_downloaded_where_it_was_made(s3: S3Server, bucket: str) -> None:
    start = s3.now
    ref = pxw.save(FRAME, pxw.Remote(f"{bucket}/t.arrow"))
    pxw.load(ref)
    pxw.load(pxw.Remote(f"{bucket}/t.arrow"))
    assert gets(s3, start) == []


def test_threads_and_references_and_specs_share_one_download(s3: S3Server, bucket: str) -> None:
    place = pxw.Remote(f"{bucket}/t.arrow")
    ref = pxw.save(FRAME, place)
    forget()
    start = s3.now
    with ThreadPoolExecutor(8) as pool:
        assert all(len(frame) == 3 for frame in pool.map(pxw.load, [ref, place] * 8))
    assert gets(s3, start) == [1]


def test_processes_share_one_download(s3: S3Server, bucket: str) -> None:
    pxw.save(b"x" * 3_000_000, pxw.Remote(f"{bucket}/t.bin"))
    forget()
    start = s3.now
    code = f"import pxw; assert len(pxw.load(pxw.Remote('{bucket}/t.bin'), bytes)) == 3_000_000"
    loading = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait(120) for process in loading] == [0, 0, 0]
    assert gets(s3, start) == [1]


def test_a_damaged_copy_is_downloaded_again(s3: S3Server, bucket: str) -> None:
    ref = pxw.save(b"abc", pxw.Remote(f"{bucket}/t.bin"))
    (copy,) = (path for path in (load_settings().home / "cache").glob("??/*"))
    copy.chmod(0o600)
    copy.write_bytes(b"abd")
    start = s3.now
    assert pxw.load(ref, bytes) == b"abc"
    assert gets(s3, start) == [1]


def test_a_look_reads_a_header_and_does_not_download_what_is_large(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = pxw.Remote(f"{bucket}/t.csv")
    pxw.save(FRAME, place)
    forget()
    assert set(data.look(place) or ()) == {"age", "name"}
    forget()
    monkeypatch.setattr("pxw.stores.objects.GLIMPSE", 5)
    start = s3.now
    assert data.look(place) is None
    assert gets(s3, start) == []
    with pytest.raises(MissingDataError):
        data.look(pxw.Remote(f"{bucket}/other.csv"))


# Versions ------------------------------------------------------------------------------------------------------------


def test_a_reference_to_an_object_that_changed_is_refused(bucket: str) -> None:
    place = pxw.Remote(f"{bucket}/t.txt")
    ref = pxw.save("one", place)
    pxw.save("two", place)
    forget()
    with pytest.raises(DatasetAlteredError, match="changed"):
        pxw.load(ref)
    with pytest.raises(DatasetAlteredError):
        data.verify(ref)
    assert pxw.load(place) == "two"


def test_an_entry_of_a_folder_that_changed_is_refused(bucket: str) -> None:
    (entry,) = data.entries(pxw.save({"a.txt": "one"}, pxw.Remote(f"{bucket}/f/")))
    pxw.save("two", pxw.Remote(f"{bucket}/f/a.txt"))
    with pytest.raises(DatasetAlteredError, match="version"):
        pxw.load(entry)


def test_a_spec_sees_that_an_object_changed(bucket: str) -> None:
    place = pxw.Remote(f"{bucket}/t.txt")
    pxw.save("one", place)
    before = data.fingerprint(place)
    assert data.fingerprint(place) == before
    pxw.save("two", place)
    assert data.fingerprint(place) != before
    assert pxw.load(place) == "two"


def test_other_bytes_behind_the_same_etag_are_refused(bucket: str) -> None:
    ref = pxw.save("one", pxw.Remote(f"{bucket}/t.txt"))
    forget()
    with pytest.raises(DatasetAlteredError, match="other bytes"):
        pxw.load(ref.changed(digest="sha256:" + "0" * 64))


# What goes wrong -----------------------------------------------------------------------------------------------------


def test_a_missing_object_names_the_nearest_one(bucket: str) -> None:
    pxw.save("x", pxw.Remote(f"{bucket}/raw/input.txt"))
    with pytest.raises(MissingDataError, match=r"did you mean 'input\.txt'"):
        pxw.load(pxw.Remote(f"{bucket}/raw/inptu.txt"))
    with pytest.raises(MissingDataError, match=r"there are no objects in"):
        pxw.load(pxw.Remote(f"{bucket}/rwa/"))
    with pytest.raises(MissingDataError, match="no object fits the pattern"):
        pxw.load(pxw.Remote(f"{bucket}/raw/*.csv"))


@pytest.mark.parametrize("place", ["s3://no-such-bucket/x.txt", "s3://no-such-bucket/"])
def test_a_missing_bucket_is_told(s3: S3Server, place: str) -> None:
    with pytest.raises(MissingDataError, match="no bucket s3://no-such-bucket"):
        pxw.load(pxw.Remote(place), dict if place.endswith("/") else None)
    with pytest.raises(MissingDataError, match="no bucket s3://no-such-bucket"):
        pxw.save({"x.txt": "x"}, pxw.Remote("s3://no-such-bucket/x/"))


def test_a_store_that_is_away_is_told_with_what_to_look_at(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setitem(objects._PATIENCE, "retry_config", {"max_retries": 0})
    with pytest.raises(PlaceError, match="AWS_ENDPOINT_URL"):
        pxw.load(pxw.Remote(f"{bucket}/x.txt"))


def test_missing_credentials_are_told_with_their_names(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(PlaceError, match="AWS_ACCESS_KEY_ID"):
        pxw.load(pxw.Remote(f"{bucket}/x.txt"))


@pytest.fixture
def proxied(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., S3Proxy]]:
    """Puts a proxy between this process and the server, until the test ends."""
    soon = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=20), "base": 2}
    monkeypatch.setitem(objects._PATIENCE, "retry_config", {"max_retries": 2, "backoff": soon})
    with ExitStack() as stack:

        def put(**faults: Any) -> S3Proxy:
            proxy = stack.enter_context(S3Proxy(s3.url, **faults))
            monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
            return proxy

        yield put


ALL = ("HEAD", "GET", "PUT", "POST")


@pytest.mark.parametrize("answer", [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")])
def test_a_wrong_region_is_told_by_the_name_of_its_setting(
    bucket: str, proxied: Callable[..., S3Proxy], answer: tuple[int, str]
) -> None:
    pxw.save("old", pxw.Remote(f"{bucket}/x.txt"))
    forget()
    proxied(refused=dict.fromkeys(ALL, answer))
    for use in (
        lambda: pxw.load(pxw.Remote(f"{bucket}/x.txt")),
        lambda: pxw.save("new", pxw.Remote(f"{bucket}/x.txt")),
    ):
        with pytest.raises(PlaceError, match=rf"cannot (read|write) {bucket}/x.txt") as caught:
            use()
        assert "AWS_REGION" in caught.value.help
        assert caught.value.code == "PXW104"


def test_what_one_may_not_read_is_told_so(bucket: str, proxied: Callable[..., S3Proxy]) -> None:
    place = pxw.Remote(f"{bucket}/x.txt")
    ref = pxw.save("secret", place)
    forget()
    proxied(refused=dict.fromkeys(("HEAD", "GET"), (403, "AccessDenied")))
    for source in (place, ref, pxw.Remote(f"{bucket}/")):
        with pytest.raises(PlaceError, match=rf"no permission to (read|list) {bucket}/") as caught:
            pxw.load(source)
        assert "AWS_ACCESS_KEY_ID" in caught.value.help


def test_where_one_may_not_write_what_was_there_stays(
    bucket: str, proxied: Callable[..., S3Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    big = b"x" * 20_000_000  # in parts
    for name in ("small", "big"):
        pxw.save("old", pxw.Remote(f"{bucket}/{name}.bin"))
    direct = os.environ["AWS_ENDPOINT_URL"]
    proxied(refused=dict.fromkeys(("PUT", "POST"), (403, "AccessDenied")))
    for name, value in (("small", b"new"), ("big", big)):
        with pytest.raises(PlaceError, match=rf"no permission to write {bucket}/{name}.bin") as caught:
            pxw.save(value, pxw.Remote(f"{bucket}/{name}.bin"))
        assert "AccessDenied: said the store" in caught.value.details
    assert not list((load_settings().home / "outgoing").iterdir())
    monkeypatch.setenv("AWS_ENDPOINT_URL", direct)
    forget()
    assert [pxw.load(pxw.Remote(f"{bucket}/{name}.bin"), bytes) for name in ("small", "big")] == [b"old", b"old"]


def test_a_download_that_breaks_goes_on(bucket: str, proxied: Callable[..., S3Proxy]) -> None:
    content = os.urandom(3_000_000)
    ref = pxw.save(content, pxw.Remote(f"{bucket}/x.bin"))
    forget()
    proxy = proxied(cut_after=1_000_000, cuts=2)
    assert pxw.load(ref, bytes) == content
    assert proxy.cuts == 0


def test_of_a_download_that_breaks_again_and_again_nothing_is_kept(
    bucket: str, proxied: Callable[..., S3Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(3_000_000)
    ref = pxw.save(content, pxw.Remote(f"{bucket}/x.bin"))
    forget()
    direct = os.environ["AWS_ENDPOINT_URL"]
    proxied(cut_after=1000, cuts=1000)
    with pytest.raises(PlaceError, match=rf"cannot read {bucket}/x.bin"):
        pxw.load(ref, bytes)
    kept = (load_settings().home / "cache").rglob("*")
    assert sum(path.stat().st_size for path in kept if path.is_file()) == 0
    monkeypatch.setenv("AWS_ENDPOINT_URL", direct)
    assert pxw.load(ref, bytes) == content


def test_what_a_forked_process_cannot_do_is_an_error_and_no_hang(bucket: str) -> None:
    code = f"""
import os, pxw
pxw.save("x", pxw.Remote("{bucket}/x.txt"))
if os.fork() == 0:
    try:
        pxw.load(pxw.Remote("{bucket}/x.txt"))
    except pxw.PxwError as error:
        os._exit(7 if "spawn" in str(error) else 1)
    os._exit(2)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)


def test_a_schema_holds_at_both_ends(bucket: str) -> None:
    with pytest.raises(SchemaError):
        pxw.save(FRAME, pxw.Remote(f"{bucket}/t.parquet", schema={"age": "double", "size": "int64"}))
    with pytest.raises(MissingDataError):
        pxw.load(pxw.Remote(f"{bucket}/t.parquet"))
    pxw.save(FRAME, pxw.Remote(f"{bucket}/t.parquet"))
    with pytest.raises(SchemaError):
        pxw.load(pxw.Remote(f"{bucket}/t.parquet", schema={"size": "int64"}))


def test_a_pickle_of_somebody_else_is_refused(bucket: str) -> None:
    Path("x.pkl").write_bytes(pickle.dumps({1}))
    pxw.save(Path("x.pkl"), pxw.Remote(f"{bucket}/x.pkl"))
    with pytest.raises(PickleRefusedError):
        pxw.load(pxw.Remote(f"{bucket}/x.pkl"))
    assert pxw.load(pxw.Remote(f"{bucket}/x.pkl", allow_pickle=True)) == {1}


def test_a_broken_file_is_told_with_its_url(bucket: str) -> None:
    pxw.save(b"no parquet", pxw.Remote(f"{bucket}/t.parquet"))
    with pytest.raises(CorruptDataError, match=rf"{bucket}/t\.parquet"):
        pxw.load(pxw.Remote(f"{bucket}/t.parquet"))


def test_what_cannot_be_written_there_is_refused_before_anything_is_sent(s3: S3Server, bucket: str) -> None:
    start = s3.now
    with pytest.raises(SpecError, match="pattern"):
        pxw.save("x", pxw.Remote(f"{bucket}/*.txt"))
    with pytest.raises(SpecError, match="etag"):
        pxw.save("x", pxw.Remote(f"{bucket}/x.txt", etag="1"))
    with pytest.raises(SpecError, match="several files"):
        pxw.save({"a.csv": FRAME}, pxw.Remote(f"{bucket}/x"))
    with pytest.raises(FormatError, match="cannot fill a folder"):
        pxw.save(FRAME, pxw.Remote(f"{bucket}/x/"))
    assert not s3.asked("PUT", start)
    assert not list((load_settings().home / "outgoing").iterdir())


def test_a_name_that_leads_out_of_its_folder_is_refused(bucket: str) -> None:
    objects.put(_file(b"x"), f"{bucket}/f/a\\..\\b")
    with pytest.raises(PlaceError, match="no name"):
        pxw.load(pxw.Remote(f"{bucket}/f/"), Path)


def _file(content: bytes) -> Path:
    Path("content").write_bytes(content)
    return Path("content")


def test_a_writer_that_is_killed_leaves_nothing_under_the_final_name_and_gc_removes_the_rest(
    s3: S3Server, bucket: str
) -> None:
    pxw.save(b"old", pxw.Remote(f"{bucket}/big.bin"))
    Path("big").write_bytes(os.urandom(64_000_000))
    code = f"import pxw, pathlib; pxw.save(pathlib.Path('big'), pxw.Remote('{bucket}/big.bin'))"
    start = s3.now
    writer = subprocess.Popen([sys.executable, "-c", code])
    while not s3.asked("PUT", start):  # a part has arrived
        assert writer.poll() is None
        time.sleep(0.005)
    settings = load_settings()
    assert outgoing.collect(settings) == (0, 0)  # it is in use
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert outgoing.collect(settings, dry_run=True) == outgoing.collect(settings) == (1, 64_000_000)
    assert not list((settings.home / "outgoing").iterdir())
    assert pxw.load(pxw.Remote(f"{bucket}/big.bin"), bytes) == b"old"
    assert [spec.url for spec in data.entries(pxw.Remote(f"{bucket}/"))] == [f"{bucket}/big.bin"]
