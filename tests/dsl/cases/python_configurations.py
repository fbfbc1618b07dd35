"""The configurations module of the cases."""


def small_only(configurations):
    """Keep what is cheap to run."""
    return [each for each in configurations if each.get("depth", 0) < 3]


def extra():
    """Add one configuration of our own."""
    return [{"depth": 9}]
