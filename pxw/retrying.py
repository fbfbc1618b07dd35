"""After which failures a task is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pxw.errors import PxwError

__all__ = ["RetryOn", "retry_on"]


@dataclass(frozen=True)
class RetryOn:
    """A condition for Prefect's `retry_condition_fn`; it can be pickled, as process runners need it.

    Args:
        errors: the classes of errors that may heal.
    """

    errors: tuple[type[BaseException], ...]

    def __call__(self, task: Any, task_run: Any, state: Any) -> bool:
        """Whether to try again after this state."""
        del task, task_run
        error = state.data
        if isinstance(error, PxwError) and not error.can_heal and type(error) not in self.errors:
            return False
        return isinstance(error, self.errors) or not isinstance(error, BaseException)


def retry_on(*errors: type[BaseException]) -> RetryOn:
    """Try a task again after these errors only: `retry_condition_fn=pxw.retry_on(...)`.

    What cannot heal, such as a table that breaks its schema, is not tried again, unless its own class is named.

    Examples:
        >>> fetching = retry_on(ConnectionError, TimeoutError)
        >>> fetching.errors
        (<class 'ConnectionError'>, <class 'TimeoutError'>)
    """
    return RetryOn(errors)
