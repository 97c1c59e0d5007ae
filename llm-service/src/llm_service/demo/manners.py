"""Greetings, thanks and farewells."""

import re

from llm_service.demo.language import Language

_GREETING = re.compile(
    r"^(?:(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening|day))\b|你好|您好"
    r"|妳好|哈囉|哈啰|嗨|早安|午安"
    r"|晚安|早上好|下午好|晚上好|早)(?:(?:\s+(?:there|avatar|everyone|again|computer))|啊"
    r"|呀|阿凡達)*\s*"
)
_HOW = re.compile(
    r"\bhow are you\b|\bhow do you do\b|\bhow is it going\b|\bhow's it going\b"
    r"|^你好[嗎吗]$|你還好嗎|你还好吗|最近好嗎|最近好吗|過得如何"
)
_THANKS = re.compile(r"^(?:ok |okay )?(?:thank you|thanks)\b|謝謝|谢谢|多謝|感謝|感谢")
_BYE = re.compile(
    r"^(?:ok |okay )?(?:good ?bye|bye|see you|good night)\b|再見|再见|掰掰|拜拜|下次見"
    r"|下次见|^晚安$"
)
_ACKNOWLEDGED = re.compile(
    r"^(?:(?:please )?stop(?: it| talking| please)?|ok|okay|all right|alright|fine|never mind|quiet"
    r"|be quiet|yes|no|停|停止|別說了|别说了|不要說了|不要说了|夠了|够了|好|好的|好了|安靜|安静"
    r"|不用了|沒關係|没关系|是|對|对|嗯)$"
)
_HEARING = re.compile(
    r"\bcan you hear me\b|\bdo you hear me\b|\bare you there\b|聽得到|听得到|聽得見|听得见"
    r"|你在嗎|你在吗|有聽到"
)


def greeting_and_rest(plain_text: str) -> tuple[bool, str]:
    """Whether it opens with a greeting, and what follows."""
    match = _GREETING.match(plain_text)
    return (False, plain_text) if match is None else (True, plain_text[match.end() :].strip())


def greet(language: Language) -> str:
    """The answer to a bare greeting."""
    if language == "zh":
        return "你好！我是 AVATAR 的示範回應程式。今天想試試什麼？可以問我時間，或是叫我講個故事。"
    return (
        "Hello! I am AVATAR's demo responder. What would you like to try? "
        "Ask me the time, or ask for a story."
    )


def answer(plain_text: str, language: Language) -> str | None:
    """Small talk other than a greeting; None when it is none."""
    zh = language == "zh"
    if _HEARING.search(plain_text):
        return "聽得到，請說。" if zh else "Yes, I hear you. Go ahead."
    if _HOW.search(plain_text):
        return (
            "我很好，謝謝。我只是一個示範程式，但一切運作正常。"
            if zh
            else "I am fine, thank you. I am only a demo, but everything is running."
        )
    if _ACKNOWLEDGED.search(plain_text):
        return "好的。" if zh else "All right."
    if _THANKS.search(plain_text):
        return "不客氣。" if zh else "You're welcome."
    if _BYE.search(plain_text):
        return "再見，下次再聊。" if zh else "Goodbye. Talk to you soon."
    return None
