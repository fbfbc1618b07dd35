import itertools

import httpx
import pytest

from pxw.ddm.retry import ALWAYS, NEVER, TWICE, Attempts, Retry, Setback
from pxw.errors import DDMError, DDMUnavailableError
from tests.ddm.old_ddm import OldDDM


def attempts(time, **policy):
    return Attempts(Retry(**policy), time.clock)


def test_pauses_double_up_to_the_longest(time):
    tries = attempts(time, tries=6, first_pause=1, longest_pause=5, deadline=100)
    while tries.pause(Setback(DDMError("x"), tries=ALWAYS)):
        pass
    assert time.slept == [1, 2, 4, 5, 5]


def test_pauses_are_drawn_from_zero_to_the_ceiling(time):
    drawn = []
    clock = time.clock.__class__(
        now=time.now,
        monotonic=lambda: 0.0,
        sleep=time.sleep,
        uniform=lambda low, high: drawn.append((low, high)) or low,
    )
    tries = Attempts(Retry(first_pause=1, tries=3), clock)
    while tries.pause(Setback(DDMError("x"), tries=ALWAYS)):
        pass
    assert drawn == [(0, 1), (0, 2)]


def test_what_cannot_get_better_is_not_tried_again(time):
    assert not attempts(time).pause(Setback(DDMError("x"), tries=NEVER))
    assert time.slept == []


def test_each_kind_of_setback_has_its_own_count(time):
    tries = attempts(time)
    assert tries.pause(Setback(DDMError("x"), tries=ALWAYS))
    assert tries.pause(Setback(DDMError("x"), tries=TWICE))
    assert not tries.pause(Setback(DDMError("x"), tries=TWICE))


def test_the_service_is_left_alone_as_long_as_it_asks(time):
    assert attempts(time).pause(Setback(DDMError("x"), tries=ALWAYS, wait=9))
    assert time.slept == [9]


def test_nobody_waits_for_a_try_that_would_come_after_the_deadline(time):
    assert not attempts(time, deadline=8).pause(Setback(DDMError("x"), tries=ALWAYS, wait=9))
    assert time.slept == []


def test_a_transfer_has_a_second_more_for_each_mebibyte():
    assert Retry(deadline=10).scaled(30 * 2**20).deadline == 40
    assert Retry(appearance=10).patient(30 * 2**20).deadline == 40


def answering(*statuses, **headers):
    """A V2 whose listings meet these statuses before they succeed."""
    ddm, rest = OldDDM("V2"), iter(statuses)

    def answer(request):
        if request.url.path == "/ddm/catalog/list" and (status := next(rest, 200)) != 200:
            return httpx.Response(status, headers=headers)
        return ddm(request)

    return answer


def test_a_busy_service_is_asked_five_times(connect, time):
    with pytest.raises(DDMUnavailableError, match="not ready") as caught:
        connect(answering(*[503] * 5)).list()
    assert caught.value.details == ("tried 5 times in 7.5 s",)
    assert connect(answering(*[503] * 4)).list() == ()


def test_a_service_that_failed_is_asked_twice(connect):
    with pytest.raises(DDMError, match="500"):
        connect(answering(500, 500)).list()
    assert connect(answering(500)).list() == ()


def test_retry_after_is_obeyed(connect, time):
    connect(answering(429, **{"Retry-After": "17"})).list()
    assert time.slept == [17]


def test_retry_after_beyond_the_deadline_gives_up_at_once(connect, time):
    with pytest.raises(DDMUnavailableError, match="too often"):
        connect(answering(429, **{"Retry-After": "3600"})).list()
    assert time.slept == []


def test_a_connection_that_breaks_is_tried_again(connect):
    ddm, count = OldDDM("V2"), itertools.count()

    def flaky(request):
        if next(count) in (0, 2):
            raise httpx.ReadError("reset by peer")
        return ddm(request)

    assert connect(flaky).list() == ()
