"""Tasks that wait for a person."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from pydantic import ValidationError

from pxw.compat.asking import Question
from pxw.errors import DSLError, ScriptError
from pxw.runner.asking import form_of
from pxw.workflow import Choices, Interval, Parameter, TaskNode
from tests.runner.conftest import Project

REVIEW = """workflow W {
  START -> Measure -> Review -> "verdict == 'good'" ? Keep : Drop -> END;
  task Measure { implementation "measure"; } task Review { implementation "review"; }
  task Keep { implementation "n"; } task Drop { implementation "n"; }
}"""


@pytest.fixture
def review(project: Project) -> Project:
    project.scripts(
        measure='resultMap.put("score", 0.75)',
        review='assert variables["grade"] in (2, 4); resultMap.put("twice", variables["grade"] * 2)',
        n="pass",
    )
    project.write(
        "tasks/review/task.xxp",
        """task Review { implementation "review/task.py"; type interactive;
        define param verdict { type String; enum ("good", "bad"); }
        define param grade { type Integer; default 2; range (1, 5); } }""",
    )
    return project


@pytest.fixture
def on_prefect_too(review: Project, on_prefect: Project) -> Project:
    return on_prefect


def answering(**answers: Any) -> tuple[list[Question], Any]:
    asked: list[Question] = []

    def ask(question: Question) -> dict[str, Any]:
        asked.append(question)
        return question.form.model_validate(answers).model_dump()

    return asked, ask


def test_a_person_is_asked_for_the_parameters_and_told_what_was_found(review: Project) -> None:
    asked, ask = answering(verdict="bad", grade=4)
    review.run(REVIEW, ask=ask)
    assert review.ran == ["Measure", "Review", "Drop"]  # the condition sees the answer
    (question,) = asked
    assert question.title == "task Review of W"
    assert question.facts == ("Measure.score: 0.75",)
    with pytest.raises(ValidationError, match="less than or equal to 5"):
        question.form.model_validate({"verdict": "good", "grade": 6})


def test_where_nobody_can_answer_nothing_runs(review: Project) -> None:
    with pytest.raises(DSLError, match="task 'Review' of 'W' waits for a person, and nobody can answer"):
        review.run(REVIEW)
    assert review.ran == []


def test_without_parameters_the_answer_is_free_text_and_later_tasks_see_it(project: Project) -> None:
    project.scripts(a="pass", ask='assert variables.get("answer") == "as you like"', b='assert variables["answer"]')
    project.write("tasks/ask/task.xxp", 'task A { implementation "ask/task.py"; type interactive; }')
    tasks = "".join(f'task {name} {{ implementation "{name.lower()}"; }}' for name in ("A", "Ask", "B"))
    _, ask = answering(answer="as you like")
    project.run(f"workflow W {{ START -> A -> Ask -> B -> END; {tasks} }}", ask=ask)
    assert project.ran == ["A", "Ask", "B"]


def test_an_interaction_of_an_experiment_asks_once(project: Project) -> None:
    project.scripts(n='resultMap.put("n", 1)', ask='resultMap.put("go", variables["answer"])')
    text = """workflow W { task T { implementation "n"; } }
      experiment E { control { START -> A -> I; I ?-> B { condition "results['I'][1]['result']['go'] == 'yes'"; }; }
        space A of W { strategy singlerun; } space B of W { strategy singlerun; }
        interaction I { implementation "ask"; } }"""
    asked, ask = answering(answer="yes")
    assert list(project.run(text, ask=ask)) == ["A", "I", "B"]
    assert [question.title for question in asked] == ["task I of I I-1"]
    with pytest.raises(DSLError, match="nobody can answer"):
        project.run(text)


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (Parameter("p", "Integer", domain=Interval(1, 5)), "3", 3),
        (Parameter("p", "Boolean"), "true", True),
        (Parameter("p", "Integer", domain=Choices((1, 2))), "2", 2),
        (Parameter("p", "Float", domain=Choices((0.5, 1.0))), "0.5", 0.5),
        (Parameter("p"), "3", "3"),
    ],
)
def test_what_is_typed_becomes_what_the_task_declares(parameter: Parameter, text: str, value: object) -> None:
    form = form_of(TaskNode("T", parameters=(parameter,)), {})
    assert form.model_validate_strings({"p": text}).model_dump() == {"p": value}
    with pytest.raises(ValidationError):
        form.model_validate({"p": []})


# On Prefect -----------------------------------------------------------------------------------------------------------


def run_on_prefect(project: Project) -> tuple[Any, list[Any], threading.Thread]:
    """Run the review in a thread; gives the id of its flow run and what will have become of it."""
    from contextvars import copy_context

    from pxw.engines.prefect.pausing import pause

    ids: list[Any] = []
    ended: list[Any] = []
    flow = project.flow(REVIEW, ask=pause)
    watched = flow.with_options(on_running=[lambda _flow, run, _state: ids.append(run.id)])

    def run() -> None:
        try:
            ended.append(watched())
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=copy_context().run, args=[run])
    thread.start()
    return ids, ended, thread


def test_on_prefect_the_run_is_paused_until_its_form_is_filled_in(on_prefect_too: Project) -> None:
    from prefect.client.orchestration import get_client
    from prefect.flow_runs import resume_flow_run

    ids, ended, thread = run_on_prefect(on_prefect_too)
    with get_client(sync_client=True) as client:
        until = time.monotonic() + 120
        while not (ids and (state := client.read_flow_run(ids[0]).state) and state.is_paused()):
            assert time.monotonic() < until, ended
            time.sleep(0.2)
        keys = state.state_details.run_input_keyset
        assert keys is not None
        time.sleep(1)  # the form is stored after the run is paused
        schema = client.read_flow_run_input(ids[0], keys["schema"])
        description = client.read_flow_run_input(ids[0], keys["description"])
    assert '"good"' in schema
    assert '"maximum":5' in schema.replace(" ", "")
    assert "Measure.score: 0.75" in description
    resume_flow_run(ids[0], {"verdict": "good", "grade": 4})
    thread.join(60)
    assert ended == [{}]
    assert on_prefect_too.ran == ["Measure", "Review", "Keep"]


def test_on_prefect_a_question_that_nobody_answers_fails_the_run(
    on_prefect_too: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PXW_ANSWER_TIMEOUT", "1")
    _, ended, thread = run_on_prefect(on_prefect_too)
    thread.join(120)
    (error,) = ended
    assert isinstance(error, ScriptError)
    assert "task Review of W: nobody answered within 1 s" in str(error)
    assert on_prefect_too.ran == ["Measure"]
