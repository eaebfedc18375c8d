"""The shape of the program, read from its imports: one way for data, one noun a module, no framework inside."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

LAYERS = (
    ("kpi", "kpi.words", "kpi.words.safe", "kpi.errors"),
    ("kpi.events", "kpi.pace", "kpi.periods", "kpi.configuration"),
    (
        "kpi.quarantine",
        "kpi.pseudonyms",
        "kpi.footer",
        "kpi.intake",
        "kpi.checks",
        "kpi.border",
        "kpi.airlock",
        "kpi.extracts",
        "kpi.inspection",
        "kpi.freshness",
    ),
    (
        "kpi.sources",
        "kpi.sources.absences",
        "kpi.sources.checks",
        "kpi.sources.conversion",
        "kpi.sources.convert",
        "kpi.sources.costs",
        "kpi.sources.expressions",
        "kpi.sources.folding",
        "kpi.sources.headers",
        "kpi.sources.history",
        "kpi.sources.lines",
        "kpi.sources.mapping",
        "kpi.sources.moments",
        "kpi.sources.numbers",
        "kpi.sources.parts",
        "kpi.sources.problems",
        "kpi.sources.profiles",
        "kpi.sources.quoting",
        "kpi.sources.reading",
        "kpi.sources.reports",
        "kpi.sources.sections",
        "kpi.sources.values",
        "kpi.sources.workbooks",
    ),
    ("kpi.metrics", "kpi.measures", "kpi.rollup"),
    ("kpi.calendar", "kpi.definitions", "kpi.phases", "kpi.targets", "kpi.settings"),
    ("kpi.limits", "kpi.absorbing", "kpi.building"),
    ("kpi.tally", "kpi.store", "kpi.loader"),
    ("kpi.scaling",),
    ("kpi.spark", "kpi.spark.translation", "kpi.spark.cluster", "kpi.spark.zones", "kpi.spark.tables", "kpi.spark.engine"),
    ("kpi.completeness", "kpi.survival", "kpi.uncertainty", "kpi.mix"),
    ("kpi.report",),
    ("kpi.asking", "kpi.browse", "kpi.standing", "kpi.cards", "kpi.ranking", "kpi.priorities", "kpi.adjustment", "kpi.circumstances"),
    ("kpi.download", "kpi.provenance", "kpi.exports"),
    ("kpi.spc", "kpi.spc.constants", "kpi.spc.conventions", "kpi.spc.memory", "kpi.spc.quantiles", "kpi.spc.scales"),
    ("kpi.spc.charts", "kpi.spc.between", "kpi.spc.drifts", "kpi.spc.rare", "kpi.spc.catalogue"),
    ("kpi.spc.distances", "kpi.spc.runs", "kpi.spc.marks", "kpi.spc.rules", "kpi.spc.judging", "kpi.spc.renewing"),
    ("kpi.spc.discoveries", "kpi.spc.funnel", "kpi.spc.rates", "kpi.spc.steps", "kpi.spc.verdicts"),
    ("kpi.tiers", "kpi.compare"),
    ("kpi.series", "kpi.control", "kpi.worksheet"),
    ("kpi.words.values", "kpi.words.sentences", "kpi.words.charts", "kpi.words.comparisons", "kpi.records"),
    ("kpi.figures", "kpi.funnel_figure", "kpi.printing"),
    ("kpi.charting", "kpi.cli"),
    ("pages.view", "pages.links", "pages.address", "pages.plot"),
    ("pages.filters", "pages.chart", "pages.overview", "pages.kpi", "pages.compare", "pages.events", "pages.data"),
    ("dashboard",),
)
LAYER_OF = {module: place for place, layer in enumerate(LAYERS) for module in layer}

SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(OR\s+REPLACE\s+)?(TABLE|VIEW|MACRO))\b", re.S
)
DATA_FRAMES = re.compile(r"\b(DataFrame|Series|Table|RecordBatch|ndarray|NDArray|Array)\b")


def files() -> dict[str, Path]:
    found = [*REPOSITORY.glob("kpi/**/*.py"), *REPOSITORY.glob("pages/**/*.py"), *REPOSITORY.glob("dashboard.py")]
    return {".".join(file.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): file for file in sorted(found)}


FILES = files()
KPI = [module for module in FILES if module.split(".")[0] == "kpi"]
FACE = [module for module in FILES if module not in KPI]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


def names_imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (one.name for one in node.names)
        case ast.ImportFrom():
            assert not node.level, "imports are absolute"
            yield from (f"{node.module}.{one.name}" for one in node.names)


def imported(module: str) -> set[str]:
    """Everything a module imports, as dotted names, wherever the import stands; what runs it as a script is not its import."""
    return {name for node in ast.walk(tree(module)) if not is_script(node) for name in names_imported(node)} - script_imports(module)


def is_script(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def script_imports(module: str) -> set[str]:
    scripts = [node for node in tree(module).body if is_script(node)]
    return {name for script in scripts for node in ast.walk(script) for name in names_imported(node)}


def own(module: str) -> set[str]:
    """The modules of the program that a module imports."""
    owners = (name if name in FILES else name.rpartition(".")[0] for name in imported(module))
    return {owner for owner in owners if owner in FILES} - {module}


def outside(module: str) -> set[str]:
    return {name.split(".")[0] for name in imported(module)}


def test_every_module_has_a_layer_and_every_layer_only_modules_that_exist() -> None:
    assert set(FILES) - set(LAYER_OF) == set(), "put the new module into a layer"
    assert {module for module in LAYER_OF if module.startswith("kpi")} - set(FILES) == set()


@pytest.mark.parametrize("module", [module for module in FILES if module in LAYER_OF])
def test_no_module_imports_from_a_later_layer(module: str) -> None:
    assert {other for other in own(module) if LAYER_OF.get(other, 0) > LAYER_OF[module]} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {module: own(module) for module in FILES}
    while ready := [module for module, needed in left.items() if not needed & set(left)]:
        left = {module: needed for module, needed in left.items() if module not in ready}
    assert left == {}


@pytest.mark.parametrize("module", KPI)
def test_the_package_knows_no_streamlit_and_only_figures_know_plotly(module: str) -> None:
    assert "streamlit" not in outside(module)
    assert "starlette" not in outside(module)
    assert "plotly" not in outside(module) or module in ("kpi.figures", "kpi.funnel_figure")
    assert not {name for name in own(module) if name in FACE}


@pytest.mark.parametrize("module", FACE)
def test_pages_know_no_database_and_no_sql(module: str) -> None:
    assert not outside(module) & {"duckdb", "pandas", "pyarrow", "numpy", "plotly"}
    texts = [node.value for node in ast.walk(tree(module)) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [one for one in texts if SQL.search(one)] == []
    calls = {node.func.attr for node in ast.walk(tree(module)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert not calls & {"execute", "executemany", "sql", "cursor"}


@pytest.mark.parametrize("module", KPI)
def test_imports_stand_at_the_top_and_never_inside_a_function(module: str) -> None:
    functions = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    assert [ast.unparse(inner) for one in functions for inner in ast.walk(one) if isinstance(inner, ast.Import | ast.ImportFrom)] == []


def test_no_module_is_named_after_nothing() -> None:
    nothing = {"util", "utils", "helper", "helpers", "common", "misc", "tools", "base", "core", "shared", "lib"}
    assert [module for module in FILES if nothing & set(module.split("."))] == []


def decorated(module: str, decorator: str) -> list[ast.FunctionDef]:
    functions = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef)]
    return [one for one in functions if any(decorator in ast.unparse(each) for each in one.decorator_list)]


@pytest.mark.parametrize("module", FACE)
def test_cached_functions_are_keyed_by_no_data_frame(module: str) -> None:
    for function in [*decorated(module, "cache_data"), *decorated(module, "cache_resource")]:
        for argument in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
            assert argument.annotation is not None, f"{module}.{function.name}: {argument.arg} has no type"
            assert not DATA_FRAMES.search(ast.unparse(argument.annotation)), f"{module}.{function.name}: {argument.arg}"


def test_these_tests_see_what_they_look_for() -> None:
    assert SQL.search("SELECT count(*)\nFROM events")
    assert not SQL.search("Select a store from the list")
    assert DATA_FRAMES.search("pd.DataFrame | None")
    assert {"kpi.errors", "kpi.words"} <= own("kpi.errors") | {"kpi.errors"}
    assert "duckdb" in outside("kpi.store")
