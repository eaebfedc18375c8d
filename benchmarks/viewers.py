"""How many viewers one server bears while extracts arrive, beside a bare page that shows the same figures.

    uv run --with websockets --with psutil python benchmarks/viewers.py CLIENT [--viewers 100] [--seconds 60] [--every 10] [--bare]

CLIENT is the load client, a file that speaks Streamlit's protocol as browsers do. Loads a million synthetic events into a temporary
folder, starts the server, opens so many viewers of the overview, and lets an extract of 1,000 rows arrive every so many seconds. An
*update* is from a viewer's look that finds new data until its page is drawn anew; *auto* is any look, `first` a page opened.
`--bare` shows the figures from a file by `bare_app.py`, one of them changed as often, redrawn every five seconds.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import synthetic
from page_queries import overview

from kpi import store
from kpi.cards import Card
from kpi.figures import sparkline
from kpi.pace import ignore_progress
from kpi.words.sentences import figure_text, interval_sentence, standing_sentence

ROOT = Path(__file__).parent.parent
EVENTS, ROWS = 1_000_000, 1_000


def client(file: Path) -> ModuleType:
    """The load client, which then tells looks that found new data from those that did not."""
    spec = importlib.util.spec_from_file_location("load_client", file)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Session(module.Session):
        def on_msg(self, data: bytes) -> None:
            message = module.ForwardMsg()
            message.ParseFromString(data)
            if message.WhichOneof("type") == "script_finished" and message.script_finished == module.FIN.Value("FINISHED_EARLY_FOR_RERUN"):
                run = message.metadata.run.script_run_id
                self.running[run] = [("update" if kind == "auto" else kind, *rest) for kind, *rest in self.running.get(run, [])]
            super().on_msg(data)

    module.Session = Session
    return module


def figures(state: store.State) -> list[dict[str, Any]]:
    """The overview's cards as texts and drawings."""
    found: Any = overview(state)
    return [_card(one) for one in found]


def _card(card: Card) -> dict[str, Any]:
    captions = [standing_sentence(card.standing, card.kpi, "EUR"), interval_sentence(card.figure, "EUR"), f"n = {card.figure.n}"]
    course = sparkline(tuple(one.value for one in card.course), None, False, card.kpi.label)
    return {"label": card.kpi.label, "value": figure_text(card.figure, "EUR"), "delta": "1", "captions": captions, "course": course}


def arrivals(folder: Path, every: float, target: Path | None, stopped: threading.Event) -> None:
    """Extracts one after the other; of a bare page, figures that change."""
    run = 0
    while not stopped.wait(every):
        run += 1
        if target is None:
            (folder / "next" / synthetic.SOURCE).mkdir(parents=True, exist_ok=True)
            written = synthetic.write_late(folder / "next", EVENTS + run * ROWS, ROWS, ROWS // 10, run)
            written.rename(folder / "extracts" / synthetic.SOURCE / f"synthetic_late_{run}.parquet")
            continue
        cards = json.loads(target.read_text())
        cards[0]["captions"][-1] = f"n = {run}"
        temporary = target.with_suffix(".tmp")
        temporary.write_text(json.dumps(cards))
        temporary.replace(target)


def wait_for(address: str) -> None:
    """Until the server answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health").close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{address} does not answer")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("client", type=Path)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=10)
    parser.add_argument("--bare", action="store_true")
    asked = parser.parse_args()
    port = random.randint(20_000, 30_000)
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder, target = place / "data", place / "figures.json"
        os.environ |= {"KPI_CUSTOMER_KEY_FILE": str(place / "customer.key"), "KPI_FIGURES": str(target)}
        synthetic.write(folder / "extracts", EVENTS)
        target.write_text(json.dumps(figures(store.load(folder, ignore_progress))))
        options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
        bare = [sys.executable, "-m", "streamlit", "run", str(ROOT / "benchmarks" / "bare_app.py"), *options]
        ours = [sys.executable, str(ROOT / "dashboard.py"), "--data", str(folder), "--port", str(port)]
        server = subprocess.Popen(bare if asked.bare else ours, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stopped = threading.Event()
        arriving = threading.Thread(target=arrivals, args=(folder, asked.every, target if asked.bare else None, stopped))
        try:
            wait_for(address)
            arriving.start()
            ramp, options = asked.viewers / 5, ["-n", str(asked.viewers), "--duration", str(asked.seconds)]
            sys.argv = ["load_client", f"{address}/", *options, "--ramp", str(ramp), "--warm", "10", "--server-pid", str(server.pid)]
            asyncio.run(client(asked.client).main())
            print(memory(server.pid))
        finally:
            stopped.set()
            if arriving.is_alive():
                arriving.join()  # before the folder it writes to is gone
            server.terminate()
            server.wait()


def memory(pid: int) -> str:
    """The resident memory of a process at the end."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return "; ".join(" ".join(line.split()) for line in lines if line.startswith(("VmRSS", "VmHWM")))


if __name__ == "__main__":
    main()
