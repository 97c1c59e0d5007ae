"""Short stories of several sentences: long enough to talk over."""

import re

from llm_service.demo.language import Language

_ASKED = re.compile(r"\bstory\b|\bstories\b|\btell me a tale\b|故事|說書|说书|講古|讲古")

STORIES: dict[Language, tuple[str, ...]] = {
    "en": (
        (
            "On a small island there was a lighthouse, and in it lived a keeper who counted ships. "
            "Every evening she wrote the number in a book, and every evening it was a little "
            "smaller. "
            "One night no ship came at all. "
            "She climbed the stairs anyway, lit the lamp, and sat beside it with a cup of tea. "
            "Near midnight a bird landed on the rail, tired from the long way across the sea. "
            "It slept in the warm light until the morning, and then it flew on. "
            "The keeper opened her book and wrote: one. "
            "From then on she counted everything that the light brought home."
        ),
        (
            "A clockmaker once built a clock that was always five minutes late. "
            "People laughed at it, but he hung it over his door. "
            "A girl who was running for her train saw it and slowed down. "
            "She missed the train, and on the platform she met an old friend. "
            "They talked until the next train came, and the one after that. "
            "Years later she came back to buy the clock. "
            "It is not for sale, said the clockmaker, but I can build you one that is ten minutes "
            "late. "
            "She took it, and she was never in a hurry again."
        ),
        (
            "A snail decided to see the other end of the garden. "
            "The ants said that it would take a week, and the bee said that it was not worth it. "
            "The snail set out after breakfast. "
            "On the first day it found a strawberry, on the second day a puddle full of sky. "
            "On the third day it rained, and the snail stayed inside, which was easy, because it "
            "had "
            "brought its house. "
            "On the seventh day it reached the wall. "
            "What did you find there, asked the ants when it came home. "
            "The way back, said the snail, and that was even better."
        ),
    ),
    "zh": (
        (
            "從前有一座小島，島上有一位看守燈塔的人。"
            "她每天晚上數經過的船，把數目寫在本子裡。"
            "船一天比一天少，有一天晚上，一艘也沒有來。"
            "她還是爬上樓梯，點亮了燈，泡了一杯茶坐在旁邊。"
            "快到半夜的時候，一隻鳥停在欄杆上，牠飛過了整片海，累得睜不開眼。"
            "牠在溫暖的燈光裡睡到天亮，然後又飛走了。"
            "她翻開本子，寫下一個字：一。"
            "從那天起，燈光帶回來的一切，她都數。"
        ),
        (
            "有一位鐘錶師傅，做了一個永遠慢五分鐘的鐘。"
            "大家都笑他，他卻把鐘掛在門口。"
            "有個女孩趕著去坐火車，看見這個鐘，就放慢了腳步。"
            "火車開走了，她卻在月台上遇見一位老朋友。"
            "兩個人一直聊，聊到下一班車來，又聊到再下一班。"
            "很多年以後，她回來想買這個鐘。"
            "師傅說，這個不賣，不過我可以幫妳做一個慢十分鐘的。"
            "她把鐘帶回家，從此再也不趕時間了。"
        ),
        (
            "有一隻蝸牛，想去看看花園的另一頭。"
            "螞蟻說要走七天，蜜蜂說不值得。"
            "蝸牛吃完早餐，就出發了。"
            "第一天，牠遇見一顆草莓；第二天，牠看見一個裝滿天空的水窪。"
            "第三天下雨，蝸牛就待在家裡，反正牠把家帶在身上。"
            "第七天，牠走到了圍牆邊。"
            "回來以後，螞蟻問牠：你在那裡找到了什麼？"
            "蝸牛說：找到了回家的路，比去的時候還好玩。"
        ),
    ),
}


def tell(plain_text: str, language: Language, said_before: list[str]) -> str | None:
    """The first story that was not begun before in this conversation; None when not asked."""
    if not _ASKED.search(plain_text):
        return None
    stories = STORIES[language]
    told = sum(1 for text in said_before for story in stories if story[:10] in text)
    return stories[told % len(stories)]
