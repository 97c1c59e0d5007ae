"""Dates and times of day in Mandarin words."""

import re

from tts_service.speakable import chinese_numbers as numbers
from tts_service.speakable.rules import Rule, bare, compiled, is_score

HALVES = {"a": "上午", "p": "下午"}
_WEEKDAY = r" ?[（(] ?(?:星期|週|周|禮拜)?([一二三四五六日天])[）)]"
_WEEKDAYS = {
    "mon": "一",
    "tue": "二",
    "wed": "三",
    "thu": "四",
    "fri": "五",
    "sat": "六",
    "sun": "日",
}
_WEEKDAY_EN = r" ?[（(]?(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?[）)]?(?![A-Za-z])"
_AFTER_DATE = (
    r"(?= ?(?:上午|下午|早上|晚上|中午|凌晨|傍晚|[之以]?前|[之以]?後|開始|開會|起|截止|出發|到期"
    r"|當天|生日|(?:星期|週|周|禮拜)[一二三四五六日天]|\d{1,2}[:：點]))"
)
_TO = r" ?[-~～–至到] ?"


def count(value: str, after: str = "") -> str:
    """A number before `after`, the character that follows it: 2 is 兩 before a measure word."""
    plain = bare(value)
    if "." in plain:
        return numbers.decimal(plain)
    return numbers.counted(plain) if after and after in numbers.MEASURES else numbers.whole(plain)


def month_day(month: int, day: int) -> str:
    """A day of the year."""
    return f"{numbers.whole(str(month))}月{numbers.whole(str(day))}日"


