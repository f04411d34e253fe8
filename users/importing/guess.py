"""A first look at a file before it is imported: its encoding, its columns, and what they may mean."""

import codecs
import gzip
import re
from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from users.importing.convert import field_kinds
from users.importing.kinds import KINDS
from users.importing.readers import FileError, RowReader, file_format

SHOWN_ROWS = 8
_SNIFFED = 1_000_000  # bytes

# Names under which shops export our fields; compared without case, blanks and punctuation.
_ALSO_CALLED = {
    "customer_id": "customer customernumber customerno userid user buyer buyerid member memberid client clientid "
    "visitorid shopperid 客户 客户编号 买家 买家id 会员 会员编号 会员id 用户 用户id 顾客",
    "item_id": "item product productid productcode sku stockcode article articleid itemcode goodsid asin "
    "商品 商品编号 商品id 货号 产品 产品编号",
    "order_id": "order orderno ordernumber invoice invoiceno invoicenumber transactionid basketid 订单 订单号 订单编号",
    "occurred_at": "time timestamp date datetime eventtime eventtimestamp invoicedate orderdate createdat 时间 日期 "
    "下单时间 发生时间",
    "placed_at": "orderdate date datetime time timestamp createdat invoicedate 下单时间 订单时间 时间 日期",
    "type": "event eventtype eventname action behavior behaviour 类型 事件 行为",
    "quantity": "qty count amount units pieces 数量 件数",
    "price": "unitprice priceperunit saleprice 单价 价格 售价",
    "list_price": "rrp msrp regularprice originalprice 原价 吊牌价",
    "value": "rating stars score 评分",
    "message_id": "eventid id uuid 消息id",
    "anonymous_id": "anonymous visitor sessionid cookieid deviceid",
    "external_id": "id sku code customerid userid customer productid product stockcode itemid item 编号 客户编号 "
    "会员编号 商品编号 货号",
    "title": "name productname itemname description producttitle 标题 名称 商品名称 品名",
    "category": "categoryid categoryname department 类目 分类 品类",
    "stock": "inventory quantity qty onhand 库存",
    "email": "mail emailaddress 邮箱 电子邮件",
    "phone": "mobile telephone phonenumber tel 手机 电话 手机号",
    "first_name": "firstname givenname forename 名",
    "last_name": "lastname surname familyname 姓",
    "country": "countrycode 国家",
    "language": "lang locale 语言",
    "birth_date": "birthday dateofbirth dob 生日",
    "currency": "currencycode 币种 货币",
    "image_url": "image imagelink picture 图片",
    "url": "link producturl 链接",
    "brand": "vendor manufacturer 品牌",
    "coupon_code": "coupon voucher 优惠券",
    "total": "ordertotal grandtotal 总价 总金额 订单金额",
    "discount": "discountamount 折扣 优惠金额",
}
_NOT_A_LETTER = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Look:
    """What the beginning of a file shows."""

    encoding: str
    columns: list[str]
    rows: list[dict[str, Any]]


def look_at(path: Path, *, encoding: str | None = None, to_the_end: bool = False) -> Look:
    """Read the first rows of `path`, guessing the encoding unless it is given.

    Raises FileError when the file has no rows or cannot be read; `to_the_end` says whether all of it is tried.
    """
    chosen = encoding or ("utf-8-sig" if file_format(path) == "parquet" else guess_encoding(path))
    reader = iter(RowReader(path, encoding=chosen))
    rows = list(islice(reader, SHOWN_ROWS))
    if to_the_end:
        deque(reader, maxlen=0)
    if not rows:
        raise FileError(f"{path.name}: the file holds no rows.")
    return Look(chosen, list(dict.fromkeys(column for row in rows for column in row)), rows)


def guess_encoding(path: Path) -> str:
    """The encoding of a text file by its beginning: a byte order mark, UTF-8, GB18030, else Windows-1252.

    GB18030 accepts nearly anything, so at least half of what it takes for characters must be among the 6,763 of GB 2312
    that Chinese texts are made of; accented letters of European texts are not.
    """
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            start = file.read(_SNIFFED)
    except (EOFError, OSError) as error:
        raise FileError(f"{path.name}: the gzip data is damaged or cut short ({error}).") from None
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _decodes(start, "utf-8"):
        return "utf-8-sig"
    return "gb18030" if _decodes(start, "gb18030") and _is_chinese(start) else "cp1252"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)  # not final: a character may be cut at the end
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(data: bytes) -> bool:
    text = codecs.getincrementaldecoder("gb18030")().decode(data)
    foreign = [char for char in text if ord(char) > 127]
    common = 0
    for char in foreign:
        lead, *rest = char.encode("gb18030")
        common += 0xB0 <= lead <= 0xF7 and len(rest) == 1 and rest[0] >= 0xA1
    return 2 * common >= len(foreign) > 0


def guess_columns(kind: str, columns: list[str]) -> dict[str, str]:
    """Our field for each column that is recognised by its name. A field is given to one column only."""
    fields = list(field_kinds(KINDS[kind].row))
    plain = {column: _NOT_A_LETTER.sub("", column.casefold()) for column in columns}
    found: dict[str, str] = {}
    for rank in (lambda name, field: name == field.replace("_", ""), _is_also_called):
        for field in fields:
            column = next((c for c, name in plain.items() if c not in found and rank(name, field)), None)
            if column is not None and field not in found.values():
                found[column] = field
    return found


def _is_also_called(name: str, field: str) -> bool:
    return name in _ALSO_CALLED.get(field, "").split()
