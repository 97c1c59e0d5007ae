"""Makes the conversations of the storage benchmark: 100,000 turns, the same ones each time.

Words are drawn by Zipf's law, so that there are words of every frequency; half of the turns are
Chinese, half English, and some mix the two. One conversation has 200 turns.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from profile_service import textsearch
from profile_service.database import Database
from profile_service.folding import FOLDING
from profile_service.names import first_words
from profile_service.tables import audio_files, conversations, search_entries, turns

OWNER = "local"
LONG_CONVERSATION = UUID(int=1)
LONG_TURNS = 200
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)

_SYLLABLES = ("ba", "ne", "to", "ri", "ka", "lu", "mo", "shi", "den", "pra", "wel", "ton")
_CHINESE = (
    "的一是不了人我在有他這中大來上個國們到說時地為子你也會要得著就那下年生自之過發後作里用道行"
    "所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實"
)


@dataclass(frozen=True)
class Words:
    """Words of both languages, the commonest first."""

    english: list[str]
    chinese: list[str]
    weights: list[float]


def words(chance: random.Random, count: int = 4_000) -> Words:
    english, chinese = dict[str, None](), dict[str, None]()
    while len(english) < count:
        english["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4)))] = None
    while len(chinese) < count:
        chinese["".join(chance.choices(_CHINESE, k=2))] = None
    weights = [1 / (rank + 10) for rank in range(count)]
    return Words(list(english), list(chinese), weights)


def sentence(chance: random.Random, vocabulary: Words, length: int) -> str:
    kind = chance.random()
    if kind < 0.45:
        return "".join(chance.choices(vocabulary.chinese, vocabulary.weights, k=length)) + "。"
    english = " ".join(chance.choices(vocabulary.english, vocabulary.weights, k=length)) + "."
    if kind < 0.9:
        return english
    return "".join(chance.choices(vocabulary.chinese, vocabulary.weights, k=4)) + " " + english


def rows(total: int, seed: int = 7) -> Iterator[dict[sa.Table, list[dict[str, Any]]]]:
    """The rows of each conversation in turn."""
    chance = random.Random(seed)
    vocabulary = words(chance)
    made, number = 0, 0
    while made < total:
        long = made == 0
        session = LONG_CONVERSATION if long else UUID(int=chance.getrandbits(128), version=4)
        size = LONG_TURNS if long else min(total - made, 1 + int(chance.expovariate(1 / 14)))
        began = BEGIN + timedelta(minutes=number * 97)
        spoken = [_turn(chance, vocabulary, session, n, began) for n in range(1, size + 1)]
        texts = [(turn["recognised_text"], turn["ai_text"]) for turn in spoken]
        yield {
            conversations: [_conversation(session, texts[0][0], began)],
            audio_files: [file for turn in spoken for file in _files(turn)],
            turns: spoken,
            search_entries: [_entry(turn, text) for turn, text in zip(spoken, texts, strict=True)],
        }
        made, number = made + size, number + 1


def _conversation(session: UUID, text: str, began: datetime) -> dict[str, Any]:
    return {
        "session_id": session,
        "owner": OWNER,
        "title": first_words(text),
        "title_edited": False,
        "created_at": began,
        "updated_at": began,
    }


def _turn(
    chance: random.Random, vocabulary: Words, session: UUID, number: int, began: datetime
) -> dict[str, Any]:
    turn_id = UUID(int=chance.getrandbits(128), version=4)
    moment = began + timedelta(seconds=20 * number)
    answer = sentence(chance, vocabulary, chance.randint(5, 40))
    return {
        "turn_id": turn_id,
        "owner": OWNER,
        "session_id": session,
        "turn_number": number,
        "utterance_id": UUID(int=chance.getrandbits(128), version=4),
        "revision": 0,
        "state": "closed",
        "typed": False,
        "recognised_text": sentence(chance, vocabulary, chance.randint(2, 12)),
        "edited_text": None,
        "ai_text": answer,
        "heard_text": answer,
        "interrupted": False,
        "language": None,
        "mode": "fast",
        "timings": {"stt": 210.0, "llm_first": 180.5, "tts_first": 95.0, "total": 640.25},
        "voice_profile_id": None,
        "error": None,
        "user_audio_key": f"raw/{turn_id.hex[:2]}/{turn_id}.ogg",
        "user_audio_ms": 2_500.0,
        "ai_audio_key": f"tts/{turn_id.hex[:2]}/{turn_id}.ogg",
        "ai_audio_ms": 6_000.0,
        "created_at": moment,
        "updated_at": moment,
    }


def _files(turn: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind, side in (("raw", "user"), ("tts", "ai")):
        yield {
            "key": turn[f"{side}_audio_key"],
            "owner": OWNER,
            "kind": kind,
            "bytes": 12_000,
            "sha256": "0" * 64,
            "content_type": "audio/ogg; codecs=opus",
            "duration_ms": turn[f"{side}_audio_ms"],
            "created_at": turn["created_at"],
        }


def _entry(turn: dict[str, Any], text: tuple[str, str]) -> dict[str, Any]:
    norm, terms = textsearch.indexed(*text)
    return {
        "owner": OWNER,
        "session_id": turn["session_id"],
        "turn_id": turn["turn_id"],
        "norm": norm,
        "terms": terms,
        "folding": FOLDING,
    }


async def fill(database: Database, total: int) -> None:
    """Insert them, a few thousand turns a transaction."""
    waiting: dict[sa.Table, list[dict[str, Any]]] = {}
    for conversation in rows(total):
        for table, new in conversation.items():
            waiting.setdefault(table, []).extend(new)
        if len(waiting[turns]) > 4_000:
            await _insert(database, waiting)
            waiting = {}
    if waiting:
        await _insert(database, waiting)
    async with database.write() as connection:
        await connection.exec_driver_sql("ANALYZE")


async def _insert(database: Database, waiting: dict[sa.Table, list[dict[str, Any]]]) -> None:
    async with database.write() as connection:
        for table in (conversations, audio_files, turns, search_entries):
            await connection.execute(sa.insert(table), waiting[table])
