"""Tasks with an environment of their own: the child processes of test_isolated.py import this file."""

import os
import sys
import time
from pathlib import Path

import pandas as pd
from pydantic import BaseModel

import pxw

HERE = pxw.Env(requirements="requirements.txt")


class Person(BaseModel):
    name: str


@pxw.task(outputs=["people"])
def make() -> pd.DataFrame:
    return pd.DataFrame({"name": ["a", "b"]})


@pxw.task(inputs={"people": Person}, outputs={"people": Person, "facts": pxw.Dataset()}, env=HERE)
def loud(people: pd.DataFrame, *marks: str, size: tuple[int, int] = (1, 1)) -> tuple[pd.DataFrame, dict[str, object]]:
    import pxw_test_shout  # type: ignore[import-not-found]  # it is only there

    print("said in", sys.prefix)
    people["name"] = [pxw_test_shout.shout(name) + "".join(marks) for name in people["name"]]
    return people, {"process": os.getpid(), "prefect": "prefect" in sys.modules, "size": list(size)}


@pxw.task(env=HERE)
def fails(how: str) -> Path:
    if how == "missing":
        import prefect  # noqa: F401
    if how == "killed":
        os.kill(os.getpid(), 9)
    if how == "exits":
        sys.exit(3)
    if how == "slow":
        Path("started").write_text(str(os.getpid()))
        time.sleep(300)
    if how == "works":
        return Path("somewhere")
    raise LookupError("nothing there")


@pxw.task(outputs={"people": Person}, env=HERE)
def wrong() -> pd.DataFrame:
    return pd.DataFrame({"other": [1]})


@pxw.task(outputs=["number"], env=pxw.Env())
async def later(number: int) -> int:
    return number + 1
