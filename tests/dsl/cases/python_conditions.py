"""The conditions module of the cases."""


def accurate(space, results):
    """Say whether the last run of a space was accurate enough."""
    return results[space]["1"]["result"]["accuracy"] > 0.9


def many_rows(results):
    """Say whether there is much to read."""
    return results["read"]["rows"] > 1000
