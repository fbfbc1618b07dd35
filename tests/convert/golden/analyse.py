"""The task Analyse, converted from tasks/analyse/task.py."""

import json
import pickle
from io import BytesIO

import pandas as pd
import pxw
from sklearn.metrics import roc_auc_score, roc_curve


def format_bytes(bytes_size):
    """Convert bytes to human readable format."""
    for unit in ["bytes", "KB", "MB", "GB"]:
        if bytes_size < 1024.0:
            return f"{bytes_size:.2f} {unit}"
        bytes_size /= 1024.0
    return f"{bytes_size:.2f} TB"


def df_to_csv_bytes(df):
    """Convert DataFrame to CSV bytes."""
    csv_bytes = df.to_csv(index=False).encode("utf-8")
    size_str = format_bytes(len(csv_bytes))
    print(f"DataFrame converted to CSV: {size_str}")
    return csv_bytes


@pxw.task(name="Analyse", inputs=["model_data", "test_data"], outputs=["analysis_results"], log_prints=True)
def analyse(model_data: bytes, test_data: bytes) -> dict[str, bytes]:
    # Load model and data
    print("Loading model and test data...")

    # Deserialize model
    model = pickle.loads(model_data)

    # Convert test data to DataFrame
    test_df = pd.read_csv(BytesIO(test_data))

    # Prepare data
    test_labels = test_df[["label"]]
    test_features = test_df.drop(["label"], axis=1)

    # Make predictions
    predictions = model.predict(test_features)
    predictions_df = pd.DataFrame(predictions, columns=["predictions"])

    # Calculate probabilities for ROC analysis
    probabilities = model.predict_proba(test_features)

    fpr, tpr, thresholds = roc_curve(test_labels, probabilities[:, 1])
    auc = roc_auc_score(test_labels, probabilities[:, 1])

    # Create ROC data
    roc_data = {
        "fpr": [round(x, 4) for x in fpr.tolist()],
        "tpr": [round(x, 4) for x in tpr.tolist()],
        "thresholds": [round(x, 4) for x in thresholds.tolist()],
        "auc": round(auc, 4),
    }

    # Prepare outputs for DDM
    outputs = [
        df_to_csv_bytes(test_features),
        df_to_csv_bytes(test_labels),
        df_to_csv_bytes(predictions_df),
        json.dumps(roc_data).encode("utf-8"),
        pickle.dumps(model),
    ]

    filenames = ["X_test.csv", "y_test.csv", "predictions.csv", "roc_data.json", "model.pkl"]

    print("Uploading results to DDM...")

    print(f"Analysis complete. AUC: {auc:.4f}")
    return dict(zip(filenames, outputs, strict=True))
