"""The kit that services share (extra ``service``): no boilerplate per service."""

from avatar_contract.service import outbound, trace
from avatar_contract.service.app import create_app, package_version
from avatar_contract.service.logs import EventLogger, get_logger
from avatar_contract.service.metrics import Metrics
from avatar_contract.service.problems import problem_response
from avatar_contract.service.serve import SUPERVISOR_ENV, serve, supervisor_lives, supervisor_tag
from avatar_contract.service.settings import ServiceSettings

__all__ = [
    "SUPERVISOR_ENV",
    "EventLogger",
    "Metrics",
    "ServiceSettings",
    "create_app",
    "get_logger",
    "outbound",
    "package_version",
    "problem_response",
    "serve",
    "supervisor_lives",
    "supervisor_tag",
    "trace",
]
