"""Which picture each experiment has, and the pictures that only one of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from netvet.report.figures.experiments import (
    Drawn,
    about,
    batch_size,
    differences,
    early,
    growth,
    losses_of_arms,
    lr_range,
    rescue,
    schedule,
    screened,
    trained_arms,
    twins,
)
from netvet.report.figures.predictions import number_of
from netvet.report.figures.spec import Cloud, axis
from netvet.report.figures.trials import (
    TRIAL_STEPS,
    Record,
    Spread,
    fan,
    finite,
    level,
    listed,
    mapped,
    plot,
    score_axis,
    spreads,
    word_of,
)

# Labels up to which a table of answers is still read, by class.
CLASSES = 30


def initial_loss(record: Record, evidence: Record) -> Drawn:
    """The first loss of each seed beside that of a blind guess."""
    seeds = [Spread(f"seed {i}", number_of(v)) for i, v in enumerate(listed(evidence.get("measured")))]
    words = {"even": "an even guess", "prior": "the shares of the classes", "zero": "always zero", "mean": "the mean"}
    blind = [Spread(words.get(n, n), number_of(v)) for n, v in mapped(evidence.get("expected")).items()]
    text = "Loss before the first update, by seed, beside what a blind answer would have. Healthy: about as high."
    yield from spreads(
        about(record, "loss", "loss at the start", text), "answer", axis("loss", "loss"),
        {"measured": (seeds, "train"), "blind answers": (blind, "reference")},
    )  # fmt: skip


def final_bias(record: Record, evidence: Record) -> Drawn:
    """Training with and without the final bias that the targets ask for."""
    pairs = {"as it is": ("before", "curve_before"), "with the bias that fits": ("after", "curve_after")}
    drawn = [
        fan(
            name,
            [(range(len(listed(evidence.get(key)))), listed(evidence.get(key)))],
            "reference" if n == 0 else "helped",
        )
        for n, (name, (_, key)) in enumerate(pairs.items())
    ]
    text = "Mean training loss with the final bias as it is and as the shares or the mean of the targets ask for."
    yield from plot(about(record, "curves", "training", text), TRIAL_STEPS, axis("loss", "loss"), drawn)
    first = [Spread(name, number_of(evidence.get(key))) for name, (key, _) in pairs.items()]
    yield from spreads(
        about(record, "start", "first loss", "Loss of the first step with each."), "bias", axis("loss", "loss"),
        {"loss": (first, "train")},
    )  # fmt: skip


def determinism(record: Record, evidence: Record) -> Drawn:
    """Two trainings from one seed."""
    runs = [listed(run) for run in listed(evidence.get("losses"))]
    drawn = [
        fan(f"training {n + 1}", [(range(len(run)), run)], "train" if n == 0 else "val") for n, run in enumerate(runs)
    ]
    if len(drawn) == 2 and drawn[1] is not None:
        drawn[1]["style"] = "dash"
    text = "Losses of two trainings from one seed. Healthy: one curve, as they are equal."
    yield from plot(about(record, "curves", "twice from one seed", text), TRIAL_STEPS, axis("loss", "loss"), drawn)


def one_by_one(record: Record, evidence: Record) -> Drawn:
    """How far the output of each sample alone is from that in its batch."""
    gaps = [g for g in listed(evidence.get("gaps")) if isinstance(g, Mapping)]
    found = [Spread(f"sample {g.get('sample')}", number_of(g.get("gap"))) for g in gaps]
    positive = bool(found) and all(one.mean is not None and one.mean > 0 for one in found)
    text = (
        "Largest difference between the outputs of a sample alone and in its batch, in standard deviations of the "
        "outputs. Healthy: rounding, below a thousandth."
    )
    y = axis("difference", "standard deviations", log=positive)
    yield from spreads(
        about(record, "gaps", "difference of outputs", text), "sample of the batch", y, {"gap": (found, "other")}
    )  # fmt: skip


def pretrained(record: Record, evidence: Record) -> Drawn:
    """Statistics of what enters a loaded network, beside those of ImageNet where it takes colour images."""
    inputs, usual = mapped(evidence.get("inputs")), mapped(evidence.get("imagenet"))
    for part in ("mean", "std"):
        own = [Spread(f"channel {i}", number_of(v)) for i, v in enumerate(listed(inputs.get(part)))]
        other = [Spread(f"channel {i}", number_of(v)) for i, v in enumerate(listed(usual.get(part)))]
        series = {"first batch": (own, "train")} | ({"ImageNet": (other, "reference")} if len(own) == 3 else {})
        text = f"The {part} of each channel of what enters the loaded network. Healthy: as when it was trained."
        yield from spreads(
            about(record, part, f"{part} of the inputs", text), "channel", axis(part, "input units"), series
        )


def baselines(record: Record, evidence: Record) -> Drawn:
    """The model beside answers that need no network."""
    model, spans = mapped(evidence.get("model")), mapped(evidence.get("intervals"))
    word = "the trained model" if model.get("trained") else f"the net after {evidence.get('steps')} steps"
    own = [_with(word, model.get("score"), model.get("interval"))]
    others = [_with(name, value, spans.get(name)) for name, value in mapped(evidence.get("scores")).items()]
    text = "Score on the same held-out samples, with its interval. Healthy: the network is clearly ahead."
    yield from spreads(
        about(record, "scores", "network against baselines", text), "predictor", score_axis(evidence.get("score")),
        {"network": (own, "val"), "baselines": (others, "reference")},
    )  # fmt: skip


def _with(name: str, value: object, span: object) -> Spread:
    low, high = (number_of(v) for v in (*listed(span), None, None)[:2])
    return Spread(name, number_of(value), low, high)


def whole_evaluation(record: Record, evidence: Record) -> Drawn:
    """The score of each batch beside that of all samples at once."""
    each = [Spread(f"batch {i + 1}", number_of(v)) for i, v in enumerate(listed(evidence.get("each")))]
    known = [one.mean for one in each if one.mean is not None]
    mean = [Spread("mean of the batches", sum(known) / len(known))] if known else []
    whole = [Spread.of("all samples", evidence, "whole")]
    text = "Score of each evaluation batch, their mean, and the score of all samples at once with its 95 % interval."
    yield from spreads(
        about(record, "scores", "batches against all", text), "samples", score_axis(evidence.get("name")),
        {"batches": (each[:CLASSES] + mean, "reference"), "all": (whole, "val")},
    )  # fmt: skip


def overfit_batch(record: Record, evidence: Record) -> Drawn:
    """Losses on a few samples that are to be learned by heart, and what was answered of them in the end."""
    reached = [r for r in listed(evidence.get("reached")) if isinstance(r, Mapping)]
    # The last amount is the one at which it failed.
    for one in reversed(reached) if record.get("verdict") == "failed" else reached:
        what = f"{one.get('samples')} samples" if one.get("samples") else "one batch"
        every = number_of(one.get("every")) or 1
        losses = listed(one.get("losses"))
        places = [every * i for i in range(len(losses))]
        drawn = [fan("loss", [(places, losses)], "train"), level("lowest possible", one.get("lowest"), places, "limit")]
        text = (
            f"Training loss on {what}, again and again, with regularisation off. Healthy: down to the lowest possible."
        )
        said = about(record, f"loss-{word_of(what)}", f"loss on {what}", text)
        yield from plot(said, TRIAL_STEPS, axis("loss", "loss"), drawn)
        yield from _answers(record, one, what)


def _answers(record: Record, one: Record, what: str) -> Drawn:
    """Labels against predictions: a table of classes, or points for numbers."""
    wanted, said = (listed(one.get(name)) for name in ("wanted", "predicted"))
    if not wanted or len(wanted) != len(said) or any(isinstance(v, list | tuple) for v in (*wanted, *said)):
        return
    text = f"What the network answers in the end, of the first of {what}. Healthy: all on the diagonal."
    frame = about(record, f"answers-{word_of(what)}", f"labels and predictions, {what}", text)
    if all(isinstance(v, int) for v in (*wanted, *said)):
        names = sorted({*wanted, *said})
        if len(names) <= CLASSES:
            seen = Counter(zip(wanted, said, strict=True))
            counts: list[list[float | None]] = [[float(seen[row, column]) for column in names] for row in names]
            yield {
                **frame, "kind": "matrix", "row_axis": "label", "column_axis": "prediction",
                "rows": [str(n) for n in names], "columns": [str(n) for n in names], "values": counts,
                "unit": "samples", "diagonal": True,
            }  # fmt: skip
            return
    pairs = [(a, b) for a, b in ((number_of(x), number_of(y)) for x, y in zip(wanted, said, strict=True))
             if a is not None and b is not None]  # fmt: skip
    cloud: Cloud = {
        "name": "samples", "x": [a for a, _ in pairs], "y": [b for _, b in pairs], "names": [""] * len(pairs),
        "role": "train",
    }  # fmt: skip
    if pairs:
        x, y = axis("label", "target units"), axis("prediction", "target units")
        yield {**frame, "kind": "points", "x": x, "y": y, "clouds": [cloud], "diagonal": True}


def capacity(record: Record, evidence: Record) -> Drawn:
    """The network with and without units beside it."""
    yield from trained_arms(record, mapped(evidence.get("curves")))
    words = {"plain": "as it is", "more": "with more capacity", "as_narrow": "with a network as narrow beside"}
    ends = [Spread.over(word, evidence[key]) for key, word in words.items() if evidence.get(key)]
    first = [Spread("first loss", number_of(evidence.get("start")))]
    text = "Training loss at the end: mean over the seeds, and their range. Healthy: more capacity, less loss."
    yield from spreads(
        about(record, "arms", "loss by capacity", text), "network", axis("loss", "loss"),
        {"at the end": (ends, "train"), "at the start": (first, "reference")},
    )  # fmt: skip
    yield from differences(record, {"more capacity": evidence.get("comparison")}, "loss")


def simple_twin(record: Record, evidence: Record) -> Drawn:
    """Network and plain network, each with its inputs and with zeros."""
    words = {"own": "the network", "twin": "a plain network"}
    series = {
        word: ([Spread.over(name, mapped(evidence.get(key)).get(arm)) for key, name in words.items()], role)
        for word, arm, role in (("with inputs", "with_inputs", "val"), ("inputs zeroed", "without", "reference"))
    }
    text = "What each comes to on held-out data: mean over the seeds, and their range. Healthy: far better with inputs."
    yield from spreads(
        about(record, "scores", "with and without inputs", text), "network", axis("score (or negative loss)"), series
    )  # fmt: skip


def known_data(record: Record, evidence: Record) -> Drawn:
    """Training on data that can be learned, and how good the network is at them then."""
    losses = listed(evidence.get("losses"))
    drawn = fan("loss", [(range(len(losses)), losses)], "train")
    text = f"Training loss of the network on {evidence.get('data')}, which can be learned. Healthy: it falls."
    yield from plot(about(record, "loss", "loss on known data", text), TRIAL_STEPS, axis("loss", "loss"), [drawn])
    own, chance = [Spread.of("network", evidence, "accuracy")], [Spread("chance", number_of(evidence.get("chance")))]
    text = "Share of held-out known samples that are right, with its 95 % interval. Healthy: far above chance."
    yield from spreads(
        about(record, "accuracy", "accuracy on known data", text), "answer", axis("accuracy", "share"),
        {"network": (own, "val"), "chance": (chance, "reference")},
    )  # fmt: skip


def augmentation(record: Record, evidence: Record) -> Drawn:
    """What nets that were trained with and without augmentation know, and of what."""
    words = {
        "clean": "trained on clean, asked of clean", "asked": "trained on clean, asked of augmented",
        "other": "trained on augmented, asked of clean",
    }  # fmt: skip
    counts = [finite(row) for row in listed(evidence.get("counts"))]
    if 1 < len(counts) <= CLASSES and all(len(row) == len(counts) for row in counts):
        names = [str(k) for k in range(len(counts))]
        text = (
            "Augmented samples by label and by the answer of a net that was trained on clean ones. Healthy: on the "
            "diagonal; a large number beside it is a class that augmentation turns into another."
        )
        yield {
            **about(record, "confusion", "answers to augmented samples", text), "kind": "matrix", "row_axis": "label",
            "column_axis": "prediction", "rows": names, "columns": names, "values": [list(row) for row in counts],
            "unit": "samples", "diagonal": True,
        }  # fmt: skip
    found = [Spread.over(word, evidence.get(key)) for key, word in words.items() if key in evidence]
    text = "Share of right answers: mean over the seeds, and their range. Healthy: augmentation costs little, or helps."
    yield from spreads(
        about(record, "accuracy", "clean and augmented samples", text), "net", axis("accuracy", "share"),
        {"accuracy": (found, "val")},
    )  # fmt: skip


def ensemble(record: Record, evidence: Record) -> Drawn:
    """What the mean of several nets brings."""
    gaps = {
        f"mean of {evidence.get('members')} nets": evidence.get("seeds"),
        "snapshots of one": evidence.get("snapshots"),
    }
    found = [Spread.of(name, one) for name, one in gaps.items() if isinstance(one, Mapping)]
    text = "Gain over single nets on held-out data, with its 95 % interval. Above zero an ensemble helps."
    said, y = about(record, "gain", "gain of an ensemble", text), score_axis(evidence.get("measure"), change=True)
    yield from spreads(said, "ensemble", y, {"gain": (found, "other")})


def dropped(record: Record, evidence: Record) -> Drawn:
    """Which samples reach the outputs of which, and how far padding does."""
    pairs = [listed(pair) for pair in listed(evidence.get("mixing"))]
    if pairs:
        rows: list[list[str | float | None]] = [[_cell(v) for v in (*pair, None, None)[:2]] for pair in pairs]
        text = "Inputs that reach outputs of other samples. Healthy: there are none."
        yield {
            **about(record, "mixing", "mixed samples", text),
            "kind": "table",
            "columns": ["of", "reaches"],
            "rows": rows,
        }
    later = finite(mapped(evidence.get("future")).get("later"))
    if later:
        found = [Spread(f"{int(step)}", 1.0) for step in later[:CLASSES]]
        text = f"Later inputs that reach the output of position {mapped(evidence.get('future')).get('time')}."
        said = about(record, "future", "a look into the future", text)
        yield from spreads(said, "position", axis("reaches"), {"input": (found, "worse")})


def _cell(value: object) -> str | float | None:
    return number_of(value) if isinstance(value, int | float) else None if value is None else str(value)


Draw = Callable[[Record, Record], Drawn]
DRAWN: dict[str, Sequence[Draw]] = {
    "initial-loss": (initial_loss,),
    "final-bias": (final_bias,),
    "determinism": (determinism,),
    "dependencies": (dropped,),
    "one-by-one": (one_by_one,),
    "pretrained": (pretrained,),
    "input-independent": (twins,),
    "shuffled-labels": (twins,),
    "baselines": (baselines,),
    "whole-evaluation": (whole_evaluation,),
    "overfit-batch": (overfit_batch,),
    "capacity": (capacity,),
    "simple-twin": (simple_twin,),
    "known-data": (known_data,),
    **dict.fromkeys(("activation-trial", "depth-trial", "optimizer-trial", "momentum-trial"), (rescue,)),
    "augmentation": (augmentation,),
    "learning-curve": (growth("sizes", "training samples"),),
    "early-stopping": (early,),
    **dict.fromkeys(
        ("dropout-trial", "weight-decay-trial", "augmentation-trial", "model-size", "smaller-batch", "smaller-input",
         "distillation"), (screened,),
    ),
    "lr-range": (lr_range,),
    **dict.fromkeys(("adam-safe", "ablation"), (losses_of_arms,)),
    "schedule": (schedule,),
    "batch-size": (batch_size,),
    "ensemble": (ensemble,),
    "leave-it-training": (growth("steps", "optimizer steps of the trial"),),
}  # fmt: skip
