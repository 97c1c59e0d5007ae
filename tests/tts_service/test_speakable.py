"""Written text to spoken words, table by table."""

import pytest

from avatar_contract.errors import BadMessage, UnsupportedLanguage
from tts_service.speakable import Speakable, speakable

BOTH = frozenset({"en", "zh"})


def say(text: str, language: str | None = None) -> Speakable:
    return speakable(text, language, default="zh", can=BOTH)


def said(text: str, language: str | None = None) -> str:
    return " | ".join(f"{run.text}" for run in say(text, language).runs)


CHINESE = [
    # whole numbers; 兩 and 二
    ("0", "零"),
    ("10", "十"),
    ("15", "十五"),
    ("110", "一百一十"),
    ("222", "兩百二十二"),
    ("2205", "兩千兩百零五"),
    ("10010", "一萬零一十"),
    ("20000", "兩萬"),
    ("100003", "十萬零三"),
    ("1,005,000", "一百萬五千"),
    ("200,000,000", "兩億"),
    ("我有2個蘋果", "我有兩個蘋果"),
    ("第2次", "第二次"),
    ("第 2 名", "第二名"),
    ("2樓有22本書", "二樓有二十二本書"),
    ("2公里和2分鐘", "兩公里和兩分鐘"),
    ("約 3.5 萬人", "約三點五萬人"),
    ("房價 1,280 萬", "房價一千兩百八十萬"),
    # decimals, signs, codes
    ("0.5", "零點五"),
    ("圓周率是3.14159", "圓周率是三點一四一五九"),
    ("溫度-3°C", "溫度攝氏零下三度"),
    ("零下-5度", "零下五度"),
    ("訂單編號 20261121001", "訂單編號二零二六一一二一零零一"),
    ("代號007", "代號零零七"),
    # dates and times
    ("今天是2026-11-21", "今天是二零二六年十一月二十一日"),
    ("2026/1/2", "二零二六年一月二日"),
    ("２０２６年１１月２１日", "二零二六年十一月二十一日"),
    ("他在1990年出生", "他在一九九零年出生"),
    ("民國113年", "民國一百一十三年"),
    ("過了2年", "過了兩年"),
    ("2月14日", "二月十四日"),
    ("休息2個月", "休息兩個月"),
    ("下午3:30開始", "下午三點三十分開始"),
    ("2:05集合", "兩點零五分集合"),
    ("12:00:08", "十二點零分八秒"),
    ("3:30 PM見", "下午三點三十分見"),
    ("下午3點半，3點15分", "下午三點半，三點十五分"),
    ("10:30-12:00", "十點三十分到十二點"),
    ("2020-2024年間", "二零二零到二零二四年間"),
    # money, percent, units
    ("NT$1,200", "一千兩百元"),
    ("給我$50", "給我五十元"),
    ("要$3萬", "要三萬元"),
    ("US$3.5", "三點五美元"),
    ("100 USD", "一百美元"),
    ("濕度80%", "濕度百分之八十"),
    ("漲了3.5%", "漲了百分之三點五"),
    ("10-20%", "百分之十到百分之二十"),
    ("身高175cm,體重68.5kg", "身高一百七十五公分,體重六十八點五公斤"),
    ("時速100 km/h", "時速一百公里每小時"),
    ("氣溫25.5°C", "氣溫攝氏二十五點五度"),
    ("30坪是99m²", "三十坪是九十九平方公尺"),
    # ranges, fractions, ratios, sums
    ("3~5天", "三到五天"),
    ("2-3個", "兩到三個"),
    ("完成5/10", "完成十分之五"),
    ("11/21見", "十一月二十一日見"),
    ("3分之2", "三分之二"),
    ("比數 3:1", "比數三比一"),
    ("3+5=8", "三加五等於八"),
    # telephone numbers
    ("打0912-345-678", "打零九一二，三四五，六七八"),
    ("打(02) 2345-6789", "打零二，二三四五，六七八九"),
    ("轉215", "轉二一五"),
    # rooms, floors, lists, powers
    ("A棟3F 302會議室", "A | 棟三樓 三零二會議室"),
    ("搭 307 號公車", "搭三零七號公車"),
    ("1. 先煮水\n2. 加200g麵", "一、先煮水, 二、加兩百公克麵"),
    ("從 1 數到 10：1, 2, 3", "從一數到十：一, 二, 三"),
    ("約18～24°C", "約攝氏十八到二十四度"),
    ("-10°C ~ 5°C", "攝氏零下十到五度"),
    ("10^8", "十的八次方"),
    ("①和½和Ⅳ", "一和二分之一和 | IV"),
    # marks
    ("**粗體**文字", "粗體 文字"),
    ("男/女", "男、女"),
    ("好！！！！", "好！"),
]


