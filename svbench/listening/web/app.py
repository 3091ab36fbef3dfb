"""The application: routes to the pages, the admin page, the script's interface, sounds and static files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from svbench.listening.web import admin, api, audio, forms
from svbench.listening.web.answers import Refused, Shield, answer, refuse
from svbench.listening.web.pages import STATIC
from svbench.listening.web.registry import Unsaved
from svbench.listening.web.site import ADMIN_PATH

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from svbench.listening.web.site import Site


def create_app(site: Site) -> Starlette:
    """Return the application that serves a test."""
    app = Starlette(
        routes=[
            Route("/", forms.home),
            Route("/join", forms.join),
            Route("/thanks", forms.thanks),
            Route("/consent", forms.consent, methods=["POST"]),
            Route("/questionnaire", forms.questionnaire, methods=["POST"]),
            Route("/headphones", forms.headphones, methods=["POST"]),
            Route("/volume", forms.volume, methods=["POST"]),
            Route("/training", forms.training, methods=["POST"]),
            Route("/pause", forms.pause, methods=["POST"]),
            Route("/api/screen", api.get_screen),
            Route("/api/rating", api.put_rating, methods=["PUT"]),
            Route("/api/heard", api.post_heard, methods=["POST"]),
            Route("/api/done", api.post_done, methods=["POST"]),
            Route("/audio/{token}", audio.audio),
            Route("/health", health),
            *admin.routes(),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Shield)],
        exception_handlers={Refused: refused, Unsaved: unsaved, HTTPException: no_route},
    )
    app.state.site = site
    return app


async def health(request: Request) -> Response:
    """Answer that the server is running."""
    return answer({"status": "ok"})


async def refused(request: Request, error: Exception) -> Response:
    """Answer a request that was refused."""
    assert isinstance(error, Refused)
    return refuse(error.status, error.sentence, **error.more)


async def unsaved(request: Request, error: Exception) -> Response:
    """Answer that nothing was saved: as JSON to scripts, which try again, and as a page to listeners."""
    if request.url.path.startswith((ADMIN_PATH, "/api/")):
        response = refuse(503, "this could not be saved; please try again")
    else:
        response = forms.show_unsaved(request.app.state.site, request)
    response.headers["retry-after"] = "2"
    return response


async def no_route(request: Request, error: Exception) -> Response:
    """Answer a request for an unknown address or with a wrong method."""
    assert isinstance(error, HTTPException)
    sentence = {404: "there is nothing at this address", 405: "this address takes other methods"}
    response = refuse(error.status_code, sentence.get(error.status_code, str(error.detail)))
    response.headers.update(error.headers or {})
    return response
