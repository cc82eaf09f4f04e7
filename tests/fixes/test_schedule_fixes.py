"""Fixes of schedules and of the settings of optimizers."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

LOOP = """
    import torch
    opt = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.5)  # made
    sched = torch.optim.lr_scheduler.StepLR(opt, 1, gamma=0.1)
    for epoch in range(args.epochs):
        for x, y in loader:
            loss.backward()
            if opt is not None:
                opt.step()
                sched.step()
    """


def facts_of(code, cls="StepLR", per="batch", **scheduler):
    record = code.at("lr_scheduler") | {"cls": cls, "per": per, "steps": 60} | scheduler
    if per != "never":
        record |= code.at("sched.step()", "step_")
    made = code.at("# made") | code.at("opt.step()", "step_")
    made |= {"cls": "SGD", "groups": [{"weight_decay": 0.5, "momentum": 0}]}
    backward = code.at("backward") | code.at("range(", "loop_")
    return {"optimizers": [made], "schedulers": [record], "backwards": [backward]}


def test_schedule_goes_behind_the_batches_under_its_condition(tmp_path):
    code = Code(tmp_path, LOOP)
    text = code.patches("step-per-epoch", **facts_of(code))[0]
    assert text.endswith("            opt.step()\n    if opt is not None:\n        sched.step()\n")


def test_loop_without_epochs_keeps_its_schedule(tmp_path):
    code = Code(tmp_path, LOOP.replace("    for x, y in loader:", "    if True:"))
    with pytest.raises(NotApplicable, match="no epochs"):
        code.patches("step-per-epoch", **facts_of(code))


def test_schedule_goes_behind_the_step(tmp_path):
    code = Code(tmp_path, LOOP.replace("                sched.step()", "        sched.step()"))
    text = code.patches("step-per-batch", **facts_of(code, per="epoch"))[0]
    assert text.endswith("            opt.step()\n            sched.step()\n")


def test_schedule_that_is_never_stepped_is_called_once_an_epoch(tmp_path):
    code = Code(tmp_path, LOOP.replace("                sched.step()\n", ""))
    assert code.patches("call-step", **facts_of(code, per="never", optimizer_steps=60))[0].endswith(
        "            opt.step()\n    sched.step()\n"
    )


@pytest.mark.parametrize(
    ("cls", "given", "new"),
    [
        ("StepLR", "1, gamma=0.1", "20, gamma=0.1"),
        ("MultiStepLR", "[1, 2]", "[30, 45]"),
        ("CosineAnnealingLR", "T_max=3", "T_max=60"),
        ("ExponentialLR", "gamma=0.5", "gamma=0.926119"),
    ],
)
def test_decay_is_stretched_to_the_run(tmp_path, cls, given, new):
    code = Code(tmp_path, LOOP.replace("StepLR(opt, 1, gamma=0.1)", f"{cls}(opt, {given})"))
    assert code.changed("slower-decay", **facts_of(code, cls))[1] == [
        f"sched = torch.optim.lr_scheduler.{cls}(opt, {new})"
    ]


def test_length_is_that_of_the_loop_where_it_is_known(tmp_path):
    code = Code(tmp_path, LOOP.replace("import torch\n", "import torch\n    args = parse()\n"))
    assert code.changed("slower-decay", **facts_of(code, per="epoch"))[1][0].endswith(
        "max(1, args.epochs // 3), gamma=0.1)"
    )


def test_schedule_is_replaced_by_a_constant(tmp_path):
    code = Code(tmp_path, LOOP)
    assert code.changed("constant-lr", **facts_of(code))[1] == [
        "sched = torch.optim.lr_scheduler.ConstantLR(opt, factor=1.0)"
    ]
    cycle = Code(tmp_path, LOOP.replace("StepLR", "OneCycleLR"))
    with pytest.raises(NotApplicable, match="OneCycleLR"):
        cycle.patches("constant-lr", **facts_of(cycle, "OneCycleLR"))


def test_warm_up_works_beside_a_schedule(tmp_path):
    torch = pytest.importorskip("torch")
    code = Code(
        tmp_path,
        """
        import torch
        w = torch.nn.Parameter(torch.zeros(1))
        opt = torch.optim.SGD([w], lr=1.0)  # made
        """,
    )
    text = code.patches("warmup", optimizers=[code.at("# made")], run=[{"steps": 40}])[0]
    scope = {}
    exec(text, scope)
    opt, w = scope["opt"], scope["w"]
    sched = torch.optim.lr_scheduler.StepLR(opt, 5, gamma=0.5)
    moved = []
    for _ in range(6):
        before = w.item()
        w.grad = torch.ones(1)
        opt.step()
        moved.append(round(before - w.item(), 4))
        assert opt.param_groups[0]["lr"] == sched.get_last_lr()[0]
        sched.step()
    assert moved == [0.01, 0.2575, 0.505, 0.7525, 1.0, 0.5]


@pytest.mark.parametrize(
    ("fix", "new"),
    [
        ("usual-momentum", "opt = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.5, momentum=0.9)  # made"),
        ("less-weight-decay", "opt = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.005)  # made"),
        ("more-weight-decay", "opt = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=5)  # made"),
    ],
)
def test_settings_of_the_optimizer(tmp_path, fix, new):
    code = Code(tmp_path, LOOP)
    assert code.changed(fix, **facts_of(code))[1] == [new]


def test_adam_gets_its_defaults_or_becomes_sgd(tmp_path):
    code = Code(tmp_path, "opt = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.5, 0.9), eps=1.0)\n")
    facts = {"optimizers": [code.at("AdamW") | {"cls": "AdamW"}]}
    assert code.changed("default-betas", **facts)[1] == ["opt = torch.optim.AdamW(net.parameters(), lr=1e-3)"]
    assert code.changed("sgd", **facts)[1] == [
        "opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)"
    ]
    assert code.changed("more-weight-decay", **facts)[1][0].endswith("eps=1.0, weight_decay=0.1)")


def test_norms_get_no_decay(tmp_path):
    code = Code(tmp_path, LOOP)
    new = code.changed("no-decay-on-norms", **facts_of(code))[1][0]
    matrices = '{"params": [p for p in net.parameters() if p.ndim > 1]}'
    others = '{"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0}'
    assert new == f"opt = torch.optim.SGD([{matrices}, {others}], lr=0.1, weight_decay=0.5)  # made"


def test_limit_of_the_clipping_follows_the_norm(tmp_path):
    code = Code(tmp_path, "nn.utils.clip_grad_norm_(net.parameters(), 1e-3)\n")
    clip = code.at("clip_grad") | {"kind": "norm", "clipped_after_warmup": 1.0, "norm_median": 1.04}
    assert code.changed("raise-max-norm", clips=[clip])[1] == ["nn.utils.clip_grad_norm_(net.parameters(), 2)"]
    with pytest.raises(NotApplicable):
        code.patches("raise-max-norm", clips=[clip | {"clipped_after_warmup": 0.1}])


def test_half_precision_is_scaled_or_replaced(tmp_path):
    code = Code(
        tmp_path,
        """
        import torch
        opt = torch.optim.SGD(net.parameters(), lr=0.1)  # made
        for x, y in loader:
            with torch.autocast("cuda", dtype=torch.float16):
                loss = net(x)
            loss.backward()
            opt.step()
        """,
    )
    facts = {
        "optimizers": [code.at("# made") | code.at("opt.step", "step_")],
        "backwards": [code.at("backward")], "environment": [{"device": "cuda"}],
        "precision": [{"half_without_scaler": True}],
    }  # fmt: skip
    assert code.changed("bfloat16", **facts)[1] == ['with torch.autocast("cuda", dtype=torch.bfloat16):']
    assert code.changed("grad-scaler", **facts)[1] == [
        'scaler = torch.amp.GradScaler("cuda")', "scaler.scale(loss).backward()", "scaler.step(opt)", "scaler.update()",
    ]  # fmt: skip
