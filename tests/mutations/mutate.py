"""Do the tests notice? Random mistakes in the package, one after the other, and the tests most likely to see each.

    python tests/mutations/mutate.py --count 200 --seed 1

Every mistake is made in a copy of the project under the cache directory; the checkout is not touched. The first run
traces which test calls which function. A mistake is caught when a test fails, or does not end in time; what survives
is listed, and what survives for a reason is explained in ``survivors.toml``. Ends with status 1 when fewer than 95 %
of the mistakes without such a reason are caught.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mutations.runner import Setting, Tree, digest, in_fork, load_libraries, without_entries  # noqa: E402
from mutations.sites import Mutation, draw  # noqa: E402
from mutations.suite import NEAR, PACKAGE, Suite, compiled_modules  # noqa: E402

PROJECT = HERE.parent.parent
ROOMS = tuple(NEAR)
WANTED = 0.95
"""Share of the mistakes that has to be caught."""
NEVER = ("__init__.py",)


@dataclass(frozen=True)
class Verdict:
    """A mutation with what became of it: the test that noticed, or "" for a survivor."""

    mutation: Mutation
    before: str
    after: str
    noticed: str

    @property
    def place(self) -> str:
        """file:line."""
        return f"{self.mutation.path.removeprefix(PACKAGE)}:{self.mutation.line}"


@dataclass
class Bench:
    """One worker with its copy of the project."""

    options: argparse.Namespace
    number: int
    suite: Suite
    tree: Tree
    folder: Path
    compiled: dict[str, set[str]]

    @property
    def core(self) -> int | None:
        """The processor core that all runs of this worker share, where a process can be bound to one."""
        if not hasattr(os, "sched_getaffinity"):
            return None
        cores = sorted(os.sched_getaffinity(0))
        return cores[self.number % len(cores)]

    def check(self, mutation: Mutation, text: str) -> None:
        """Raise ``RuntimeError`` if a test fails without any mistake."""
        unharmed = replace(mutation, stop=mutation.start, new="")
        noticed = self.look(unharmed, text)
        if noticed:
            raise RuntimeError(f"without any mistake {noticed} fails; see {self.folder / f'log-{self.number}.txt'}")

    def look(self, mutation: Mutation, text: str) -> str:
        """Make the mistake, run the tests, undo it; the name of the test that noticed."""
        stems = [Path(name).stem for name, reached in self.compiled.items() if mutation.path in reached | {name}]
        functions = self.folder / "compiled"
        if stems:
            functions = without_entries(functions, self.folder / f"compiled-{self.number}", stems)
        setting = Setting(self.tree.place, functions)
        log = self.folder / f"log-{self.number}.txt"
        self.tree.write(mutation.path, mutation.apply(text))
        try:
            for tests in self.suite.tiers(mutation, self.options.budget):
                limit = 60 + 4 * self.suite.seconds(tests) + (120 if stems else 0)
                outcome = in_fork(lambda tests=tests: setting.chosen(tests), log, limit=limit, core=self.core)  # type: ignore[misc]
                if outcome.noticed:
                    return outcome.noticed
        finally:
            self.tree.restore(mutation.path)
        return ""


def sources(only: Sequence[str]) -> dict[str, str]:
    """The files of the rooms to be mutated."""
    found = {}
    for room in only:
        for path in sorted((PROJECT / PACKAGE / room).rglob("*.py")):
            if path.name not in NEVER:
                found[str(path.relative_to(PROJECT))] = path.read_text()
    return found


def accepted() -> list[dict[str, str]]:
    """Survivors with a reason."""
    listed: list[dict[str, str]] = tomllib.loads((HERE / "survivors.toml").read_text()).get("survivor", [])
    return listed


def reason(verdict: Verdict, listed: Sequence[Mapping[str, str]]) -> str:
    """Why this survivor may survive, or ""."""
    for entry in listed:
        same = entry["file"] == verdict.mutation.path.removeprefix(PACKAGE) and entry["before"] == verdict.before
        if same and entry["after"] in ("*", verdict.after):
            return entry["reason"]
    return ""


def work(
    bench: Bench, share: Sequence[Mutation], texts: Mapping[str, str], known: dict[str, str], record: Path
) -> None:
    """Look at every mutation of ``share`` and write down what became of it."""
    for mutation in share:
        key = _key(mutation, texts)
        if key in known:
            continue
        began = time.monotonic()
        noticed = bench.look(mutation, texts[mutation.path])
        with record.open("a") as file:
            file.write(json.dumps({"key": key, "noticed": noticed}) + "\n")
        before, after = mutation.shown(texts[mutation.path])
        name = f"{mutation.path.removeprefix(PACKAGE)}:{mutation.line}"
        state = f"caught by {noticed}" if noticed else f"SURVIVED\n    {before}\n    {after}"
        sys.stdout.write(f"{time.monotonic() - began:5.1f} s  {name} [{mutation.kind}] {state}\n")
        sys.stdout.flush()


def _key(mutation: Mutation, texts: Mapping[str, str]) -> str:
    place = f"{mutation.path} {mutation.start} {mutation.stop} {mutation.new}"
    return digest(texts[mutation.path].encode(), place.encode())


def remembered(records: Sequence[Path], *, survivors: bool) -> dict[str, str]:
    """What earlier runs found: caught mutations, and survivors too if asked."""
    known = {}
    for record in records:
        for line in record.read_text().splitlines():
            entry = json.loads(line)
            known[entry["key"]] = entry["noticed"]
    return {key: noticed for key, noticed in known.items() if noticed or survivors}


def report(verdicts: Sequence[Verdict]) -> tuple[str, float]:
    """Table of survivors, counts for each room and kind, and the share that was caught."""
    listed = accepted()
    rows, counts = [], Counter[tuple[str, str]]()
    for verdict in verdicts:
        why = "" if verdict.noticed else reason(verdict, listed)
        state = "caught" if verdict.noticed else "explained" if why else "survived"
        counts[verdict.mutation.path.removeprefix(PACKAGE).split("/")[0], state] += 1
        if not verdict.noticed:
            rows.append(f"| {verdict.place} | `{verdict.before}` | `{verdict.after}` | {why or '**none**'} |")
    lines = ["| room | caught | survived | explained |", "|---|---|---|---|"]
    for room in ROOMS:
        numbers = [counts[room, state] for state in ("caught", "survived", "explained")]
        if any(numbers):
            lines.append(f"| {room} | {' | '.join(map(str, numbers))} |")
    caught, survived = (sum(n for (_, s), n in counts.items() if s == state) for state in ("caught", "survived"))
    share = caught / max(1, caught + survived)
    lines += ["", f"{caught} of {caught + survived} caught: {share:.1%}", ""]
    if rows:
        lines += ["| place | before | after | reason |", "|---|---|---|---|", *rows]
    return "\n".join(lines) + "\n", share


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Options of the command line."""
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "solenoidal-mutations"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of the random choice")
    parser.add_argument("--count", type=int, default=200, help="number of mistakes")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with its own copy and core")
    parser.add_argument("--only", action="append", choices=ROOMS, help="this room alone; may be repeated")
    parser.add_argument("--resume", action="store_true", help="keep what earlier runs caught, look at the rest again")
    parser.add_argument("--decided", action="store_true", help="with --resume: keep survivors of earlier runs as well")
    parser.add_argument("--budget", type=float, default=90, help="seconds of tests for each circle of tests asked")
    parser.add_argument("--wide", action="store_true", help="ask the tests of all other rooms too")
    parser.add_argument("--list", action="store_true", help="show the mistakes without making them")
    parser.add_argument("--cache", type=Path, default=default, help="folder for copies, traces and compiled functions")
    parser.add_argument("--report", type=Path, help="also write the tables to this file")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the whole run."""
    options = parsed(arguments)
    texts = sources(options.only or ROOMS)
    chosen = draw(texts, options.count, options.seed)
    if options.list:
        for mutation in chosen:
            before, after = mutation.shown(texts[mutation.path])
            sys.stdout.write(f"{mutation.path.removeprefix(PACKAGE)}:{mutation.line} [{mutation.kind}]\n")
            sys.stdout.write(f"    {before}\n    {after}\n")
        return 0
    options.cache.mkdir(parents=True, exist_ok=True)
    load_libraries()
    trees = [Tree(PROJECT, options.cache / f"tree-{number}") for number in range(options.jobs)]
    for tree in trees:
        tree.refresh()
    suite = Suite(trees[0].place, options.cache / "traces.json")
    setting = Setting(trees[0].place, options.cache / "compiled")
    suite.refresh(setting, options.cache / "log-trace.txt", options.only or ROOMS, wide=options.wide, core=None)
    records = [options.cache / f"record-{number}.jsonl" for number in range(options.jobs)]
    known: dict[str, str] = {}
    if options.resume:
        known = remembered(sorted(options.cache.glob("record-*.jsonl")), survivors=options.decided)
    else:
        for record in options.cache.glob("record-*.jsonl"):
            record.unlink()
    compiled = compiled_modules(trees[0].place)
    workers = []
    for number, tree in enumerate(trees):
        bench = Bench(options, number, suite, tree, options.cache, compiled)
        pid = os.fork()
        if pid == 0:
            work(bench, chosen[number :: options.jobs], texts, known, records[number])
            os._exit(0)
        workers.append(pid)
    for pid in workers:
        os.waitpid(pid, 0)
    known |= remembered([record for record in records if record.is_file()], survivors=True)
    verdicts = [Verdict(m, *m.shown(texts[m.path]), known[_key(m, texts)]) for m in chosen if _key(m, texts) in known]
    text, share = report(verdicts)
    sys.stdout.write(f"\n{text}")
    if options.report:
        options.report.write_text(text)
    return 0 if share >= WANTED and len(verdicts) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
