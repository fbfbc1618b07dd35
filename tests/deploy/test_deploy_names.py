"""A deployment's name belongs to the place of its runs in a DDM."""

from __future__ import annotations

import pytest
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow

import pxw
from pxw.runs import active

pytestmark = pytest.mark.server


def _project() -> str:
    run = active.get()
    return run.away.project if run and isinstance(run.away, pxw.DDM) else ""


@pxw.task
def of_task() -> str:
    return _project()


@pxw.flow
def where() -> tuple[str, str]:
    return _project(), of_task()


def test_in_ddm_mode_the_project_of_a_run_names_its_deployment(
    prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = where.to_deployment("nightly").apply()
    with get_client(sync_client=True) as client:
        flow_run = client.create_flow_run_from_deployment(deployment)
    monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "DDM")
    project = f"where/nightly/{flow_run.id}"
    assert run_flow(where, flow_run) == (project, project)
    by_hand = where()[0]
    assert by_hand.startswith("where/run/")
    monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "LOCAL")
    assert where() == ("", "")
