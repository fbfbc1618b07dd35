"""Scripts as people wrote them: what they are given, and which must become functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PH = "import proactive_helper as ph\n"
LH = "import local_helper as lh\n"
UTILS = "from eexp_engine_utils import utils\n"
PATHS = """\
import os
import sys
for folder in variables.get("dependent_modules_folders").split(","):
    sys.path.append(os.path.join(os.getcwd(), folder))
"""


@dataclass(frozen=True)
class Case:
    """A script that becomes a function.

    Args:
        name: what is special about it.
        code: the script.
        files: the content of the files that it loads, by the name of the input; the suffix follows a dot.
        maker: a script that saves what this one loads.
        targets: outputs that go to files, or folders, of the project.
        given: values of `variables`, and the hints that the workflow declares for them.
        executionware: of the project.
    """

    name: str
    code: str
    files: dict[str, bytes] = field(default_factory=dict)
    maker: str = ""
    targets: dict[str, str] = field(default_factory=dict)
    given: dict[str, tuple[Any, str | None]] = field(default_factory=dict)
    executionware: str = "PROACTIVE"


CSV = b"a,b,t\n1,2.5,x\n007,,NA\n3,1e-05,true\n"
JSON = b'{"rows": [1, 2], "name": "\xc3\xa9"}'

CONVERTED = [
    Case("nothing at all", ""),
    Case("only prints", 'print("hello")\n'),
    Case(
        "seed style, bytes through",
        PH + 'data = ph.load_dataset(variables, resultMap, "in")\nph.save_dataset(variables, resultMap, "out", data)\n',
        files={"in.bin": b"\x00\xff\r\n"},
    ),
    Case(
        "seed style with keywords",
        PH
        + 'data = ph.load_dataset(variables=variables, resultMap=resultMap, key="in")\n'
        + 'ph.save_dataset(variables=variables, resultMap=resultMap, key="out", value=data[::-1])\n',
        files={"in.bin": b"abc"},
    ),
    Case(
        "seed style without resultMap",
        PH + 'data = ph.load_dataset(variables, "in")\nph.save_dataset(variables, "out", data.upper())\n',
        files={"in.txt": b"abc"},
    ),
    Case(
        "older style, one name",
        PH + 'raw = ph.load_datasets(variables, "in")\nph.save_datasets(variables, ("out", raw.decode()))\n',
        files={"in.txt": "é".encode()},
    ),
    Case(
        "older style, several names",
        PH
        + PATHS
        + 'one, two = ph.load_datasets(variables, "one", "two")\n'
        + 'ph.save_datasets(variables, ("sum", one + two), ("sizes", [len(one), len(two)]))\n',
        files={"one.txt": b"1", "two.txt": b"22"},
    ),
    Case(
        "older style, a list of all",
        PH + 'parts = ph.load_datasets(variables, "one", "two")\nph.save_datasets(variables, ("n", len(parts)))\n',
        files={"one.txt": b"1", "two.txt": b"22"},
    ),
    Case(
        "oldest style",
        PH + 'text = ph.get_input("in").decode()\nph.save_output(("out", text * 2))\n',
        files={"in.txt": b"ab"},
    ),
    Case("oldest style, one pair", PH + 'ph.save_output("out", b"x")\n'),
    Case(
        "functions of the helper imported by name",
        "from proactive_helper import load_dataset, save_dataset as put\n"
        'put(variables, resultMap, "out", load_dataset(variables, resultMap, "in") * 2)\n',
        files={"in.bin": b"ab"},
    ),
    Case(
        "the helper without an alias",
        "import proactive_helper\n"
        'x = proactive_helper.load_dataset(variables, resultMap, "in")\n'
        'proactive_helper.save_dataset(variables, resultMap, "out", x)\n',
        files={"in.bin": b"ab"},
    ),
    Case(
        "local helper parses csv",
        LH + 'df = lh.load_dataset(variables, resultMap, "in")\nlh.save_datasets(variables, ("out", df.dropna()))\n',
        files={"in.csv": CSV},
    ),
    Case(
        "local helper parses json and text",
        LH
        + 'doc, text = lh.load_datasets(variables, "doc", "text")\n'
        + 'lh.save_datasets(variables, ("out", doc["name"] + text))\n',
        files={"doc.json": JSON, "text.txt": b"!\r\n"},
    ),
    Case(
        "local helper, save_result",
        LH + 'n = len(lh.load_dataset(variables, "in"))\nlh.save_result({"n": n, "twice": 2 * n})\n',
        files={"in.txt": b"abc"},
    ),
    Case(
        "utils on a local engine",
        UTILS + 'df = utils.load_dataset(variables, resultMap, "in")\nresultMap.put("columns", list(df.columns))\n',
        files={"in.csv": CSV},
        executionware="LOCAL",
    ),
    Case(
        "utils elsewhere",
        UTILS + 'raw = utils.load_dataset(variables, resultMap, "in")\nutils.save_dataset(variables, "out", raw)\n',
        files={"in.csv": CSV},
    ),
    Case(
        "missing imports",
        PH
        + 'data = BytesIO(ph.load_dataset(variables, resultMap, "in"))\n'
        + 'ph.save_dataset(variables, resultMap, "out", pickle.dumps(json.loads(data.read())))\n',
        files={"in.json": JSON},
    ),
    Case(
        "a frame, dirty",
        "import pandas as pd\n"
        + PH
        + 'table = pd.read_csv(BytesIO(ph.load_dataset(variables, resultMap, "in")))\n'
        + 'ph.save_dataset(variables, resultMap, "out", table.dropna().to_csv(index=False).encode("utf-8"))\n',
        files={"in.csv": CSV},
        targets={"out": "out.csv"},
    ),
    Case(
        "a name that becomes a frame",
        "import pandas as pd\nfrom io import BytesIO\n"
        + PH
        + 'data = ph.load_dataset(variables, resultMap, "data")\n'
        + "data = pd.read_csv(BytesIO(data))\n"
        + 'ph.save_dataset(variables, resultMap, "out", data.to_json().encode())\n',
        files={"data.csv": CSV},
    ),
    Case(
        "a frame that functions pass on",
        "import pandas as pd\n"
        + PH
        + "def clean(table, columns=None):\n    table = table.dropna()\n"
        + "    if columns:\n        return table[columns]\n    else:\n        return table\n\n"
        + 'table = pd.read_csv(BytesIO(ph.load_dataset(variables, resultMap, "in")))\n'
        + "table = clean(table)\ntable = clean(table, columns=['a'])\n"
        + 'ph.save_datasets(variables, ("out", table))\n',
        files={"in.csv": CSV},
    ),
    Case(
        "what a function gives only sometimes",
        PH
        + "def half(n):\n    if n > 1:\n        return n / 2\n\n"
        + 'ph.save_datasets(variables, ("two", half(2.0)), ("one", half(1)))\n',
    ),
    Case(
        "declared parameters",
        PH
        + 'n = int(variables.get("n"))\nrate = variables["rate"]\nkind = variables.get("kind")\n'
        + 'ph.save_dataset(variables, resultMap, "out", f"{n + 1} {rate * 2} {kind}{variables.get(\'flag\')}")\n',
        given={"n": (3, "int"), "rate": (0.5, "float"), "kind": ("k", "str"), "flag": (True, "bool")},
    ),
    Case(
        "undeclared parameters",
        PH
        + 'epochs = int(variables.get("epochs"))\nrate = float(variables.get("rate", "0.1"))\n'
        + 'name = variables.get("name")\n'
        + 'ph.save_dataset(variables, resultMap, "out", f"{epochs} {rate} {name}")\n',
        given={"epochs": ("3", None), "name": ("x", None)},
    ),
    Case(
        "a parameter that nobody gives",
        PH
        + 'a, b = variables.get("a"), variables.get("b", 5)\n'
        + 'ph.save_dataset(variables, resultMap, "out", f"{a} {b} {variables.get(\'c\', None)}")\n',
    ),
    Case(
        "parameters with the names of Python's own",
        PH
        + 'i = int(variables.get("input"))\nf = variables.get("lambda")\n'
        + 'ph.save_dataset(variables, resultMap, "out", f"{i}{f}")\n',
        given={"input": ("3", None), "lambda": ("x", None)},
    ),
    Case(
        "a name of a dataset that is none in Python",
        PH + 'd = len(ph.load_dataset(variables, resultMap, "my-data"))\nresultMap["size"] = d\n',
        files={"my-data.bin": b"abc"},
    ),
    Case(
        "a variable called like a function of Python",
        PH
        + 'input = ph.load_dataset(variables, resultMap, "input")\n'
        + 'ph.save_dataset(variables, resultMap, "out", input)\n',
        files={"input.bin": b"abc"},
    ),
    Case(
        "metrics of all sorts",
        PH
        + 'resultMap.put("n", 3)\nresultMap["half"] = 0.5\nresultMap.put("name", "x")\n'
        + 'trace = []\nresultMap.put("trace", trace)\ntrace.append(1)\nprint(trace)\n',
    ),
    Case(
        "a metric of numpy",
        "import numpy as np\n" + PH + 'resultMap.put("mean", np.mean([1.0, 2.0]))\n',
    ),
    Case(
        "Python values that JSON would spoil",
        PH + 'ph.save_datasets(variables, ("a", {1: (2, 3)}), ("b", {4}), ("c", 1.5), ("d", None))\n',
    ),
    Case(
        "an array",
        "import numpy as np\n" + PH + 'ph.save_datasets(variables, ("a", np.arange(6).reshape(2, 3)))\n',
    ),
    Case(
        "a frame that changes after it was saved",
        "import pandas as pd\n"
        + PH
        + 'df = pd.DataFrame({"a": [1, 2]})\nph.save_datasets(variables, ("first", df))\n'
        + 'df["a"] = 0\nph.save_datasets(variables, ("second", df))\n',
    ),
    Case(
        "bytes that are bound anew after they were saved",
        PH + 'x = b"1"\nph.save_dataset(variables, "one", x)\nx = b"2"\nph.save_dataset(variables, "two", x)\n',
    ),
    Case(
        "several files",
        PH
        + 'a = b"1"\nph.save_datasets(variables, resultMap, "all", [a, "é".encode()], ["a.csv", "b.txt"])\n'
        + 'print("done")\n',
        targets={"all": "folder/"},
    ),
    Case(
        "several files without names",
        PH + 'parts = [b"1", b"2"]\nph.save_datasets(variables, resultMap, "all", parts)\n',
    ),
    Case(
        "several files of which one is enough",
        PH + 'ph.save_datasets(variables, resultMap, "out", [b"1"], ["x.csv"])\n',
        targets={"out": "out.csv"},
    ),
    Case(
        "one value into a folder",
        PH + 'ph.save_dataset(variables, resultMap, "out", b"1")\n',
        targets={"out": "folder/"},
    ),
    Case(
        "a folder",
        PH + 'parts = ph.load_datasets(variables, resultMap, "all")\nresultMap.put("n", [len(p) for p in parts])\n',
        files={"all/b.txt": b"bb", "all/a.txt": b"a"},
    ),
    Case(
        "a guard",
        PH
        + 'def main():\n    """Do it."""\n    data = ph.load_dataset(variables, resultMap, "in")\n'
        + "    # turned around\n"
        + '    ph.save_dataset(variables, resultMap, "out", data[::-1])\n\n'
        + 'if __name__ == "__main__":\n    main()\n',
        files={"in.bin": b"abc"},
    ),
    Case(
        "a guard on one line, and a comment out of line",
        PH
        + 'def run():\n    x = b"1"\n# out of line\n    if x:\n        x += b"""\n2"""\n'
        + '    ph.save_dataset(variables, "out", x)\n\nif __name__ == "__main__": run()\n',
    ),
    Case(
        "what only looks like bytes",
        "from types import SimpleNamespace\n"
        + PH
        + "coder = SimpleNamespace(encode=lambda text: [len(text)])\n"
        + 'ph.save_datasets(variables, ("out", coder.encode("hello")))\n',
    ),
    Case(
        "functions, with and without the script's variables",
        PH
        + 'FACTOR = 3\nname = "x"\n\ndef pure(n):\n    return n * FACTOR\n\n'
        + "def reading():\n    return name * pure(2)\n\n"
        + 'def asking():\n    return variables.get("k", "z")\n\n'
        + 'ph.save_dataset(variables, resultMap, "out", reading() + asking())\n',
        given={"k": ("y", None)},
    ),
    Case(
        "a function that remembers",
        PH
        + "def count(seen=[]):\n    seen.append(1)\n    return len(seen)\n\ncount()\n"
        + 'resultMap.put("n", count())\n',
    ),
    Case(
        "loads in a loop and in a function",
        PH
        + 'def load():\n    return ph.load_dataset(variables, resultMap, "in")\n\nsize = 0\n'
        + 'for _ in range(3):\n    size += len(load()) + len(ph.load_dataset(variables, resultMap, "in"))\n'
        + 'resultMap.put("size", size)\n',
        files={"in.bin": b"abc"},
    ),
    Case(
        "texts over several lines",
        PH
        + 'text = """one\n  two\n# three\n"""\nmore = f"""{text}\n{len(text)}\n"""\n'
        + 'if text:\n    more += """\nfour"""\n'
        + 'ph.save_dataset(variables, resultMap, "out", text + more)\n',
    ),
    Case(
        "several statements on a line, and odd spacing",
        PH + 'x=1;y = 2\nif x :\n  y =  3 # three\n\n\n\nresultMap.put( "sum" ,\n      x+\n  y)\n',
    ),
    Case(
        "tabs, an encoding and a byte order mark",
        "\ufeff# -*- coding: utf-8 -*-\r\n" + PH + 'if True:\r\n\tword = "é"\r\nresultMap.put("word", word)\r\n',
    ),
    Case(
        "names of keys in constants",
        PH
        + 'SOURCE = "in"\nx = ph.load_dataset(variables, resultMap, SOURCE)\n'
        + 'ph.save_dataset(variables, resultMap, "out", x)\n',
        files={"in.bin": b"abc"},
    ),
    Case(
        "comments everywhere",
        '"""What it does."""\n# Copyright 2020\n'
        + PH
        + "# patients of 2019\n"
        + 'x = ph.load_dataset(variables, resultMap, "in")  # of one hospital\n\n# Load more\n\n# keep me\n'
        + 'ph.save_dataset(variables, resultMap, "out", x)  # to be published\n# the end\n',
        files={"in.bin": b"abc"},
    ),
    Case(
        "what an earlier script saved",
        PH
        + 'model, table, text, n = ph.load_datasets(variables, "model", "table", "text", "n")\n'
        + 'table["a"] += 1\n'
        + 'ph.save_datasets(variables, ("out", f"{model} {table.to_csv()} {text} {n}"))\n',
        maker="import pandas as pd\n"
        + PH
        + 'ph.save_datasets(variables, ("model", {1: (2,)}), ("table", pd.DataFrame({"a": [1]})), ("text", "é"))\n'
        + 'ph.save_datasets(variables, ("n", 3))\n',
    ),
    Case(
        "what an earlier script saved in some branch",
        PH + 'x = ph.load_dataset(variables, resultMap, "x")\nresultMap.put("type", type(x).__name__)\n',
        maker=PH + 'if 1:\n    ph.save_dataset(variables, resultMap, "x", b"1")\n',
    ),
    Case(
        "the files of an earlier script",
        PH
        + 'model, rows = ph.load_datasets(variables, resultMap, "all")\n'
        + 'ph.save_dataset(variables, resultMap, "out", rows + model)\n',
        maker=PH + 'ph.save_datasets(variables, resultMap, "all", [b"m", b"r"], ["model.pkl", "rows.csv"])\n',
    ),
]

