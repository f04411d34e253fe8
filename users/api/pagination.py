from rest_framework.pagination import CursorPagination


class ByIdPagination(CursorPagination):
    """Pages by primary key: page 10,000 costs as much as page 1, and new rows never shift a page."""

    ordering = "id"
    page_size_query_param = "page_size"
    max_page_size = 1000
