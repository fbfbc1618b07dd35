"""Random projects, drawn by Hypothesis: right by construction, with all constructs, in all ways to write them."""

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st

KEYWORDS = ["task", "data", "type", "input", "param", "control", "event", "range", "name", "from", "condition"]
NAMES = st.one_of(
    st.sampled_from(KEYWORDS), st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}(-[0-9])?", fullmatch=True), st.just("Größe")
).filter(lambda name: name not in {"START", "END"} and not name.startswith(("PARALLEL", "JOIN")))
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters=";{}\r\"'", exclude_categories=["Cs", "Cc"]), max_size=12
)
QUOTED = st.one_of(TEXTS, st.sampled_from(['say "so"', "back\\slash", "two\nlines", "it's", "a;b{c}", "\\", '\\"', ""]))
VALUES = QUOTED | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
CONDITIONS = [
    "many_rows",
    "accurate A",
    "1 < 2",
    'results[list(results)[0]] == "x"',
    "rows > 3 and True",
    "as everybody here sees fit",
]


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(value):
    if isinstance(value, str):
        return quoted(value)
    return {True: "true", False: "false", None: "null"}[value] if isinstance(value, bool | None) else repr(value)


@dataclass
class Kind:
    """A task of the library: its ports, its parameters, and the values that these may take."""

    folder: str
    inputs: list[str]
    outputs: list[str]
    params: dict[str, list]
    text: str
    plain: bool = False


@st.composite
def kinds(draw, index):
    names = draw(st.lists(NAMES, min_size=2, max_size=8, unique=True))
    split = draw(st.integers(0, 2))
    inputs, outputs, rest = names[:split], names[split : split + 2], names[split + 2 :]
    folder = draw(st.sampled_from([f"t{index}", f"deep/t{index}", f"deep/er/t{index}"]))
    members = [f"define input data {name};" for name in inputs] + [f"define output data {name};" for name in outputs]
    params, lines = {}, []
    for name in rest[:3]:
        params[name], line = draw(parameters(name))
        lines.append(line)
    for name in rest[3:]:
        kind = draw(st.sampled_from(["single-value", "series"]))
        members.append(f"define metric {name} {{ kind {kind}; type Float; }}")
    members += [*lines, f"implementation {quoted(f'{folder}/task.py')};"]
    members += draw(
        st.lists(
            st.sampled_from(['venv "r.txt";', 'python_version "3.11";', "type interactive;", 'dependency "src/**";']),
            unique=True,
        )
    )
    return Kind(folder, inputs, outputs, params, f"task T {{\n{chr(10).join(draw(st.permutations(members)))}\n}}\n")


@st.composite
def parameters(draw, name):
    """Draw a declaration, and values that fit it."""
    style = draw(st.sampled_from(["T1", "T2"]))
    low, span = draw(st.integers(-50, 50)), draw(st.integers(0, 40))
    brackets = "[]" if style == "T1" else "()"
    choice = draw(st.sampled_from(["int", "float", "bool", "enum", "free"]))
    if choice == "int":
        values, body = [low, low + span], f"type Integer; range {brackets[0]}{low}, {low + span}{brackets[1]};"
    elif choice == "float":
        values, body = [low / 4, low + span], f"type Float; range ({min(low / 4, low)}, {low + span + 0.5});"
        values = [low + span / 2, low + span]
    elif choice == "bool":
        values, body = [True, False], "type Boolean;"
    elif choice == "enum":
        values = draw(st.lists(QUOTED, min_size=1, max_size=3, unique=True))
        body = f"type String; enum ({', '.join(map(quoted, values))});"
    else:
        values, body = [draw(QUOTED), "x"], draw(st.sampled_from(["type String;", "type Blob;", ""]))
    body += f" default {written(values[0])};"
    return values, f"{'define ' if style == 'T2' else ''}param {name} {{ {body} }}"


@dataclass
class Flow:
    """A workflow under construction: text by member, and what others need to know about it."""

    name: str
    tasks: dict[str, Kind] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)
    free_inputs: list[str] = field(default_factory=list)
    free_outputs: list[str] = field(default_factory=list)


