"""Any history of files: the state that grew load by load is the one made from scratch, and its roll-ups are its events added up."""

import tempfile
from pathlib import Path
from random import Random

import histories
import oracle
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = 4
"""Of some seconds each; `benchmarks/histories.py` looks at thousands."""


@settings(max_examples=EXAMPLES, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(st.integers(0, 2**32))
def test_a_state_that_grew_is_the_one_made_from_scratch_and_its_roll_ups_are_its_events_added_up(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder, histories.narrow(Random(-number)):
        loads = histories.history(Random(number))
        assert histories.faults(Path(folder) / "data", loads, Random(number), questions=2, checked=1.0) == []


def test_a_history_of_many_loads_has_the_events_of_the_oracle(tmp_path: Path) -> None:
    """Versions of one update are told apart by their content, which the oracle does not know: there are none here."""
    random = Random(11)
    versions = [one for source in histories.SOURCES for number in range(6) for one in histories.versions_of(random, source, number)]
    versions = list({(one["source"], one["event_id"], one["updated_at"]): one for one in versions}.values())
    random.shuffle(versions)
    size = len(versions) // 4 + 1
    files = {f"{first}": histories.File(tuple(versions[first : first + size]), frozenset()) for first in range(0, len(versions), size)}
    with histories.narrow(random):
        for count in range(1, len(files) + 1):
            there = dict(list(files.items())[:count])
            state = histories.loaded(tmp_path, histories.Load(there, {}, tidies_up=False))
            told = [one for file in there.values() for one in file.versions]
            expected = {oracle.key(one) for one in oracle.newest(told, state.as_of) if one["opened_at"] <= state.as_of}
            assert set(state.cursor().execute("SELECT source, event_id FROM events").fetchall()) == expected
