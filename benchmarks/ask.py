"""Questions made from CoDEx-S: how often the graph's own answer comes first, against exact lookup.

`python -m benchmarks.ask [--split test] [--json FILE]`. The graph holds all statements (train, valid, test) in a home
of its own. Each pair of subject and predicate of the split becomes one question by a template; right is what exact lookup
finds for the pair. Predicates are named as in Wikidata, not by the numbers of the data set.

Three sorts of questions: *plain* ones use the predicate's own words, *natural* ones are as people ask, *typo* ones are
plain with two letters of the entity's name swapped. The natural templates were written before the benchmark was run, by
whoever wrote the list of synonyms too. Baseline is the lookup itself, by key: 1 by definition. With `--vectors`
predicates may also be recognised by the text encoder.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import insert

from benchmarks.rows import Row, print_rows, write_rows
from benchmarks.shared_data import shared_data
from chiasm.catalog.models import Domain, Entity, Predicate, Space, Triple
from chiasm.client.embedded import EmbeddedBackend, OpenHome, init_home
from chiasm.settings import load_settings

__all__ = ["LABELS", "NATURAL", "main"]

#: Predicate of Wikidata: its label.
LABELS = {
    "P17": "country",
    "P19": "place of birth",
    "P20": "place of death",
    "P26": "spouse",
    "P27": "country of citizenship",
    "P30": "continent",
    "P35": "head of state",
    "P37": "official language",
    "P40": "child",
    "P69": "educated at",
    "P101": "field of work",
    "P102": "member of political party",
    "P106": "occupation",
    "P108": "employer",
    "P112": "founded by",
    "P119": "place of burial",
    "P135": "movement",
    "P136": "genre",
    "P138": "named after",
    "P140": "religion",
    "P159": "headquarters location",
    "P161": "cast member",
    "P172": "ethnic group",
    "P264": "record label",
    "P361": "part of",
    "P451": "unmarried partner",
    "P463": "member of",
    "P495": "country of origin",
    "P509": "cause of death",
    "P530": "diplomatic relation",
    "P551": "residence",
    "P737": "influenced by",
    "P740": "location of formation",
    "P749": "parent organization",
    "P800": "notable work",
    "P840": "narrative location",
    "P1050": "medical condition",
    "P1303": "instrument",
    "P1412": "languages spoken, written or signed",
    "P2348": "time period",
    "P3095": "practiced by",
    "P3373": "sibling",
}
#: How people ask for it.
NATURAL = {
    "P17": "In which country is {}?",
    "P19": "Where was {} born?",
    "P20": "Where did {} die?",
    "P26": "Who was {} married to?",
    "P27": "What was the nationality of {}?",
    "P30": "Which continent does {} lie on?",
    "P35": "Who leads {}?",
    "P37": "Which language is official in {}?",
    "P40": "Who are the sons and daughters of {}?",
    "P69": "Where did {} study?",
    "P101": "In what field did {} work?",
    "P102": "Which party did {} belong to?",
    "P106": "What did {} do for a living?",
    "P108": "Who did {} work for?",
    "P112": "Who founded {}?",
    "P119": "Where is {} buried?",
    "P135": "Which artistic movement was {} a part of?",
    "P136": "What kind of music or art does {} make?",
    "P138": "Who or what is {} named for?",
    "P140": "What did {} believe in?",
    "P159": "Where does {} have its head office?",
    "P161": "Who starred in {}?",
    "P172": "Which people does {} belong to by descent?",
    "P264": "Which label released the records of {}?",
    "P361": "What does {} belong to?",
    "P451": "Who lived with {} without being married?",
    "P463": "Which organisations has {} joined?",
    "P495": "Which country does {} come from?",
    "P509": "What did {} die of?",
    "P530": "Which countries does {} have embassies in?",
    "P551": "Where did {} live?",
    "P737": "Who inspired {}?",
    "P740": "Where was {} formed?",
    "P749": "Which organisation owns {}?",
    "P800": "What is {} famous for?",
    "P840": "Where is {} set?",
    "P1050": "Which illness did {} have?",
    "P1303": "What does {} play?",
    "P1412": "Which languages does {} speak?",
    "P2348": "In which age did {} live?",
    "P3095": "Who does {}?",
    "P3373": "Who are the brothers and sisters of {}?",
}
_PLAIN, _PLAIN_VERB = "What is the {label} of {title}?", "What is {title} {label}?"


class Fact(NamedTuple):
    """A statement of the data set."""

    head: str
    relation: str
    tail: str


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", default="test", choices=["valid", "test"])
    parser.add_argument("--vectors", action="store_true", help="let the text encoder recognise predicates")
    parser.add_argument("--limit", type=int, default=None, help="so many pairs, drawn with seed 0")
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    folder = shared_data() / "kg" / "codex-s"
    facts = {split: list(_facts(folder / f"{split}.tsv")) for split in ("train", "valid", "test")}
    titles = dict(line.split("\t")[:2] for line in (folder / "entities.tsv").read_text().splitlines())
    # What has no title cannot be asked for in words.
    pairs = sorted({(fact.head, fact.relation) for fact in facts[arguments.split] if titles.get(fact.head)})
    if arguments.limit:
        pairs = sorted(random.Random(0).sample(pairs, min(arguments.limit, len(pairs))))
    with tempfile.TemporaryDirectory() as made:
        settings = load_settings(Path(made) / "home")
        init_home(settings)
        home = OpenHome(settings)
        fill(home, [fact for some in facts.values() for fact in some], titles, vectors=arguments.vectors)
        rows = list(measure(home, pairs, [fact for some in facts.values() for fact in some], titles))
        home.close()
    print_rows(rows)
    write_rows(rows, arguments.json)


def fill(home: OpenHome, facts: list[Fact], titles: dict[str, str], *, vectors: bool) -> None:
    """Write entities and statements as rows: what is measured is asking, not ingest."""
    workspace_id = home.catalog.workspace_id("default")
    with home.catalog.write() as session:
        domain = Domain(workspace_id=workspace_id, name="codex")
        session.add(domain)
        session.flush()
        ids, predicates = {}, {}
        for key in sorted({key for fact in facts for key in (fact.head, fact.tail)} | titles.keys()):
            given = {"key": key, "title": titles.get(key) or None, "attributes": {}}
            row = Entity(workspace_id=workspace_id, domain_id=domain.id, **given)
            session.add(row)
            ids[key] = row
        for relation in sorted({fact.relation for fact in facts}):
            predicates[relation] = Predicate(
                workspace_id=workspace_id, name=LABELS[relation].replace(" ", "_")
            )
            session.add(predicates[relation])
        if vectors:
            encoder, spec = _text_encoder(home)
            space = {"kind": "text", "encoder": spec, "stamp": encoder.fingerprint, "dim": encoder.dim}
            session.add(Space(workspace_id=workspace_id, **space))
        session.flush()
        values = [
            {
                "workspace_id": workspace_id,
                "subject_id": ids[fact.head].id,
                "predicate_id": predicates[fact.relation].id,
                "object_id": ids[fact.tail].id,
                "object_ref": f"e:{ids[fact.tail].id}",
            }
            for fact in dict.fromkeys(facts)
        ]
        session.execute(insert(Triple), values)
        home.catalog.bump_revision(session, workspace_id)


def measure(
    home: OpenHome, pairs: list[tuple[str, str]], facts: list[Fact], titles: dict[str, str]
) -> Iterator[Row]:
    """Hits of each sort of question, and how long one takes."""
    backend = EmbeddedBackend(home)
    right = defaultdict(set)
    for fact in facts:
        right[fact.head, fact.relation].add(fact.tail)
    backend.ask("what is this?", k=1)
    for sort in ("plain", "natural", "typo"):
        first, ten, spent, linked = [], [], [], []
        for number, (head, relation) in enumerate(pairs):
            question = _question(sort, number, titles.get(head) or head, relation)
            began = time.perf_counter()
            answer = backend.ask(question, k=10)
            spent.append((time.perf_counter() - began) * 1000.0)
            keys = [one.get("key") for one in answer["answers"]]
            expected = right[head, relation]
            first.append(bool(keys) and keys[0] in expected)
            ten.append(any(key in expected for key in keys))
            linked.append(any(one["key"] == head for one in answer["understood"]["mentions"][:1]))
        n = len(pairs)
        yield Row(f"ask_{sort}_hits1", float(np.mean(first)), baseline="exact lookup 1.000", n=n)
        yield Row(f"ask_{sort}_hits10", float(np.mean(ten)), baseline="exact lookup 1.000", n=n)
        yield Row(f"ask_{sort}_entity", float(np.mean(linked)), baseline="the entity that was meant", n=n)
        low, high = np.quantile(spent, (0.05, 0.95))
        yield Row(f"ask_{sort}_p50_ms", float(np.median(spent)), "ms", spread=(float(low), float(high)), n=n)


def _question(sort: str, number: int, title: str, relation: str) -> str:
    if sort == "natural":
        return NATURAL[relation].format(title)
    label = LABELS[relation]
    template = _PLAIN_VERB if label.split()[-1] in ("after", "at", "by", "of") else _PLAIN
    return template.format(label=label, title=_misspelt(title, number) if sort == "typo" else title)


def _misspelt(title: str, seed: int) -> str:
    """The title with two neighbouring letters of its longest word swapped, the first one left alone."""
    word = max(title.split(), key=len)
    places = [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]]
    if len(word) < 4 or not places:
        return title
    at = random.Random(seed).choice(places)
    return title.replace(word, word[:at] + word[at + 1] + word[at] + word[at + 2 :], 1)


def _facts(file: Path) -> Iterator[Fact]:
    for line in file.read_text(encoding="utf-8").splitlines():
        yield Fact(*line.split("\t"))


def _text_encoder(home: OpenHome) -> tuple:
    from chiasm.models import default_encoders

    spec = default_encoders(home.settings)["text"]
    return home.models.encoder(spec), spec


if __name__ == "__main__":
    main()
