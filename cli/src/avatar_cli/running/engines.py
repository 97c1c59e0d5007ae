"""What the engines of a running copy can and can't do, in words."""

from avatar_cli.models import catalogue
from avatar_cli.tongue import Tongue
from avatar_contract.health import Health
from avatar_contract.terms import EngineInfo

# What each modest engine's notice says, for readers of Chinese; by the engine's name.
_CHINESE = {
    "pocketsphinx": "只聽得懂清楚的英語，雜音中容易聽錯；中文請用打字，會以語音回答。",
    "faster-whisper": "人名和中英夾雜的句子常會聽錯。",
    "demo responder": (
        "不是語言模型，只照固定規則回答：時間、日期、算術、跟讀、數數、故事、回想說過的話。"
    ),
    "espeak-ng": "會說英語和國語，聲音機械；聲音檔只能改變音高和共鳴，不是複製聲音。",
    "Kokoro": "聲音檔會選 54 個聲音中最接近的一個並調整音高，是一種效果，不是複製聲音。",
}
_SMALL = ("pocketsphinx", "espeak-ng")
_DEFAULT = ("faster-whisper base", "Kokoro-82M")
_LISTED = 6
"""Languages that are named; of more, their number is told."""
_STAGES = (
    ("stt", "Hears  ", "聽"),
    ("llm", "Answers", "答"),
    ("tts_fast", "Speaks ", "說"),
)


def lines(health: Health, tongue: Tongue) -> list[str]:
    """One line a stage of the whole's health: its engine, languages and limits."""
    return [
        f"  {tongue(en, zh)}  {_stage(health.parts.get(name), tongue)}" for name, en, zh in _STAGES
    ]


def _stage(part: Health | None, tongue: Tongue) -> str:
    if part is not None and part.engine is not None:
        return _engine(part.engine, tongue)
    if part is None or part.status == "failed":
        return tongue("nothing answers at its address", "連不上")
    return part.service


def _engine(info: EngineInfo, tongue: Tongue) -> str:
    count = len(info.languages)
    named = ", ".join(info.languages) if count <= _LISTED else ""
    languages = named or (tongue(f"{count} languages", f"{count} 種語言") if count else "")
    notice = info.notice
    if tongue.language == "zh" and notice:
        known = (text for name, text in _CHINESE.items() if info.name.startswith(name))
        notice = next(known, notice)
    does = f" ({languages})" if languages else ""
    return f"{info.name}{does}" + (f": {notice}" if notice else "")


def banner(url: str, seconds: float, where: str, health: Health, tongue: Tongue) -> str:
    """What is printed when all are ready: the address first, then the truth about the engines.

    Args:
        where: the state folder, or where else things are kept.
        health: of the whole, as the gateway tells it.
    """
    text = [
        "",
        tongue(
            f"AVATAR is ready: {url}  ({seconds:.1f} s; state in {where})",
            f"AVATAR 準備好了：{url} （{seconds:.1f} 秒；資料在 {where}）",
        ),
        *lines(health, tongue),
    ]
    better = _better(health, tongue)
    return "\n".join([*text, f"  {better}"] if better else text)


def _better(health: Health, tongue: Tongue) -> str | None:
    """The command that brings larger engines than those that run; None where it has none."""
    engines = [part.engine for part in health.parts.values() if part.engine is not None]
    names = {engine.name for engine in engines}
    if names & set(_SMALL):
        return tongue(
            "These engines are for little memory. Better ones come with AVATAR: `make run`.",
            "以上是省記憶體的引擎。AVATAR 附有更好的引擎：`make run`。",
        )
    if not names & set(_DEFAULT):
        return None
    known = catalogue.load()
    size = sum(model.megabytes for model in known.resolve(["cpu"])) / 1000
    return tongue(
        f"Larger engines: `avatar models download cpu` ({size:.1f} GB), "
        "then `avatar up --profile cpu`.",
        f"更大的引擎：`avatar models download cpu`（{size:.1f} GB），"
        "再執行 `avatar up --profile cpu`。",
    )
