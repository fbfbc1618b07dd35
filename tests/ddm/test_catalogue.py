from datetime import UTC, datetime, timedelta

import httpx
import pytest

from pxw.ddm.wire import Envelope
from pxw.errors import DDMAmbiguousError, DDMError, DDMNotFoundError, DDMProtocolError
from tests.ddm.old_ddm import START, OldDDM

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def note(minutes, letter="a", content="b"):
    at = NOON + timedelta(minutes=minutes)
    return Envelope(upload_id=f"{letter}{minutes:x}".rjust(32, "0"), sha256=content * 64, size=3, at=at).seal("")


# -- exact lookup


@pytest.mark.parametrize("generation", ["V0", "V1", "V2"])
def test_each_generation_is_recognised_once(connect, generation):
    ddm = OldDDM(generation)
    ddm.add("demo", "a.csv")
    client = connect(ddm)
    assert client.generation == generation
    asked = len(ddm.log)
    assert client.find("demo", "a.csv").name == "a.csv"
    assert len(ddm.log) == asked + 1


def test_what_is_no_ddm_is_told_with_what_it_answered(connect):
    with pytest.raises(DDMProtocolError, match=r"no DDM answers at http://ddm\.test") as caught:
        connect(lambda request: httpx.Response(200, html="<h1>Welcome</h1>")).list()
    assert "Welcome" in str(caught.value)


@pytest.mark.parametrize("generation", ["V1", "V2"])
@pytest.mark.parametrize("name", ["dup", "100%.csv", "a_b.csv", "one, two.csv", "back\\slash", "ünï cödé", ",", "it's"])
def test_a_name_is_matched_exactly_whatever_the_service_makes_of_it(connect, generation, name):
    ddm = OldDDM(generation)
    for other in (f"{name}2", f"x{name}", "100x.csv", "aXb.csv", "one", " two.csv", "backslash", "DUP"):
        ddm.add("demo", other)
    ddm.add("demo/sub", name)
    ddm.add("dem", name)
    row = ddm.add("demo", name)
    assert connect(ddm).find("demo", name).id == row["id"]


def test_files_of_exactly_one_project_are_listed(connect):
    ddm = OldDDM()
    for project in ("par", "probe/par", "par/tial", "pXr"):
        ddm.add(project, f"in {project}")
    assert [entry.name for entry in connect(ddm).files("par")] == ["in par"]
    assert [entry.project for entry in connect(ddm).list("par")] == ["par", "par/tial"]
    assert len(connect(ddm).list()) == 4


def test_the_user_s_name_counts_before_the_one_that_the_service_made(connect):
    ddm = OldDDM("V2")
    ddm.add("demo", "other.csv", part="wanted.csv")
    client = connect(ddm)
    assert client.find("demo", "wanted.csv").name == "other.csv"
    row = ddm.add("demo", "wanted.csv", part="x.bin")
    assert client.find("demo", "wanted.csv").id == row["id"]


def test_the_name_of_pxw_s_guard_is_nobody_s_name(connect):
    client = connect(OldDDM("V2"))
    client.upload(b"abc", "demo", "a.csv")
    with pytest.raises(DDMNotFoundError, match=r"a\.csv\.bin"):
        client.find("demo", "a.csv.bin")


def test_rows_of_uploads_that_never_finished_are_passed_over(connect):
    ddm = OldDDM()
    ddm.add("demo", "a.csv", path="", file_size=None)
    client = connect(ddm)
    with pytest.raises(DDMNotFoundError):
        client.find("demo", "a.csv")
    assert client.list() == ()


# -- what is not there


def test_an_unknown_name_gets_the_nearest(connect):
    ddm = OldDDM()
    for name in ("titanic.csv", "iris.csv"):
        ddm.add("demo", name)
    with pytest.raises(DDMNotFoundError, match=r"no file 'titanik\.csv' in project 'demo'") as caught:
        connect(ddm).find("demo", "titanik.csv")
    assert caught.value.help == "did you mean 'titanic.csv'?"


def test_an_unknown_project_gets_the_nearest(connect):
    ddm = OldDDM()
    ddm.add("demo/titanic", "a")
    for ask in (lambda: connect(ddm).find("demo/titanik", "a"), lambda: connect(ddm).files("demo/titanik")):
        with pytest.raises(DDMNotFoundError, match="no files in project 'demo/titanik'") as caught:
            ask()
        assert caught.value.help == "did you mean 'demo/titanic'?"


def test_an_error_does_not_list_thousands_of_names(connect):
    ddm = OldDDM()
    for number in range(2_000):
        ddm.add("demo", f"{number:05}.csv")
    with pytest.raises(DDMNotFoundError) as caught:
        connect(ddm).find("demo", "zzz")
    assert len(str(caught.value)) < 700


# -- versions


