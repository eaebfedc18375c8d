"""What the figures rest on: files, rows kept aside, freshness, and what cannot be measured."""

from typing import Any

import streamlit as st

from kpi import browse, quarantine
from kpi.extracts import Verdict
from kpi.metrics import FAMILIES, missing
from kpi.words import text
from kpi.words.values import count_text, moment_text
from pages.view import View, data_folder

MOST_REFUSALS = 1_000


def show(view: View) -> None:
    """Freshness first, then what needs somebody's attention, then everything."""
    state = view.state
    st.title(text("Data"))
    kept_aside = sum(verdict.kept_aside for verdict in state.verdicts)
    refused = [verdict for verdict in state.verdicts if verdict.message]
    with st.container(horizontal=True):
        st.metric(text("Events"), count_text(state.event_count), border=True)
        st.metric(text("Files"), count_text(len(state.verdicts)), border=True)
        st.metric(text("Files refused"), count_text(len(refused)), border=True)
        st.metric(text("Rows kept aside"), count_text(kept_aside), border=True)
    st.caption(
        text(
            "Newest change known: {moment}. Version {version}.",
            moment=moment_text(state.as_of, state.settings.calendar.default.zone),
            version=state.version,
        )
    )
    _show_refused(refused)
    _show_kept_aside(view)
    _show_files(state.verdicts)
    _show_unmeasured(view)
    _show_left_out(view)


def _show_refused(refused: list[Verdict]) -> None:
    st.subheader(text("Files that could not be read"))
    if not refused:
        st.caption(text("None."))
    for verdict in refused:
        with st.container(border=True):
            st.text(verdict.message)


def _show_kept_aside(view: View) -> None:
    st.subheader(text("Rows kept aside"))
    parts = data_folder() / "state" / "parts"
    rows = [
        {
            text("File"): verdict.file,
            text("Row"): refusal.row,
            text("Event"): refusal.event_id,
            text("Column"): refusal.column,
            text("Reason"): text(quarantine.ROW_REASONS[refusal.reason]),
            text("Found"): refusal.found,
            text("Expected"): refusal.expected,
        }
        for verdict in view.state.verdicts
        if verdict.part and verdict.kept_aside
        for refusal in quarantine.rows_kept_aside(parts, verdict.part, MOST_REFUSALS)
    ]
    if not rows:
        st.caption(text("None."))
        return
    st.dataframe(rows[:MOST_REFUSALS], hide_index=True, alt=text("Rows kept aside, with reasons"))
    st.caption(text("These rows are in no figure. Correct them at the source and export them again: the correction replaces them."))


def _show_files(verdicts: tuple[Verdict, ...]) -> None:
    st.subheader(text("Files"))
    st.dataframe([_file_row(verdict) for verdict in verdicts], hide_index=True, alt=text("Files and what was found in them"))


def _file_row(verdict: Verdict) -> dict[str, Any]:
    return {
        text("File"): verdict.file,
        text("Status"): text("refused") if verdict.message else text("loaded"),
        text("Rows"): verdict.rows,
        text("Loaded"): verdict.accepted,
        text("Kept aside"): verdict.kept_aside,
        text("Newest change"): verdict.newest_update or "",
        text("Checksum"): text(verdict.checksum),
        text("Columns not used"): ", ".join(verdict.unknown_columns),
    }


def _show_unmeasured(view: View) -> None:
    st.subheader(text("KPIs that these data do not measure"))
    lacking = {kpi.label: missing(kpi, view.state.measured) for variants in FAMILIES.values() for kpi in variants}
    rows = [{text("KPI"): text(label), text("Missing columns"): ", ".join(columns)} for label, columns in lacking.items() if columns]
    if rows:
        st.dataframe(rows, hide_index=True, alt=text("KPIs and the columns they lack"))
    else:
        st.caption(text("None: every KPI is measured."))


def _show_left_out(view: View) -> None:
    st.subheader(text("Events outside every KPI"))
    counts = browse.dispositions(view.state)
    rows = [{text("Disposition"): name, text("Events"): count} for name, count in counts.items() if name != "normal"]
    if rows:
        st.dataframe(rows, hide_index=True, alt=text("Events by disposition"))
    else:
        st.caption(text("None."))


if __name__ == "__main__":
    import dashboard

    dashboard.main()
