"""Random files within the grammar of the current engine (G5), drawn by Hypothesis from that grammar's own rules."""

from itertools import pairwise

from hypothesis import strategies as st

WORDS = st.from_regex(r"[A-Z][a-z]{1,5}[0-9]?", fullmatch=True)
TEXTS = st.from_regex(r"[a-z][a-z0-9_/. ]{0,9}", fullmatch=True)
PATHS = st.from_regex(r"[a-z][a-z0-9_]{0,6}(/[a-z]{1,4})?(\.csv)?", fullmatch=True)
NUMBERS = st.integers(-99, 99)
FLOATS = st.integers(1, 900).map(lambda number: number + 0.5)


def lines(*strategies):
    """Draw several lists of lines, and join them."""
    return st.tuples(*strategies).map(lambda parts: [line for part in parts for line in part])


@st.composite
def tasks(draw, names):
    out = []
    for name in names:
        params = draw(st.lists(st.tuples(WORDS, NUMBERS), max_size=2, unique_by=lambda pair: pair[0]))
        body = [f"param {param} = {value};" for param, value in params]
        body += draw(st.sampled_from([[], [f'implementation "{draw(TEXTS)}";']]))
        out.append(f"task {name};" if not body and draw(st.booleans()) else f"task {name} {{ {' '.join(body)} }}")
    return out


@st.composite
def chains(draw, names):
    out = []
    for _ in range(draw(st.integers(1, 3))):
        chain = [each for each in names if draw(st.booleans())] or names[:1]
        start, end = draw(st.booleans()), draw(st.booleans())
        if len(chain) > 1 or start or end:
            out.append(" -> ".join([*["START"] * start, *chain, *["END"] * end]) + ";")
    if len(names) > 3 and draw(st.booleans()):
        out.append(f'{names[0]} -> "{draw(TEXTS)}" ? {names[1]} : {names[2]} -> {names[3]};')
    return out


@st.composite
def data(draw, names, spare):
    out = []
    for index, name in enumerate(spare):
        task = draw(st.sampled_from(names))
        if index % 2:
            out += [f"define input data {name};", f"{name} --> {task}.{draw(WORDS)}{index};"]
        else:
            out += [f"define output data {name};", f"{task}.{draw(WORDS)}{index} --> {name};"]
        text, other = draw(PATHS), draw(TEXTS)
        fields = [f'path "{text}";', f'name "{text}"; project "{other}";', f'name "{text}";', f'project "{text}";']
        out += draw(st.sampled_from([[], *([f"configure data {name} {{ {each} }}"] for each in fields)]))
    for before, after in pairwise(names):
        if draw(st.booleans()):
            out.append(f"{before}.{draw(WORDS)} --> {after}.{draw(WORDS)};")
    extras = ["define operator Gate;", f"group Some {{ {names[0]} }};", "// a comment"]
    return out + draw(st.lists(st.sampled_from(extras), max_size=2, unique=True))


@st.composite
def spaces(draw, name, workflow, names):
    out = [f"strategy {draw(st.sampled_from(['gridsearch', 'randomsearch', 'singlerun']))};"]
    out += draw(st.sampled_from([[], ["runs = 3;"]]))
    points = draw(st.lists(WORDS, max_size=3))
    for point in points:
        low, size, step = draw(NUMBERS), draw(st.integers(0, 20)), draw(st.integers(1, 3))
        texts = ", ".join(f'"{each}"' for each in draw(st.lists(TEXTS, min_size=1, max_size=3)))
        numbers = ", ".join(map(str, draw(st.lists(NUMBERS, min_size=1, max_size=3))))
        floats = ", ".join(
            map(str, draw(st.lists(st.floats(0.5, 9.5).map(lambda x: round(x, 2) + 0.001), min_size=1, max_size=3)))
        )
        kinds = [f"range({low}, {low + size})", f"range({low}, {low + size}, {step})"]
        kinds += [f"enum({each})" for each in (texts, numbers, floats)]
        out.append(f"param_values {point} = {draw(st.sampled_from(kinds))};")
    out += draw(st.sampled_from([[], ['filter "f";'], ['generator "g";'], ['filter "f";', 'generator "g";']]))
    if points:
        params = [f"param {draw(WORDS)} = {draw(st.sampled_from(points))};" for _ in range(draw(st.integers(1, 2)))]
        out.append(f"task {draw(st.sampled_from(names))} {{ {' '.join(params)} }}")
    return f"space {name} of {workflow} {{\n{chr(10).join(out)}\n}}"


@st.composite
def controls(draw, nodes):
    out = draw(st.sampled_from([[], [f"{nodes[0]};"]]))
    out += [f"START -> {' -> '.join(nodes)} -> END;"] if draw(st.booleans()) else []
    for before, after in pairwise(nodes):
        kinds = [
            f"{before} -> {after};",
            f'{before} ?-> {after} {{ condition "{draw(TEXTS)}" }};',
            f"({before}) -> {after};",
        ]
        out += draw(st.sampled_from([[], *([each] for each in kinds)]))
    if len(nodes) > 2 and draw(st.booleans()):
        out.append(f"START -> ({nodes[0]} || {nodes[1]}) -> {nodes[2]} -> END;")
    return f"control {{\n{chr(10).join(out)}\n}}"


@st.composite
def files(draw):
    """Draw one file: a workflow, perhaps one derived from it, perhaps an experiment over that one."""
    pool = draw(st.lists(WORDS, min_size=8, max_size=14, unique=True))
    pool = [f"{word}{index}" for index, word in enumerate(pool)]
    count = draw(st.integers(1, 5))
    names, spare = pool[:count], pool[count : count + draw(st.integers(0, 3))]
    members = draw(lines(tasks(names), chains(names), data(names, spare)))
    text = draw(st.sampled_from(["", "package Some;\n"]))
    text += f"workflow Main {{\n{chr(10).join(draw(st.permutations(members)))}\n}}\n"
    if draw(st.booleans()):
        body = "".join(f'task {name} {{ implementation "{draw(TEXTS)}"; }}\n' for name in names[:2])
        text += f"workflow Derived from Main {{\n{body}}}\n"
        nodes = pool[count : count + draw(st.integers(1, 3))]
        # The engine resolves a task's name in the whole file: the derived workflow's are those of its parent.
        parts = [draw(controls(nodes)), *(draw(spaces(node, "Derived", names)) for node in nodes)]
        text += f"experiment Trial {{\n{draw(st.sampled_from(['', 'intent Find;']))}\n{chr(10).join(parts)}\n}}\n"
    return text
