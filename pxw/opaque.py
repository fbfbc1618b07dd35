"""A base class for values that travel through Prefect: frozen, validated by pydantic, and closed to Prefect's eyes.

Prefect walks into dataclasses and models at each task call, field by field, several times. It also takes a text that
two of them share, such as a task's name, for an edge between the tasks that made them.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self, dataclass_transform, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler

__all__ = ["Opaque"]


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class Opaque:
    """A frozen value whose fields are declared as a model's are, and whose JSON is a model's.

    >>> class Point(Opaque):
    ...     x: int = 0
    ...     y: int = 0
    >>> Point(x="3").changed(y=4) == Point(x=3, y=4)
    True
    """

    _model: ClassVar[type[BaseModel]]
    __pydantic_serializer__: ClassVar[Any]  # what pydantic looks for in a value of which it knows no type

    def __init_subclass__(cls) -> None:
        hints = get_type_hints(cls, include_extras=True)
        names = [name for name in cls.__annotations__ if not name.startswith("_")]
        fields: dict[str, Any] = {name: (hints[name], cls.__dict__.get(name, ...)) for name in names}
        config = ConfigDict(extra="forbid")
        cls._model = create_model(
            cls.__name__, __config__=config, __doc__=cls.__doc__, __module__=cls.__module__, **fields
        )
        for name in fields.keys() & cls.__dict__.keys():
            delattr(cls, name)
        cls.__pydantic_serializer__ = TypeAdapter(cls).serializer

    if not TYPE_CHECKING:  # a type checker knows the fields

        def __init__(self, **fields):
            vars(self).update(vars(self._model(**fields)))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def validate(value: Any, as_model: Callable[[Any], BaseModel]) -> Opaque:
            return value if isinstance(value, cls) else cls(**vars(as_model(value)))

        def serialize(value: Opaque) -> BaseModel:
            return cls._model.model_construct(**vars(value))

        model = handler.generate_schema(cls._model)
        return core_schema.no_info_wrap_validator_function(
            validate,
            model,
            serialization=core_schema.plain_serializer_function_ser_schema(serialize, return_schema=model),
        )

    def changed(self, **fields: Any) -> Self:
        """The same with other values of some fields."""
        return type(self)(**vars(self) | fields)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(repr(vars(self)))

    def __setattr__(self, name: str, value: object) -> Never:
        raise FrozenInstanceError(f"cannot set {name!r}: a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> Never:
        raise FrozenInstanceError(f"cannot delete {name!r}: a {type(self).__name__} does not change")
