"""Every answer of the whole API is one that its OpenAPI document foretells."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import Failure, FailureGroup, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

UNDOCUMENTED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def api(whole: Callable[..., str]) -> Any:
    """The document as the running gateway serves it."""
    return schemathesis.openapi.from_url(f"{whole()}/openapi.json")


@pytest.mark.timeout(600)
def test_no_undocumented_answer(api: Any) -> None:
    complaints = []
    asked = 0
    for found in api.get_all_operations():
        operation = found.ok()
        asked += 1
        try:
            if not fuzz(operation):
                complaints.append(f"{operation.label}: nothing could be asked")
        except (FailureGroup, Failure) as error:
            complaints.append(f"{operation.label}: {describe(error)}")
    assert asked > 15
    assert not complaints, "\n\n".join(complaints)


def describe(error: BaseException) -> str:
    """A failure, or each of a group."""
    if isinstance(error, BaseExceptionGroup):
        return "\n".join(describe(part) for part in error.exceptions)
    return str(error)


def fuzz(operation: Any) -> int:
    """Sound and unsound requests to one operation; returns how many were asked.

    An operation without parameters has no unsound ones: then there is nothing to make.
    """
    made = 0
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        try:
            cases = operation.as_strategy(generation_mode=mode)
        except (Unsatisfiable, NotImplementedError):
            continue

        @EXAMPLES
        @given(cases)
        def ask(case: schemathesis.Case) -> None:
            nonlocal made
            made += 1
            case.call_and_validate(checks=UNDOCUMENTED)

        with suppress(Unsatisfiable):
            ask()
    return made