@st.composite
def workflows(draw, library, name, part=None):
    """Draw a workflow; with a `part`, one of its tasks is that subworkflow."""
    flow = Flow(name)
    names = draw(st.lists(NAMES.filter(lambda n: n != name), min_size=2, max_size=14, unique_by=str))
    count = draw(st.integers(1, min(6, len(names) - 1)))
    order, spare = names[:count], names[count:]
    inner = {*part.tasks, *part.data} if part else set()
    order = [each for each in order if each not in inner] or ["only"]
    spare = [each for each in spare if each not in inner and each != "only"]
    for each in order:
        flow.tasks[each] = draw(st.sampled_from(library))
        flow.members += draw(tasks(each, flow.tasks[each]))
    flow.members += draw(control(order))
    flow.data = {}
    flow.members += draw(data_links(flow, order, spare))
    if part is not None and spare:
        flow.members += draw(inlined(flow, order, spare.pop(), part))
    if spare and draw(st.booleans()):
        flow.members.append(f"param {spare[-1]}x = {written(draw(st.sampled_from([1, 2.5, True, 'x', None])))};")
    flow.members += draw(
        st.lists(
            st.sampled_from(['description "what it is for";', "// a comment", "/* over\n lines */"]),
            max_size=2,
            unique=True,
        )
    )
    return flow


@st.composite
def tasks(draw, name, kind):
    """Draw one of the ways to write a task."""
    target = kind.folder if draw(st.booleans()) else kind.folder.replace("/", ".")
    body = (
        [f"implementation {quoted(target)};"]
        if draw(st.booleans())
        else [f"implementation {target.replace('/', '.')};"]
    )
    if kind.plain:
        body = [f"implementation {quoted(kind.folder)};"]
        body += [f"param {each} = {written(draw(VALUES))};" for each in draw(st.lists(NAMES, max_size=2, unique=True))]
    for param, values in kind.params.items():
        if draw(st.booleans()):
            body.append(f"param {param} = {written(draw(st.sampled_from(values)))};")
    body += draw(
        st.lists(
            st.sampled_from(
                [
                    'dependency "more/**";',
                    'description "a task";',
                    'python_version "3.12";',
                    "define metric extra { kind series; }",
                ]
            ),
            max_size=2,
            unique=True,
        )
    )
    text = "\n".join(draw(st.permutations(body)))
    style = draw(st.sampled_from(["G1", "G3", "split"]))
    if style == "G3":
        return [f"task {name} {{ {text} }}"]
    return [f"define task {name};" if style == "G1" else f"task {name};", f"configure task {name} {{\n{text}\n}}"]


@st.composite
def control(draw, order):
    """Draw chains, joins, choices and conditional links, all leading forward."""
    lines, edges = [], []
    for index, name in enumerate(order[1:], 1):
        edges += [(before, name) for before in draw(st.lists(st.sampled_from(order[:index]), max_size=2, unique=True))]
    for before, after in edges:
        style = draw(st.integers(0, 5))
        text = draw(st.sampled_from(CONDITIONS))
        later = order[order.index(after) + 1 :]
        if style == 0:
            lines.append(f"{before} ?-> {after} {{ condition {quoted(text)}; }}")
        elif style == 1 and len(later) >= 2:
            arrow, other = draw(st.sampled_from(["->", "?->"])), draw(st.sampled_from([later[0], "END"]))
            lines.append(f"{before} {arrow} {quoted(text)} ? {after} : {other} -> {later[-1]};")
        elif style == 2 and later:
            lines.append(f"START -> {before} -> ({after} || {later[0]});")
        else:
            lines.append(f"{before} -> {after};")
    if draw(st.booleans()) and len(order) > 2:
        lines.append(f"{' -> '.join(['START', *order, 'END'])};")
    if len(order) > 3 and draw(st.booleans()):
        lines += [
            f"{order[0]} -> PARALLEL_1 -> {order[1]};",
            f"PARALLEL_1 -> {order[2]} -> JOIN-1;",
            f"JOIN-1 -> {order[3]};",
        ]
    return lines


