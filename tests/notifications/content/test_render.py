import pytest

from notifications.content.errors import ContentError
from notifications.content.render import compile_content, starter_template


def compiled(html="<html><body><p>x</p></body></html>", subject="Hello", preview_text=""):
    return compile_content(subject=subject, html=html, preview_text=preview_text)


def test_the_starter_shows_everything_that_the_customer_gets(context):
    mail = compiled(starter_template(), "We miss you, {{ customer.first_name }}").render(context)
    assert mail.subject == "We miss you, Anna"
    for words in ("Hello Anna,", "7K2M-9QX4-TB3N-5VHC", "5 December 2026", "£2.55", "Because you bought Tea cosy"):
        assert words in mail.html
        assert words in mail.text
    assert mail.html.count("Because you bought") == 1
    assert "Ash &amp; Co" in mail.html
    assert "Item &lt;4&gt;" in mail.html
    assert "Item <4>: https://shop.example.com/4?a=1&b=2" in mail.text
    assert "Unsubscribe: https://a.example.com/u/1/" in mail.text
    assert len(mail.html.encode()) < 102_000
    assert "{{" not in mail.html + mail.text
    assert "{%" not in mail.html + mail.text


def test_the_starter_copes_with_edge_cases(context):
    template = compiled(starter_template())
    bare = template.render(context | {"customer": {"first_name": "", "language": ""}, "coupon": None, "items": []})
    assert "Hello," in bare.html
    for absent in ("Your personal coupon", "Picked for you"):
        assert absent not in bare.html + bare.text
    context["items"][0]["image_url"] = "https://shop.example.com/1.jpg"
    assert 'src="https://shop.example.com/1.jpg"' in template.render(context).html


def test_the_starter_speaks_chinese(context):
    context["customer"]["language"] = "zh-hans"
    mail = compiled(starter_template("zh-hans")).render(context)
    assert "有效期至 2026年12月5日" in mail.text
    assert "[[" not in mail.html


def test_the_preview_text_is_hidden_in_html_and_absent_from_the_text(context):
    html = "<html><body class='b'><p>Main</p></body></html>"
    mail = compiled(html, preview_text="For {{ customer.first_name }}").render(context)
    assert mail.html.index("display:none") < mail.html.index("For Anna") < mail.html.index("Main")
    assert mail.text == "Main\n"


def test_a_subject_is_one_line(context):
    mail = compiled(subject="{{ campaign.name }}\r\nBcc: everyone").render(context)
    assert mail.subject == "We miss you Bcc: everyone"


def test_an_empty_text_counts_as_missing(context):
    context["customer"]["first_name"] = ""
    html = "<html><body>{% if customer.first_name %}named{% else %}nameless{% endif %}</body></html>"
    assert compiled(html).render(context).text == "nameless\n"


def test_faults_are_named_by_part_and_line():
    with pytest.raises(ContentError, match="html, line 3"):
        compiled("<html>\n<body>\n{% nonsense %}</body></html>")
    with pytest.raises(ContentError, match="preview_text, line 1"):
        compiled(preview_text="{{ a | nonsense }}")


def test_plain_text_leaves_out_decoration_and_keeps_structure(context):
    html = (
        "<html><head><title>t</title><style>p{}</style></head><body><h1>Big &amp; bold</h1>"
        "<div aria-hidden='true'><b>W{{ shop.name }}</b><img src='x'></div><p style='display: none'>no</p>"
        "<p>One<br>two   three</p>{% for item in items limit: 2 %}<p>{{ item.title }}</p>{% endfor %}"
        "<a href='https://x.example.com'><img src='y'></a></body></html>"
    )
    assert compiled(html).render(context).text == "Big & bold\n\nOne\ntwo three\n\nItem <1>\n\nItem <2>\n"
