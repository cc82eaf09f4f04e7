# ruff: noqa: E501 (printed lines are as wide as they are printed)
"""The rows of a training as scripts and libraries print them: nineteen styles."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta


def have(r, *ks):
    return [k for k in ks if k in r]


def total(rows):
    return int(max([r.get("epoch", 0) for r in rows] + [0]))


def stepped(rows):
    return any("step" in r for r in rows)


def last(rows):
    return int(max(r.get("step", 0) for r in rows))


T0 = datetime(2026, 3, 4, 9, 58, 3, 123000)


def ts(i):
    return T0 + timedelta(seconds=7 * i)


def nanogpt(rows):
    out = [
        "tokens per iteration will be: 16,384",
        "found vocab_size = 65 (inside data/char/meta.pkl)",
        "Initializing a new model from scratch",
        "number of parameters: 10.65M",
        "num decayed parameter tensors: 26, with 10,740,096 parameters",
        "using fused AdamW: True",
        "compiling the model... (takes a ~minute)",
    ]
    seen = None
    for i, r in enumerate(rows):
        s = int(r.get("step", r.get("epoch", i)))
        if "loss" in r:
            seen = r["loss"]
        if "val_loss" in r:
            out.append(
                f"step {s}: train loss {seen if seen is not None else float('nan'):.4f}, val loss {r['val_loss']:.4f}"
            )
            if i % 3 == 0:
                out.append("saving checkpoint to out-char")
        if "loss" in r:
            out.append(f"iter {s}: loss {r['loss']:.4f}, time {27 + i % 5:.2f}ms, mfu {1.23 if i else -100:.2f}%")
    return out


def bar(name, at, of, said):
    share = at / of
    return f"\r{name}: {share:4.0%}|{'█' * int(10 * share):10}| {at}/{of} [00:01<00:02, 30.12it/s, {said}]"


def tqdm_r(rows):
    if stepped(rows):
        names = [have(r, "loss", "val_loss", "acc", "val_acc", "lr") for r in rows]
        said = [", ".join(f"{k}={r[k]:.4g}" for k in own) for r, own in zip(rows, names, strict=True)]
        return ["".join(bar("training", int(r["step"]), last(rows) + 1, t) for r, t in zip(rows, said, strict=True))]
    out = []
    for r in rows:
        name = f"Epoch {int(r['epoch'])}/{total(rows)}"
        out.append("".join(bar(name, b, 19, f"loss={r['loss'] * (1 + 0.02 * (19 - b)):.4f}") for b in range(20)))
        out.append(" ".join(f"{k}: {r[k]:.4f}" for k in have(r, "loss", "acc", "val_loss", "val_acc")))
    return out


def keras(rows):
    out = []
    if stepped(rows):
        rows = [{**r, "epoch": i + 1} for i, r in enumerate(merged(rows))]
    n = len(rows)
    for i, r in enumerate(rows):
        out.append(f"Epoch {i + 1}/{n}")
        s = f"loss: {r['loss']:.4f}" + (f" - accuracy: {r['acc']:.4f}" if "acc" in r else "")
        v = (f" - val_loss: {r['val_loss']:.4f}" if "val_loss" in r else "") + (
            f" - val_accuracy: {r['val_acc']:.4f}" if "val_acc" in r else ""
        )
        a = "accuracy: 0.2500 - " if "acc" in r else ""
        out.append(
            f"\r 1/19 [>.............................] - ETA: 2s - {a}loss: {r['loss'] * 1.1:.4f}\r19/19 [==============================] - 0s 3ms/step - {s}{v}"
            if i % 2
            else f"\x1b[1m19/19\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 3ms/step - {s}{v}"
        )
    return out


def merged(rows):
    """step rows -> one row per evaluation"""
    out = []
    acc = []
    ac = []
    lrs = None
    for r in rows:
        if "loss" in r:
            acc.append(r["loss"])
            lrs = r.get("lr")
            r.get("grad_norm")
        if "acc" in r and "loss" in r:
            ac.append(r["acc"])
        if "val_loss" in r and acc:
            q = dict(r.items())
            q["loss"] = sum(acc) / len(acc)
            if ac:
                q["acc"] = sum(ac) / len(ac)
            if lrs is not None:
                q.setdefault("lr", lrs)
            out.append(q)
            acc = []
            ac = []
    return out or [r for r in rows if "loss" in r]


def fastai(rows):
    if stepped(rows):
        rows = [{**r, "epoch": i} for i, r in enumerate(merged(rows))]
    cols = [("epoch", "epoch"), ("train_loss", "loss"), ("valid_loss", "val_loss"), ("accuracy", "val_acc")]
    cols = [c for c in cols if c[1] in rows[0] or c[0] == "epoch"]
    out = ["".join(f"{c[0]:<{max(len(c[0]), 8) + 2}}" for c in cols) + "time    "]
    for i, r in enumerate(rows):
        out.append("".join(f"{i:<11d}" if k == "epoch" else f"{r[k]:<11.6f}" for _, k in cols) + f"00:0{i % 9 + 1}   ")
    return out


def yolo(rows):
    if stepped(rows):
        rows = [{**r, "epoch": i + 1} for i, r in enumerate(merged(rows))]
    out = []
    n = len(rows)
    for i, r in enumerate(rows):
        out += [
            "",
            "      Epoch    GPU_mem       loss  Instances       Size",
            f"      {i + 1}/{n}         0G {r['loss']:10.4g}         {20 + i % 7}        640: 100%|██████████| 8/8 [00:02<00:00,  3.5it/s]",
        ]
        if "val_acc" in r:
            out += [
                "               classes   top1_acc   top5_acc: 100%|██████████| 4/4 [00:00<00:00,  6.2it/s]",
                f"                   all {r['val_acc']:10.3g}          1",
            ]
    return out


def logging_style(rows):
    out = []
    for i, r in enumerate(rows):
        p = f"{ts(i).strftime('%Y-%m-%d %H:%M:%S,%f')[:-3]} - train - INFO - "
        head = (
            f"Epoch: {int(r['epoch'])}" if "epoch" in r and "step" not in r else f"[Step {int(r.get('step', i)):>6d}]"
        )
        b = []
        if "loss" in r:
            b.append(f"Train Loss: {r['loss']:.3f}")
        if "acc" in r:
            b.append(f"Train Acc: {100 * r['acc']:.2f}%")
        if "val_loss" in r:
            b.append(f" Val. Loss: {r['val_loss']:.3f}")
        if "val_acc" in r:
            b.append(f" Val. Acc: {100 * r['val_acc']:.2f}%")
        if "lr" in r and "loss" in r:
            b.append(f"LR: {r['lr']:.2e}")
        out.append(p + head + " | " + " | ".join(b))
    return out


def jsonl(rows):
    return [
        json.dumps(
            {
                "time": ts(i).isoformat(),
                "level": "INFO",
                **{("accuracy" if k == "acc" else k): (v if math.isfinite(v) else str(v)) for k, v in r.items()},
            }
        )
        for i, r in enumerate(rows)
    ]


def epoch_only(rows):
    if stepped(rows):
        rows = [{**r, "epoch": i} for i, r in enumerate(merged(rows))]
    return (
        ["Starting training..."]
        + [
            f"Epoch {int(r['epoch'])}, loss {r['loss']:.3f}"
            + (f", val {r['val_loss']:.3f}" if "val_loss" in r else "")
            + (f" ({100 * r['val_acc']:.1f}%)" if "val_acc" in r else "")
            for r in rows
        ]
        + ["Done!"]
    )


def mnist(rows):
    out = []
    if stepped(rows):
        rows = [{**r, "epoch": i + 1} for i, r in enumerate(merged(rows))]
    for r in rows:
        e = int(r["epoch"])
        for b in range(0, 20, 5):
            value = r["loss"] * (1 + 0.02 * (15 - b))
            out += [f"Train Epoch: {e} [{b * 64}/1200 ({100 * b / 19:.0f}%)]\tLoss: {value:.6f}"]
        if "val_loss" in r:
            out += [
                "",
                f"Test set: Average loss: {r['val_loss']:.4f}"
                + (
                    f", Accuracy: {round(400 * r['val_acc'])}/400 ({100 * r['val_acc']:.0f}%)" if "val_acc" in r else ""
                ),
                "",
            ]
    return out


def k(x):
    return f"{x / 1e6:.2f}M" if x >= 1e6 else f"{x / 1e3:.1f}k" if x >= 1e3 else str(int(x))


def suffixed(rows):
    out = ["model: 1.2M parameters, dataset 45k samples"]
    for i, r in enumerate(rows):
        s = r.get("step", r.get("epoch", i))
        b = (
            [
                f"{n} {r[q]:.4f}"
                for n, q in (("loss", "loss"), ("val_loss", "val_loss"), ("acc", "acc"), ("val_acc", "val_acc"))
                if q in r
            ]
            + ([f"lr {r['lr']:.1e}"] if "lr" in r else [])
            + ([f"gnorm {r['grad_norm']:.2f}"] if "grad_norm" in r else [])
        )
        out.append(
            f"step {k(s) if 'step' in r else int(s)} | tokens {k(s * 16384)} | "
            + " | ".join(b)
            + f" | {12.3 + i % 3:.1f}k tok/s"
        )
    return out


def keyvalue(rows):
    out = []
    for i, r in enumerate(rows):
        out.append(
            f"{ts(i).strftime('%Y-%m-%d %H:%M:%S.%f')[:-3]} | INFO     | __main__:train:{88} - "
            + " ".join(
                [f"epoch={int(r['epoch'])}" if "epoch" in r and "step" not in r else f"step={int(r.get('step', i))}"]
                + [
                    f"{'train_' if q in ('loss', 'acc') else ''}{q}={r[q]:.5f}"
                    for q in have(r, "loss", "acc", "val_loss", "val_acc", "grad_norm")
                ]
                + ([f"lr={r['lr']:.6g}"] if "lr" in r else [])
            )
        )
    return out


def imagenet(rows):
    if stepped(rows):
        rows = [{**r, "epoch": i} for i, r in enumerate(merged(rows))]
    out = []
    for i, r in enumerate(rows):
        run = 0
        for b in range(0, 20, 6):
            v = r["loss"] * (1 + 0.03 * (18 - b))
            run = (run * b / 6 + v) / (b / 6 + 1)
            a = (
                f"\tAcc@1 {100 * r['acc']:6.2f} ({100 * r['acc']:6.2f})\tAcc@5 {min(100, 130 * r['acc']):6.2f} ({min(100, 130 * r['acc']):6.2f})"
                if "acc" in r
                else ""
            )
            out.append(
                f"Epoch: [{i}][{b:3d}/ 20]\tTime  0.{123 + b} ( 0.140)\tData  0.012 ( 0.020)\tLoss {v:.4e} ({run:.4e}){a}"
            )
        if "val_loss" in r:
            out.append(f"Test: [ 0/10]\tTime  0.050 ( 0.050)\tLoss {r['val_loss']:.4e} ({r['val_loss']:.4e})")
            if "val_acc" in r:
                out.append(f" *   Acc@1 {100 * r['val_acc']:.3f} Acc@5 {min(100, 130 * r['val_acc']):.3f}")
    return out


def hf(rows):
    n = total(rows) or 3
    L = last(rows) or 1
    out = []
    for i, r in enumerate(rows):
        e = round(r["epoch"] if "epoch" in r and "step" not in r else n * r.get("step", i) / L, 2)
        if "loss" in r:
            out.append(
                str(
                    {
                        "loss": round(r["loss"], 4),
                        **({"grad_norm": r["grad_norm"]} if "grad_norm" in r else {}),
                        **({"learning_rate": r["lr"]} if "lr" in r else {}),
                        "epoch": e,
                    }
                )
            )
        if "val_loss" in r:
            out.append(
                str(
                    {
                        "eval_loss": round(r["val_loss"], 4),
                        **({"eval_accuracy": r["val_acc"]} if "val_acc" in r else {}),
                        "eval_runtime": 0.51,
                        "eval_samples_per_second": 800.1,
                        "epoch": e,
                    }
                )
            )
    out.append(str({"train_runtime": 12.1, "train_samples_per_second": 100.2, "train_loss": 0.5, "epoch": float(n)}))
    return out


def mmdet(rows):
    out = []
    for i, r in enumerate(rows):
        p = ts(i).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3] + " - mmcls - INFO - "
        e = int(r.get("epoch", 1 + r.get("step", 0) // 100))
        b = int(r.get("step", 0) % 100)
        if "loss" in r:
            out.append(
                p
                + f"Epoch [{e}][{b + 1}/100]\tlr: {r.get('lr', 1e-3):.3e}, eta: 1:02:03, time: 0.511, data_time: 0.101, memory: 3121, loss: {r['loss']:.4f}"
                + (f", grad_norm: {r['grad_norm']:.4f}" if "grad_norm" in r else "")
            )
        if "val_acc" in r:
            out.append(p + f"Epoch(val) [{e}][10]\taccuracy_top-1: {100 * r['val_acc']:.4f}")
    return out


def rich_table(rows):
    if stepped(rows):
        rows = [{**r, "epoch": i} for i, r in enumerate(merged(rows))]
    c = ["epoch", *have(rows[0], "loss", "acc", "val_loss", "val_acc")]
    n = {"loss": "train loss", "acc": "train acc", "val_loss": "val loss", "val_acc": "val acc"}
    out = ["| " + " | ".join(n.get(q, q) for q in c) + " |", "|" + "|".join("---" for _ in c) + "|"]
    return out + ["| " + " | ".join(f"{int(r[q])}" if q == "epoch" else f"{r[q]:.4f}" for q in c) + " |" for r in rows]


def lightgbm(rows):
    return [
        f"[{int(r.get('epoch', i))}]\ttraining's multi_logloss: {r['loss']:.6f}\tvalid_1's multi_logloss: {r['val_loss']:.6f}"
        for i, r in enumerate(merged(rows) if stepped(rows) else rows)
        if "val_loss" in r
    ]


def two_lines(rows):
    if stepped(rows):
        rows = [{**r, "epoch": i} for i, r in enumerate(merged(rows))]
    n = len(rows) - 1
    out = []
    for i, r in enumerate(rows):
        out += [
            f"Epoch {i}/{n}",
            "----------",
            f"train Loss: {r['loss']:.4f}" + (f" Acc: {r['acc']:.4f}" if "acc" in r else ""),
        ]
        if "val_loss" in r:
            out += [f"val Loss: {r['val_loss']:.4f}" + (f" Acc: {r['val_acc']:.4f}" if "val_acc" in r else "")]
        out.append("")
    return [*out, "Training complete in 2m 13s", f"Best val Acc: {max(r.get('val_acc', 0) for r in rows):4f}"]


def fairseq(rows):
    if stepped(rows):
        rows = [{**r, "epoch": i + 1} for i, r in enumerate(merged(rows))]
    out = []
    for i, r in enumerate(rows):
        p = ts(i).strftime("%Y-%m-%d %H:%M:%S")
        out.append(
            f"{p} | INFO | train | epoch {i + 1:03d} | loss {r['loss']:.3f} | ppl {2 ** min(r['loss'], 60):.2f} | wps 12345.6 | num_updates {19 * (i + 1)} | lr {r.get('lr', 1e-3):.4g} | clip 0 | train_wall 12 | wall {13 * i}"
        )
        if "val_loss" in r:
            out.append(
                f"{p} | INFO | valid | epoch {i + 1:03d} | valid on 'valid' subset | loss {r['val_loss']:.3f} | ppl {2 ** min(r['val_loss'], 60):.2f} | wps 0 | num_updates {19 * (i + 1)} | best_loss {r['val_loss']:.3f}"
            )
    return out


def csv_style(rows):
    c = list(dict.fromkeys(q for r in rows for q in r))
    return [",".join(c)] + [",".join(str(r.get(q, "")) for q in c) for r in rows]


STYLES = {
    f.__name__: f
    for f in (csv_style, nanogpt, tqdm_r, keras, fastai, yolo, logging_style, jsonl, epoch_only, mnist, suffixed, keyvalue,
              imagenet, hf, mmdet, rich_table, lightgbm, two_lines, fairseq)
}  # fmt: skip
