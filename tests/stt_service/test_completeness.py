"""What sounds finished, in Chinese and English, with and without punctuation."""

import pytest

from stt_service.words.completeness import likelihood

UNFINISHED = [
    "i want to go to the",
    "and then",
    "because",
    "i would like a",
    "um",
    "my phone number is zero nine one",
    "call me at the number 0912",
    "if you",
    "let's",
    "我想要",
    "我想要去",
    "因為",
    "然後",
    "可不可以幫我",
    "我的電話是零九一二",
    "手機號碼0912",
    "如果明天",
    "can you tell me",
    "explain how a bicycle",
    "這附近有沒有",
    "跟老師說",
    "請你告訴他",
    "雖然我已經試過很多次",
    "只要你願意試試看",
    "當我走進房間",
    "我家的地址是中山路二段",
    "我覺得",
    "我们应该",
    "明天下午我要跟",
    "嗯",
    "the weather is nice,",
    "我喜歡,",
]
FINISHED = [
    "what time is it",
    "hello how are you today",
    "stop",
    "tell me a story",
    "turn on the light",
    "你好",
    "今天天氣怎麼樣",
    "現在幾點了",
    "謝謝",
    "幫我開燈吧",
    "我要去台北車站",
    "what is two plus two",
    "what did she tell me",
    "可以告訴我嗎",
    "不要跟他說",
    "我住在台北",
    "走中山路",
    "如果明天下雨我們就在家",
    "先生",
    "當然沒有問題我很樂意",
    "只要一杯咖啡謝謝",
    "do you know what this means",
    "where did you find them",
    "did you read them",
    "我的電話是0912345678",
    "my number is 0912345678",
    "Where is it?",
    "算了",
    "不要",
    "沒問題",
]


@pytest.mark.parametrize("text", UNFINISHED)
def test_an_unfinished_sentence_is_told(text):
    assert likelihood(text) < 0.2


@pytest.mark.parametrize("text", FINISHED)
def test_a_finished_sentence_is_told(text):
    assert likelihood(text) >= 0.6


def test_no_words_tell_nothing():
    assert likelihood("") == likelihood(" 。 ") == 0.5


UNSURE_OF = ["幫我查一下", "我在找一本", "先把標題改成紅色"]


@pytest.mark.parametrize("text", UNSURE_OF)
def test_what_may_lack_its_object_is_neither(text):
    assert likelihood(text) == 0.5
