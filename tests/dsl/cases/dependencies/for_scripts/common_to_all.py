def tidy(x):
    return x
