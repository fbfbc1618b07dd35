import hashlib
import os
import stat

import pytest

from pxw.cache import Cache, room, settle
from pxw.errors import PlaceError

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
