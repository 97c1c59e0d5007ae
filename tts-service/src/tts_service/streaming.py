"""An HTTP answer that stops its source as soon as the caller hangs up."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from avatar_contract.errors import AvatarError
from avatar_contract.service import get_logger

log = get_logger(__name__)


class StreamedResponse(Response):
    """Chunks of `body` as they come.

    The headers wait for the first chunk, so that a failure before it is an error document. After
    that a failure cuts the connection: an incomplete answer must not look like a complete one.
    """

    def __init__(
        self, body: AsyncGenerator[bytes, None], media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(headers={**headers, "cache-control": "no-store"}, media_type=media_type)
        del self.headers["content-length"]  # nobody knows it yet
        self._chunks = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_hung_up(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.gather(leaving, sending, return_exceptions=True)
            await self._chunks.aclose()
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        first = await anext(self._chunks, b"")
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            async for chunk in self._chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except AvatarError as error:
            log.warning("answer.cut", code=error.code, detail=error.message)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
