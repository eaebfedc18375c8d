"""Links to downloads: what a page offers, signed, so that a link cannot be made up and ends after a while."""

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from hashlib import sha256
from time import time
from typing import Any

from kpi.browse import Selection
from kpi.errors import KpiError
from kpi.periods import Dates
from kpi.report import Question

KEY = secrets.token_bytes(32)
"""Lives as long as the server: an older link says so and asks for a reload."""

SECONDS_VALID = 3600


def token(selection: Selection, version: str, as_of: datetime | None = None) -> str:
    """A selection of one version of the state, or of that as known at a moment, as a signed text for a URL."""
    question = selection.question
    content = {
        "on": selection.on,
        "where": dict(question.where),
        "start": question.dates.start.isoformat(),
        "end": question.dates.end.isoformat(),
        "version": version,
        "as_of": as_of.isoformat() if as_of else "",
        "until": int(time()) // 60 * 60 + SECONDS_VALID,
    }
    body = urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
    return f"{body}.{_signature(body)}"


def selection_of(text: str) -> tuple[Selection, str, datetime | None]:
    """The selection, the version and the moment in a token that this server signed and that is still valid."""
    body, _, signature = text.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body).encode()):
        raise KpiError("This download link is not valid here. Open the page again and use its link.")
    content: dict[str, Any] = json.loads(urlsafe_b64decode(body))
    if content["until"] < time():
        raise KpiError("This download link has ended. Open the page again and use its link.")
    dates = Dates(date.fromisoformat(content["start"]), date.fromisoformat(content["end"]))
    where = {name: tuple(values) for name, values in content["where"].items()}
    question = Question(kpis=(), every=None, by=(), where=where, dates=dates, within_minutes=None)
    as_of = datetime.fromisoformat(content["as_of"]) if content["as_of"] else None
    return Selection(question, content["on"]), content["version"], as_of


def _signature(body: str) -> str:
    return hmac.new(KEY, body.encode(), sha256).hexdigest()
