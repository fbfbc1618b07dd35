import proactive_helper as ph
import pandas as pd
from io import BytesIO

table = pd.read_csv(BytesIO(ph.load_dataset(variables, resultMap, "input_data")))
largest = float(variables.get("largest_radius", "50"))

kept = table.dropna().drop_duplicates()
kept = kept[kept["radius"] <= largest]
print(f"kept {len(kept)} of {len(table)} rows")

resultMap.put("rows", len(kept))
ph.save_dataset(variables, resultMap, "final_data", kept.to_csv(index=False).encode("utf-8"))
