"""What the experiments' spaces are filtered with."""


def even_only(configurations):
    """Keep the configurations with an even limit."""
    return [each for each in configurations if each["limit"] % 2 == 0]
