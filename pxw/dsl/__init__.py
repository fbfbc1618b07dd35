"""The ExtremeXP DSL: from `.xxp` files to `Workflow` and `Experiment` graphs, and back.

The walk: `grammar.lark` -> `parse` -> `syntax` -> `resolve` (with `project`, `library`, `drafts`, ...) -> graphs.
"""