IN = 'x = ph.load_dataset(variables, resultMap, "in")\n'
OUT = 'ph.save_dataset(variables, resultMap, "out", x)\n'

KEPT: list[tuple[str, int, str]] = [
    (PH + 'folder = ph.create_dir(variables, "f")\n', 2, "makes a folder in its run"),
    (PH + 'p = ph.get_file_path(variables, "f", "x.csv")\n', 2, "asks for the path of a file"),
    (PH + "r = ph.get_experiment_results()\n", 2, "asks for the results of the experiment's earlier runs"),
    (PH + 'd = ph.load_dataset_by_path("x.csv")\n', 2, "loads a file by its path"),
    (PH + "import json\ns = json.dumps({}, cls=ph.NumpyEncoder)\n", 3, "NumpyEncoder"),
    (PH + 'k = "a" + "b"\nx = ph.load_dataset(variables, resultMap, k)\n', 3, "the name k is known only when it runs"),
    (PH + "load = ph.load_dataset\n", 2, "hands the helper's 'load_dataset' on"),
    (PH + "print(ph)\n", 2, "uses 'ph' in a way that only the script knows"),
    (PH + "print(dict(variables))\n", 2, "uses 'variables' in a way that only the script knows"),
    (PH + "for key in variables.keys():\n    print(key)\n", 2, "looks at all of variables"),
    (PH + 'variables.put("k", 1)\n', 2, "calls variables.put(), which other tasks see"),
    (PH + 'variables["k"] = 1\n', 2, "sets variables[...], which other tasks see"),
    (PH + 'print(resultMap.get("k"))\n', 2, "calls resultMap.get(), which other tasks see"),
    (PH + 'print(resultMap["k"])\n', 2, "uses resultMap[...]"),
    (PH + "ph.save_datasets(variables, *[('a', 1)])\n", 2, "arguments that are not written out"),
    (PH + 'ph.save_result({"a": 1, **{}})\n', 2, "results whose names are not written out"),
    (PH + "r = {}\nph.save_result(r)\n", 3, "results whose names are not written out"),
    (PH + 'ph.load_everything("x")\n', 2, "calls load_everything(), which no helper module has"),
    (PH + "ph.load_dataset(variables, resultMap)\n", 2, "calls load_dataset() with 0 names"),
    (PH + 'ph.save_dataset(variables, resultMap, "k")\n', 2, "calls save_dataset() with 1 arguments"),
    (
        "try:\n    import proactive_helper as ph\nexcept ImportError:\n    pass\n",
        2,
        "imports a helper module in an odd place",
    ),
    (
        PH + 'import os\nx = variables.get("PA_TASK_ID")\n',
        3,
        "asks for 'PA_TASK_ID', which the system gave to its scripts",
    ),
    (PH + 'print(variables.get("in"))\n', 2, "asks for 'in', the place of its data"),
    (PH + 'print(variables.get("other"))\n', 2, "asks for 'other', which another task puts there"),
    (PH + 'print(variables["nowhere"])\n', 2, "asks for 'nowhere', which the workflow does not give"),
    (PH + 'print(int(variables.get("nowhere")))\n', 2, "asks for 'nowhere', which the workflow does not give"),
    (PH + 'print(variables.get("a", 1), variables.get("a", 2))\n', 2, "has several defaults for 'a'"),
    (PH + 'n = 1\nprint(variables.get("a", n))\n', 3, "has a default for 'a' that is no plain value"),
    (PH + 'x = ph.load_dataset(variables, resultMap, "unfed")\n', 2, "loads 'unfed', which nothing feeds"),
    (
        PH + 'x = ph.load_dataset(variables, resultMap, "folder")\n',
        2,
        "loads one value of 'folder', which is several files",
    ),
    (PH + 'x = ph.load_datasets(variables, resultMap, "in")\n', 2, "nobody can tell how many there are"),
    (PH + 'x = ph.load_dataset(variables, resultMap, "odd")\n', 2, "loads 'odd': it is compressed"),
    (
        PH + 'x = ph.load_dataset(variables, resultMap, "any")\ny = ph.load_dataset(variables, "any")\n',
        3,
        "more than once",
    ),
    (
        PH + 'if 1:\n    x = ph.load_dataset(variables, resultMap, "any")\n',
        3,
        "inside of an `if`, and may change it there",
    ),
    (LH + 'x = lh.load_dataset(variables, resultMap, "pickled")\n', 2, "loads the pickle 'pickled'"),
    (PH + IN + "if x:\n    " + OUT, 4, "saves 'out' inside of an `if`"),
    (PH + IN + "for _ in x:\n    " + OUT, 4, "saves 'out' inside of a loop"),
    (PH + IN + "def f():\n    " + OUT + "f()\nf()\n", 4, "saves 'out' inside of a function"),
    (PH + IN + "try:\n    " + OUT + "finally:\n    pass\n", 4, "saves 'out' inside of a `try`"),
    (PH + IN + "with x:\n    " + OUT, 4, "saves 'out' inside of a `with`"),
    (PH + IN + OUT + OUT, 4, "saves 'out' more than once"),
    (PH + IN + "y = " + OUT, 3, "saves 'out' inside of a `assign`"),
    (
        PH + 'v = [1]\nph.save_dataset(variables, "out", v)\nv.append(2)\n',
        3,
        "goes on after it saved 'out', and may change it",
    ),
    (
        PH + 'ph.save_datasets(variables, ("out", [1]), ("my-out", 2))\n',
        2,
        "saves 'my-out', which is no name in Python",
    ),
    (PH + 'v = [1]\nph.save_datasets(variables, resultMap, "out", v)\n', 3, "nobody can tell that all are bytes"),
    (PH + 'n = input()\nph.save_datasets(variables, resultMap, "out", [b"1"], [n])\n', 3, "the names of all"),
    (PH + "print(1)\n", 1, "never saves 'wanted' for sure"),
    ("exec('x = 1')\n", 1, "looks into its own names"),
    ("x = 1\nprint(globals())\n", 2, "looks into its own names"),
    ("df = None\ndf.plot()\n", 2, "draws with pyplot"),
    ("import seaborn\n", 1, "draws with pyplot"),
    (
        PH
        + 'x = 1\ndef f():\n    return x\ndef main():\n    x = 2\n    ph.save_dataset(variables, "out", f())\nmain()\n',
        7,
        "saves 'out' inside of a function",
    ),
    (PH + 'def main(): ph.save_dataset(variables, "out", 1)\nmain()\n', 2, "saves 'out' inside of a function"),
    ("print(__file__)\n", 1, "asks where or as what it runs"),
    ("n = input()\n", 1, "asks a person"),
    ("import sys\nsys.exit(0)\n", 2, "ends the process"),
    ("exit()\n", 1, "ends the process"),
    ("import os\nos.environ['X'] = '1'\n", 2, "reaches for its process"),
    ("import sys\nsys.path.append('/x')\n", 2, "reaches for its process"),
    ("f = open('x.csv')\n", 1, "works with files of its own folder"),
    ("import os\nos.makedirs('x')\n", 2, "works with files of its own folder"),
    ("import pandas as pd\npd.DataFrame().to_csv('x.csv')\n", 2, "works with files of its own folder"),
    ("import pandas as pd\npath = 'x.csv'\npd.read_csv(path)\n", 3, "works with files of its own folder"),
    ("import shutil\n", 1, "works with files of its own folder"),
    ("import numpy as np\nnp.random.seed(1)\n", 2, "seeds a generator that all tasks of a process share"),
    ("import random\nrandom.seed(1)\n", 2, "seeds a generator that all tasks of a process share"),
    ("import matplotlib.pyplot as plt\n", 1, "draws with pyplot"),
    ("from matplotlib import pyplot\n", 1, "draws with pyplot"),
    ("import subprocess\n", 1, "starts processes"),
    ("import signal\n", 1, "reaches for its process"),
    ("import beside\nprint(beside.read())\n", 2, "imports 'beside', which works with files of its own folder"),
    ("import a_module_of_nobody\n", 1, "imports 'a_module_of_nobody', which is not installed here"),
    ("from . import x\n", 1, "imports from a package that it is not in"),
    ("from math import *\n", 1, "imports all of 'math'"),
    ("n = 0\ndef f():\n    global n\n    n = 1\nf()\n", 3, "changes variables of the script from within a function"),
    ("import json\njson = json.dumps({})\n", 2, "binds 'json' anew"),
    ("from json import loads\nprint(loads)\nfrom pickle import loads\n", 3, "imports 'loads' from several modules"),
    ("list = list((1, 2))\n", 1, "binds 'list', and uses Python's own 'list'"),
    ("print(pd.DataFrame())\n", 1, "uses 'pd', which nobody defines"),
    ("import json; x = 1\n", 1, "has statements of several kinds on one line"),
    ("pxw = 1\n", 1, "binds a name that the system gives"),
    (
        "import pickle\nclass Net:\n    pass\nprint(pickle.dumps(Net()))\n",
        2,
        "may pickle what is made of the class 'Net'",
    ),
]
"""Scripts that stay as they are: the line, and what must be said of it."""