@pytest.mark.parametrize(("written", "spoken"), CHINESE)
def test_chinese(written, spoken):
    assert said(written, "zh-TW") == spoken


ENGLISH = [
    ("0", "zero"),
    ("1,234", "one thousand two hundred thirty-four"),
    ("10,000,000,000", "ten billion"),
    ("3.14", "three point one four"),
    ("-5 degrees", "minus five degrees"),
    ("007", "zero zero seven"),
    ("order 20261121001", "order two zero two six one one two one zero zero one"),
    ("1st 22nd 103rd 12th 20th", "first twenty-second one hundred third twelfth twentieth"),
    (
        "in 1905, 2000, 2005 and 2026",
        "in nineteen oh five, two thousand, two thousand five and twenty twenty-six",
    ),
    ("the 1990s", "the nineteen nineties"),
    ("2026-11-21", "November twenty-first, twenty twenty-six"),
    ("Nov 21, 2026", "November twenty-first, twenty twenty-six"),
    ("5 Nov 2024", "November fifth, twenty twenty-four"),
    ("Dec 25th", "December twenty-fifth"),
    ("11/21/2026", "November twenty-first, twenty twenty-six"),
    ("at 3:30 pm", "at three thirty PM"),
    ("at 9:05", "at nine oh five"),
    ("at 15:00", "at fifteen hundred"),
    ("at 3:00", "at three o'clock"),
    ("3 p.m. sharp", "three PM sharp"),
    ("10:30-12:00", "ten thirty to twelve o'clock"),
    ("$5.99", "five dollars and ninety-nine cents"),
    ("$1", "one dollar"),
    ("$3.5 million", "three point five million dollars"),
    ("NT$1,200", "one thousand two hundred New Taiwan dollars"),
    ("20 EUR", "twenty euros"),
    ("50% off", "fifty percent off"),
    ("25°C", "twenty-five degrees Celsius"),
    ("5 km", "five kilometers"),
    ("1 kg", "one kilogram"),
    ("6 ft", "six feet"),
    ("100 km/h", "one hundred kilometers per hour"),
    ("100MB", "one hundred megabytes"),
    ("5G and 4K", "five G and four K"),
    ("3-5 friends", "three to five friends"),
    ("1/2 cup, 3/4", "one half cup, three quarters"),
    ("open 24/7", "open twenty-four seven"),
    ("v3.11.7", "version three point eleven point seven"),
    ("192.168.0.1", "one nine two dot one six eight dot zero dot one"),
    ("call 415-555-2671", "call four one five, five five five, two six seven one"),
    ("Dr. Smith vs. Mr. X", "Doctor Smith versus Mister X"),
    ("e.g. this & that", "for example this and that"),
    ("a+b=c", "a plus b equals c"),
    ("C++ and C#", "C plus plus and C sharp"),
    ("#1", "number one"),
    ("GPT-4o and H2O", "GPT four o and H two O"),
    ("and/or", "and or"),
    ("$9/month", "nine dollars per month"),
    ("10^8 and E=mc²", "ten to the power of eight and E equals mc squared"),
    ("one\ntwo.\nthree", "one, two. three"),
    ("7-11", "Seven Eleven"),
]


@pytest.mark.parametrize(("written", "spoken"), ENGLISH)
def test_english(written, spoken):
    assert said(written, "en") == spoken


