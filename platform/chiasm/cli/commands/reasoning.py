"""`chiasm graph rules` and `chiasm graph predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chiasm.cli.frame import Frame, frame_of, with_frame
from chiasm.errors import UsageError

__all__ = ["group"]

#: Without a name: its commands stand among those of `chiasm graph`.
group = typer.Typer()

RulesFile = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="FILE",
        help="Own rules, one a line: capital_of(X, Y) => located_in(X, Y)",
    ),
]
Seconds = Annotated[float, typer.Option("--max-seconds", min=0.1, help="Mining ends then.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides on samples where there is too much to count.")]


@group.command("rules")
@with_frame
def rules(
    context: typer.Context,
    relation: Annotated[str | None, typer.Option("--relation", metavar="R", help="What they imply.")] = None,
    file: RulesFile = None,
    length: Annotated[int, typer.Option(min=1, max=3, help="Atoms in a body, at most.")] = 3,
    constants: Annotated[
        bool, typer.Option("--constants/--no-constants", help="Rules about single entities too.")
    ] = True,
    support: Annotated[int, typer.Option("--min-support", min=1, help="Facts explained.")] = 3,
    confidence: Annotated[
        float | None,
        typer.Option("--min-confidence", min=0, max=1, help="Default 0.1 to list rules, 0.8 to apply them."),
    ] = None,
    coverage: Annotated[float, typer.Option("--min-head-coverage", min=0, max=1)] = 0.0,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10_000, help="At most so many.")] = 50,
    max_seconds: Seconds = 60.0,
    seed: Seed = 0,
    apply_: Annotated[
        bool, typer.Option("--apply", help="Write what they say as statements of origin `rule`.")
    ] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take out what rules wrote.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With these two: only tell.")] = False,
    max_triples: Annotated[int, typer.Option(min=1, help="With --apply: write at most so many.")] = 100_000,
) -> None:
    """List rules that hold in the graph, the surest first; or write what they say, and take it back."""
    frame = frame_of(context)
    if (apply_ and withdraw) or (dry_run and not (apply_ or withdraw)):
        raise UsageError("these options do not go together", remedy="give --apply or --withdraw, one of them")
    graph = frame.knowledge_base().graph
    if withdraw:
        _tell_withdrawn(frame, graph.withdraw_rules(relation, dry_run=dry_run))
        return
    asked: dict[str, Any] = {
        "rules": file,
        "length": length,
        "constants": constants,
        "min_support": support,
        "min_head_coverage": coverage,
        "max_seconds": max_seconds,
        "seed": seed,
        **({} if confidence is None else {"min_confidence": confidence}),
    }
    if apply_:
        _tell_applied(frame, graph.apply_rules(relation, **asked, max_triples=max_triples, dry_run=dry_run))
        return
    found = graph.rules(relation, **asked, limit=limit)
    if frame.as_json:
        frame.answer(found)
        return
    from chiasm.cli.tables import plain_table

    columns = ("confidence", "pca_confidence", "support", "head_coverage", "origin", "rule")
    rows = [[one[name] for name in columns] for one in found["rules"]]
    frame.out().print(plain_table(["confidence", "pca", "support", "coverage", "origin", "rule"], rows))
    if not found["rules"]:
        frame.note("no rule is that good; --min-confidence and --min-support let more through")
    if found["count"] > len(found["rules"]):
        frame.note(f"{len(found['rules'])} of {found['count']:,} rules; --limit shows more")
    _tell_time(frame, found)


def _tell_applied(frame: Frame, done: dict[str, Any]) -> None:
    if frame.as_json:
        frame.answer(done)
        return
    from chiasm.cli.tables import plain_table

    names = ("subject", "predicate", "object", "confidence", "rule")
    rows = [[one[name] for name in names] for one in done["examples"]]
    frame.out().print(plain_table([*names], rows, right=["confidence"]))
    frame.note(
        f"{'would be ' if done['dry_run'] else ''}added {done['added']:,}, removed {done['removed']:,}, "
        f"changed {done['changed']:,}, left {done['unchanged']:,}; {done['triples']:,} of {done['rules']:,} rules"
    )
    if done["truncated"]:
        frame.note("there are more, less sure ones; --max-triples lets them through")
    _tell_time(frame, done)


def _tell_withdrawn(frame: Frame, done: dict[str, Any]) -> None:
    if frame.as_json:
        frame.answer(done)
        return
    frame.out().print(
        f"{'would remove' if done['dry_run'] else 'removed'} {done['removed']:,} derived statements"
    )


@group.command("predict")
@with_frame
def predict(
    context: typer.Context,
    relation: Annotated[str, typer.Option("--relation", metavar="R", help="Name of the predicate.")],
    head: Annotated[str | None, typer.Option("--head", metavar="KEY", help="Ask for its objects.")] = None,
    tail: Annotated[str | None, typer.Option("--tail", metavar="KEY", help="Ask for its subjects.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many.")] = 10,
    file: RulesFile = None,
    aggregation: Annotated[str, typer.Option(help="maximum or noisy_or")] = "maximum",
    known: Annotated[bool, typer.Option("--known", help="What is stated already, too.")] = False,
    max_seconds: Seconds = 60.0,
    seed: Seed = 0,
) -> None:
    """Predict the other end of a relation; each answer says which facts, rules and cases speak for it."""
    frame = frame_of(context)
    found = frame.knowledge_base().graph.predict(
        relation=relation,
        head=head,
        tail=tail,
        k=k,
        rules=file,
        aggregation=aggregation,
        known=known,
        max_seconds=max_seconds,
        seed=seed,
    )
    if frame.as_json:
        frame.answer(found)
        return
    from chiasm.cli.tables import plain_table

    rows = [(one["rank"], one["key"], one["title"], one["score"], _why(one)) for one in found["predictions"]]
    frame.out().print(plain_table(["", "key", "title", "score", "because"], rows, right=["", "score"]))
    if not rows:
        frame.note("no rule and no case speaks for anything")
    if found["trained"] is not None:
        said = [f"{one['key']} {one['score']:.2f}" for one in found["trained"]["candidates"][:5]]
        frame.note(f"{found['trained']['release']} says: {', '.join(said)}")
    if found["known"] and not known:
        frame.note(f"stated already, and left out: {', '.join(one['key'] for one in found['known'][:10])}")
    _tell_time(frame, found)


def _why(one: dict[str, Any]) -> str:
    """The best rule with its facts, and how many cases."""
    lines = []
    for rule in one["rules"][:2]:
        facts = "; ".join(" ".join(fact) for fact in rule["facts"])
        lines.append(f"{rule['rule']} ({rule['confidence']:.2f}): {facts}")
    if one["cases"]:
        lines.append(f"as of {', '.join(case['key'] for case in one['cases'][:3])}")
    return "\n".join(lines)


def _tell_time(frame: Frame, found: dict[str, Any]) -> None:
    if found["out_of_time"]:
        frame.note("the time was over before all was counted; --max-seconds gives more")
