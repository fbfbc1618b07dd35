"""Specs and references: small frozen values that travel as JSON and explain themselves."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from pxw import DDM, Arrow, Csv, Dataset, Json, Local, Parquet, Ref, Remote, Spec, Text
from pxw.errors import RefTouchedError, SettingsError, SpecError
from pxw.specs import suffixes

SPEC: TypeAdapter[Any] = TypeAdapter(Spec)


class Row(BaseModel):
    age: float


# Specs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slip", "meant"), [("pth", "path"), ("projct", "project"), ("ulr", "url")])
def test_a_misspelt_place_is_told_as_one(slip: str, meant: str) -> None:
    with pytest.raises(ValidationError, match=rf"{slip}: Extra inputs are not permitted \(did you mean '{meant}'\?\)"):
        SPEC.validate_python({slip: "x"})


SPECS = [
    Dataset(),
    Dataset(format="parquet", compression="zstd", coerce="strict", severity="warn", validators=True),
    Local("data/input.csv"),
    Local("data/input.csv.gz", format=Csv(delimiter=";", decimal=",", header=("a", "b")), schema={"age": "double"}),
    Local("x.parquet", format=Parquet(compression="none")),
    Local("x.arrow", format=Arrow(compression="lz4"), allow_pickle=True),
    Local("x", format=Json(indent=2)),
    Local("x", format=Text(encoding="latin-1")),
    DDM(project="demo/titanic", name="titanic.json", as_of="2026-01-31"),
    DDM(project="demo"),
]


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_a_spec_survives_json_and_pickle(spec: Dataset) -> None:
    assert SPEC.validate_json(SPEC.dump_json(spec)) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert copy.deepcopy(spec) == spec


@pytest.mark.parametrize(
    ("given", "spec"),
    [
        ("data/input.csv", Local("data/input.csv")),
        ({"path": "data/input.csv", "format": "tsv"}, Local("data/input.csv", format="tsv")),
        ({"path": "x", "format": {"name": "tsv"}}, Local("x", format=Csv(name="tsv", delimiter="\t"))),
        ({"project": "demo", "name": "titanic.json"}, DDM(project="demo", name="titanic.json")),
        ({"schema": {"age": "double"}}, Dataset(schema={"age": "double"})),
    ],
)
def test_the_union_takes_what_a_command_line_or_a_form_gives(given: Any, spec: Dataset) -> None:
    assert SPEC.validate_python(given) == spec
    assert SPEC.validate_json(json.dumps(given)) == spec


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Local("x.csv", formt="csv"), "formt: .*did you mean 'format'"),
        (lambda: Dataset(scema=Row), "did you mean 'schema'"),
        (lambda: DDM(projet="demo"), "did you mean 'project'"),
        (lambda: Csv(delimitr=";"), "did you mean 'delimiter'"),
        (lambda: Local("x", format={"name": "csv", "delimitr": ";"}), "did you mean 'delimiter'"),
        (lambda: Local("x", format={"name": "cvs"}), "format: Name a format, .*csv, tsv"),
        (lambda: Local(""), "path"),
        (lambda: Local("a\0b"), "NUL"),
        (lambda: Local(3), "path: Input should be a valid string"),
        (lambda: Remote(3), "url: Input should be a valid string"),
        (lambda: Local("https://host/x.csv"), r"not the URL[\s\S]*pxw\.DDM\(project"),
        (DDM, "project"),
        (lambda: DDM(project="p" * 256), "project"),
        (lambda: Csv(delimiter=";;"), "delimiter"),
        (lambda: Csv(delimiter=",", decimal=","), "must be different signs"),
        (lambda: Csv(delimiter="\n"), "none ends a line"),
        (lambda: Csv(encoding="utf-9"), "no encoding has the name 'utf-9'"),
        (lambda: Text(encoding="klingon"), "no encoding has the name 'klingon'"),
        (lambda: Dataset(coerce="maybe"), "coerce: .*'safe', 'strict' or 'off'"),
        (lambda: Json(indent=99), "indent"),
    ],
)
def test_a_spec_that_means_nothing_says_why(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make()


def test_all_faults_of_a_spec_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        Local("", coerce="maybe", formt="csv")
    assert len(caught.value.details) == 3


def test_a_bad_parameter_is_pydantics_error_with_the_words_of_the_spec() -> None:
    with pytest.raises(ValidationError, match="did you mean 'format'"):
        SPEC.validate_python({"path": "x", "formt": "csv"})


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Local("x").path = "y"  # type: ignore[misc]


def test_what_a_spec_leaves_open_another_says() -> None:
    declared = Dataset(schema=Row, coerce="strict", format="csv")
    merged = Local("x.tsv", format="tsv").inherit(declared)
    assert (merged.format, merged.table, merged.coerce, merged.path) == ("tsv", Row, "strict", "x.tsv")
    assert Local("x").inherit(Dataset()) == Local("x")


def test_the_json_schema_of_a_parameter_is_fit_for_a_form() -> None:
    schema = SPEC.json_schema()
    assert set(schema["$defs"]) == {"Arrow", "Csv", "DDM", "Dataset", "Json", "Local", "Parquet", "Remote", "Text"}
    assert set(schema["$defs"]["DDM"]["required"]) == {"project"}
    assert "schema" in schema["$defs"]["Local"]["properties"]
    for definition in schema["$defs"].values():
        assert "\n\n" not in definition["description"]
        assert ">>>" not in definition["description"]
        assert definition["additionalProperties"] is False


def test_a_prefect_flow_shows_specs_as_parameters() -> None:
    from prefect.utilities.callables import parameter_schema

    def flow(raw: Local | DDM = Local("data/input.csv")) -> None: ...

    shown = parameter_schema(flow).model_dump()
    assert shown["properties"]["raw"]["default"]["path"] == "data/input.csv"
    assert {"Local", "DDM"} <= set(shown["definitions"])


@pytest.mark.parametrize("only_set", [True, False])
@pytest.mark.parametrize(
    "spec",
    [
        Local("x.csv"),
        Local("x.csv", coerce="safe"),
        Remote("s3://b/x", schema={"age": "double"}, format=Csv(delimiter=";")),
        DDM(project="p", format=Arrow(compression="zstd")),
    ],
)
def test_a_spec_that_was_json_meanwhile_leaves_open_what_it_left_open(spec: Dataset, only_set: bool) -> None:
    again = SPEC.validate_json(SPEC.dump_json(spec, exclude_unset=only_set))
    assert again == spec
    assert again.model_fields_set == spec.model_fields_set


def test_a_schema_is_shown_in_json_by_name_or_by_its_columns() -> None:
    assert json.loads(Dataset(schema=Row).model_dump_json())["schema"].endswith("test_specs:Row")
    columns = json.loads(Dataset(schema=pa.schema([("a", pa.int64())])).model_dump_json())["schema"]
    assert columns == {"a": "int64"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("data.v2.csv.gz", (".csv", "gzip")),
        ("data.CSV", (".csv", "none")),
        ("data.json.ZST", (".json", "zstd")),
        ("data.gz", ("", "gzip")),
        (".csv", ("", "none")),
        ("a.b/README", ("", "none")),
    ],
)
def test_suffixes_tell_format_and_compression(name: str, told: tuple[str, str]) -> None:
    assert suffixes(name) == told


# References ------------------------------------------------------------------------------------------------------

REF = Ref(
    place="/runs/1/clean.arrow",
    format="arrow",
    size=3,
    rows=2,
    digest="xxh3:0",
    columns={"a": "int64"},
    task="process",
    output="clean",
)


@pytest.mark.parametrize("ref", [REF, Ref(value={"auc": [0.5, None]}, format="json", digest="xxh3:1"), Ref()], ids=repr)
def test_a_reference_survives_json_pickle_and_copy(ref: Ref) -> None:
    adapter = TypeAdapter(Ref)
    assert adapter.validate_json(adapter.dump_json(ref)) == ref
    assert pickle.loads(pickle.dumps(ref)) == ref
    assert copy.copy(ref) == copy.deepcopy(ref) == ref
    assert hash(pickle.loads(pickle.dumps(ref))) == hash(ref)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=5,
)


@given(_JSON, st.text(st.characters(exclude_categories=["Cs"])), st.integers(0))
def test_any_reference_survives_json(value: Any, place: str, size: int) -> None:
    adapter = TypeAdapter(Ref)
    ref = Ref(place=place, value=value, size=size, format=Csv(delimiter=";"))
    assert adapter.validate_json(adapter.dump_json(ref)) == ref


def test_a_reference_is_small() -> None:
    assert len(TypeAdapter(Ref).dump_json(REF)) < 1000


TOUCHES: dict[str, Callable[[Ref], Any]] = {
    ".shape": operator.attrgetter("shape"),
    ".dropna": lambda ref: ref.dropna(),
    "ref[...]": lambda ref: ref["age"],
    "ref[...] = ...": lambda ref: operator.setitem(ref, "age", 1),
    "len(ref)": len,
    "for ... in ref": list,
    "... in ref": lambda ref: "age" in ref,
    "if ref": bool,
    "float(ref)": float,
    "int(ref)": int,
    "numpy.asarray(ref)": np.asarray,
    "ref(...)": lambda ref: ref(),
    "ref > ...": lambda ref: ref > 3,
    "arithmetic (+)": lambda ref: ref + 1,
    "arithmetic (-)": lambda ref: 1 - ref,
    "arithmetic (@)": lambda ref: ref @ ref,
}


@pytest.mark.parametrize("how", TOUCHES)
def test_a_reference_that_is_touched_as_its_value_explains_itself(how: str) -> None:
    with pytest.raises(RefTouchedError) as caught:
        TOUCHES[how](REF)
    assert how in caught.value.message
    assert "task 'process', output 'clean'" in caught.value.at
    assert "pxw.load(...)" in caught.value.help


def test_a_reference_is_a_dull_value_for_tools() -> None:
    assert not hasattr(REF, "__dataframe__")
    assert repr(REF) == str(REF) == "<Ref task 'process', output 'clean', /runs/1/clean.arrow, 2 rows, 3 bytes>"
    assert f"{Ref(task='t', output='o')}" == "<Ref task 't', output 'o', not run>"
    with pytest.raises(AttributeError):
        REF.place = "elsewhere"  # type: ignore[misc]


def test_unknown_facts_in_a_reference_are_refused() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Ref).validate_python({"place": "/x", "plce": "/y"})


# Remote --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["s3://bucket/x.csv.gz", {"url": "s3://bucket/x.csv.gz"}, Remote("s3://bucket/x.csv.gz")]
)
def test_a_url_is_a_remote_dataset(said: object) -> None:
    spec = SPEC.validate_python(said)
    assert isinstance(spec, Remote)
    assert (spec.suffix, spec.compressed, spec.address) == (".csv", "gzip", "s3://bucket/x.csv.gz")
    assert SPEC.validate_json(SPEC.dump_json(spec)) == spec


@pytest.mark.parametrize(
    ("url", "is_many", "is_pattern"),
    [
        ("gs://b/x.csv", False, False),
        ("az://b/x/", True, False),
        ("s3://b/", True, False),
        ("s3://b/*/x.csv", True, True),
    ],
)
def test_a_slash_at_the_end_means_a_folder_and_a_star_a_pattern(url: str, is_many: bool, is_pattern: bool) -> None:
    assert (Remote(url).is_many, Remote(url).is_pattern) == (is_many, is_pattern)


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hush@bucket/x.csv",
        "s3://hush@bucket/x.csv",
        "az://container/x.csv?sv=1&sig=hush",
        "abfss://container:hush@account.dfs.core.windows.net/x",
        "https://ann:hush@example.org/x",
    ],
)
def test_a_url_with_a_secret_is_refused_and_the_secret_not_shown(url: str) -> None:
    for refuse in (Remote, Local, SPEC.validate_python, lambda url: SPEC.validate_python({"url": url})):
        with pytest.raises((SettingsError, SpecError)) as caught:
            refuse(url)
        assert "hush" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


@pytest.mark.parametrize(
    "url", ["http://bucket/x", "s4://bucket/x", "s3://", "s3:///x", "s3://b/../x", "s3://b//x", "x.csv"]
)
def test_what_is_no_url_of_an_object_is_refused(url: str) -> None:
    with pytest.raises(SpecError):
        Remote(url)


def test_the_account_of_an_azure_container_is_no_secret() -> None:
    assert Remote("abfss://container@account.dfs.core.windows.net/x.csv").suffix == ".csv"