def test_the_newest_is_the_one_that_pxw_dated_last(connect):
    ddm = OldDDM()
    ids = [ddm.add("demo", "a", description=note(minutes))["id"] for minutes in (5, 9, 1)]
    client = connect(ddm)
    assert client.find("demo", "a").id == ids[1]
    assert client.find("demo", "a", as_of=NOON + timedelta(minutes=6)).id == ids[0]
    assert client.find("demo", "a", as_of=NOON + timedelta(minutes=1)).id == ids[2]
    assert client.find("demo", "a", id=ids[2]).id == ids[2]


def test_there_may_be_no_version_of_then(connect):
    ddm = OldDDM()
    row = ddm.add("demo", "a", description=note(5))
    for pin in ({"as_of": NOON}, {"id": "another"}):
        with pytest.raises(DDMNotFoundError, match="no such version of 'demo/a'") as caught:
            connect(ddm).find("demo", "a", **pin)
        assert row["id"] in str(caught.value)


def test_a_moment_without_a_zone_is_local_time(connect):
    ddm = OldDDM()
    row = ddm.add("demo", "a", description=note(0))
    local = NOON.astimezone().replace(tzinfo=None)
    assert connect(ddm).find("demo", "a", as_of=local).id == row["id"]


def test_dates_of_the_newest_generation_are_believed(connect):
    ddm = OldDDM("V2")
    ids = [ddm.add("demo", "a", b"x" * size)["id"] for size in (1, 2, 3)]
    assert connect(ddm).find("demo", "a").id == ids[-1]


def test_versions_that_nothing_dates_are_ambiguous_and_listed(connect):
    ddm = OldDDM()
    ids = [ddm.add("demo", "a", b"x" * size)["id"] for size in (1, 2)]
    client = connect(ddm)
    with pytest.raises(DDMAmbiguousError, match="2 versions of 'demo/a'") as caught:
        client.find("demo", "a")
    assert all(any(id_ in line for line in caught.value.details) for id_ in ids)
    assert client.find("demo", "a", id=ids[0]).id == ids[0]


def test_a_version_from_after_a_restart_is_newer(connect):
    ddm = OldDDM()
    ddm.add("demo", "a", b"old")
    ddm.created = START + timedelta(days=1)
    row = ddm.add("demo", "a", b"new")
    assert connect(ddm).find("demo", "a").id == row["id"]


def test_a_foreign_version_may_be_newer_than_ours_if_its_date_is_the_start_of_the_service(connect):
    ddm = OldDDM()
    ours = ddm.add("demo", "a", description=note(5))
    ddm.add("demo", "a", b"theirs")
    with pytest.raises(DDMAmbiguousError):
        connect(ddm).find("demo", "a")
    ddm.created = NOON + timedelta(days=1)  # restarted since
    theirs = ddm.add("demo", "b", b"theirs")
    ddm.rows[ours["id"]] |= {"upload_filename": "b"}
    assert connect(ddm).find("demo", "b").id == theirs["id"]


def test_the_same_content_twice_is_not_ambiguous(connect):
    ddm = OldDDM()
    for letter in "ab":
        ddm.add("demo", "a", description=note(5, letter))
    assert connect(ddm).find("demo", "a").sha256 == "b" * 64
    ddm.add("demo", "a", description=note(5, "c", content="d"))
    with pytest.raises(DDMAmbiguousError):
        connect(ddm).find("demo", "a")


def test_an_upload_that_arrived_twice_is_one_version(connect):
    ddm = OldDDM()
    ids = sorted(ddm.add("demo", "a", description=note(5))["id"] for _ in range(3))
    client = connect(ddm)
    (entry,) = client.list("demo")
    assert (entry.id, *entry.twins) == tuple(ids)
    assert client.find("demo", "a", id=ids[2]) == entry
    client.delete(entry)
    assert ddm.rows == {}


def test_deleting_one_row_of_an_upload_deletes_those_that_nobody_knew(connect):
    ddm = OldDDM()
    client = connect(ddm)
    entry = client.upload(b"abc", "demo", "a")
    ddm.rows["later"] = ddm.rows[entry.id] | {"id": "later"}  # the request came a second time
    client.delete(entry)
    assert ddm.rows == {}


# -- pages


def paged(ddm, *, most=None, change=None, params=None):
    """Answer listings in pages of at most `most` rows; `change` is called between them, `params` picks what arrives."""

    def answer(request):
        if request.url.path == "/ddm/catalog/list":
            kept = list(request.url.params.multi_items())
            kept = params(kept) if params else kept
            if most:
                kept = [(key, str(min(int(value), most)) if key == "perPage" else value) for key, value in kept]
            response = ddm(httpx.Request("GET", request.url.copy_with(params=kept)))
            if change:
                change(response.json()["page"])
            return response
        return ddm(request)

    return answer


