from dataclasses import dataclass

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a template. `part` is `subject`, `preview_text` or `html`; `line` counts from 1."""

    part: str
    line: int
    message: str

    def in_its_field(self) -> str:
        """The sentence where it is shown at its field; a subject has one line."""
        if self.part != "html":
            return self.message
        return _("Line %(line)d: %(message)s") % {"line": self.line, "message": self.message}

    def __str__(self) -> str:
        return _("%(part)s, line %(line)d: %(message)s") % {
            "part": self.part,
            "line": self.line,
            "message": self.message,
        }


class ContentError(ValueError):
    """A template that cannot be used, or that went beyond a limit while rendering."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem
