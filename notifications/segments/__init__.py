"""Who: a rule (JSON tree) that selects customers — checked, compiled to one SQL statement, explained in words."""

from notifications.segments.compile import CompiledSegment, compile_rule
from notifications.segments.count import count_segment
from notifications.segments.explain import explain_rule
from notifications.segments.schema import RuleError, RuleProblem, validate_rule

__all__ = [
    "CompiledSegment",
    "RuleError",
    "RuleProblem",
    "compile_rule",
    "count_segment",
    "explain_rule",
    "validate_rule",
]
