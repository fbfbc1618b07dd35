"""What is found: listing, exact lookup, tree, query builder."""

from datetime import UTC, datetime, timedelta

import pytest


def names(client, **query):
    answer = client.get("/ddm/catalog/list", params=query)
    assert answer.status_code == 200, answer.text
    return [row["filename"] for row in answer.json()["data"]]


def test_a_page_tells_where_it_is_and_how_much_there_is(client, upload):
    for index in range(5):
        upload(f"{index}.csv", project="demo")
    upload("other", project="else")
    page = client.get("/ddm/catalog/list", params={"project_id": "demo", "page": 2, "perPage": 2}).json()
    assert [row["filename"] for row in page["data"]] == ["2.csv", "3.csv"]
    assert (page["page"], page["perPage"], page["total"], page["filtered_total"]) == (2, 2, 6, 5)
    assert client.get("/ddm/catalog/list").json()["perPage"] == 10


def test_names_and_projects_match_as_literal_substrings(client, upload):
    for name in ("dup", "dup2", "a%b", "a_b", "aXb", "DUP"):
        upload(name, project="probe/partial")
    assert names(client, filename="dup") == ["dup", "dup2"]
    assert names(client, filename="a%b") == ["a%b"]
    assert names(client, filename="a_b") == ["a_b"]
    assert names(client, project_id="par", perPage=2) == ["dup", "dup2"]
    assert names(client, filename="dup,DUP") == ["dup", "dup2", "DUP"]
    assert names(client, filename="dup2", project_id="nowhere") == []
    assert len(names(client, filename="", project_id="", sort="", page="", perPage="")) == 6


def test_sizes_dates_types_and_use_cases_filter(client, upload):
    small, big = upload("s.csv", b"1"), upload("b.txt", b"1" * 100, use_case='["crisis"]')
    assert names(client, size_from=50) == ["b.txt"]
    assert names(client, size_to=50) == ["s.csv"]
    assert names(client, file_type="csv") == ["s.csv"]
    assert names(client, use_case="crisis") == ["b.txt"]
    assert names(client, user_id="ann") == ["s.csv", "b.txt"]
    assert names(client, created_from=big["created"]) == ["b.txt"]
    assert names(client, created_to=small["created"]) == ["s.csv"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert names(client, created_from=f"{tomorrow:%Y-%m-%d}") == []


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_any_column_sorts_and_the_id_decides_between_equals(client, upload, direction):
    uploaded = [upload(f"{size}", b"x" * size) for size in (3, 1, 2, 2, 1, 3)]
    expected = sorted(uploaded, key=lambda row: (row["file_size"], row["id"]), reverse=direction == "desc")
    pages = [
        client.get("/ddm/catalog/list", params={"sort": f"file_size,{direction}", "page": page, "perPage": 2}).json()
        for page in (1, 2, 3)
    ]
    assert [row["id"] for page in pages for row in page["data"]] == [row["id"] for row in expected]


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page": "x"},
        {"page": "9" * 30},
        {"perPage": -1},
        {"sort": "nothing,asc"},
        {"sort": "id; DROP TABLE files"},
        {"sort": "id,sideways"},
        {"created_from": "yesterday"},
        {"size_from": "1e9"},
        {"size_to": str(2**70)},
    ],
)
def test_a_parameter_that_makes_no_sense_is_a_400(client, upload, query):
    upload()
    answer = client.get("/ddm/catalog/list", params=query)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert names(client) == ["a.csv"]


def test_one_s_own_catalogue_tells_the_facts_of_each_file(client, upload):
    upload()
    (row,) = client.get("/ddm/catalog/my-catalog").json()["data"]
    assert row["file_metadata"] == {"file_size": 8, "file_type": "csv", "sha256": row["sha256"]}


def test_options_match_exactly_and_come_newest_first(client, upload):
    first, second = upload("dup"), upload("dup")
    upload("dup2")
    upload("dup", project="demo/below")
    answer = client.get("/ddm/catalog/options", params={"project_id": "demo", "filename": "dup"}).json()
    assert answer == [{"id": row["id"], "filename": "dup", "project_id": "demo"} for row in (second, first)]
    for index in range(100):
        upload(f"many{index}", b"")
    assert len(client.get("/ddm/catalog/options").json()) == 100


def tree(client, **query):
    answer = client.get("/ddm/catalog/tree", params=query).json()
    return [(node["key"], node["data"]["name"], node["leaf"]) for node in answer["nodes"]], answer["totalRecords"]


def test_the_tree_shows_one_level_folders_first(client, upload):
    above, other = upload("z.csv", b"12", "a"), upload("x", b"1", "b0/c")
    for project in ("a/b", "a/b/c", "a/d", "ab", "a0"):
        upload("f.csv", b"123", project)
    assert tree(client) == ([(f"folder-{n}", n, False) for n in ("a", "a0", "ab", "b0")], 4)
    below = [("folder-a/b", "b", False), ("folder-a/d", "d", False), (f"file-{above['id']}", "z.csv", True)]
    assert tree(client, parent="a") == (below, 3)
    assert tree(client, parent="folder-a") == (below, 3)
    assert tree(client, parent="a", page=1, perPage=2) == (below[2:], 3)
    assert tree(client, parent="a", filter="d") == (below[1:2], 1)
    assert tree(client, parent="b0/c") == ([(f"file-{other['id']}", "x", True)], 1)
    assert tree(client, parent="a", sort="size,desc")[0][0][0] == "folder-a/b"
    nodes = client.get("/ddm/catalog/tree", params={"parent": "a"}).json()["nodes"]
    assert nodes[0]["data"] == {"name": "b", "path": "a/b", "type": "folder", "size": 6, "id": None}
    assert nodes[2]["data"] == {"name": "z.csv", "path": "a/z.csv", "type": "file", "size": 2, "id": above["id"]}
    assert client.get("/ddm/catalog/tree", params={"sort": "id; DROP"}).status_code == 400


def found(client, *rules, combinator="and", negated=False):
    body = {"rules": list(rules), "combinator": combinator, "not": negated}
    answer = client.post("/ddm/catalog/advanced", json=body)
    assert answer.status_code == 200, answer.text
    return [row["filename"] for row in answer.json()]


def rule(field, operator, value=None):
    return {"field": field, "operator": operator, "value": value}


@pytest.fixture
def three(upload):
    return [upload("one.csv", b"1"), upload("two.csv", b"22"), upload("three.txt", b"333")]


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("=", "two.csv", ["two.csv"]),
        ("!=", "two.csv", ["one.csv", "three.txt"]),
        ("contains", "o", ["one.csv", "two.csv"]),
        ("doesNotContain", "o", ["three.txt"]),
        ("beginsWith", "t", ["two.csv", "three.txt"]),
        ("doesNotBeginWith", "t", ["one.csv"]),
        ("endsWith", ".csv", ["one.csv", "two.csv"]),
        ("doesNotEndWith", ".csv", ["three.txt"]),
        ("contains", "%", []),
        ("in", ["one.csv", "three.txt"], ["one.csv", "three.txt"]),
        ("notIn", "one.csv,three.txt", ["two.csv"]),
        ("null", None, []),
        ("notNull", None, ["one.csv", "two.csv", "three.txt"]),
        ("<", "p", ["one.csv"]),
    ],
)
def test_every_operator_of_the_query_builder_on_names(client, three, operator, value, expected):
    assert found(client, rule("filename", operator, value)) == expected


def test_numbers_and_dates_compare_as_such(client, three):
    assert found(client, rule("file_size", ">=", "2")) == ["two.csv", "three.txt"]
    assert found(client, rule("file_size", "between", [2, 10])) == ["two.csv", "three.txt"]
    assert found(client, rule("file_size", "notBetween", "2,10")) == ["one.csv"]
    assert found(client, rule("created", ">", three[1]["created"])) == ["three.txt"]
    assert found(client, rule("recdeleted", "=", False)) == ["one.csv", "two.csv", "three.txt"]


def test_rules_join_and_nest(client, three):
    one, two, three_ = (rule("filename", "=", row["filename"]) for row in three)
    assert found(client, one, "or", two) == ["one.csv", "two.csv"]
    assert found(client, one, "or", two, "and", three_) == ["one.csv"]
    assert found(client, {"rules": [one, "or", two]}, "AND", two) == ["two.csv"]
    assert found(client, one, two, combinator="or") == ["one.csv", "two.csv"]
    assert found(client, one, two, combinator="or", negated=True) == ["three.txt"]
    assert len(found(client)) == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rules": [rule("nothing", "=", 1)]},
        {"rules": [rule("filename", "LIKE", 1)]},
        {"rules": [rule("filename) OR (1", "=", 1)]},
        {"rules": [rule("file_size", "=", "many")]},
        {"rules": [rule("file_size", "between", [1])]},
        {"rules": [rule("created", ">", "once")]},
        {"rules": [rule("filename", "=", 1)], "combinator": "xor"},
        {"rules": ["nothing"]},
    ],
)
def test_a_query_that_makes_no_sense_is_a_400(client, three, body):
    assert client.post("/ddm/catalog/advanced", json=body).status_code == 400


def test_a_query_of_very_many_rules_is_a_400_and_one_of_many_is_not(client, three):
    def status(rules):
        return client.post("/ddm/catalog/advanced", json={"rules": rules, "combinator": "or"}).status_code

    deep = rule("filename", "=", "one.csv")
    for _ in range(50):
        deep = {"rules": [deep]}
    assert status([rule("filename", "=", str(n)) for n in range(500)]) == 200
    assert status([rule("filename", "in", [str(n) for n in range(2_000)])]) == 200
    assert status([deep]) == 200
    for _ in range(40):
        deep = {"rules": [deep], "not": True}
    assert status([deep]) == 400
    assert status([rule("filename", "=", str(n)) for n in range(5_000)]) == 400
    assert status([{"rules": [rule("filename", "=", str(n)) for n in range(400)]}] * 50) == 400
