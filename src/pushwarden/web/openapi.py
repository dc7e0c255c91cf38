"""The OpenAPI 3.1 document, read from the route table and the types it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.web.routes import Route

_PARAM = re.compile(r"\{(\w+)\}")
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_ENVIRONMENTS = ["production", "sandbox", "simulated"]
_ABOUT = "Keys of the whole installation name the organisation they mean by the header `Pushwarden-Organisation`."
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457; `code` is stable.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "field": {"type": "string"},
    },
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    types = {shape for item in routes for shape in (item.shape.body, item.shape.answer) if shape is not None}
    ordered = sorted(types, key=str)
    found, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(ordered, found, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for item in routes:
        paths.setdefault(item.path, {})[item.method.lower()] = _operation(item, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pushwarden", "version": "1", "description": _ABOUT},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "pwk_…"}},
        },
    }


def _operation(item: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": f"{item.method.lower()} {item.path}",
        "summary": item.summary,
        "x-permission": item.permission or "none",
        "parameters": [*map(_parameter, _PARAM.findall(item.path)), *map(_query, item.shape.query)],
        "responses": {
            **{str(status): _response(item, schemas) for status in (item.shape.status, *item.shape.also)},
            "default": {"description": "A problem", "content": {"application/problem+json": {"schema": _PROBLEM}}},
        },
    }
    if item.shape.body is not None:
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schemas[item.shape.body]}}}
    if item.permission is None:
        said["security"] = []
    return said


def _response(item: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    if item.shape.answer is None:
        return {"description": "Done"}
    return {"description": "Done", "content": {"application/json": {"schema": schemas[item.shape.answer]}}}


def _parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    if name == "env":
        schema["enum"] = _ENVIRONMENTS
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
