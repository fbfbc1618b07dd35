"""Every error that pxw raises, in one tree.

Each says what happened, to which value, at which place, and what to change; `code` is stable and has an
entry on the page *Error codes* of the documentation.

    PxwError
    ├── SettingsError             PXW001   a setting that cannot be used
    ├── TargetError               PXW002   `file.py:flow` names nothing that runs
    ├── ServerError               PXW003   no Prefect server could be reached or started
    ├── DataError
    │   ├── SpecError             PXW101   a dataset spec that contradicts itself
    │   ├── FormatError           PXW102   no codec for this format and Python type
    │   ├── MissingDataError      PXW103   nothing at the place
    │   ├── PlaceError            PXW104   the place cannot be read or written
    │   ├── CorruptDataError      PXW105   bytes that are not what their format says
    │   ├── SchemaError           PXW106   a table that breaks its schema
    │   ├── ConversionError       PXW107   a value that its format cannot hold exactly
    │   ├── PickleRefusedError    PXW108   a pickle that nobody has vouched for
    │   ├── StorageFullError      PXW109   no space left
    │   └── DatasetAlteredError   PXW110   bytes that changed since they were written
    ├── DDMError                  PXW200   anything else that a DDM answers
    │   ├── DDMAuthError          PXW201   not signed in, or the token is no longer good
    │   ├── DDMForbiddenError     PXW202   signed in, but not allowed
    │   ├── DDMNotFoundError      PXW203   no such file in the catalogue
    │   ├── DDMAmbiguousError     PXW204   several files fit, and nothing says which is meant
    │   ├── DDMUnavailableError   PXW205   no answer within the deadline
    │   ├── DDMRejectedError      PXW206   the service refuses the request
    │   └── DDMProtocolError      PXW207   an answer that no known generation of the service gives
    ├── DSLError                  PXW300   a project of DSL files with errors (PXW3xx each)
    ├── TaskError
    │   ├── DeclarationError      PXW401   a task or flow whose declaration does not fit its function
    │   ├── EdgeError             PXW402   what one task gives is not what the next one takes
    │   ├── OutputError           PXW403   a task returned something else than it declared
    │   ├── RefTouchedError       PXW404   a reference used as if it were its value
    │   ├── ArgumentError         PXW405   an argument that cannot become what the task declared
    │   ├── RunningError          PXW406   a run that another process is running
    │   ├── UnseenFailureError    PXW407   a submitted task that failed, and nobody looked
    │   └── EnvError              PXW408   the Python that a task asks for cannot be made, or the task failed there
    └── ScriptError               PXW501   an old task script failed
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ArgumentError",
    "ConversionError",
    "CorruptDataError",
    "DDMAmbiguousError",
    "DDMAuthError",
    "DDMError",
    "DDMForbiddenError",
    "DDMNotFoundError",
    "DDMProtocolError",
    "DDMRejectedError",
    "DDMUnavailableError",
    "DSLError",
    "DataError",
    "DatasetAlteredError",
    "DeclarationError",
    "EdgeError",
    "EnvError",
    "FormatError",
    "MissingDataError",
    "OutputError",
    "PickleRefusedError",
    "PlaceError",
    "PxwError",
    "RefTouchedError",
    "RunningError",
    "SchemaError",
    "ScriptError",
    "ServerError",
    "SettingsError",
    "SpecError",
    "StorageFullError",
    "TargetError",
    "TaskError",
    "UnseenFailureError",
    "nearest",
]


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Word the remedy for an unknown name: the nearest valid one, or all of them.

    >>> nearest("ProcesData", ["ReadData", "ProcessData"])
    "did you mean 'ProcessData'?"
    >>> nearest("x", ["age", "fare"])
    'there are: age, fare'
    >>> nearest("start", ["START", "END"])
    "did you mean 'START'?"
    """
    known = list(candidates)
    folded = {each.lower(): each for each in reversed(known)}
    close = difflib.get_close_matches(name, known, n=1)
    close = close or [folded[each] for each in difflib.get_close_matches(name.lower(), folded, n=1)]
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"there are: {shown}" if known else "there are none"


