import hashlib
import os
import stat
import time

import pytest

from pxw.cache import Cache, room, settle
from pxw.errors import PlaceError
from pxw.stores.named import named

ABC = hashlib.sha256(b"abc").hexdigest()


def put(cache, content=b"abc"):
    with cache.room() as file:
        file.write(content)
        return cache.adopt(file, hashlib.sha256(content).hexdigest())


def test_content_is_found_by_its_digest(tmp_path):
    cache = Cache(tmp_path)
    assert cache.find(ABC) is None
    assert put(cache) == cache.find(ABC) == tmp_path / "ba" / ABC


def test_a_copy_cannot_be_written_by_accident(tmp_path):
    assert stat.S_IMODE(put(Cache(tmp_path)).stat().st_mode) == 0o444


def test_the_same_content_may_come_twice(tmp_path):
    cache = Cache(tmp_path)
    assert put(cache) == put(cache)
    assert put(Cache(tmp_path)).read_bytes() == b"abc"


@pytest.mark.parametrize("same_process", [True, False])
def test_damage_is_noticed_and_thrown_away(tmp_path, same_process):
    cache = Cache(tmp_path)
    path = put(cache)
    path.chmod(0o644)
    path.write_bytes(b"abd")
    os.utime(path, ns=(1, 1))
    assert (cache if same_process else Cache(tmp_path)).find(ABC) is None
    assert not path.exists()


def test_a_known_copy_is_not_hashed_again(tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    put(cache)
    monkeypatch.setattr("pxw.cache.digest_of", lambda stream: pytest.fail("hashed"))
    assert cache.find(ABC)


def test_what_fails_leaves_no_temporary_file(tmp_path):
    cache = Cache(tmp_path)

    def interrupted():
        with cache.room() as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_file_can_be_given_to_the_cache(tmp_path, monkeypatch, elsewhere):
    cache, given = Cache(tmp_path / "cache"), tmp_path / "given"
    given.write_bytes(b"abc")
    if elsewhere:
        monkeypatch.setattr("pathlib.Path.replace", other_disk(given))
    assert cache.take(given, ABC) == cache.find(ABC)
    assert not given.exists()


def other_disk(there):
    from pathlib import Path

    replace = Path.replace

    def refuse(self, target):
        if self == there:
            raise OSError(18, "Invalid cross-device link")
        return replace(self, target)

    return refuse


def test_a_settled_file_has_the_rights_of_any_other_file(tmp_path):
    (tmp_path / "other").touch()
    with room(tmp_path) as file:
        settle(file, tmp_path / "settled")
    assert (tmp_path / "settled").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_killed_processes_left_is_swept_after_a_day(tmp_path):
    old, new, kept = (tmp_path / name for name in (".pxw-old", ".pxw-new", "kept"))
    for path in (old, new, kept):
        path.touch()
    for path in (old, kept):
        os.utime(path, (1, 1))
    put(Cache(tmp_path))
    assert [path.exists() for path in (old, new, kept)] == [False, True, True]


def test_a_cache_that_cannot_be_written_is_a_typed_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PlaceError, match="cannot write"):
        put(Cache(tmp_path / "file"))
    (tmp_path / "ba").mkdir()
    (tmp_path / "ba" / ABC).mkdir()
    with pytest.raises(PlaceError, match="cannot read"):
        Cache(tmp_path).find(ABC)


DAY = 86_400


def aged(cache, content, days, now):
    path = put(cache, content)
    os.utime(path, ns=(int((now - days * DAY) * 1e9), path.stat().st_mtime_ns))
    return path


def test_what_was_not_used_for_long_is_removed_with_its_other_names_and_versions(tmp_path):
    cache, now = Cache(tmp_path), time.time()
    old, new = aged(cache, b"old", 20, now), aged(cache, b"new", 3, now)
    names = [named(cache, {"a.txt": path}) for path in (old, new)]
    for path in (old, new):
        cache.note_version(f"s3://b/{path.name}", path.name)
    assert cache.collect(days=14, gb=1, now=now, dry_run=True) == (1, 3)
    assert old.exists()
    assert cache.collect(days=14, gb=1, now=now) == (1, 3)
    assert [path.exists() for path in (old, new, *names)] == [False, True, False, True]
    assert cache.digest_of_version(f"s3://b/{old.name}") is None
    assert cache.digest_of_version(f"s3://b/{new.name}") == new.name


def test_what_was_used_longest_ago_makes_room_but_nothing_of_the_last_day(tmp_path):
    cache, now = Cache(tmp_path), time.time()
    fresh, middle, old = (aged(cache, name, days, now) for name, days in ((b"aaa", 0.5), (b"bbb", 2), (b"ccc", 3)))
    assert cache.collect(days=14, gb=6e-9, now=now) == (1, 3)
    assert [path.exists() for path in (fresh, middle, old)] == [True, True, False]
    assert cache.collect(days=14, gb=0, now=now) == (1, 3)
    assert fresh.exists()


def test_use_counts_as_use_and_costs_no_second_look_at_the_bytes(tmp_path, monkeypatch):
    cache, now = Cache(tmp_path), time.time()
    path = aged(cache, b"abc", 20, now)
    monkeypatch.setattr("pxw.cache.digest_of", lambda _: pytest.fail("hashed again"))
    assert cache.find(ABC) == path
    assert cache.collect(days=14, gb=1, now=now) == (0, 0)
