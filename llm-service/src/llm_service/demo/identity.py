"""What this is, what it can do, and how a real model takes its place."""

import re

from llm_service.demo.language import Language

_WHO = re.compile(
    r"\b(?:who|what) are you\b|\bare you (?:a |an )?(?:real|human|person|robot|language model|ai|"
    r"llm|chatgpt|gpt|model|bot)\b|\bintroduce yourself\b|\bwhat is avatar\b|\byour name\b"
    r"|你是誰|你是谁|你是什麼|你是什么|你叫什麼|你叫什么|介紹(?:一下)?(?:你)?自己"
    r"|介绍(?:一下)?(?:你)?自己"
    r"|你是(?:真人|機器人|机器人|語言模型|语言模型|人工智慧|人工智能|ai)|你的名字"
)
_CAN = re.compile(
    r"\bwhat can (?:you|i) (?:do|say|ask)\b|^help(?: me)?$|\bwhat do you (?:do|know)\b"
    r"|\bwhat (?:should|could) i (?:say|ask)\b|你會什麼|你会什么|你能做什麼|你能做什么"
    r"|你會做什麼|你会做什么"
    r"|你可以做什麼|你可以做什么|可以問你什麼|可以问你什么|^(?:幫助|帮助|說明|说明|求助)$"
)
_CONNECT = re.compile(
    r"\b(?:connect|install|use|add|get|run|download|switch to|set up)\b.*\b(?:model|llm|vllm|gpu)\b"
    r"|\b(?:real|better|language) model\b"
    r"|(?:連接|连接|接上|安裝|安装|使用|換成|换成|下載|下载|設定|设定).*(?:模型|vllm)"
    r"|真正的模型|語言模型|语言模型"
)

WHO: dict[Language, str] = {
    "en": (
        "I am AVATAR's demo responder. I am not a language model: I follow a few fixed rules, "
        "so that you can try speaking and listening before a real model is connected."
    ),
    "zh": (
        "我是 AVATAR 的示範回應程式，不是語言模型。"
        "我只照幾條固定的規則回答，讓你在接上真正的模型之前，先試試說話和聆聽。"
    ),
}
CAN: dict[Language, str] = {
    "en": (
        "You can ask me the time or the date, give me a sum, let me repeat something or count, "
        "ask for a story, or ask what you said before."
    ),
    "zh": "你可以問我時間和日期、出算術題、叫我跟著說、數數、講故事，或是問你剛才說過什麼。",
}
CONNECT: dict[Language, str] = {
    "en": (
        "To connect a real model, set LLM_URL to the address of any server on your network that "
        "speaks the OpenAI API, and LLM_MODEL to its model, then start AVATAR again. "
        "The README describes it under engines."
    ),
    "zh": (
        "要接上真正的模型，請把 LLM_URL 設成你網路裡任何一台支援 OpenAI API 的伺服器位址，"
        "把 LLM_MODEL 設成它的模型名稱，然後重新啟動 AVATAR。詳細做法寫在 README 的引擎那一節。"
    ),
}
_NO_NEWS = re.compile(
    r"\bweather\b|\bforecast\b|\bnews\b|\bstock\b|\btraffic\b|天氣|天气|氣象|气象|新聞"
    r"|新闻|股價|股价|股票|路況|路况"
)
NO_NEWS: dict[Language, str] = {
    "en": (
        "I can't look that up: I am a demo responder, and I don't reach out to the internet. "
        "I can tell you the time and the date."
    ),
    "zh": "這個我查不到：我是示範回應程式，不會連到網際網路。我可以告訴你時間和日期。",
}


def answer(plain_text: str, language: Language) -> str | None:
    """What it is, what it can do, how to connect a model; None when none of it is asked."""
    if _CONNECT.search(plain_text) and not _WHO.search(plain_text):
        return (
            f"{WHO[language].split('.')[0]}. {CONNECT[language]}"
            if language == "en"
            else (WHO[language].split("。")[0] + "。" + CONNECT[language])
        )
    if _WHO.search(plain_text):
        space = " " if language == "en" else ""
        return WHO[language] + space + CAN[language]
    if _CAN.search(plain_text):
        return CAN[language]
    if _NO_NEWS.search(plain_text):
        return NO_NEWS[language]
    return None


def fallback(text: str, language: Language) -> str:
    """The honest answer to everything else; it says back what arrived, so that it can be "
    "checked."""
    heard = " ".join(text.split())
    if len(heard) > 120:
        heard = heard[:120].rstrip() + "…"
    if language == "zh":
        return (
            f"我收到的是「{heard}」。我只是示範回應程式，不是語言模型，這個我不會回答。"
            "你可以問我「你會什麼」，或是接上真正的模型。"
        )
    return (
        f'I got "{heard}". I am only a demo responder, not a language model, so I can\'t answer '
        'that. Ask me "what can you do", or connect a real model.'
    )