class PxwError(Exception):
    """What every error of pxw is.

    Args:
        message: what happened, with the value and what was expected.
        at: where: the edge, the spec, the place, the file and line.
        help: what to change.
        details: further lines, one fact each (the faults of a table, the candidates of a lookup).

    >>> print(MissingDataError("no file 'data/inptu.csv'", help="did you mean 'input.csv'?"))
    no file 'data/inptu.csv' [PXW103]
      help: did you mean 'input.csv'?
    """

    code: ClassVar[str] = "PXW000"
    can_heal: ClassVar[bool] = True
    """Whether the same call may go well when it is tried again."""

    def __init__(self, message: str, *, at: str = "", help: str = "", details: Iterable[str] = ()) -> None:  # noqa: A002 - the word that users read
        super().__init__(message)
        self.message = message
        self.at = at
        self.help = help
        self.details = tuple(details)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross process borders in task runners; by default only `args` would.
        return _rebuild, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        lines = [f"{self.message} [{self.code}]"]
        if self.at:
            lines.append(f"  at: {self.at}")
        lines += [f"  {detail}" for detail in self.details]
        if self.help:
            lines.append(f"  help: {self.help}")
        return "\n".join(lines)


def _rebuild(cls: type[PxwError], args: tuple[Any, ...], state: dict[str, Any]) -> PxwError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class SettingsError(PxwError):
    """A setting that cannot be used."""

    code = "PXW001"
    can_heal = False


class TargetError(PxwError):
    """`file.py:flow` names nothing that runs."""

    code = "PXW002"
    can_heal = False


class ServerError(PxwError):
    """No Prefect server could be reached or started."""

    code = "PXW003"


class DataError(PxwError):
    """Something about a dataset."""

    code = "PXW100"


class SpecError(DataError, ValueError):
    """A dataset spec that contradicts itself."""

    code = "PXW101"
    can_heal = False


class FormatError(DataError, TypeError):
    """No codec for this format and Python type."""

    code = "PXW102"
    can_heal = False


class MissingDataError(DataError, FileNotFoundError):
    """Nothing at the place."""

    code = "PXW103"


class PlaceError(DataError):
    """The place cannot be read or written."""

    code = "PXW104"


class CorruptDataError(DataError):
    """Bytes that are not what their format says."""

    code = "PXW105"


class SchemaError(DataError):
    """A table that breaks its schema; `details` holds one line per fault."""

    code = "PXW106"
    can_heal = False


class ConversionError(DataError):
    """A value that its format cannot hold exactly."""

    code = "PXW107"
    can_heal = False


class PickleRefusedError(DataError):
    """A pickle that nobody has vouched for."""

    code = "PXW108"
    can_heal = False


class StorageFullError(DataError):
    """No space left where the dataset was being written."""

    code = "PXW109"


class DatasetAlteredError(DataError):
    """Bytes that changed since they were written."""

    code = "PXW110"


class DDMError(PxwError):
    """Anything else that a DDM answers."""

    code = "PXW200"


class DDMAuthError(DDMError):
    """Not signed in, or the token is no longer good."""

    code = "PXW201"
    can_heal = False


class DDMForbiddenError(DDMError):
    """Signed in, but not allowed."""

    code = "PXW202"
    can_heal = False


class DDMNotFoundError(DDMError, FileNotFoundError):
    """No such file in the catalogue."""

    code = "PXW203"


class DDMAmbiguousError(DDMError):
    """Several files fit, and nothing says which is meant."""

    code = "PXW204"
    can_heal = False


class DDMUnavailableError(DDMError):
    """No answer within the deadline."""

    code = "PXW205"


class DDMRejectedError(DDMError):
    """The service refuses the request."""

    code = "PXW206"
    can_heal = False


class DDMProtocolError(DDMError):
    """An answer that no known generation of the service gives."""

    code = "PXW207"


class DSLError(PxwError):
    """A project of DSL files with errors; `details` holds the diagnostics as text, `diagnostics` as they are."""

    code = "PXW300"
    can_heal = False
    diagnostics: tuple[Any, ...] = ()


class TaskError(PxwError):
    """Something about a task or flow."""

    code = "PXW400"


class DeclarationError(TaskError, TypeError):
    """A task or flow whose declaration does not fit its function."""

    code = "PXW401"
    can_heal = False


class EdgeError(TaskError):
    """What one task gives is not what the next one takes."""

    code = "PXW402"
    can_heal = False


class OutputError(TaskError):
    """A task returned something else than it declared."""

    code = "PXW403"
    can_heal = False


class RefTouchedError(TaskError, AttributeError, TypeError):
    """A reference used as if it were its value."""

    code = "PXW404"
    can_heal = False


class ArgumentError(TaskError, TypeError):
    """An argument that cannot become what the task declared."""

    code = "PXW405"
    can_heal = False


class RunningError(TaskError):
    """A run that another process is running."""

    code = "PXW406"


class UnseenFailureError(TaskError):
    """A flow came to its end, a task that it submitted failed, and its code never saw that."""

    code = "PXW407"


class EnvError(TaskError):
    """The Python that a task or script asks for cannot be made, or the task failed there."""

    code = "PXW408"


class ScriptError(TaskError):
    """An old task script failed."""

    code = "PXW501"
