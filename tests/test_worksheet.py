"""Any CSV on a chart: published examples in, their printed limits out, and what is wrong with a file said."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kpi.errors import ConfigError
from kpi.spc import catalogue, conventions, rules
from kpi.worksheet import judged_rows, read_worksheet

ORANGE_JUICE = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]
"""Montgomery, Introduction to Statistical Quality Control, example 7.1: samples of 50."""

JUICE = "time,numerator,denominator\n" + "".join(f"{place},{count},50\n" for place, count in enumerate(ORANGE_JUICE, start=1))


def written(place: Path, content: str) -> Path:
    file = place / "series.csv"
    file.write_text(content, encoding="utf-8")
    return file


def spc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", "from kpi.cli import main; main()", "spc", *arguments], capture_output=True, text=True)


def test_montgomerys_cans_have_their_printed_limits_and_signals(tmp_path: Path) -> None:
    done = spc(str(written(tmp_path, JUICE)), "--chart", "p", "--rules", "limits", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert (done.returncode, done.stderr) == (0, "")
    assert [float(rows[0][name]) for name in ("centre", "lower", "upper")] == pytest.approx([0.2313, 0.0524, 0.4102], abs=6e-5)
    assert [row["time"] for row in rows if row["signals.beyond_limits"] == "1"] == ["15", "23"]


def test_the_first_rows_alone_can_set_the_limits(tmp_path: Path) -> None:
    sheet = read_worksheet(written(tmp_path, "time,value\n" + "".join(f"{n},{10 + n % 2}\n" for n in range(20)) + "20,30\n"), 20)
    rows = judged_rows(sheet, catalogue.BY_NAME["individuals"], rules.BY_NAME["limits"], conventions.EXACT)
    assert rows[0]["centre"] == pytest.approx(10.5)
    assert [row["time"] for row in rows if row["signals"]["beyond_limits"]] == ["20"]
    assert [row["in_baseline"] for row in rows] == [True] * 20 + [False]


def test_means_with_their_deviations_go_on_an_x_bar_chart(tmp_path: Path) -> None:
    content = "time,mean,sd,n\n" + "".join(f"{n},{mean},2,4\n" for n, mean in enumerate([9, 11] * 10))
    rows = judged_rows(
        read_worksheet(written(tmp_path, content), None), catalogue.BY_NAME["x_bar"], rules.BY_NAME["limits"], conventions.EXACT
    )
    assert rows[0]["centre"] == pytest.approx(10)
    assert rows[0]["upper"] == pytest.approx(10 + 3 * 2 / 2, rel=0.01)  # pooled s = 2, less than 1 % from unbiased at 60 degrees


def test_an_empty_cell_is_a_gap_and_json_says_what_was_used(tmp_path: Path) -> None:
    content = "time,value\n" + "".join(f"{n},{'' if n == 3 else n % 2}\n" for n in range(10))
    done = spc(str(written(tmp_path, content)), "--chart", "individuals", "--rules", "nelson", "--convention", "qcc", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["chart"], found["rules"], found["convention"]) == ("individuals", "nelson", "qcc")
    assert found["figures"][3]["value"] is None
    assert found["figures"][3]["signals"] == dict.fromkeys((rule.name for rule in rules.NELSON), 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows, expected a header and one row a point."),
        (
            "when,what\n1,2\n",
            "columns when, what, expected time and either value, or numerator and denominator, or mean, sd and n. Name them so.",
        ),
        ("time,value\n1,2\n2,1;5\n", "line 3: value is '1;5', expected a number with a decimal point, or nothing for a gap."),
        ("time,value\n1,inf\n", "line 2: value is 'inf', expected a number with a decimal point, or nothing for a gap."),
    ],
)
def test_a_file_that_is_no_series_is_refused(tmp_path: Path, content: str, message: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(ConfigError) as error:
        read_worksheet(file, None)
    assert str(error.value) == f"{file}: {message}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--chart", "xbar"), "kpi: chart 'xbar' does not exist. Did you mean 'x_bar'?\n"),
        (("--rules", "nelsons"), "kpi: rule set 'nelsons' does not exist. Did you mean 'nelson'?\n"),
        (("--chart", "p"), "kpi: a p chart needs numerator and denominator. Give the columns of those, or choose another chart.\n"),
    ],
)
def test_a_wrong_choice_is_one_line_on_stderr(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = spc(str(written(tmp_path, "time,value\n1,2\n2,3\n")), *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_a_run_chart_says_where_its_median_begins_anew(tmp_path: Path) -> None:
    values = [*[1, 3] * 6, 2, *[9] * 9, 2]
    done = spc(
        str(written(tmp_path, "time,value\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values)))),
        "--chart",
        "run",
        "--format",
        "json",
    )
    found = json.loads(done.stdout)["levels"]
    assert found == [{"from": "0", "until": "12", "median": 2.0}, {"from": "13", "until": "21", "median": 9.0}]


def test_a_chart_with_a_memory_is_judged_by_its_limits_alone(tmp_path: Path) -> None:
    sheet = read_worksheet(written(tmp_path, "time,value\n" + "".join(f"{n},{10 + n % 2}\n" for n in range(30))), None)
    rows = judged_rows(sheet, catalogue.BY_NAME["ewma"], rules.BY_NAME["nelson"], conventions.EXACT)
    assert {name for row in rows for name in row["signals"]} == {"beyond_limits"}