def _date(found: "re.Match[str]") -> str:
    year, month, day = found[1], int(found[2]), int(found[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found[0]
    return f"{numbers.one_by_one(year)}年{month_day(month, day)}"


def _date_us(found: "re.Match[str]") -> str:
    day = _month_and_day(found)
    return f"{numbers.one_by_one(found[3])}年{day}" if day else found[0]


def _month_and_day(found: "re.Match[str]") -> str | None:
    first, second = int(found[1]), int(found[2])
    month, day = (second, first) if first > 12 else (first, second)
    return month_day(month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _with_weekday(found: "re.Match[str]") -> str:
    day = _month_and_day(found)
    return f"{day}星期{found[3]}" if day else found[0]


def _with_english_weekday(found: "re.Match[str]") -> str:
    day = _month_and_day(found)
    return f"{day}星期{_WEEKDAYS[found[3][:3].lower()]}" if day else found[0]


def _days(found: "re.Match[str]") -> str:
    ends = [(int(found[i]), int(found[i + 1])) for i in (1, 3)]
    if any(not (1 <= month <= 12 and 1 <= day <= 31) for month, day in ends):
        return found[0]
    return "到".join(month_day(month, day) for month, day in ends)


def _day_by_context(found: "re.Match[str]") -> str:
    return _month_and_day(found) or found[0]


def _year(found: "re.Match[str]") -> str:
    digits = found[1]
    return (numbers.one_by_one(digits) if len(digits) == 4 else count(digits, "年")) + "年"


def _years(found: "re.Match[str]") -> str:
    return f"{numbers.one_by_one(found[1])}到{numbers.one_by_one(found[2])}"


def _time(found: "re.Match[str]") -> str:
    hour, minute, second, half = found[1], found[2], found[3], found[4]
    if int(hour) > 24 or int(minute) > 59 or (not second and not half and _is_ratio(found)):
        return f"{numbers.whole(hour)}比{numbers.whole(minute)}"
    said = _half(found, half) + numbers.counted(hour) + "點"
    if int(minute) or second:
        said += ("零" if int(minute) < 10 and int(minute) else "") + numbers.whole(minute) + "分"
    if second:
        said += numbers.whole(second) + "秒"
    return said


def _half(found: "re.Match[str]", half: str | None) -> str:
    """上午 or 下午, unless the words before say so already."""
    before = found.string[max(0, found.start() - 4) : found.start()]
    return (
        HALVES[half.lower()] if half and not re.search(r"[上下]午 ?\Z|[早晚]上 ?\Z", before) else ""
    )


def _is_ratio(found: "re.Match[str]") -> bool:
    after = found.string[found.end() : found.end() + 4]
    before = found.string[max(0, found.start() - 2) : found.start()]
    return (
        is_score(found)
        or before.strip() == "以"
        or bool(
            re.match(
                r" ?的?(?:比例|比率|比數|比分|螢幕|畫面|獲勝|領先|勝|擊敗|落敗|落後|拿下)", after
            )
        )
    )


def _hour(found: "re.Match[str]") -> str:
    hours = [numbers.counted(hour) for hour in found.group(1, 2) if hour]
    return f"{_half(found, found[3])}{'到'.join(hours)}點"


def _clock(found: "re.Match[str]") -> str:
    minute = found[2]
    said = numbers.counted(found[1]) + "點"
    if minute:
        said += ("零" if minute[0] == "0" and int(minute) else "") + numbers.whole(minute) + "分"
    return said


def _ratio(found: "re.Match[str]") -> str:
    return f"{numbers.whole(found[1])}比{numbers.whole(found[2])}"


def _score(found: "re.Match[str]") -> str:
    after = found.string[found.end() : found.end() + 4]
    won = re.match(
        r" ?[，的]? ?(?:獲勝|取勝|擊敗|打敗|險勝|大勝|落敗|領先|勝|贏|輸|平手|逆轉)", after
    )
    return _ratio(found) if won or is_score(found) else found[0]


DATES: tuple[Rule, ...] = compiled(
    [
        (r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _date),
        (r"(?<![\d/.-])(\d{1,2})[-/](\d{1,2})[-/](\d{4})(?!\d)", _date_us),
        (rf"(?<![\d/.])(\d{{1,2}})/(\d{{1,2}}){_WEEKDAY}", _with_weekday),
        (rf"(?<![\d/.])(\d{{1,2}})/(\d{{1,2}}){_WEEKDAY_EN}", _with_english_weekday),
        (rf"(?<![\d/.])(\d{{1,2}})/(\d{{1,2}})(?![\d/]){_AFTER_DATE}", _day_by_context),
        (rf"(?<![\d/.])(\d{{1,2}})/(\d{{1,2}}){_TO}(\d{{1,2}})/(\d{{1,2}})(?![\d/])", _days),
        (
            r"((?:星期|週|周|禮拜)[一二三四五六日天][,， ]?)(\d{1,2})/(\d{1,2})(?![\d/])",
            lambda f: f"{f[1].strip()}{month_day(int(f[2]), int(f[3]))}",
        ),
        (r"(?:(?<=[於在從自到至])|(?<=日期|預約))(\d{1,2})/(\d{1,2})(?![\d/])", _day_by_context),
        (
            r"(?<!\d)(\d{1,2}) ?月 ?(\d{1,2}) ?(日|號)",
            lambda f: f"{numbers.whole(f[1])}月{numbers.whole(f[2])}{f[3]}",
        ),
        (r"(?<!\d)(\d{1,2}) ?(月|日|號)(?!\d)", lambda f: numbers.whole(f[1]) + f[2]),
        (rf"(?<![\d.,-])(1\d{{3}}|20\d\d){_TO}(1\d{{3}}|20\d\d)(?= ?年)", _years),
        (r"(?<![\d.,])(\d{2,4}) ?年", _year),
        (
            r"(?<=西元|公元)( ?)(\d{3,4})(?!\d)",
            lambda f: numbers.one_by_one(f[2]),
        ),
        (
            r"(?<=[於在自從至到])( ?)(1[0-8]\d\d)(?=[出建創成逝去過發生誕死，。、年])",
            lambda f: numbers.one_by_one(f[2]),
        ),
        (rf"(?<=[日號]){_WEEKDAY}", lambda f: f"星期{f[1]}"),
    ]
)

TIMES: tuple[Rule, ...] = compiled(
    [
        (
            r"(?<![\d:：])(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?(?: ?([ap])\.?m(?![A-Za-z])\.?)?"
            r"(?![\d:：])(?: ?[分秒](?!鐘))?",
            _time,
        ),
        (
            r"(?<![\d:.])(\d{1,2})(?: ?[-~～] ?(\d{1,2}))? ?([ap])\.?m(?![A-Za-z])\.?",
            _hour,
        ),
        (r"(?<![\d.])(\d{1,2}) ?點(?: ?(\d{1,2}) ?分)?(?![\d多])", _clock),
        (r"(?<![\d.])(\d{1,3}) ?[:：] ?(\d{1,7})(?!\d|, ?\d| ?[，、] ?\d)", _ratio),
        (r"(?<![\d.-])(\d{1,3}) ?[-–] ?(\d{1,3})(?![\d.%-])", _score),
    ]
)
