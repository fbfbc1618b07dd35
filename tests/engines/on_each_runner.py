"""One flow for every task runner: `python on_each_runner.py RUNNER` prints what it found, as JSON.

It is a file of its own because workers are spawned: what they run is either importable or, as here, in `__main__`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
from prefect.futures import PrefectFuture
from pydantic import BaseModel

import pxw
from pxw import runs
from pxw.runs import folders
from pxw.settings import load_settings


class Person(BaseModel):
    age: int


class Town(BaseModel):
    name: str


@pxw.task(inputs={"people": Person}, outputs={"people": Person, "facts": pxw.Dataset()})
def doubled(people: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    people["age"] *= 2
    return people, {"process": os.getpid(), "sum": int(people["age"].sum())}


@pxw.task(outputs={"people": Person})
def make(*ages: int) -> pd.DataFrame:
    return pd.DataFrame({"age": list(ages)})


@pxw.task(outputs=["parts"])
def split(people: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {f"age{age}": part for age, part in people.groupby("age")}


@pxw.task(inputs={"part": Person})
def total(part: pd.DataFrame) -> int:
    return int(part["age"].sum())


@pxw.task(inputs={"town": Town})
def named(town: pd.DataFrame) -> int:
    return len(town)


@pxw.task(outputs={"people": Person})
def wrong() -> pd.DataFrame:
    return pd.DataFrame({"age": ["old", "older"]})


@pxw.task(outputs={"table": pxw.Local("same.csv")})
def placed(age: int) -> pd.DataFrame:
    return pd.DataFrame({"age": [age]})


@pxw.task(outputs=["people"])
async def later(people: pd.DataFrame) -> pd.DataFrame:
    await asyncio.sleep(0)
    return people + 1


@pxw.task(outputs=["people"], retries=1)
def flaky(people: pd.DataFrame, attempts: Path) -> pd.DataFrame:
    with attempts.open("a") as file:
        file.write("x")
    if len(attempts.read_text()) == 1:
        raise ConnectionError("once")
    return people


@pxw.task
def where() -> dict[str, Any]:
    """Which process this is, its settings, and whether it keeps the run's folder."""
    run = runs.active.get()
    settings = load_settings()
    return {
        "process": os.getpid(),
        "home": str(settings.home),
        "keep_days": settings.keep_days,
        "holds": run is not None and run.folder in folders._HELD,
    }


def error_of(future: PrefectFuture[Any]) -> list[Any]:
    found = future.result(raise_on_failure=False)
    return [type(found).__name__, found.code, found.message, list(found.details)]


@pxw.flow
def main(folder: Path) -> dict[str, Any]:
    counted = pxw.script(folder / "count.py", inputs=["people"], outputs=["count"])
    made = make.map([1, 2, 3])
    both = doubled.map(made).result()
    parts = split.submit(make.submit(5, 5, 7))
    errors = [error_of(named.submit(made[0])), error_of(wrong.submit())]
    first = placed.submit(1)
    first.wait()
    ran = where.submit(wait_for=[first])
    facts = ran.result()
    run = both[0].people.run
    found = {
        "doubled": [list(pxw.load(pair.people, as_=pd.DataFrame)["age"]) for pair in both],
        "sums": [pxw.load(pair.facts)["sum"] for pair in both],
        "other processes": all(pxw.load(pair.facts)["process"] != os.getpid() for pair in both),
        "parts": total.map(parts).result(),
        "errors": errors,
        "taken": [said.partition(":")[0].replace(f"{folder}/", "") for said in error_of(placed.submit(2))[:3]],
        "redirected": pxw.load(placed.with_options(outputs={"table": "other.csv"}).submit(3).result())["age"].tolist(),
        "later": list(pxw.load(later.submit(made[2]).result(), as_=pd.DataFrame)["age"]),
        "flaky": list(pxw.load(flaky.submit(made[1], folder / "attempts").result(), as_=pd.DataFrame)["age"]),
        "script": pxw.load(counted.submit(made[0]).result()),
        "settings": [facts["home"] == str(load_settings().home), facts["keep_days"]],
        "holds": facts["holds"],
        "one run": {pair.facts.run for pair in both} == {run},
    }
    journal = (runs.folder_of(run, load_settings()) / "journal.jsonl").read_text().splitlines()
    done = [entry["task"] for entry in map(json.loads, journal) if entry["event"] == "finished"]
    return found | {"finished": Counter(done)}


def runner(name: str) -> Any:
    if name == "dask":
        from prefect_dask import DaskTaskRunner

        local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
        return DaskTaskRunner(cluster_kwargs=local)
    if name == "ray":
        from prefect_ray import RayTaskRunner

        local = {"num_cpus": 2, "object_store_memory": 80_000_000, "include_dashboard": False}
        return RayTaskRunner(init_kwargs=local)
    from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

    return {"threads": ThreadPoolTaskRunner, "processes": ProcessPoolTaskRunner}[name](max_workers=2)


if __name__ == "__main__":
    here = Path.cwd()
    (here / "count.py").write_text(
        "import proactive_helper as ph\n"
        'people = ph.load_dataset(variables, resultMap, "people")\n'
        'ph.save_dataset(variables, resultMap, "count", len(people))\n'
    )
    found = main.with_options(task_runner=runner(sys.argv[1]))(here)
    Path("found.json").write_text(json.dumps(found))