def test_all_pages_of_a_service_with_a_maximum_are_read(connect):
    ddm = OldDDM()
    for number in range(25):
        ddm.add("demo", f"{number}.csv")
    assert len(connect(paged(ddm, most=10)).files("demo")) == 25


def test_a_directory_takes_one_listing(connect):
    ddm = OldDDM("V2")
    for number in range(2_000):
        ddm.add("demo", f"{number}.csv")
    client = connect(ddm)
    assert client.generation
    before = ddm.asked("GET", "/ddm/catalog/list")
    assert len(client.files("demo")) == 2_000
    assert ddm.asked("GET", "/ddm/catalog/list") == before + 1
    assert str(ddm.log[-1].url.query, "ascii") == "project_id=demo&page=1&perPage=5000&sort=id%2Casc"


def test_rows_that_move_up_while_pages_are_read_are_not_missed(connect):
    ddm = OldDDM()
    ids = sorted(ddm.add("demo", f"{number}.csv")["id"] for number in range(25))

    def delete_the_first(page):
        if page == 1 and client._transport._generation:
            ddm.rows.pop(ids[0], None)

    client = connect(paged(ddm, most=10, change=delete_the_first))
    assert client.generation
    entries = client.files("demo")
    assert {entry.id for entry in entries} == set(ids[1:])


def test_rows_that_come_while_pages_are_read_do_no_harm(connect):
    ddm = OldDDM()
    ids = {ddm.add("demo", f"{number}.csv")["id"] for number in range(25)}
    entries = connect(paged(ddm, most=10, change=lambda page: ddm.add("demo", f"late {page} {len(ddm.rows)}"))).files(
        "demo"
    )
    assert ids <= {entry.id for entry in entries}


def test_a_proxy_that_leaves_one_query_parameter_is_survived(connect):
    ddm = OldDDM()
    for number in range(25):
        ddm.add("demo", f"{number}.csv")
        ddm.add("other", f"{number}.csv")
    assert len(connect(paged(ddm, params=lambda kept: kept[:1])).files("demo")) == 25


def test_a_proxy_that_leaves_no_query_parameter_is_told(connect):
    ddm = OldDDM()
    for number in range(25):
        ddm.add("demo", f"{number}.csv")
    with pytest.raises(DDMProtocolError, match="never complete") as caught:
        connect(paged(ddm, params=lambda kept: [])).files("demo")
    assert "query parameters" in caught.value.help


# -- listings that are older than what one did


def test_one_s_own_upload_is_seen_even_if_the_next_listing_is_older(connect):
    ddm, answers = OldDDM(), []

    def stale(request):
        response = ddm(request)
        if request.url.path == "/ddm/catalog/list" and request.url.params.get("filename"):
            answers.append(response)
            return answers[0] if len(answers) < 4 else response
        return response

    client = connect(stale)
    client.upload(b"1", "demo", "a")
    client.find("demo", "a")
    newer = client.upload(b"2", "demo", "a")
    assert client.find("demo", "a").id == newer.id


def test_what_somebody_else_deleted_is_not_waited_for_forever(connect, time):
    ddm = OldDDM()
    client = connect(ddm)
    ddm.rows.pop(client.upload(b"1", "demo", "a").id)
    with pytest.raises(DDMNotFoundError):
        client.find("demo", "a")
    assert time.seconds < 30
    waited = time.seconds
    time.sleep(60)
    with pytest.raises(DDMNotFoundError):
        client.find("demo", "a")
    assert time.seconds == waited + 60


def test_what_one_deleted_oneself_stays_away(connect):
    ddm = OldDDM()
    client = connect(ddm)
    entry = client.upload(b"1", "demo", "a")
    row = dict(ddm.rows[entry.id])
    client.delete(entry)
    ddm.rows[entry.id] = row  # an old listing
    assert client.list() == ()


@pytest.mark.parametrize(("error", "found"), [(httpx.ReadTimeout("slow"), True), (httpx.ConnectError("down"), False)])
def test_a_deletion_of_which_the_answer_got_lost_is_done(connect, error, found):
    ddm = OldDDM()
    row = ddm.add("demo", "a")
    answers = iter([error])

    def lossy(request):
        response = ddm(request) if request.method != "DELETE" or found or not answers.__length_hint__() else None
        if request.method == "DELETE" and (failure := next(answers, None)):
            raise failure
        return response

    connect(lossy).delete(row["id"])
    assert ddm.rows == {}


def test_deleting_what_is_not_there_is_an_error(connect):
    with pytest.raises(DDMNotFoundError):
        connect(OldDDM()).delete("nothing")


def test_an_id_that_an_old_service_does_not_know_is_told_as_such(connect):
    with pytest.raises(DDMError) as caught:
        connect(OldDDM("V1")).fetch("nothing")
    assert "unknown id" in caught.value.help
