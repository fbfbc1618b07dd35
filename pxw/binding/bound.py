"""A function together with what its parameters and results are as datasets."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any
from uuid import uuid4

from pxw import data, schemas
from pxw.binding.code import code_of
from pxw.binding.declare import Declared, declared_inputs, declared_outputs, place_of, refuse_unfit, spec_of
from pxw.binding.identity import declaration, identity_of
from pxw.binding.outcome import named_refs, split
from pxw.binding.output import Output
from pxw.binding.swapping import inside, is_heavy, travels_otherwise, wants_reference
from pxw.codecs.kinds import is_table_type
from pxw.data.asked import asked, many
from pxw.data.schema import schema_of
from pxw.errors import ArgumentError, DeclarationError, EdgeError, PxwError, nearest
from pxw.runs import Run, active
from pxw.specs import DDM, Dataset, Placed, Ref

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.binding.step import Noting, Step

__all__ = ["Binding"]


@dataclass(frozen=True, eq=False)
class Binding:
    """A function of values, seen as a function of references.

    Args:
        fn: the user's function.
        name: the task's name.
        inputs: the spec of each declared parameter.
        outputs: the spec of each declared result; none: the result is a plain value.
        moved: inputs that are read from another place, whatever the caller passes: `pxw run --set`.
    """

    fn: Callable[..., Any]
    name: str
    inputs: dict[str, Dataset] = field(default_factory=dict)
    outputs: dict[str, Dataset] = field(default_factory=dict)
    moved: dict[str, Dataset] = field(default_factory=dict)

    @classmethod
    def of(cls, fn: Callable[..., Any], name: str | None, inputs: Declared, outputs: Declared) -> Binding:
        """Check the declaration against the function."""
        refuse_unfit(fn, "task")
        known = name or str(getattr(fn, "__name__", type(fn).__name__))
        return cls(fn, known, declared_inputs(inputs, fn), declared_outputs(outputs, fn))

    def changed(self, name: str | None, outputs: Declared) -> Binding:
        """The same by another name, or with other places or formats for some outputs.

        Raises:
            DeclarationError: a name that is no output.
        """
        given = outputs if isinstance(outputs, Mapping) else dict.fromkeys(outputs or ())
        for unknown in given.keys() - self.outputs.keys():
            raise DeclarationError(
                f"task {self.name!r} has no output {unknown!r}",
                at=place_of(self.fn),
                help=nearest(unknown, self.outputs),
            )
        changed = {key: spec_of(spec).inherit(self.outputs[key]) for key, spec in given.items()}
        return replace(self, name=name or self.name, outputs=declared_outputs(self.outputs | changed, self.fn))

    @cached_property
    def signature(self) -> inspect.Signature:
        """The function's own."""
        return inspect.signature(self.fn)

    @cached_property
    def _required(self) -> set[str]:
        collecting = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
        parameters = self.signature.parameters.values()
        return {each.name for each in parameters if each.default is each.empty and each.kind not in collecting}

    @property
    def source_code(self) -> str | None:
        """What a cache tells the code by, where it is not the function's own source."""
        return None

    @cached_property
    def annotations(self) -> dict[str, Any]:
        """The function's annotations as types."""
        try:
            return typing.get_type_hints(self.fn, include_extras=True)
        except NameError as error:
            raise DeclarationError(
                f"the annotations of {self.fn.__qualname__}() name {error.name!r}, unknown at run time",
                at=place_of(self.fn),
                help="import it outside of `if TYPE_CHECKING:`",
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        # A function of `__main__` goes to a worker without the names that only its annotations use.
        with suppress(DeclarationError):  # it is raised again where the annotations are needed
            vars(self)["annotations"] = self.annotations
        return vars(self)

    # What a call gives -------------------------------------------------------------------------------------------

    def complete(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """The call's arguments; an input that was left out is taken from its spec's place."""
        bound = self._bind(self.signature.bind_partial, args, kwargs)
        for name, spec in self.inputs.items():
            if name not in bound.arguments and isinstance(spec, Placed):
                bound.arguments[name] = spec
        bound.arguments.update(self.moved)
        ordered = {name: bound.arguments[name] for name in self.signature.parameters if name in bound.arguments}
        full = inspect.BoundArguments(self.signature, ordered)
        if not self._required <= ordered.keys():
            self._bind(self.signature.bind, full.args, full.kwargs)
        return full

    def _bind(
        self, bind: Callable[..., inspect.BoundArguments], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> inspect.BoundArguments:
        """The arguments by name; what Python says of those that do not fit names no task."""
        try:
            return bind(*args, **kwargs)
        except TypeError as error:
            known = self.signature.parameters
            unknown = [name for name in kwargs if name not in known]
            raise ArgumentError(
                f"task {self.name!r} {error}", help=nearest(unknown[0], known) if unknown else ""
            ) from None

    def light(self, run: Run, bound: inspect.BoundArguments, *, travels: bool = True) -> inspect.BoundArguments:
        """The arguments with tables, arrays and bytes written down, so that only references travel."""
        self.each(bound, partial(self._light, run, travels))
        return bound

    def load(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """The arguments as values of the annotated types."""
        return self._load(self.complete(args, kwargs))

    def _load(self, bound: inspect.BoundArguments) -> inspect.BoundArguments:
        self.each(bound, self._loaded)
        return bound

    def each(self, bound: inspect.BoundArguments, change: Callable[[str, Any], Any]) -> None:
        """Change each argument; those that `*args` and `**kwargs` collect, one by one."""
        for name, value in bound.arguments.items():
            kind = self.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(change(name, item) for item in value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                bound.arguments[name] = {key: change(name, item) for key, item in value.items()}
            else:
                bound.arguments[name] = change(name, value)

    def _light(self, run: Run, travels: bool, name: str, value: Any) -> Any:
        if isinstance(value, Output):
            return value.settled()
        if not is_heavy(type(value)) or (isinstance(value, bytes) and len(value) <= 4096):
            return inside(value, travels_otherwise, partial(self._light, run, travels, name))
        try:
            key = uuid4().hex[:12]
            shelf = run.shelf("arguments", key) if travels else None
            ref = data.save(value, Dataset(), beside=run.target("arguments", key, name), shelf=shelf)
        except PxwError as error:
            error.at = self._into(name)
            raise
        return ref.changed(flow=run.flow, run=run.id)

    def _loaded(self, name: str, value: Any) -> Any:
        wanted = self.annotations.get(name)
        if wants_reference(wanted):
            return value
        if isinstance(value, Ref) or (name in self.inputs and isinstance(value, Dataset)):
            return self._loaded_one(name, value, wanted)
        self.refuse_text(name, value)
        each = many(asked(wanted))
        inner = each[1] if each else None
        sources = (Ref, Dataset) if name in self.inputs else Ref
        return inside(value, lambda cls: issubclass(cls, sources), lambda item: self._loaded_one(name, item, inner))

    def _loaded_one(self, name: str, source: Ref | Dataset, wanted: Any) -> Any:
        declared = self.inputs.get(name, Dataset())
        if isinstance(source, Ref):
            self.check_edge(name, source)
        try:
            _verify_if_foreign(source)
            return data.load(source, wanted, declared)
        except PxwError as error:
            error.at = ", ".join(filter(None, [self._into(name), _origin(source), error.at]))
            raise

    def refuse_text(self, name: str, value: Any) -> None:
        """Refuse a text where a table is declared: it is most likely a path."""
        wanted = asked(self.annotations.get(name))
        several = many(wanted)
        kind = several[1] if several else wanted
        if name not in self.inputs or not is_table_type(kind):
            return
        values = value.values() if isinstance(value, dict) else value
        for item in values if several and isinstance(value, dict | list | tuple) else [value]:
            if isinstance(item, str | os.PathLike):
                raise ArgumentError(
                    f"{self._into(name)} takes a {kind.__name__}, and was given the text {os.fspath(item)!r}",
                    help=f"if that is a file: pxw.Local({os.fspath(item)!r})",
                )

    def look(self, name: str, spec: Dataset) -> None:
        """Look at what an input would be read from, without reading it: is it there, and does its header fit?"""
        data.look(spec, self.inputs.get(name), self.annotations.get(name))

    def check_edge(self, name: str, ref: Ref) -> None:
        """Compare what a reference says of its columns with what this input declares, before anything is read.

        Raises:
            EdgeError: it names both ends.
        """
        declared = self.inputs.get(name, Dataset())
        schema = schema_of(declared)
        if schema is None or ref.columns is None or ref.checked == schema.fingerprint or declared.severity == "warn":
            return
        faults = schemas.mismatches(ref.columns, schema, declared.coerce)
        if faults:
            raise EdgeError(
                f"{ref.source} gives what {self._into(name)} does not take ({schema.name})",
                at=ref.place,
                details=faults,
                help=f"change what {ref.task or 'its maker'} returns, or the schema of {self._into(name)}",
            )

    def verify(self) -> None:
        """What else can be looked at before anything runs."""

    def _into(self, name: str) -> str:
        return f"task {self.name!r}, input {name!r}"

    # What a call returns -----------------------------------------------------------------------------------------

    def save(self, result: Any, step: Step) -> Any:
        """Write what the function returned, and give the references to it, in the order of the outputs."""
        if not self.outputs:
            return result
        values = split(result, list(self.outputs), self)
        return [self._saved(name, values[name], spec, step) for name, spec in self.outputs.items()]

    def shaped(self, saved: Any) -> Any:
        """What the flow gets: one reference, or a NamedTuple of them."""
        if not self.outputs:
            return saved
        return saved[0] if len(saved) == 1 else named_refs(tuple(self.outputs), saved)

    def _saved(self, name: str, value: Any, spec: Dataset, step: Step) -> Ref:
        at = f"task {self.name!r}, output {name!r}"
        beside = step.run.target(self.name, step.key, name)
        self._claim(name, spec, step)
        shelf = None if isinstance(spec, Placed) else step.run.shelf(self.name, step.key)
        put = data.copy if isinstance(value, Ref) else data.save
        about = {"flow": step.run.flow, "run": step.run.id, "task": self.name, "output": name}
        try:
            ref = put(value, spec, beside=beside, shelf=shelf, about=about)
        except PxwError as error:
            error.at = ", ".join(filter(None, [at, error.at]))
            raise
        ref = ref.changed(flow=step.run.flow, run=step.run.id, task=self.name, output=name)
        step.run.note_saved(ref, step.key)
        return ref

    def _claim(self, name: str, spec: Dataset, step: Step) -> None:
        at = f"task {self.name!r}, output {name!r}"
        if isinstance(spec, Placed):
            # In a project without a name, the output's name is what files are named after.
            within = name if isinstance(spec, DDM) and spec.name is None else ""
            step.run.claim(f"{spec.address}{within}", at, step.key)

    # What an earlier attempt of the run has done -----------------------------------------------------------------

    @cached_property
    def code(self) -> str:
        """A fingerprint of what the task does, and of what it declares."""
        specs = [(name, declaration(spec)) for name, spec in (*self.inputs.items(), *self.outputs.items())]
        return f"{self.name} {code_of(self.fn)} {specs}"

    def again(self, bound: inspect.BoundArguments, noting: Noting) -> tuple[Any] | None:
        """What an earlier attempt of the run got from the same call."""
        noting.takes(bound.arguments, self.code)
        wanted = {name for name in bound.arguments if wants_reference(self.annotations.get(name))}
        places = [value.place for name in wanted if isinstance(value := bound.arguments[name], Ref)]
        found = noting.again(identity_of(self.code, {"": places, **bound.arguments}))
        if found is not None:
            self._take_over(found[0], noting.step)
        return found

    def _take_over(self, saved: Any, step: Step) -> None:
        for (name, spec), ref in zip(self.outputs.items(), saved if self.outputs else (), strict=True):
            self._claim(name, spec, step)
            step.run.note_saved(ref, step.key)

    # The three ways to run ---------------------------------------------------------------------------------------

    def call(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Load, run, save; or give what an earlier attempt of the run got."""
        with step.noted(self.name) as noting:
            bound, again = self._prepared(noting, args, kwargs)
            if again is not None:
                return self.shaped(again[0])
            result = self.fn(*bound.args, **bound.kwargs)
            del bound  # a large input is not kept alive while the output is written
            return self._finished(result, noting)

    async def call_async(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The same for an async function; loading and saving do not block the event loop."""
        import asyncio  # noqa: PLC0415 - only async tasks pay for it

        with step.noted(self.name) as noting:
            bound, again = await asyncio.to_thread(self._prepared, noting, args, kwargs)
            if again is not None:
                return self.shaped(again[0])
            result = await self.fn(*bound.args, **bound.kwargs)
            del bound
            return await asyncio.to_thread(self._finished, result, noting)

    def _prepared(
        self, noting: Noting, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[inspect.BoundArguments, tuple[Any] | None]:
        # Also what came through a future by value is written down, so that no other task sees what this one does to it.
        bound = self.light(noting.step.run, self.complete(args, kwargs), travels=False)
        again = self.again(bound, noting)
        return bound if again is not None else self._load(bound), again

    def _finished(self, result: Any, noting: Noting) -> Any:
        saved = self.save(result, noting.step)
        noting.keep(saved)
        return self.shaped(saved)

    def call_plain(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Outside of any flow: the plain function; an input that was left out is loaded from its place."""
        bound = self.load(args, kwargs)
        return self.fn(*bound.args, **bound.kwargs)


def _verify_if_foreign(source: Ref | Dataset) -> None:
    """Intermediates are not fsynced: one that an earlier run wrote may not have survived a crash."""
    run = active.get()
    if isinstance(source, Ref) and source.run and run is not None and run.id != source.run:
        data.verify(source)


def _origin(source: Ref | Dataset) -> str:
    return f"from {source.source}" if isinstance(source, Ref) and source.task else ""
