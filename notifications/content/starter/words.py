"""What the starter templates say, by language; a text may itself be Liquid."""

COMMON: dict[str, dict[str, str]] = {
    "en": {
        "lang": "en",
        "greeting": "Hello{% if customer.first_name %} {{ customer.first_name }}{% endif %}, ",
        "for_you": "Your personal coupon",
        "valid_until": "Valid until",
        "use": "Use it now",
        "picked": "Picked for you",
        "see_all": "See everything at",
        "your_points": "Your points",
        "expiry": "{{ points.expiring }} of them expire on {{ points.expires_at | date }}.",
        "why": "You receive this mail because you agreed to hear from",
        "preferences": "Preferences",
        "unsubscribe": "Unsubscribe",
        "stop": ".",
    },
    "zh-hans": {
        "lang": "zh-Hans",
        "greeting": "{% if customer.first_name %}{{ customer.first_name }}，{% endif %}您好！",
        "for_you": "您的专属优惠券",
        "valid_until": "有效期至",
        "use": "立即使用",
        "picked": "为您推荐",
        "see_all": "浏览全部商品：",
        "your_points": "您的积分",
        "expiry": "其中 {{ points.expiring }} 分将于 {{ points.expires_at | date }} 过期。",
        "why": "您收到这封邮件，是因为您同意接收商店的消息：",
        "preferences": "订阅设置",
        "unsubscribe": "退订",
        "stop": "。",
    },
}

# `subject` and `preview` go beside the HTML; the rest stands in its blocks.
OWN: dict[str, dict[str, dict[str, str]]] = {
    "win_back": {
        "en": {
            "subject": "We kept something for you",
            "preview": "Picked with you in mind: come and have a look.",
            "label": "We miss you",
            "headline": "It’s been a while. Here is a little something to come back&nbsp;to.",
            "note": "we put a few things aside that go well with what you chose before.",
        },
        "zh-hans": {
            "subject": "我们为您留了一份心意",
            "preview": "按您的喜好挑选，来看看吧。",
            "label": "好久不见",
            "headline": "好久不见，我们为您准备了一份小小的心意。",
            "note": "我们按您以前的喜好，挑选了几件商品。",
        },
    },
    "new_arrivals": {
        "en": {
            "subject": "New in, and chosen for you",
            "preview": "{% if items.size > 0 %}{{ items[0].title }} and more that just arrived.{% else %}See what just "
            "arrived.{% endif %}",
            "label": "New in",
            "headline": "Fresh on the shelves, picked with you in&nbsp;mind.",
            "note": "these have just arrived, and they fit what you like.",
            "call": "See everything new",
        },
        "zh-hans": {
            "subject": "新品上架，为您精选",
            "preview": "{% if items.size > 0 %}{{ items[0].title }}等新品已上架。{% else %}看看有哪些新品。{% endif %}",
            "label": "新品上架",
            "headline": "新品到店，按您的喜好精选。",
            "note": "下面几件商品刚刚上架，想必合您的心意。",
            "call": "浏览全部新品",
        },
    },
    "cart_abandoned": {
        "en": {
            "subject": "You left something in your cart",
            "preview": "{% if trigger.items.size > 0 %}{{ trigger.items[0].title }} is still there.{% else %}It is "
            "still there.{% endif %}",
            "label": "Your cart",
            "headline": "Still thinking it over? Your cart is just as you left&nbsp;it.",
            "note": "we saved it for you. Nothing is ordered yet.",
            "cart": "In your cart",
            "call": "Back to my cart",
            "picked": "Goes well with it",
        },
        "zh-hans": {
            "subject": "您的购物车里还有商品",
            "preview": "{% if trigger.items.size > 0 %}{{ trigger.items[0].title }}还在等您。{% else %}商品还在等您。"
            "{% endif %}",
            "label": "您的购物车",
            "headline": "还在考虑吗？购物车已为您保留。",
            "note": "商品还在购物车里，下单前随时可以更改。",
            "cart": "购物车中的商品",
            "call": "返回购物车",
            "picked": "搭配推荐",
        },
    },
    "price_drop": {
        "en": {
            "subject": "{% if trigger.items.size > 0 %}{{ trigger.items[0].title }} just got cheaper{% else %}"
            "Something you liked just got cheaper{% endif %}",
            "preview": "{% if trigger.items.size > 0 %}Now {{ trigger.items[0].price | money: "
            "trigger.items[0].currency }}.{% else %}Come and have a look.{% endif %}",
            "label": "Price drop",
            "headline": "Something you had your eye on costs less&nbsp;now.",
            "note": "you looked at this not long ago. The price has come down since.",
            "call": "Take a look",
            "picked": "You may also like",
        },
        "zh-hans": {
            "subject": "{% if trigger.items.size > 0 %}{{ trigger.items[0].title }}降价了{% else %}您看过的商品降价了"
            "{% endif %}",
            "preview": "{% if trigger.items.size > 0 %}现价 {{ trigger.items[0].price | money: "
            "trigger.items[0].currency }}。{% else %}来看看吧。{% endif %}",
            "label": "降价提醒",
            "headline": "您关注的商品，现在更优惠。",
            "note": "您最近看过的商品降价了。",
            "call": "去看看",
            "picked": "您可能还喜欢",
        },
    },
    "birthday": {
        "en": {
            "subject": "Happy birthday{% if customer.first_name %}, {{ customer.first_name }}{% endif %}!",
            "preview": "{% if coupon %}Our present: {{ coupon.description }}.{% else %}A wish from all of us."
            "{% endif %}",
            "label": "Happy birthday",
            "headline": "Today is your day. This one is on&nbsp;us.",
            "note": "all of us wish you a wonderful year. Treat yourself to something you like.",
            "for_you": "Your birthday present",
            "use": "Unwrap it",
            "picked": "Ideas for your wish list",
        },
        "zh-hans": {
            "subject": "{% if customer.first_name %}{{ customer.first_name }}，{% endif %}生日快乐！",
            "preview": "{% if coupon %}送您一份生日礼：{{ coupon.description }}。{% else %}祝您生日快乐。{% endif %}",
            "label": "生日快乐",
            "headline": "今天是您的生日，送您一份礼物。",
            "note": "祝您新的一岁平安喜乐，也别忘了犒劳一下自己。",
            "for_you": "您的生日礼",
            "use": "立即领取",
            "picked": "心愿单灵感",
        },
    },
    "thank_you": {
        "en": {
            "subject": "Thank you{% if customer.first_name %}, {{ customer.first_name }}{% endif %}",
            "preview": "Your order, and what goes well with it.",
            "label": "Thank you",
            "headline": "Thank you for your order. We hope you will love&nbsp;it.",
            "note": "here is what you chose, and a few things that other customers bought with it.",
            "cart": "Your order",
            "picked": "Goes well with it",
            "for_you": "A thank-you for next time",
        },
        "zh-hans": {
            "subject": "{% if customer.first_name %}{{ customer.first_name }}，{% endif %}感谢您的订购",
            "preview": "您的订单，以及搭配推荐。",
            "label": "感谢您",
            "headline": "感谢您的订购，希望您喜欢。",
            "note": "这是您选购的商品，以及适合搭配的推荐。",
            "cart": "您的订单",
            "picked": "搭配推荐",
            "for_you": "下次购物的谢礼",
        },
    },
}
