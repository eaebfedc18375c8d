"""The mappings written from public documentation, each on a small file in the vendor's own form."""

from pathlib import Path

from sourcing import file_of, kept_aside, nothing, rows_of

from kpi.sources.conversion import Conversion
from kpi.sources.convert import convert
from kpi.sources.mapping import named


def shipped(folder: Path, name: str, content: str) -> Conversion:
    return convert(named(name, folder / "sources"), [file_of(folder, content)], folder / "extracts", nothing)


def utc(*names: str) -> str:
    return ", ".join(f"strftime({name}, '%m-%d %H:%M')" for name in names)


ZENDESK = (
    "id,url,subject,created_at,updated_at,status,priority,via_channel,brand_id,ticket_form_id,assignee_id,requester_id,due_at,tags,"
    "satisfaction_rating_score,solved_at,reopens,group_stations,reply_time_in_minutes_calendar\n"
)


def test_zendesk(tmp_path: Path) -> None:
    report = shipped(
        tmp_path,
        "zendesk",
        ZENDESK
        + (
            "1,u,My card 4111,2024-05-01T09:00:00Z,2024-05-02T09:00:00Z,closed,high,email,77,5,31,901,,v,good,2024-05-01T12:00:00Z,0,1,30\n"
            "2,u,s,2024-05-01T09:00:00Z,2024-05-02T09:00:00Z,open,,web,77,5,31,902,,v,offered,2024-05-01T12:00:00Z,1,3,0\n"
            '3,,,2024-05-01T09:00:00Z,2024-05-01T10:00:00Z,closed,,web,,5,,902,,"v, closed_by_merge",unoffered,2024-05-01T10:00:00Z,0,1,\n'
            "4,u,s,2024-05-01T09:00:00Z,2024-05-01T10:00:00Z,deleted,,web,,5,,902,,,bad,,0,0,\n"
            "5,u,s,2024-05-01T09:00:00Z,2024-05-01T10:00:00Z,archived,,web,,5,,902,,,bad,,0,0,\n"
        ),
    )
    assert rows_of(
        report,
        "event_id, " + utc("responded_at", "resolved_at") + ", satisfaction::INT, transfer_count, disposition, is_deleted, store",
    ) == [
        ("1", "05-01 09:30", "05-01 12:00", 1, 0, "normal", False, "77"),
        ("2", "05-01 09:00", None, None, 2, "normal", False, "77"),
        ("3", None, "05-01 10:00", None, 0, "merged", False, "unknown"),
        ("4", None, None, 0, 0, "normal", True, "unknown"),
    ]
    assert kept_aside(report) == [("6", "status", "not an allowed value", "archived")]
    assert b"4111" not in Path(report.extract).read_bytes()


def test_a_zendesk_export_without_satisfaction_and_due_dates_is_not_measured_by_them(tmp_path: Path) -> None:
    header = "id,created_at,updated_at,status,via_channel,brand_id,ticket_form_id,solved_at,reopens\n"
    row = "1,2024-05-01T09:00:00Z,2024-05-02T09:00:00Z,solved,email,77,5,2024-05-01T12:00:00Z,0\n"
    report = shipped(tmp_path, "zendesk", header + row)
    assert rows_of(report, "event_id, " + utc("resolved_at") + ", reopen_count, store") == [("1", "05-01 12:00", 0, "77")]
    assert report.warnings == {
        f"{where}: left out, the file has no column '{column}'": 1
        for where, column in (
            ("[columns] due_at", "due_at"),
            ("[columns] agent", "assignee_id"),
            ("[columns] priority", "priority"),
            ("[columns] customer", "requester_id"),
            ("[expressions] responded_at", "reply_time_in_minutes_calendar"),
            ("[expressions] transfer_count", "group_stations"),
            ("[expressions] satisfaction", "satisfaction_rating_score"),
            ("[[dispositions]] tags", "tags"),
        )
    }


