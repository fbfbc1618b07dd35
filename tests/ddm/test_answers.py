import inspect
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from pxw.ddm.answers import EXCEPTIONS, STATUS, meaning_of_exception, meaning_of_status, no_answer, refusal
from pxw.errors import DDMAuthError, DDMError, DDMProtocolError, DDMRejectedError, DDMUnavailableError, PxwError

RAISED = [
    error
    for _, error in inspect.getmembers(httpx, inspect.isclass)
    if issubclass(error, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError | httpx.CookieConflict)
]


@pytest.mark.parametrize("kind", RAISED)
def test_every_failure_of_the_http_library_has_a_meaning(kind):
    error = kind.__new__(kind)
    Exception.__init__(error, "of the library")
    assert issubclass(meaning_of_exception(error).error, PxwError)


def test_whatever_else_is_raised_is_nobody_s_answer():
    with pytest.raises(StopIteration):
        meaning_of_exception(ValueError("a bug"))


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_that_is_no_success_has_a_meaning(status):
    assert issubclass(meaning_of_status(status).error, PxwError)


@pytest.mark.parametrize(
    ("status", "tries", "error"),
    [
        (302, 1, DDMProtocolError),
        (401, 1, DDMAuthError),
        (418, 1, DDMRejectedError),
        (429, 5, DDMUnavailableError),
        (500, 2, DDMError),
        (504, 5, DDMUnavailableError),
        (599, 2, DDMError),
    ],
)
def test_a_status_tells_the_error_and_how_often_to_try(status, tries, error):
    meaning = meaning_of_status(status)
    assert (meaning.error, min(meaning.tries, 5)) == (error, tries)


def test_what_may_have_been_done_is_told_apart_from_what_was_not():
    assert no_answer(httpx.ReadTimeout("slow"), "GET x").doubtful
    assert no_answer(httpx.RemoteProtocolError("closed"), "GET x").doubtful
    assert not no_answer(httpx.ConnectError("refused"), "GET x").doubtful
    assert not no_answer(httpx.ConnectTimeout("refused"), "GET x").doubtful
    assert [status for status, meaning in STATUS.items() if meaning.doubtful] == [408, 500, 502, 503, 504]


def test_only_what_may_get_better_is_tried_again():
    assert all(meaning.tries > 1 for meaning in (*STATUS.values(), *EXCEPTIONS.values()) if meaning.doubtful)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"json": {"message": "Project ID is required."}}, "Project ID is required."),
        (
            {"json": {"error": "Unauthorized", "message": "The token is not valid."}},
            "The token is not valid.; Unauthorized",
        ),
        ({"json": {"error_code": 4011}}, "error 4011"),
        ({"json": {"message": "failed", "errors": {"project_id": "too long"}}}, "failed; {'project_id': 'too long'}"),
        ({"text": "Authorization Required"}, "Authorization Required"),
        ({"html": "<html><h1>502</h1>\n Bad   Gateway</html>"}, "502 Bad Gateway"),
        ({"content": b"\x1b[31mred\x00 \xff"}, "[31mred �"),
        ({"json": ["a", "list"]}, '["a","list"]'),
    ],
)
def test_the_service_s_own_words_are_quoted_on_one_clean_line(body, told):
    assert refusal(httpx.Response(400, **body), "GET x").error.message.endswith(f", {told!r}")


def test_long_words_are_cut():
    message = refusal(httpx.Response(400, text="x" * 100_000), "GET x").error.message
    assert len(message) < 300


def test_retry_after_may_be_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60))
    assert 50 < refusal(httpx.Response(503, headers={"Retry-After": later}), "GET x").wait <= 60
    assert refusal(httpx.Response(503, headers={"Retry-After": "soon"}), "GET x").wait == 0
    assert refusal(httpx.Response(503), "GET x").wait == 0


def test_a_redirect_names_where_it_leads_and_nothing_more():
    response = httpx.Response(302, headers={"Location": "https://login.test/start?state=secret"})
    error = refusal(response, "GET x").error
    assert "https://login.test/start" in error.message
    assert "secret" not in str(error)
