import proactive_helper as ph

content = ph.load_dataset(variables, resultMap, "input_data")
ph.save_datasets(variables, resultMap, "output_data", [content], ["output.csv"])
print(f"saved {len(content)} bytes")
