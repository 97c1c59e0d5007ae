"""REST of the gateway: the product's, OpenAI's, the login and the page's files.

Routers find what they need in `app.state.rest` (`RestDeps`), which `app.py` builds.
"""

from gateway.rest.deps import RestDeps
from gateway.rest.login import login_router
from gateway.rest.openai import openai_router
from gateway.rest.product import product_router
from gateway.rest.web import web_router

__all__ = [
    "RestDeps",
    "login_router",
    "openai_router",
    "product_router",
    "web_router",
]
