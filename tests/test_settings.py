"""Settings: the environment before `pxw.toml` before defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from pxw.errors import SettingsError
from pxw.settings import Settings, load_settings


def test_the_environment_comes_before_the_file_and_the_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().keep_days == 14
    (tmp_path / "pxw.toml").write_text('keep_days = 3\nkeep_gb = 4\ndataset_management = "ddm"\n')
    monkeypatch.setenv("PXW_KEEP_GB", "5")
    settings = load_settings()
    assert (settings.keep_days, settings.keep_gb, settings.dataset_management) == (3, 5, "DDM")


def test_the_home_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PXW_HOME", "~/elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().home == tmp_path / "elsewhere"


def test_settings_are_read_when_asked_for_and_never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXW_KEEP_DAYS", "1")
    assert load_settings().keep_days == 1
    monkeypatch.setenv("PXW_KEEP_DAYS", "2")
    assert load_settings().keep_days == 2


def test_a_bad_value_is_named_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXW_KEEP_DAYS", "-1")
    monkeypatch.setenv("PXW_DDM_TOKEN", "top-secret")
    with pytest.raises(SettingsError, match="keep_days: Input should be greater than or equal to 0") as caught:
        load_settings()
    assert "top-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_unknown_name_in_the_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "pxw.toml").write_text("keep_day = 3\n")
    with pytest.raises(SettingsError, match="did you mean 'keep_days'"):
        load_settings()


def test_secrets_are_not_shown() -> None:
    settings = Settings(ddm_token="top-secret", ddm_password="open sesame")
    assert "top-secret" not in repr(settings)
    assert "open sesame" not in settings.model_dump_json()
