"""What a download link says, and that nobody else can say it."""

from kpi.browse import Selection
from kpi.download import selection_of, token
from tests.samples import at, question


def test_a_download_link_carries_its_moment() -> None:
    selection = Selection(question("response_time"), "opened_on")
    assert selection_of(token(selection, "v1", at("2024-06-04T10:00")))[1:] == ("v1", at("2024-06-04T10:00"))
    assert selection_of(token(selection, "v1"))[1:] == ("v1", None)
