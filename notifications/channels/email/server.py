"""Where mails are handed over, and how a conversation with it begins."""

import smtplib
import ssl
from dataclasses import dataclass
from typing import Self

from django.conf import settings


@dataclass(frozen=True)
class SmtpSettings:
    host: str
    port: int
    username: str
    password: str
    starttls: bool
    implicit_tls: bool
    timeout: float

    @classmethod
    def from_django(cls) -> Self:
        """The server of `EMAIL_URL`."""
        return cls(
            host=settings.EMAIL_HOST,
            port=settings.EMAIL_PORT,
            username=settings.EMAIL_HOST_USER,
            password=settings.EMAIL_HOST_PASSWORD,
            starttls=settings.EMAIL_USE_TLS,
            implicit_tls=settings.EMAIL_USE_SSL,
            timeout=settings.EMAIL_TIMEOUT,
        )

    def connect(self) -> smtplib.SMTP:
        """Connect, encrypt and log in as configured. Raises OSError and SMTPException."""
        smtp: smtplib.SMTP | None = None
        try:
            if self.implicit_tls:
                context = ssl.create_default_context()
                smtp = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
            else:
                smtp = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
            if self.starttls:
                smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
            if self.username:
                smtp.login(self.username, self.password)
        except (OSError, smtplib.SMTPException):
            if smtp is not None:
                smtp.close()
            raise
        return smtp
