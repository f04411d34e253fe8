"""The template that a new variant starts with, in the languages of the admin."""

from functools import cache
from pathlib import Path

_WORDS = {
    "en": {
        "lang": "en",
        "hello": "Hello",
        "hero": "It’s been a while. Here is a little something to come back&nbsp;to.",
        "for_you": "Your personal coupon",
        "valid_until": "Valid until",
        "use": "Use it now",
        "picked": "Picked for you",
        "see_all": "See everything at",
        "why": "You receive this mail because you agreed to hear from",
        "preferences": "Preferences",
        "unsubscribe": "Unsubscribe",
        "comma": ",",
        "stop": ".",
    },
    "zh-hans": {
        "lang": "zh-Hans",
        "hello": "您好",
        "hero": "好久不见，我们为您准备了一份小小的心意。",
        "for_you": "您的专属优惠券",
        "valid_until": "有效期至",
        "use": "立即使用",
        "picked": "为您推荐",
        "see_all": "浏览全部商品：",
        "why": "您收到这封邮件，是因为您同意接收商店的消息：",
        "preferences": "订阅设置",
        "unsubscribe": "退订",
        "comma": "，",
        "stop": "。",
    },
}


@cache
def starter_template(language: str = "en") -> str:
    """The default HTML: greeting, coupon, four recommended items with their reasons, footer. English where unknown."""
    html = (Path(__file__).parent / "mail.html").read_text()
    for name, word in _WORDS.get(language, _WORDS["en"]).items():
        html = html.replace(f"[[{name}]]", word)
    return html
