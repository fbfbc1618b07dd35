"""What runs tasks and flows: Prefect, or this process alone."""
