"""`python -m demo`: the whole loop on a real shop's history. This file must be readable by any Python 3."""

import sys


def main():  # type: ignore[no-untyped-def]  # noqa: ANN201 - old Pythons come here too
    if sys.version_info < (3, 11):  # noqa: UP036
        found = ".".join(map(str, sys.version_info[:3]))
        sys.stderr.write(
            "The demo needs Python 3.11 or newer, and this is {}. Try: make demo PYTHON=python3.11\n".format(found)  # noqa: UP032
        )
        return 2
    from demo.supervisor import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
