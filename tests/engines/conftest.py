"""The two engines behind one face: each conformance test runs on both."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from prefect.context import SettingsContext, get_settings_context

from pxw.engines import inline
from pxw.engines.prefect import flows, tasks


@dataclass(frozen=True)
class Engine:
    """Who runs tasks and flows."""

    name: str
    task: Callable[..., Any]
    flow: Callable[..., Any]


ENGINES = {
    "inline": Engine("inline", inline.task, inline.flow),
    "prefect": Engine("prefect", tasks.task, flows.flow),
}


@contextmanager
def without_heartbeats() -> Iterator[None]:
    """Each flow would wait a second for its heartbeat's thread."""
    context = get_settings_context()
    flows = context.settings.flows.model_copy(update={"heartbeat_frequency": None})
    with SettingsContext(profile=context.profile, settings=context.settings.model_copy(update={"flows": flows})):
        yield


@pytest.fixture
def quick(isolated: None, prefect_server: str) -> Iterator[None]:
    """Prefect at the session's server, without heartbeats."""
    with without_heartbeats():
        yield


@pytest.fixture
def event_loop_ends() -> Iterator[None]:
    """Prefect leaves the sockets of its clients open when an event loop ends: they are let go here, unheard."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, quick: None) -> Engine:
    """Inline, then Prefect."""
    return ENGINES[request.param]
