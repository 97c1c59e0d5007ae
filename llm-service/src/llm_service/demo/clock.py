"""The time and the date, said in either language. The moment comes from outside."""

import re
from datetime import datetime, timedelta

from llm_service.demo.language import Language

_EN_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EN_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_ZH_DAYS = "一二三四五六日"

_TIME = re.compile(
    r"\bwhat time\b|\bwhat's the time\b|\bthe time (?:now|please|is it)\b|\btell me the time\b"
    r"|\bwhat is the time\b|幾點|几点|什麼時間|什么时间|現在時間|现在时间|報時|报时"
)
_DATE = re.compile(
    r"\bwhat(?:'s| is| was)? (?:the )?(?:date|day)\b|\btoday's date\b|\bwhich day\b|\bwhat day\b"
    r"|\b(?:date|day) (?:is it|today|tomorrow)\b|\bwhat (?:year|month)\b"
    r"|(?:幾|几)(?:月|號|号|日)|(?:星期|禮拜|礼拜|週|周)(?:幾|几)|什麼日子|什么日子|日期"
    r"|今年是|哪一年|哪一天"
)
_DAYS_AWAY = (
    (re.compile(r"day after tomorrow|後天|后天"), 2),
    (re.compile(r"day before yesterday|前天"), -2),
    (re.compile(r"tomorrow|明天|明日"), 1),
    (re.compile(r"yesterday|昨天|昨日"), -1),
)
_EN_NAMES = {0: "Today is", 1: "Tomorrow is", -1: "Yesterday was"}
_EN_NAMES |= {2: "The day after tomorrow is", -2: "The day before yesterday was"}
_ZH_NAMES = {0: "今天", 1: "明天", -1: "昨天", 2: "後天", -2: "前天"}


def answer(plain_text: str, language: Language, now: datetime) -> str | None:
    """The time or a date near today; None when neither is asked for."""
    if _TIME.search(plain_text):
        return _time(language, now)
    if not _DATE.search(plain_text):
        return None
    days = next((days for words, days in _DAYS_AWAY if words.search(plain_text)), 0)
    return _date(language, now + timedelta(days=days), days)


def _time(language: Language, now: datetime) -> str:
    if language == "en":
        half = "AM" if now.hour < 12 else "PM"
        return f"It is {now.hour % 12 or 12}:{now.minute:02d} {half}."
    hour = now.hour if now.hour <= 12 else now.hour - 12
    minute = f" {now.minute} 分" if now.minute else "整"
    return f"現在是{_part_of_day(now.hour)} {hour or 12} 點{minute}。"


def _part_of_day(hour: int) -> str:
    for until, name in ((5, "凌晨"), (11, "早上"), (13, "中午"), (18, "下午")):
        if hour < until:
            return name
    return "晚上"


def _date(language: Language, day: datetime, away: int) -> str:
    if language == "en":
        return (
            f"{_EN_NAMES[away]} {_EN_DAYS[day.weekday()]}, "
            f"{_EN_MONTHS[day.month - 1]} {day.day}, {day.year}."
        )
    weekday = _ZH_DAYS[day.weekday()]
    return f"{_ZH_NAMES[away]}是 {day.year} 年 {day.month} 月 {day.day} 日，星期{weekday}。"
