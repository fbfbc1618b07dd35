"""The task Train, converted from tasks/train/task.py."""

import json
import pickle
from io import BytesIO

import pandas as pd
import pxw
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score


@pxw.task(name="Train", inputs=["train_data_bytes", "test_data_bytes"], outputs=["ml_outputs"], log_prints=True)
def train(train_data_bytes: bytes, test_data_bytes: bytes) -> dict[str, bytes]:
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

    print(f"Model trained with accuracy: {accuracy:.4f}")
    return {"model.pkl": model_bytes, "predictions.csv": predictions_bytes, "results.json": results_bytes}
