import os
import sys
import proactive_helper as ph
import pandas as pd
import pickle
import json
from sklearn.model_selection import train_test_split
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score

# Add dependent modules to path
for folder in variables.get("dependent_modules_folders").split(","):
    sys.path.append(os.path.join(os.getcwd(), folder))

# Load training data
train_data_bytes = ph.load_dataset(variables, resultMap, "train_data")
test_data_bytes = ph.load_dataset(variables, resultMap, "test_data")

# Convert to DataFrames
train_df = pd.read_csv(BytesIO(train_data_bytes))
test_df = pd.read_csv(BytesIO(test_data_bytes))

# Prepare features and labels
X_train = train_df.drop("label", axis=1)
y_train = train_df["label"]
X_test = test_df.drop("label", axis=1)
y_test = test_df["label"]

# Train model
model = RandomForestClassifier(n_estimators=100, random_state=42)
model.fit(X_train, y_train)

# Make predictions
predictions = model.predict(X_test)
accuracy = accuracy_score(y_test, predictions)

# Prepare outputs
model_bytes = pickle.dumps(model)
predictions_df = pd.DataFrame(predictions, columns=["predictions"])
predictions_bytes = predictions_df.to_csv(index=False).encode("utf-8")

# Create results metadata
results = {"accuracy": accuracy, "n_estimators": 100, "test_size": len(test_df)}
results_bytes = json.dumps(results).encode("utf-8")

# Save multiple outputs
ph.save_datasets(
    variables,
    resultMap,
    "ml_outputs",
    [model_bytes, predictions_bytes, results_bytes],
    ["model.pkl", "predictions.csv", "results.json"],
)

print(f"Model trained with accuracy: {accuracy:.4f}")
