"""Ask by pausing the flow run: Prefect's page of the run shows the form, and goes on with the answers."""

from __future__ import annotations

from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from prefect.utilities.urls import url_for

from pxw.errors import ScriptError
from pxw.settings import load_settings

if TYPE_CHECKING:
    from pxw.compat.asking import Question

__all__ = ["pause"]

_POLL = 2  # seconds between two looks whether somebody has answered
_one_at_a_time = Lock()  # a flow run is paused, or is not


def pause(question: Question) -> dict[str, Any]:
    """Wait until somebody answers on the page of the flow run, or by Prefect's API; a retry of the flow asks no more.

    Raises:
        ScriptError: nobody did, within `PXW_ANSWER_TIMEOUT`.
    """
    form: type[RunInput] = RunInput.subclass_from_base_model_type(question.form)
    form = form.with_initial_data("\n\n".join([f"**{question.title}**", *question.facts]))
    seconds = load_settings().answer_timeout
    with _one_at_a_time:
        context = FlowRunContext.get()
        where = url_for("flow-run", context.flow_run.id) if context and context.flow_run else None
        get_run_logger().warning("%s waits for an answer: %s", question.title, where or "resume the flow run")
        try:
            answer = pause_flow_run(wait_for_input=form, timeout=seconds, poll_interval=_POLL, key=_key(question))
        except FlowPauseTimeout:
            raise ScriptError(
                f"{question.title}: nobody answered within {seconds} s",
                help="run it again, or set PXW_ANSWER_TIMEOUT to more seconds",
            ) from None
    return answer.model_dump()


def _key(question: Question) -> str:
    """Prefect's keys have lowercase letters, digits and dashes."""
    return sha256(question.key.encode()).hexdigest()[:16]
