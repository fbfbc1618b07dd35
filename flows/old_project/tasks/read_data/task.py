import os
import sys
import proactive_helper as ph
import pandas as pd

for folder in variables.get("dependent_modules_folders").split(","):
    sys.path.append(os.path.join(os.getcwd(), folder))

table = pd.read_csv(BytesIO(ph.load_dataset(variables, resultMap, "input_data")))
print(f"read {len(table)} rows")

table["diagnosis"] = table["diagnosis"].str.strip().str.lower()
ph.save_dataset(variables, resultMap, "processed_data", table.to_csv(index=False).encode("utf-8"))
