import proactive_helper as ph

data = ph.load_dataset(variables, resultMap, "x"
ph.save_dataset(variables, resultMap, "y", data)
