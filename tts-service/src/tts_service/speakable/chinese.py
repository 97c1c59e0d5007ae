"""Rules for Chinese as it is read aloud in Taiwan: each in turn, the most particular first."""

import re

from tts_service.speakable import chinese_numbers as numbers
from tts_service.speakable.chinese_amounts import MAGNITUDES, MEASURES, MONEY, NUM, repeated
from tts_service.speakable.chinese_times import DATES, TIMES, count
from tts_service.speakable.rules import (
    CODE,
    IDENTIFIER,
    LETTERED,
    LONG_DIGITS,
    NUMBER,
    PHONE,
    VERSION,
    Rule,
    applied,
    bare,
    compiled,
    groups,
    is_code,
)

_GAPS = re.compile(
    r"(?<=[\u4e00-\u9fff]) +(?=[\d$])|(?<=[\d%]) +(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff]) +(?=√)"
)
"""Spaces that typesetters put around digits; said, they would be pauses."""


def words(text: str) -> str:
    """Chinese `text` with everything in words. Latin letters stay as they are."""
    said = repeated(applied(_RULES, _GAPS.sub("", text)))
    return re.sub(" {2,}", " ", said).strip()


def _bare_number(found: "re.Match[str]") -> str:
    value, after = found[1], found[2] or ""
    plain = bare(value)
    if "." not in plain and len(plain) > 1 and plain[0] == "0":
        return numbers.one_by_one(plain)
    if is_code(value) and after not in numbers.MEASURES:
        return numbers.one_by_one(plain)
    year = "," not in value and len(plain) == 4 and plain.isdigit() and plain[:2] in ("19", "20")
    if year and after not in numbers.MEASURES and plain[1:] != "000":
        return numbers.one_by_one(plain)
    return count(value, after)


def _phone(found: "re.Match[str]") -> str:
    said = [numbers.one_by_one(group) for group in groups(found)]
    return ("加" if found[0].startswith("+") else "") + "，".join(said)


def _identifier(found: "re.Match[str]") -> str:
    parts = groups(found)
    if all(len(part) <= 2 and not part.startswith("0") for part in parts):
        return "，".join(numbers.whole(part) for part in parts)
    return "，".join(numbers.one_by_one(part) for part in parts)


def _lettered(found: "re.Match[str]") -> str:
    letters, digits = re.findall(r"[A-Za-z]+|\d+", found[0])
    return f"{letters}{numbers.one_by_one(digits)}"


def lettered(text: str) -> str:
    """`text` with the numbers of documents and orders, such as A123456789, digit by digit."""
    return LETTERED.sub(_lettered, text)


def _version(found: "re.Match[str]") -> str:
    parts = found[0].split(".")
    say = numbers.one_by_one if len(parts) == 4 else numbers.whole
    return "點".join(say(part) for part in parts)


def _power(found: "re.Match[str]") -> str:
    raised = found[1] or found[2]
    return "的平方" if raised == "2" else f"的{raised.replace('−', '負').replace('-', '負')}次方"


_ROOMS = "號公車|號房|路公車|會議室|教室|室|房"
_SAID = "零一二兩三四五六七八九十百千萬億"
_PHRASES: tuple[Rule, ...] = (
    (
        re.compile(r"(?<!\d)24 ?/ ?7 ?(?:全年無休|全天候|不打烊)?(?![\d/])"),
        lambda _: "二十四小時全年無休",
    ),
    (LONG_DIGITS, lambda f: numbers.one_by_one(f[0])),
    (PHONE, _phone),
    (IDENTIFIER, _identifier),
    (CODE, lambda f: f[1] + numbers.one_by_one(f[2])),
    (VERSION, _version),
    (re.compile(r"\bNo\.? ?(?=\d)"), lambda _: "第"),
    (re.compile(r"(?<![\d.])~ ?(?=[$€£¥]|NT|US)"), lambda _: "約"),
)
_PLACES: tuple[Rule, ...] = compiled(
    [
        (r"(?<=[\w)])\^(?:\(([-−]?\w[^()]{0,40})\)|([-−]?[A-Za-z0-9.]+))", _power),
        (r"(?<=[轉機]) ?(\d{2,5})(?!\d)", lambda f: numbers.one_by_one(f[1])),
        (rf"(?<!\d)(\d{{3,4}}) ?(?={_ROOMS})", lambda f: numbers.one_by_one(f[1])),
        (r"(?<![A-Za-z\d])(\d{1,2})F(?![A-Za-z\d])", lambda f: f"{numbers.whole(f[1])}樓"),
        (r"\((\d{1,2})\) ?(?=[\u4e00-\u9fff])", lambda f: f"{numbers.whole(f[1])}、"),
        (r"(?<![\d.(])(\d{1,2})[.)] ?(?=[\u4e00-\u9fff])", lambda f: f"{numbers.whole(f[1])}、"),
        (rf"(?<=[\w)²³%\u4e00-\u9fff]) ?− ?(?=[\w(√.]|{NUMBER})", lambda _: "減"),
    ]
)
_REST: tuple[Rule, ...] = compiled(
    [
        (rf"(?<![A-Za-z0-9約.])[~～] ?(?={NUMBER})", lambda _: "約"),
        (r"(\d+) factorial ", lambda f: f"{numbers.whole(f[1])}階乘"),
        (r"第 ?(\d+)", lambda f: "第" + numbers.whole(f[1])),
        (r"#(\d+)", lambda f: "第" + numbers.whole(f[1])),
        (r"(?<=\d) ?[×x*] ?(?=\d)", lambda _: "乘以"),
        (r"(?<=[\w)]) ?\+ ?(?=[\w(])", lambda _: "加"),
        (r" ?÷ ?", lambda _: "除以"),
        (r"(\d+) ?分之 ?(\d+)", lambda f: f"{numbers.whole(f[1])}分之{numbers.whole(f[2])}"),
        (rf"(?<![A-Za-z]){NUM}(?= ?(.)?)", _bare_number),
        (r" ?={1,2} ?", lambda _: "等於"),
        (r" ?± ?", lambda _: "正負"),
        (r" ?[×] ?", lambda _: "乘以"),
        (r" ?√ ?", lambda _: "根號"),
        (r" ?− ?", lambda _: "減"),
        (r" ?& ?", lambda _: "和"),
        (r"(?<=[元塊圓]) ?/ ?(?=[\u4e00-\u9fff])", lambda _: "每"),
        (r"(?<=[\u4e00-\u9fff]) ?[/／] ?(?=[\u4e00-\u9fff])", lambda _: "、"),
        (r"(?<=[\u4e00-\u9fff]) ?\+ ?", lambda _: "加"),
        (rf"(?<=[{_SAID}點分秒日月年度個樓號元歲頁]) ?[-~～–] ?(?=[{_SAID}上下])", lambda _: "到"),
        (r"(?<=[週周期拜][一二三四五六日天]) ?[-~～–] ?(?=[週周星禮])", lambda _: "到"),
        (r"(?<=[A-Za-z]) ?[~～] ?(?=[A-Za-z])", lambda _: "到"),
        (r"²", lambda _: "平方"),
        (r"³", lambda _: "立方"),
        (r"°", lambda _: "度"),
        (r"%", lambda _: "百分比"),
        (r"[~～#^]", lambda _: ""),
    ]
)
_AMOUNTS: tuple[Rule, ...] = (*MONEY, *MAGNITUDES, *_PLACES, *MEASURES)
_RULES: tuple[Rule, ...] = (*_PHRASES, *DATES, *TIMES, *_AMOUNTS, *_REST)