SERVICENOW = (
    "number,short_description,opened_at,sys_updated_on,resolved_at,closed_at,due_date,state,contact_type,location,category,assigned_to,"
    "priority,caller_id,reassignment_count,reopen_count,made_sla,close_code\n"
)


def test_servicenow(tmp_path: Path) -> None:
    opened, changed, ended = "2024-05-01 09:00:00", "2024-05-03 09:00:00", "2024-05-02 09:00:00"
    report = shipped(
        tmp_path,
        "servicenow",
        SERVICENOW
        + (
            f"INC1,x,{opened},{changed},{ended},{changed},,Closed,phone,Lyon,Network,Ann,2 - High,Bob,1,0,true,Solved\n"
            f"INC2,x,{opened},{changed},{ended},{changed},,In Progress,email,,Network,Ann,2 - High,Bob,0,1,false,\n"
            f"INC3,x,{opened},{changed},,{changed},,8,email,Lyon,Network,,2 - High,Bob,0,0,true,\n"
            f"INC4,x,{opened},{changed},{ended},,,6,email,Lyon,Network,,2 - High,Bob,0,0,true,Duplicate\n"
        ),
    )
    found = rows_of(
        report,
        "event_id, " + utc("resolved_at", "closed_at") + ", store, transfer_count, reopen_count, agreement_met, disposition",
    )
    assert found == [
        ("INC1", "05-02 09:00", "05-03 09:00", "Lyon", 1, 0, True, "normal"),
        ("INC2", None, None, "unknown", 0, 1, False, "normal"),
        ("INC3", None, "05-03 09:00", "Lyon", 0, 0, True, "cancelled"),
        ("INC4", "05-02 09:00", None, "Lyon", 0, 0, True, "duplicate"),
    ]
    assert report.warnings["reopened"] == 1


NYC = (
    "Unique Key,Created Date,Closed Date,Agency,Agency Name,Complaint Type,Descriptor,Incident Address,Status,Due Date,"
    "Resolution Description,Resolution Action Updated Date,Borough,Open Data Channel Type\n"
)


def test_new_york_311(tmp_path: Path) -> None:
    report = shipped(
        tmp_path,
        "nyc_311",
        NYC
        + (
            "1,03/31/2024 04:30:00 PM,04/01/2024 12:00:00 AM,NYPD,Police,Noise,Loud,1 MAIN ST,Closed,,Done,,BROOKLYN,PHONE\n"
            "2,11/03/2024 01:30:00 AM,,DSNY,Sanitation,Litter,x,1 ST,Open,12/31/2024 01:00:00 PM,,,Unspecified,ONLINE\n"
            "3,03/31/2024 04:30:00 PM,03/30/2024 12:00:00 AM,DOT,Transportation,Pothole,x,1 ST,Closed,,,,QUEENS,MOBILE\n"
            "4,03/31/2024 04:30:00 PM,03/31/2024 05:30:00 PM,DOT,Transportation,Pothole,x,1 ST,Closed,,A duplicate of 3,,QUEENS,MOBILE\n"
        ),
    )
    assert rows_of(report, "event_id, " + utc("updated_at", "opened_at", "resolved_at", "due_at") + ", store, disposition") == [
        ("1", "03-31 20:30", "03-31 20:30", None, None, "BROOKLYN", "normal"),
        ("1", "04-01 04:00", "03-31 20:30", "04-01 04:00", None, "BROOKLYN", "normal"),
        ("2", "11-03 05:30", "11-03 05:30", None, "12-31 18:00", "unknown", "normal"),
        ("3", "03-31 20:30", "03-31 20:30", None, None, "QUEENS", "normal"),
        ("4", "03-31 20:30", "03-31 20:30", None, None, "QUEENS", "normal"),
        ("4", "03-31 21:30", "03-31 20:30", "03-31 21:30", None, "QUEENS", "duplicate"),
    ]
    assert report.set_aside == {"closed_at: before it was opened": 1, "resolved_at: before it was opened": 1}
    assert rows_of(report, "event_id, has_resolution, has_end")[3:5] == [("3", True, True), ("4", None, None)]
    assert report.ambiguous_moments == 1