MIXED = [
    ("我用 Google Maps 找路。", "我用 | Google Maps | 找路。"),
    ("我用 GPT-4 和 iPhone 15 Pro", "我用 | GPT four | 和 | iPhone fifteen Pro"),
    ("他說 I have 3 apples today 然後走了", "他說 | I have three apples today | 然後走了"),
    ("跑了 5 km 之後", "跑了五公里之後"),
    ("用5G網路", "用五 | G | 網路"),
    ("裝 Windows 11 了", "裝 | Windows | 十一了"),
    ("Hello, world! 你好。", "Hello, world! | 你好。"),
    ("COVID-19 疫情", "COVID nineteen | 疫情"),
    ("He said 你好 to me", "He said | 你好 | to me"),
    ("寄到 a_b@example.com", "寄到 | a | 底線 | b | 小老鼠 | example | 點 | com"),
    ("看 https://www.example.com/docs?x=1", "看 | example | 點 | com | 斜線 | docs"),
    ("email bob@corp.com", "email bob at corp dot com"),
    ("see github.com/foo", "see github dot com slash foo"),
]


@pytest.mark.parametrize(("written", "spoken"), MIXED)
def test_mixed(written, spoken):
    assert said(written) == spoken


def test_latin_runs_are_english_and_the_rest_chinese():
    assert [run.language for run in say("我在用 Google Maps 找路。").runs] == ["zh", "en", "zh"]


@pytest.mark.parametrize(
    ("written", "language", "spoken"),
    [
        ("好的👍！", None, "好的！"),
        ("👍", "en", "thumbs up"),
        ("😀😀🎉", "en", "grinning face, party popper"),
    ],
)
def test_emoji_are_silent_in_a_sentence_and_named_alone(written, language, spoken):
    assert said(written, language) == spoken


def test_punctuation_alone_is_a_pause():
    assert say("……！") == Speakable((), skipped=False)


@pytest.mark.parametrize("text", ["", "  \n", "\x00\x1b", "\u200b\u202e\ufeff"])
def test_nothing_visible_is_refused(text):
    with pytest.raises(BadMessage, match="nothing to speak"):
        say(text)


def test_control_and_direction_marks_are_not_spoken():
    assert said("He\x07llo\u202e wor\u200bld", "en") == "Hello world"


def test_foreign_scripts_are_left_out_and_reported():
    assert say("hello мир").skipped
    assert said("hello мир and goodbye", "en") == "hello and goodbye"


@pytest.mark.parametrize(("text", "language"), [("Привет", None), ("Hello", "ja"), ("hi", "xx-YY")])
def test_what_no_voice_can_say_is_unsupported(text, language):
    with pytest.raises(UnsupportedLanguage, match=r"engine|`zh`"):
        say(text, language)


def test_a_language_the_engine_lacks_says_what_to_do():
    with pytest.raises(UnsupportedLanguage, match="embedded engine"):
        speakable("你好", None, default="zh", can=frozenset({"en"}))


def test_no_digit_or_ascii_symbol_is_left_in_chinese():
    text = "2026-11-21 3:30 NT$5 7% 25°C 1/2 #3 3x4 a@b.tw 1,2,3 1. 2) (3) 5' 6\" ~7 8-9 -10"
    assert not any(character.isdigit() for character in said(text, "zh"))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", [4_000])
@pytest.mark.parametrize(
    "unit",
    [
        "1-",
        "a1 ",
        "1,",
        "a@",
        "1:",
        "$1",
        "1/",
        "http://",
        "(02)",
        "9" * 7,
        "$",
        "$1 ",
        "\\(",
        "{",
        "\\frac{",
        "<",
        "<a ",
        "&",
        "[1]",
        "5 - ",
        "1 < ",
        "½",
        "★",
        "1'",
        "(1",
        "= ",
        "x^",
        "5/6 ",
        "17：",
        "π ",
        ".5",
        "10K ",
        "A1",
        "1-2-",
    ],
)
def test_hostile_repetition_takes_linear_time(unit, size, language):
    text = (unit * size)[:size]
    assert isinstance(speakable(text, language, default="zh", can=BOTH), Speakable)
