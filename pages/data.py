"""What the figures rest on: files, rows kept aside, freshness, and what cannot be measured."""

from datetime import datetime
from typing import Any

import streamlit as st

from kpi import browse, quarantine
from kpi.extracts import Verdict
from kpi.metrics import FAMILIES, missing
from kpi.tally import kept_out, tally_text
from kpi.words import text
from kpi.words.values import count_text, duration_text, moment_text
from pages.view import View, data_folder

MOST_REFUSALS = 1_000
GROUPED = st.column_config.NumberColumn(format="localized")


def show(view: View) -> None:
    """Freshness first, then what needs somebody's attention, then everything."""
    state = view.state
    st.title(text("Data"))
    st.caption(text("All data: the days and filters at the side do not apply here."))
    found = kept_out(state.verdicts)
    with st.container(horizontal=True):
        st.metric(text("Events"), count_text(state.event_count), border=True)
        st.metric(text("Files"), count_text(len(state.verdicts)), border=True)
        st.metric(text("Files refused"), count_text(found.files_refused), border=True)
        st.metric(text("Rows kept aside"), count_text(found.rows_kept_aside), border=True)
    st.caption(_freshness(view))
    st.caption(tally_text(state.tally))
    _show_last_seen(view)
    _show_refused([verdict for verdict in state.verdicts if verdict.message])
    _show_kept_aside(view)
    _show_converted()
    _show_files(state.verdicts, state.settings.calendar.default.zone)
    _show_unmeasured(view)
    _show_left_out(view)


def _freshness(view: View) -> str:
    state = view.state
    if not state.tally.rows:
        return text("No events yet. Version {version}.", version=state.version)
    moment = moment_text(state.as_of, state.settings.calendar.default.zone)
    if view.as_of:
        return text(
            "As known at {moment}, of version {version}; files and rows kept aside are those of now.", moment=moment, version=view.version
        )
    return text("Newest change known: {moment}. Version {version}.", moment=moment, version=state.version)


def _show_last_seen(view: View) -> None:
    st.subheader(text("When each store was last heard of"))
    zone = view.state.settings.calendar.default.zone
    rows = [
        {
            text("Store"): one.store,
            text("Source"): one.source,
            text("Last event"): moment_text(one.opened_at, zone),
            text("Silent for"): duration_text((view.state.as_of - one.opened_at).total_seconds() / 60),
            text("Usual events a day"): round(one.events_a_day, 1),
            text("Note"): text("silent") if browse.is_silent(view.state, one) else "",
        }
        for one in browse.last_seen(view.state)
    ]
    st.dataframe(rows, hide_index=True, alt=text("Stores, the longest silent first"))
    st.caption(text("Silent: no event for more than a day, where at least {fewest} were usual.", fewest=browse.FEWEST_MISSED))


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
    every_row = [
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
    rows = every_row[:MOST_REFUSALS]
    if not rows:
        st.caption(text("None."))
        return
    kept_aside = kept_out(view.state.verdicts).rows_kept_aside
    st.dataframe(rows, hide_index=True, alt=text("Rows kept aside, with reasons"))
    if kept_aside > len(rows):
        st.caption(text("The first {shown} of {all}.", shown=count_text(len(rows)), all=count_text(kept_aside)))
    st.caption(text("These rows are in no figure. Correct them at the source and export them again: the correction replaces them."))


def _show_converted() -> None:
    counts = browse.kept_aside_by_convert(data_folder())
    if counts:
        st.subheader(text("Rows that conversions kept aside"))
        rows = [{text("List in kept_aside"): name, text("Entries"): count} for name, count in counts.items()]
        st.dataframe(rows, hide_index=True, alt=text("Lists of rows that conversions kept aside"))


def _show_files(verdicts: tuple[Verdict, ...], zone: str) -> None:
    st.subheader(text("Files"))
    st.dataframe(
        [_file_row(verdict, zone) for verdict in verdicts],
        hide_index=True,
        column_config=dict.fromkeys((text("Rows"), text("Loaded"), text("Kept aside")), GROUPED),
        alt=text("Files and what was found in them"),
    )


def _file_row(verdict: Verdict, zone: str) -> dict[str, Any]:
    return {
        text("File"): verdict.file,
        text("Status"): text("refused") if verdict.message else text("loaded"),
        text("Rows"): verdict.rows,
        text("Loaded"): verdict.accepted,
        text("Kept aside"): verdict.kept_aside,
        text("Newest change"): moment_text(datetime.fromisoformat(verdict.newest_update), zone) if verdict.newest_update else "",
        text("Empty dimensions"): ", ".join(f"{name} {count}" for name, count in verdict.unknown_dimensions.items()),
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
        st.dataframe(rows, hide_index=True, column_config={text("Events"): GROUPED}, alt=text("Events by disposition"))
    else:
        st.caption(text("None."))


if __name__ == "__main__":
    import dashboard

    dashboard.main()
