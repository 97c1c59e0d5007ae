"""CosyVoice is not run here: what can be held is that it says so, and how it fails without it."""

import asyncio

import pytest

from avatar_contract.errors import TtsUnavailable
from tts_service.backends import build
from tts_service.utterance import Run, Utterance


async def test_without_its_image_it_says_what_to_build(settings):
    backend = build(settings(engine="cosyvoice"))
    await backend.start()
    try:
        async with asyncio.timeout(20):
            while backend.health().model.state != "ready":
                await asyncio.sleep(0.02)
        with pytest.raises(TtsUnavailable, match=r"cosyvoice\.md"):
            await anext(backend.speak(Utterance((Run("zh", "你好"),)), None))
    finally:
        await backend.close()
    assert "not run" in (backend.health().model.detail or "")
