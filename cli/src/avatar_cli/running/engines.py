"""What the engines of a running copy can and can't do, in words."""

from collections.abc import Mapping
from pathlib import Path

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
    ("tts", "Speaks ", "說"),
)


def lines(health: Mapping[str, Health], tongue: Tongue) -> list[str]:
    """One line an engine: its stage, name, languages and limits."""
    shown = []
    for service, en, zh in _STAGES:
        info = health[service].engine if service in health else None
        if info is not None:
            shown.append(f"  {tongue(en, zh)}  {_engine(info, tongue)}")
    return shown


def _engine(info: EngineInfo, tongue: Tongue) -> str:
    languages = f" ({', '.join(info.languages)})" if info.languages else ""
    notice = info.notice
    if tongue.language == "zh" and info.kind == "embedded":
        known = (text for name, text in _CHINESE.items() if info.name.startswith(name))
        notice = next(known, notice)
    return f"{info.name}{languages}" + (f": {notice}" if notice else "")


def embedded(health: Mapping[str, Health]) -> bool:
    """Whether one of them is an embedded engine."""
    return any(h.engine is not None and h.engine.kind == "embedded" for h in health.values())


def banner(
    url: str, seconds: float, home: Path, health: Mapping[str, Health], tongue: Tongue
) -> str:
    """What is printed when all are ready: the address first, then the truth about the engines."""
    text = [
        "",
        tongue(
            f"AVATAR is ready: {url}  ({seconds:.1f} s; state in {home})",
            f"AVATAR 準備好了：{url} （{seconds:.1f} 秒；資料在 {home}）",
        ),
        *lines(health, tongue),
    ]
    if embedded(health):
        text.append(
            tongue(
                "  These engines ship with AVATAR and are modest. `avatar models list` names the "
                "real ones with their sizes.",
                "  以上是隨附的簡易引擎。`avatar models list` 列出真正的引擎和下載大小。",
            )
        )
    text += [tongue("  Ctrl-C stops everything.", "  按 Ctrl-C 全部停止。"), ""]
    return "\n".join(text)
