"""What was said earlier in this conversation. It is read from the messages: nothing is kept."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from llm_service.demo.language import Language, plain


@dataclass(frozen=True)
class Conversation:
    """Earlier messages, oldest first, without the one to be answered."""

    said_by_user: list[str]
    said_by_assistant: list[str]


_NAME = re.compile(
    r"(?:\b(?:my name is|my name's|i am called|i'm called)"
    # What others call somebody is hearsay: only a request counts.
    r"|(?:^|[.,;!?]\s*|\b(?:please|you|you can|you may|you could|to|so)\s+)(?:just )?call me)"
    r"\s+(?P<name>[\w'-]+(?-i: [A-Z][\w'-]+)?)"
    r"|(?:我叫|我的名字是|我名叫|(?<![人家們们])叫我)(?P<zh>[^\s，。,.！!？?]{1,12})",
    re.IGNORECASE,
)
_NOT_A_NAME = re.compile(
    r"^(?:什麼|什么|啥|(?:what|whatever|later|back|again|tomorrow|tonight|today|now|soon|when|if|at"
    r"|on|in|by|a|the|names?)$)"
)
_ASKS_NAME = re.compile(
    r"\bwhat(?:'s| is) my name\b|\bwho am i\b|\bremember my name\b|\bknow my name\b"
    r"|我叫什麼|我叫什么|我的名字是什麼|我的名字是什么|我是誰|我是谁|記得我的名字"
    r"|记得我的名字|我叫啥"
)
_FACT = re.compile(
    r"\bmy (?P<what>(?!name\b)[a-z' ]{2,40}?) (?:is|are) (?P<value>[^.?!,]{1,80})"
    r"|我(?:的|(?=最))(?P<what_zh>(?!名字)[^\s，。？！是]{1,12})是(?P<value_zh>[^，。？！]{1,40})",
    re.IGNORECASE,
)
_ASKS_FACT = re.compile(
    r"\bwhat(?:'s| is| are|s) my (?P<what>[a-z' ]{2,40}?)\s*$"
    r"|我(?:的|(?=最))(?P<what_zh>[^\s是]{1,12})是(?:什麼|什么|啥|誰|谁|哪.*)"
)
_NOTE = re.compile(
    r"^(?:please )?remember (?:that |this )?(?P<note>.+)$"
    r"|^(?:請|请|幫我|帮我)?(?:記住|记住|記得|记得|記下|记下)(?P<note_zh>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_ASKS_NOTE = re.compile(
    r"\bwhat did i (?:ask|tell) you to remember\b|\bwhat should you remember\b"
    r"|\bwhat do you remember\b|要你記住什麼|要你记住什么|叫你記住什麼|你記得什麼"
    r"|你记得什么|記住了什麼|记住了什么"
)
_ASKS_FIRST = re.compile(
    r"\b(?:my first (?:question|sentence|message|words?)|i (?:say|said|ask|asked) first)\b"
    r"|我(?:一開始|一开始|最先|第一句|最初)"
)
_ASKS_USER = re.compile(
    r"\bwhat (?:did|have|was|were) i (?:just )?(?:say|said|ask|asked|saying|tell|told)\b"
    r"|\bwhat i (?:just )?(?:said|asked)\b|\bmy last (?:question|sentence|message)\b"
    r"|我(?:剛才|刚才|剛剛|刚刚|之前|上一句|前面)?(?:說|说|問|问|講|讲)(?:了|過|过"
    r"|的)?(?:是)?(?:什麼|什么|啥)"
)
_ASKS_ASSISTANT = re.compile(
    r"\bwhat (?:did|have) you (?:just )?(?:say|said)\b|\b(?:say|repeat) (?:that|it)(?: again)?\b"
    r"|\bsay again\b|\bpardon\b|\bcome again\b|^(?:repeat|again)$|\bwhat you (?:just )?said\b"
    r"|再(?:說|说|講|讲|唸|念)一(?:次|遍)|重複一(?:次|遍)|重复一(?:次|遍)"
    r"|你(?:剛才|刚才|剛剛|刚刚|之前)?(?:說|说|講|讲)(?:了|過|过|的)?(?:是)?(?:什麼|什么|啥)"
)
_ASKS_ALL = re.compile(
    r"\bwhat (?:did|have) we (?:talk|talked|speak|spoken|discuss|discussed|say|said)\b"
    r"|我們(?:剛才|剛剛|之前)?(?:聊|說|談)(?:了|過)?(?:什麼|些什麼)|我们(?:刚才|刚刚"
    r"|之前)?(?:聊|说|谈)(?:了|过)?(?:什么|些什么)"
)


def answer(
    text: str, plain_text: str, language: Language, conversation: Conversation
) -> str | None:
    """Answers a question about this conversation, or takes note of a fact; else None."""
    for skill in (_asked_name, _asked_note, _asked_fact, _asked_words):
        found = skill(plain_text, language, conversation)
        if found is not None:
            return found
    return _noted(text, language)


def _say(language: Language, zh: str, en: str) -> str:
    return zh if language == "zh" else en


def _quoted(text: str, language: Language) -> str:
    text = " ".join(text.split())
    return f"「{text}」" if language == "zh" else f'"{text}"'


def _latest(texts: list[str], read: Callable[[str], str | None]) -> str | None:
    return next((found for text in reversed(texts) if (found := read(text))), None)


def _name_in(text: str) -> str | None:
    for match in reversed(list(_NAME.finditer(text))):
        name = (match["name"] or match["zh"]).strip()
        if not _NOT_A_NAME.match(name.casefold()):
            return name if match["zh"] else name[0].upper() + name[1:]
    return None


def _asked_name(plain_text: str, language: Language, conversation: Conversation) -> str | None:
    if not _ASKS_NAME.search(plain_text):
        return None
    name = _latest(conversation.said_by_user, _name_in)
    if name is None:
        return _say(
            language,
            "你還沒有告訴我你的名字。",
            "You have not told me your name yet.",
        )
    return _say(language, f"你叫{name}。", f"Your name is {name}.")


def _asked_note(plain_text: str, language: Language, conversation: Conversation) -> str | None:
    if not _ASKS_NOTE.search(plain_text):
        return None
    note = _latest(conversation.said_by_user, _note_in)
    if note is None:
        return _say(
            language,
            "你還沒有要我記住什麼。",
            "You have not asked me to remember anything yet.",
        )
    return _say(
        language,
        f"你要我記住：{note}。",
        f"You asked me to remember this: {note}.",
    )


def _note_in(text: str) -> str | None:
    match = _NOTE.match(text.strip())
    if match is None or _ASKS_NAME.search(plain(text)) or text.rstrip()[-1:] in "?？嗎吗":
        return None
    return (match["note"] or match["note_zh"]).strip(" ：:，,.。!！")


def _facts_in(text: str) -> list[tuple[str, str]]:
    pairs = [
        ((m["what"] or m["what_zh"]), (m["value"] or m["value_zh"])) for m in _FACT.finditer(text)
    ]
    asked = re.compile("^(?:什麼|什么|啥|誰|谁|what)")
    return [(plain(a), b.strip()) for a, b in pairs if not asked.match(b.strip())]


def _yours(what: str) -> str:
    return f"你{what}" if what.startswith("最") else f"你的{what}"


def _asked_fact(plain_text: str, language: Language, conversation: Conversation) -> str | None:
    match = _ASKS_FACT.search(plain_text)
    if match is None:
        return None
    what = (match["what"] or match["what_zh"]).strip()
    told = [fact for text in conversation.said_by_user for fact in _facts_in(text)]
    value = next((value for name, value in reversed(told) if name == what), None)
    if value is None:
        return _say(
            language,
            f"你還沒有告訴我{_yours(what)}。",
            f"You have not told me your {what} yet.",
        )
    return _say(
        language, f"你說過，{_yours(what)}是{value}。", f"You told me that your {what} is {value}."
    )


def _asked_words(plain_text: str, language: Language, conversation: Conversation) -> str | None:
    users, assistants = conversation.said_by_user, conversation.said_by_assistant
    nothing = _say(
        language,
        "這是我們這次對話的第一句話。",
        "This is the first thing said in this conversation.",
    )
    if _ASKS_ALL.search(plain_text):
        return _summary(language, users) if users else nothing
    if _ASKS_FIRST.search(plain_text):
        first = users[0] if users else None
        return (
            nothing
            if first is None
            else _say(
                language,
                f"你一開始說的是{_quoted(first, language)}。",
                f"The first thing you said was {_quoted(first, language)}.",
            )
        )
    if _ASKS_ASSISTANT.search(plain_text):
        return assistants[-1] if assistants else nothing
    if _ASKS_USER.search(plain_text):
        return (
            nothing
            if not users
            else _say(
                language,
                f"你剛才說的是{_quoted(users[-1], language)}。",
                f"You said {_quoted(users[-1], language)}.",
            )
        )
    return None


def _summary(language: Language, users: list[str]) -> str:
    latest = [_quoted(text, language) for text in users[-3:]]
    if language == "zh":
        return f"你一共說了 {len(users)} 句話，最近的是" + "、".join(latest) + "。"
    times = "once" if len(users) == 1 else f"{len(users)} times"
    return f"You have spoken {times}. The latest was " + ", then ".join(latest) + "."


def _noted(text: str, language: Language) -> str | None:
    name = _name_in(text)
    if name is not None:
        return _say(
            language,
            f"{name}，很高興認識你。這次對話裡我會記得你的名字。",
            f"Nice to meet you, {name}. I will remember your name during this conversation.",
        )
    note = _note_in(text)
    facts = _facts_in(text)
    if note is None and not facts:
        return None
    if note is None:
        what, value = facts[-1]
        return _say(
            language,
            f"好的，我記下了：{_yours(what)}是{value}。",
            f"Noted: your {what} is {value}.",
        )
    return _say(language, f"好的，我記住了：{note}。", f"All right, I will remember: {note}.")
