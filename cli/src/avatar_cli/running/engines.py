"""What the engines of a running copy can and can't do, in words."""

from avatar_cli.models import catalogue
from avatar_cli.tongue import Tongue
from avatar_contract.health import Health
from avatar_contract.wire.common import EngineInfo

# What each embedded engine's notice says, for readers of Chinese; by the engine's name.
_CHINESE = {
    "pocketsphinx": "只聽得懂清楚的英語，雜音中容易聽錯；中文請用打字，會以語音回答。",
    "demo responder": (
        "不是語言模型，只照固定規則回答：時間、日期、算術、跟讀、數數、故事、回想說過的話。"
    ),
    "espeak-ng": "會說英語和國語，聲音機械；聲音檔只能改變音高和共鳴，不是複製聲音。",
}
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
    languages = f" ({', '.join(info.languages)})" if info.languages else ""
    notice = info.notice
    if tongue.language == "zh" and info.kind == "embedded":
        known = (text for name, text in _CHINESE.items() if info.name.startswith(name))
        notice = next(known, notice)
    return f"{info.name}{languages}" + (f": {notice}" if notice else "")


def embedded(health: Health) -> bool:
    """Whether one of them is an embedded engine."""
    found = [part.engine for part in health.parts.values()]
    return any(engine is not None and engine.kind == "embedded" for engine in found)


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
    if embedded(health):
        text.append("  " + _real_ones(tongue))
    return "\n".join(text)


def _real_ones(tongue: Tongue) -> str:
    """The command, with its size, that brings engines that know both languages."""
    known = catalogue.load()
    size = sum(model.megabytes for model in known.resolve(["cpu"])) / 1000
    return tongue(
        f"These engines ship with AVATAR and are modest. Real ones: `avatar models download cpu` "
        f"({size:.1f} GB), then `avatar up --profile cpu`.",
        f"以上是隨附的簡易引擎。真正的引擎：`avatar models download cpu`（{size:.1f} GB），"
        "再執行 `avatar up --profile cpu`。",
    )