PLACES = [
    'path "in.csv";',
    'path "many/**";',
    'path "fire.*.png";',
    'name "f.csv"; project "p";',
    'project "p";',
    'zenoh_name "n"; zenoh_project "z";',
    'path "in.csv"; type "csv";',
]


@st.composite
def data_links(draw, flow, order, spare):
    """Feed each input once: from an earlier task, or from a dataset; lead some outputs out."""
    lines = []
    for index, name in enumerate(order):
        kind = flow.tasks[name]
        earlier = [(task, port) for task in order[:index] for port in flow.tasks[task].outputs]
        for port in kind.inputs:
            if earlier and draw(st.booleans()):
                task, out = draw(st.sampled_from(earlier))
                lines.append(f"{task}.{out} --> {name}.{port};")
            elif spare and draw(st.booleans()):
                data = spare.pop()
                lines += [*draw(datasets(flow, data, "input")), f"{data} --> {name}.{port};"]
            else:
                flow.free_inputs.append(port)
        for port in kind.outputs:
            if spare and draw(st.booleans()):
                data = spare.pop()
                lines += [*draw(datasets(flow, data, "output")), f"{name}.{port} --> {data};"]
            else:
                flow.free_outputs.append(port)
    return lines


@st.composite
def datasets(draw, flow, name, direction):
    flow.data[name] = direction
    style = draw(st.sampled_from([f"define {direction} data", f"{direction} data", "data"]))
    lines = [f"{style} {name};"]
    if draw(st.booleans()):
        lines.append(f"configure data {name} {{ {draw(st.sampled_from(PLACES))} }}")
    return lines


@st.composite
def inlined(draw, flow, order, name, part):
    """Put a subworkflow between the last task and nothing, fed by port name where that is clear."""
    word = draw(st.sampled_from(["subworkflow", "ref"]))
    target = draw(st.sampled_from([quoted("part"), quoted("part.xxp"), "part"]))
    lines = [f"task {name} {{ {word} {target}; }}", f"{order[-1]} -> {name};"]
    sources = flow.tasks[order[-1]].outputs
    free = [port for port in dict.fromkeys(part.free_inputs) if sources and port not in part.data]
    fed = [port for port in free if draw(st.booleans())]
    return lines + [f"{order[-1]}.{sources[0]} --> {name}.{port};" for port in fed]


@st.composite
def experiments(draw, flow, name):
    """Draw an experiment over one workflow."""
    members, nodes = [], draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    for index, node in enumerate(nodes):
        style = draw(st.integers(0, 7)) if index else 0
        if style == 6:
            members.append(f'event {node} {{ type manual; task review(avg, "acc", S); condition "so"; restart True; }}')
        elif style == 7:
            word = draw(st.sampled_from(["task", "interaction"]))
            members.append(f'{word} {node} {{ implementation "plain.py"; input data of_{node} {{ path "in.csv"; }} }}')
        else:
            members.append(draw(spaces(flow, node)))
    members += draw(transitions(nodes))
    members += draw(
        st.lists(st.sampled_from(["intent FindBest;", 'intent "find it";', 'description "why";']), max_size=1)
    )
    return f"experiment {name} {{\n{chr(10).join(draw(st.permutations(members)))}\n}}\n"


