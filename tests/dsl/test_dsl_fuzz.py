"""Reading survives any text. `tests/bench/fuzz_dsl.py` does the same 100 000 times."""

import random

import pytest
from dsl_fuzz import check, corpus, mutated


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_are_read_without_a_crash_or_a_hang_and_with_positions(tmp_path, seed):
    chance = random.Random(seed)
    texts = corpus()
    for _ in range(150):
        text = mutated(chance, texts)
        assert check(text, tmp_path / "w.xxp") < 1, text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeffworkflow W { }",
        "{" * 3000,
        "}" * 3000,
        "workflow W { " * 500,
        "(" * 3000,
        "workflow W { " + "task T { " * 300,
        "workflow W { A" + " -> A" * 3000 + "; }",
        '"' * 3001,
        "/*" * 3000,
        "workflow W { param p = " + "9" * 5000 + "; }",
        "experiment E { space S of W { strategy gridsearch; param_values v = range(0, 1e999); } }",
        'workflow W { task T { implementation "a"; param p = 1e999; } }',
        "a.b" * 3000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_extreme_files_are_read_within_a_second(tmp_path, text):
    assert check(text, tmp_path / "w.xxp") < 1
