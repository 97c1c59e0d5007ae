"""A product request as profile-service's."""

from typing import Any

from fastapi import Request

from gateway.rest.deps import RestDeps
from gateway.rest.relay import Relay, headers_up


def to_profile(deps: RestDeps, request: Request, method: str, path: str, **kwargs: Any) -> Relay:
    """The answer of profile-service to `method` and `path`, passed on as it comes.

    A JSON body goes as `json`, a query as `params`; ranges and conditions go through.
    """
    headers = headers_up(request)
    for made_anew in ("content-length", "content-type"):
        headers.pop(made_anew, None)
    params = {k: v for k, v in kwargs.pop("params", {}).items() if v is not None}
    sent = deps.profile.build(method, path, headers=headers, params=params, **kwargs)
    return Relay(deps.profile, lambda: deps.profile.open(sent))
