"""What the experiments' conditions call."""


def removes_rows(space, results):
    """Whether the first run of a space kept fewer rows than the last one."""
    runs = results[space]
    return runs[1]["result"]["rows"] < runs[len(runs)]["result"]["rows"]
