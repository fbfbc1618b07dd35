# What the training task saves under one name are three files; the analysis asks for the first of them.
import proactive_helper as ph

model, predictions, results = ph.load_datasets(variables, resultMap, "ml_outputs")
ph.save_dataset(variables, resultMap, "trained_model", model)
resultMap.put("accuracy", json.loads(results)["accuracy"])
