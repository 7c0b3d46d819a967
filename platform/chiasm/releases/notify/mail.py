"""A message by mail, through the server that the settings name."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from chiasm.errors import SettingsError, UnavailableError
from chiasm.releases.notify.message import Message
from chiasm.settings import Settings

__all__ = ["send_mail"]

_TIMEOUT_S = 10.0
_PORTS = {"smtp": 25, "smtps": 465}


def send_mail(settings: Settings, message: Message) -> None:
    """Hand the message to the mail server.

    Raises:
        SettingsError: The server's URL is none, or an address cannot be used.
        UnavailableError: The server is away, or refuses it.
    """
    url = urlsplit(settings.smtp_url)
    if url.scheme not in _PORTS or not url.hostname:
        raise SettingsError(
            "no mail server",
            where="CHIASM_SMTP_URL",
            remedy="as in smtp://host:25 or smtps://user:password@host:465",
        )
    letter = _letter(settings, message)
    try:
        with _opened(url.scheme, url.hostname, url.port or _PORTS[url.scheme]) as server:
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(letter)
    except (OSError, smtplib.SMTPException) as error:
        raise UnavailableError(f"the mail server: {error}"[:300], where="CHIASM_SMTP_URL") from error


def _opened(scheme: str, host: str, port: int) -> smtplib.SMTP:
    if scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=context)
    server = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
    return server


def _letter(settings: Settings, message: Message) -> EmailMessage:
    letter = EmailMessage()
    try:
        letter["Subject"] = message.subject
        letter["From"] = settings.mail_from or "chiasm@localhost"
        letter["To"] = settings.mail_to
        letter["Date"] = formatdate(message.at)
        letter["Message-ID"] = f"<{message.id}@chiasm>"
    except ValueError as error:
        raise SettingsError(f"not an address: {error}", where="CHIASM_MAIL_TO") from error
    letter.set_content("".join(f"{name}: {value}\n" for name, value in message.to_dict().items()))
    return letter
