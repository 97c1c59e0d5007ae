"""A turn on the terminal: the words as they come, then its timeline."""

import sys
from collections.abc import Sequence
from typing import TextIO

from avatar_cli.talking.turn import Turn
from avatar_cli.tongue import Tongue
from avatar_contract.wire import (
    AudioFrame,
    Error,
    LlmToken,
    Notice,
    PlaybackControl,
    ServerMessage,
    Transcription,
    TurnDone,
)

_NAMES: dict[str, tuple[str, str]] = {
    "accepted": ("turn accepted", "輪次開始"),
    "first_partial": ("first words shown", "出現第一個字"),
    "end_of_speech": ("end of speech", "說完"),
    "final": ("words final", "文字確定"),
    "first_token": ("first token of the answer", "回答的第一個字"),
    "first_audio": ("first sound of the answer", "回答的第一個聲音"),
    "last_token": ("last token of the answer", "回答的最後一個字"),
    "last_audio": ("last sound of the answer", "回答的最後一個聲音"),
    "turn_done": ("turn done", "輪次結束"),
}


def silent(_message: ServerMessage | AudioFrame, _now: float) -> None:
    """Shows nothing."""


class Screen:
    """Prints messages as they come. Partial words rewrite their line on a terminal."""

    def __init__(self, tongue: Tongue, output: TextIO | None = None) -> None:
        self._tongue = tongue
        self._out = output or sys.stdout
        self._live = self._out.isatty()
        self._answering = False
        self._partial = ""

    def watch(self, message: ServerMessage | AudioFrame, _now: float) -> None:
        """Shows one message."""
        match message:
            case Transcription():
                self._words(message)
            case LlmToken():
                if not self._answering:
                    self._write("AVATAR   ")
                    self._answering = True
                self._write(message.token)
            case TurnDone():
                self._close()
            case PlaybackControl() if message.action == "flush":
                self._close()
                self._line(self._tongue("(interrupted)", "（被打斷）"))
            case Notice():
                self._close()
                self._line(f"notice   {message.message}")
            case Error():
                self._close()
                self._line(f"error    {message.code}: {message.message}")
            case _:
                pass

    def _words(self, message: Transcription) -> None:
        who = self._tongue("you      ", "你       ")
        if message.is_final:
            self._write("\r\033[K" if self._live and self._partial else "")
            self._line(f"{who}{message.text}")
            self._partial = ""
        elif message.text != self._partial:
            self._partial = message.text
            if self._live:
                self._write(f"\r\033[K{who}{message.text} …")
            else:
                self._line(f"         {message.text} …")

    def _close(self) -> None:
        if self._answering:
            self._write("\n")
        self._answering = False

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _line(self, text: str) -> None:
        self._write(text + "\n")


def timeline(turn: Turn, tongue: Tongue) -> list[str]:
    """When each thing happened, ms before and after the end of speech, and what that means."""
    marks = {name: at for name, at in turn.timeline().items() if name in _NAMES}
    if not marks:
        return []
    lines = [
        tongue("timeline, ms from the end of speech:", "時間軸（以說完為 0，毫秒）：")
        if "end_of_speech" in marks
        else tongue("timeline, ms from the first words:", "時間軸（以第一個字為 0，毫秒）：")
    ]
    lines += [f"  {at:>8.0f}  {tongue(*_NAMES[name])}" for name, at in marks.items()]
    first, last = turn.marks.get("first_audio"), turn.marks.get("last_token")
    if first is not None and last is not None:
        early = last - first
        lines.append(
            tongue(
                f"  the first sound came {abs(early):.0f} ms "
                f"{'before' if early >= 0 else 'after'} the last token",
                f"  第一個聲音比最後一個字{'早' if early >= 0 else '晚'} {abs(early):.0f} 毫秒",
            )
        )
    if turn.timings:
        stages = ", ".join(f"{name} {ms:.0f}" for name, ms in turn.timings.items())
        lines.append(tongue(f"server's timings, ms: {stages}", f"伺服器計時（毫秒）：{stages}"))
    return lines


def summary(turns: Sequence[Turn], tongue: Tongue) -> list[str]:
    """The timelines of several turns."""
    lines: list[str] = []
    for turn in turns:
        lines += ["", *timeline(turn, tongue)]
    return lines
