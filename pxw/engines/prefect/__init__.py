"""Prefect's tasks and flows, with data: what pxw adds, and how it uses Prefect."""
