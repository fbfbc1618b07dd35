"""`from eexp_engine_utils import utils`: one module for every ExecutionWare."""