@st.composite
def spaces(draw, flow, name):
    strategy = draw(st.sampled_from(["gridsearch", "randomsearch", "singlerun"]))
    lines = [f"strategy {strategy};"] + (["runs = 2;"] if strategy == "randomsearch" else [])
    bindable = [(task, param, values) for task, kind in flow.tasks.items() for param, values in kind.params.items()]
    bodies = {}
    for index, (task, param, values) in enumerate(
        draw(st.lists(st.sampled_from(bindable), max_size=3, unique_by=lambda b: b[:2])) if bindable else []
    ):
        word = draw(st.sampled_from(["param_values", "param"]))
        point = draw(st.sampled_from([f"v{index}", "task", "data"])) + str(index)
        chosen = values[:1] if strategy == "singlerun" else values
        if draw(st.booleans()):
            bodies.setdefault(task, []).append(f"param {param} = {written(values[0])};")
            continue
        if (
            isinstance(values[0], int)
            and not isinstance(values[0], bool)
            and strategy != "singlerun"
            and isinstance(values[-1], int)
        ):
            lines.append(
                f"{word} {point} = range({values[0]}, {values[-1]}{draw(st.sampled_from(['', ', 1', ', 3']))});"
            )
        else:
            lines.append(f"{word} {point} = enum({', '.join(map(written, chosen))});")
        if draw(st.booleans()):
            lines.append(f"{word} {point} = enum({written(chosen[0])});")
        bodies.setdefault(task, []).append(f"param {param} = {point};")
    lines += [
        f"{draw(st.sampled_from(['task', 'configure task']))} {task} {{ {' '.join(body)} }}"
        for task, body in bodies.items()
    ]
    lines += draw(st.lists(st.sampled_from(['filter "small_only";', 'generator "extra";']), max_size=2, unique=True))
    return f"space {name} of {flow.name} {{\n{chr(10).join(draw(st.permutations(lines)))}\n}}"


@st.composite
def transitions(draw, nodes):
    style = draw(st.sampled_from(["none", "lone", "chain", "graph"]))
    if style == "none":
        return []
    if style == "lone":
        return [f"control {{ {nodes[0]}; }}"]
    lines = [f"{' -> '.join(['START', *nodes, 'END'])};"]
    if style == "graph":
        lines = [f"START -> {nodes[0]};"]
        for before, after in pairwise(nodes):
            text = draw(st.sampled_from(CONDITIONS))
            lines.append(
                draw(
                    st.sampled_from(
                        [
                            f"{before} -> {after};",
                            f"{before} ?-> {after} {{ condition {quoted(text)} }};",
                            f"{before} ?-> {after} {{ condition {quoted(text)}; }}",
                        ]
                    )
                )
            )
        if len(nodes) > 3:
            lines.append(f"({nodes[0]} || {nodes[1]}) -> ({nodes[2]} || {nodes[3]}) -> END;")
    return [f"control {{\n{chr(10).join(draw(st.permutations(lines)))}\n}}"]


@st.composite
def projects(draw):
    """Draw the files of a project, by path, `main.xxp` among them."""
    library = [draw(kinds(index)) for index in range(draw(st.integers(1, 3)))]
    files = {f"tasks/{kind.folder}/task.xxp": kind.text for kind in library}
    files |= {f"tasks/{kind.folder}/task.py": "" for kind in library}
    library.append(Kind("plain.py", [], [], {}, "", plain=True))
    part = draw(st.none() | workflows(library, "Part"))
    if part is not None:
        files["workflows/part.xxp"] = draw(_text(part))
    flow = draw(workflows(library, "Main", part))
    text = draw(_text(flow))
    if draw(st.booleans()):
        text, flow = draw(_derived(flow, text))
    if draw(st.booleans()):
        files["workflows/flows.xxp"] = text
        text = draw(st.sampled_from(['import "flows.xxp";\n', 'ref "flows.xxp";\n', 'package a.b;\nimport "flows";\n']))
        text += draw(experiments(flow, "E"))
    else:
        text += "".join(draw(experiments(flow, name)) for name in ("E", "E2")[: draw(st.integers(0, 2))])
    return {**files, "experiments/main.xxp": text}


@st.composite
def _text(draw, flow):
    return f"workflow {flow.name} {{\n{chr(10).join(draw(st.permutations(flow.members)))}\n}}\n"


@st.composite
def _derived(draw, flow, text):
    """Derive a workflow that gives one task other values."""
    task = draw(st.sampled_from(sorted(flow.tasks)))
    kind = flow.tasks[task]
    body = [f"param {name} = {written(values[-1])};" for name, values in kind.params.items()]
    word = draw(st.sampled_from(["workflow", "assembled workflow"]))
    text += f"{word} Derived from {flow.name} {{ configure task {task} {{ {' '.join(body)} }} }}\n"
    return text, Flow("Derived", flow.tasks)
