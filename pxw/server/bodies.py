"""JSON in and out of the handlers: shapes of the wire, never loose dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response

from pxw.server.errors import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from pxw.server.archive import Archive

__all__ = ["archive_of", "asked", "parameters", "reply", "reply_all"]

JSON_LIMIT = 16 * 1024 * 1024
Model = TypeVar("Model", bound=BaseModel)


def archive_of(request: Request) -> Archive:
    """The archive that the application serves."""
    archive: Archive = request.app.state.archive
    return archive


async def asked(request: Request, model: type[Model]) -> Model:
    """Read the body as a shape, or refuse it."""
    body = bytearray()
    async for data in request.stream():
        body += data
        if len(body) > JSON_LIMIT:
            raise Refusal(413, f"A JSON body has at most {JSON_LIMIT} bytes.")
    return model.model_validate_json(bytes(body))


def parameters(request: Request, model: type[Model]) -> Model:
    """Read the query as a shape; an empty parameter is one that is not set."""
    return model.model_validate({name: value for name, value in request.query_params.items() if value})


def reply(shape: BaseModel, status: int = 200) -> Response:
    """Answer with a shape."""
    return Response(shape.model_dump_json(), status, media_type="application/json")


def reply_all(shapes: list[Model], model: type[Model]) -> Response:
    """Answer with a list of shapes."""
    return Response(TypeAdapter(list[model]).dump_json(shapes), media_type="application/json")  # type: ignore[valid-type]
