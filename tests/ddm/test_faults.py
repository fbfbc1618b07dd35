"""A short run of the bench of faults; the long one is `python -m tests.bench.ddm_faults`."""

from contextlib import nullcontext

import httpx
import pytest
from pydantic import SecretStr

from tests.bench.ddm_faults import faulty_run
from tests.ddm.faulty_proxy import forward_to
from tests.ddm.old_ddm import OldDDM
from tests.ddm.serving import serving


@pytest.mark.parametrize("generation", ["V1", "V2", "embedded"])
def test_nothing_is_lost_doubled_or_mistaken_behind_a_proxy_that_breaks_a_third_of_the_requests(generation, tmp_path):
    is_real = generation == "embedded"
    with httpx.Client() as http, serving(tmp_path / "root", SecretStr("secret")) if is_real else nullcontext() as url:
        backend = forward_to(url, http) if is_real else OldDDM(generation)
        run, proxy = faulty_run(backend, tmp_path, operations=60, seed=11, token="secret", rate=0.35)
    assert run.broken == []
    assert run.done.total() > 45
    assert len(proxy.met) > 8
