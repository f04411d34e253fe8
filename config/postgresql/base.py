from select import POLLIN, poll

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the server still listens, seen without asking it.

        An idle connection has nothing to read until its server ends it. Only one that has, or that failed before, is
        asked with a statement: a round trip that would make every request wait.
        """
        if self.connection is None or self.connection.closed:
            return False
        socket = poll()
        socket.register(self.connection.fileno(), POLLIN)
        return (not self.errors_occurred and not socket.poll(0)) or super().is_usable()
