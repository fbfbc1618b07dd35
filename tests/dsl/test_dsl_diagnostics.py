"""How problems are shown."""

import json
from pathlib import Path

import pytest

from pxw.dsl.diagnostics import CODES, Report
from pxw.dsl.rendering import render_gcc, render_json, render_rich, render_text
from pxw.dsl.resolve import check_syntax, resolve
from pxw.errors import DSLError
from pxw.workflow import Span

TEXT = 'workflow W {\n  START -> ProcesData -> END;\n\ttask ProcessData { implementation "a.py"; }\n}\n'


@pytest.fixture
def diagnostics(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("w.xxp").write_text(TEXT)
    Path("a.py").write_text("")
    return resolve("w.xxp").report.errors


def test_a_problem_shows_its_line_a_caret_and_the_nearest_name(diagnostics):
    assert render_text(diagnostics) == (
        "w.xxp:2:12: error[PXW301]: unknown task 'ProcesData' in workflow 'W'\n"
        "2 |   START -> ProcesData -> END;\n"
        "  |            ^^^^^^^^^^\n"
        "  help: did you mean 'ProcessData'? (declared at w.xxp:3:7)"
    )


def test_colours_change_nothing_but_the_colours(diagnostics):
    text = render_rich(diagnostics)
    assert text.plain == render_text(diagnostics)
    assert any("red" in str(each.style) for each in text.spans)


def test_editors_get_one_line_for_each_problem(diagnostics, tmp_path):
    assert render_gcc(diagnostics) == (
        f"{tmp_path}/w.xxp:2:12: error: unknown task 'ProcesData' in workflow 'W'; "
        "did you mean 'ProcessData'? (declared at w.xxp:3:7) [PXW301]"
    )


def test_json_has_the_same_in_fields(diagnostics, tmp_path):
    (found,) = json.loads(render_json(diagnostics))
    assert found == {
        "code": "PXW301",
        "severity": "error",
        "message": "unknown task 'ProcesData' in workflow 'W'",
        "file": f"{tmp_path}/w.xxp",
        "line": 2,
        "column": 12,
        "end_column": 22,
        "help": "did you mean 'ProcessData'? (declared at w.xxp:3:7)",
    }


def test_a_caret_stands_under_its_word_behind_a_tab():
    report = Report()
    report.source(Path("w.xxp"), "\ttask T;")
    report.add("PXW309", "so", Span("w.xxp", 1, 7, 8))
    assert render_text(report.diagnostics).splitlines()[1:] == ["1 |  task T;", "  |       ^"]


def test_errors_are_raised_together(tmp_path):
    (tmp_path / "w.xxp").write_text("workflow W { A -> B; }")
    with pytest.raises(DSLError, match=r"2 errors in w\.xxp") as raised:
        resolve(tmp_path / "w.xxp").raise_errors()
    assert sum("PXW301" in line for line in raised.value.details) == 2


def test_warnings_do_not_forbid_a_run(tmp_path):
    (tmp_path / "a.py").write_text("")
    (tmp_path / "w.xxp").write_text('workflow W { START -> END; task A { implementation "a.py"; } }')
    found = resolve(tmp_path / "w.xxp").raise_errors()
    assert [each.code for each in found.diagnostics] == ["PXW322"]


def test_files_on_their_own_are_judged_without_what_they_refer_to(tmp_path):
    path = tmp_path / "w.xxp"
    path.write_text(
        'import "nowhere.xxp"; workflow A from Elsewhere { task T { implementation "none"; } }\n'
        'workflow W { START -> T -> X -> END; task T { implementation "none"; param p = 1; } D --> T.any; }\n'
        'experiment E { space S of Elsewhere { strategy gridsearch; filter "f"; task Q { param p = v; } } }\n'
    )
    assert [(each.code, each.at.line) for each in check_syntax([path])] == [("PXW301", 2), ("PXW302", 2), ("PXW305", 3)]


def test_every_code_says_what_it_stands_for():
    assert all(
        code.startswith("PXW3") and title and kind in {"error", "warning"} for code, (kind, title) in CODES.items()
    )


@pytest.mark.parametrize(
    ("source", "column", "end", "shown", "caret"),
    [
        ("/* 漢字 */ ab", 10, 12, "/* 漢字 */ ab", "           ^^"),
        ("e\u0301 ab", 4, 6, "e\u0301 ab", "  ^^"),
        ("a\x1b[31m b", 8, 9, "a\ufffd[31m b", "       ^"),
        ("a\u200b b", 4, 5, "a\ufffd b", "   ^"),
    ],
)
def test_a_caret_stands_under_its_word_whatever_stands_before_it(source, column, end, shown, caret):
    assert _shown(source, column, end) == [f"1 | {shown}", f"  | {caret}"]


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize("at", [1, 30, 80, 120, 200])
def test_of_a_line_longer_than_the_terminal_the_part_with_the_caret_is_shown(width, at):
    source = "".join(f"{number:09d} " for number in range(25))
    line, caret = _shown(source, at, at + 3, width)
    assert len(line) <= width
    start = caret.index("^")
    assert line[start : start + 3] == source[at - 1 : at + 2]


def test_a_caret_longer_than_the_terminal_ends_with_the_line():
    line, caret = _shown("x" * 200, 3, 190, 40)
    assert (len(line), len(caret)) == (40, 39)


def _shown(source, column, end, width=None):
    report = Report()
    report.source(Path("w.xxp"), source)
    report.add("PXW309", "so", Span("w.xxp", 1, column, end))
    return render_text(report.diagnostics, width).splitlines()[1:]
