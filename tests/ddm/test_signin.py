import logging
import pickle
import threading

import httpx
import pytest
from pydantic import SecretStr

from pxw.ddm.client import Client
from pxw.ddm.signin import SignIn
from pxw.errors import DDMAuthError, DDMError, DDMForbiddenError, DDMProtocolError, SettingsError
from tests.ddm.old_ddm import OldDDM

ANN = {"username": "ann", "password": "open sesame"}


def guarded(generation="V1"):
    ddm = OldDDM(generation)
    ddm.token = "nobody knows"
    return ddm


def test_a_name_and_a_password_fetch_a_token(connect):
    ddm = guarded()
    connect(ddm, **ANN).list()
    assert ddm.logins == 1
    assert ddm.log[0].url.path == "/extreme_auth/api/v1/person/login"
    assert ddm.log[-1].headers["Authorization"] == "Bearer token-1"


def test_an_expired_token_is_renewed_once_and_the_request_goes_on(connect):
    ddm = guarded()
    client = connect(ddm, **ANN)
    client.list()
    ddm.token = "expired"
    entry = client.upload(b"abc", "p", "n")
    assert ddm.logins == 2
    assert client.fetch(entry).read_bytes() == b"abc"


def test_a_service_that_refuses_a_fresh_token_is_believed(connect):
    logins = 0

    def never(request):
        nonlocal logins
        if request.url.path.endswith("/login"):
            logins += 1
            return httpx.Response(200, json={"access_token": f"t{logins}"})
        return httpx.Response(401, json={"error": "Unauthorized"})

    with pytest.raises(DDMAuthError, match="401"):
        connect(never, **ANN).list()
    assert logins == 2  # at the start, and once more


def test_a_token_that_is_refused_is_not_tried_again(connect):
    ddm = guarded()
    with pytest.raises(DDMAuthError, match="Authorization Required"):
        connect(ddm, token="wrong").list()
    assert len(ddm.log) == 1


def test_a_wrong_password_says_what_the_service_said(connect):
    with pytest.raises(DDMAuthError, match="Wrong password; error 4011"):
        connect(guarded(), username="ann", password="guess").list()


def test_what_is_not_allowed_is_not_a_question_of_signing_in(connect):
    with pytest.raises(DDMForbiddenError):
        connect(lambda request: httpx.Response(403, text="Forbidden"), token="t").list()


def test_a_token_that_another_thread_renewed_is_not_renewed_again():
    sign_in, fetched = SignIn(SecretStr("old"), **ANN), iter([SecretStr("new")])
    old = sign_in.token(lambda: pytest.fail("there is one"))
    assert [sign_in.renew(old, lambda: next(fetched)).get_secret_value() for _ in range(3)] == ["new"] * 3


def test_threads_sign_in_together(connect):
    ddm = guarded()
    client, barrier, failures = connect(ddm, **ANN), threading.Barrier(6), []

    def ask():
        barrier.wait()
        try:
            client.list()
        except DDMError as error:
            failures.append(error)

    for ddm.token in ("first", "expired"):
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert ddm.logins == 2


def test_without_a_secret_nothing_is_signed(connect):
    ddm = OldDDM()
    connect(ddm).list()
    assert all("Authorization" not in request.headers for request in ddm.log)


def test_a_token_does_not_follow_a_redirect(connect):
    seen = []

    def redirecting(request):
        seen.append(request.url.host)
        return httpx.Response(307, headers={"Location": "https://elsewhere.test/ddm/catalog/options"})

    with pytest.raises(DDMProtocolError):
        connect(redirecting, token="secret").list()
    assert set(seen) == {"ddm.test"}


def test_secrets_show_up_nowhere(connect, caplog):
    caplog.set_level(logging.DEBUG)

    def echoing(request):
        return httpx.Response(400, text=f"what is {request.headers['Authorization']} {request.content!r}?")

    for secrets in ({"token": "hush-hush"}, {"username": "ann", "password": "hush-hush"}):
        client = connect(
            echoing if "token" in secrets else lambda r: httpx.Response(400, text=f"what is {r.content!r}?"), **secrets
        )
        with pytest.raises(DDMError) as caught:
            client.list()
        told = [str(caught.value), repr(caught.value), repr(client), repr(vars(client)), caplog.text]
        told.append(str(pickle.loads(pickle.dumps(caught.value))))
        assert "hush" not in "".join(told)
        assert "***" in str(caught.value)


@pytest.mark.parametrize("url", ["ddm.example.org", "ftp://ddm.test", "", "http://", "http://[::1"])
def test_what_cannot_be_a_url_is_refused_at_once(url, tmp_path):
    with pytest.raises(SettingsError, match="not a URL"):
        Client(url, cache=tmp_path)


def test_a_url_with_a_password_is_refused_without_showing_it(tmp_path):
    with pytest.raises(SettingsError) as caught:
        Client("https://ann:hush@ddm.test", cache=tmp_path)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://ddm.test", "https://ddm.test/", "https://ddm.test/ddm", " https://ddm.test/ddm/ "]
)
def test_a_url_may_end_as_people_copy_it(url, tmp_path):
    with Client(url, cache=tmp_path) as client:
        assert client.url == "https://ddm.test"


def test_the_settings_name_the_ddm(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="PXW_DDM_URL"):
        Client.from_settings()
    monkeypatch.setenv("PXW_DDM_URL", "https://ddm.test")
    monkeypatch.setenv("PXW_DDM_TOKEN", "secret")
    with Client.from_settings() as client:
        assert repr(client) == "Client('https://ddm.test', by token)"


def test_a_token_may_have_the_line_end_of_its_file(connect):
    ddm = OldDDM()
    ddm.token = "secret"
    assert connect(ddm, token="secret\n").list() == ()


@pytest.mark.parametrize("token", ["", " \n", "hush\nhush", "hüsh", "hush\0"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(connect, token):
    with pytest.raises(SettingsError, match="the token of the DDM") as caught:
        connect(OldDDM(), token=token)
    assert "hush" not in str(caught.value)


def test_an_answer_to_the_sign_in_is_never_quoted(connect):
    def other_shape(request):
        return httpx.Response(200, json={"jwt": "hush-hush"})

    with pytest.raises(DDMProtocolError, match="not what a DDM gives here") as caught:
        connect(other_shape, **ANN).list()
    assert "hush" not in str(caught.value)
    assert caught.value.at == "POST http://ddm.test/extreme_auth/api/v1/person/login"


def test_a_token_for_this_machine_goes_through_no_proxy(monkeypatch, tmp_path):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    with Client("http://127.0.0.1:9", cache=tmp_path) as here, Client("http://ddm.test", cache=tmp_path) as there:
        assert here._transport._http._mounts == {}
        assert there._transport._http._mounts != {}
