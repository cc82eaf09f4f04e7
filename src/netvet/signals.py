"""The catalogue of signals: what a run can hold, and what each field means.

A signal is a `series` (one number per step), `layers` (one series per layer, parameter, optimizer or call
site), or `facts` (records of JSON types). Steps count completed optimizer steps, all optimizers together.
Records that point at the user's code have `file` and `line`. Any field may be missing or None when it could
not be seen: a check says nothing then. Tensors are summarised as `{shape, dtype, min, max, mean, std,
nonfinite, integral, distinct}` (`distinct`: number of different values, counted up to 1,000).

`cost`: `free` (seen in passing), `step` (a little on every step), `deep` (sampled steps only), `probe`
(once, on a copy).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["series", "layers", "facts"]
Cost = Literal["free", "step", "deep", "probe"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One entry of the catalogue."""

    name: str
    shape: Shape
    unit: str
    cost: Cost
    meaning: str
    fields: Mapping[str, str] = field(default_factory=dict)


def _layers(name: str, unit: str, cost: Cost, meaning: str) -> Signal:
    return Signal(name, "layers", unit, cost, meaning)


def _facts(name: str, cost: Cost, meaning: str, /, **fields: str) -> Signal:
    return Signal(name, "facts", "records", cost, meaning, fields)


_SERIES = (
    _layers("loss", "loss", "step", "Loss given to backward, per backward call site (`train.py:45`); micro-batches of one step averaged; loss scale removed."),
    _layers("val_loss", "loss", "step", "Mean loss of each evaluation pass, weighted by samples, per loss call site; at the step at which the pass began."),
    _layers("train_accuracy", "share", "deep", "Share of samples whose arg-max (or sign, for one logit) is the target, per training loss call site."),
    _layers("val_accuracy", "share", "step", "The same over each evaluation pass, per loss call site."),
    _layers("prediction_top_share", "share", "deep", "Share of the batch that gets the most predicted class, per training loss call site (classification)."),
    _layers("target_top_share", "share", "deep", "Share of the batch that has the most common target class, per training loss call site."),
    _layers("prediction_std", "target units", "deep", "Std over the batch of the prediction, per training loss call site (regression)."),
    _layers("target_std", "target units", "deep", "Std over the batch of the target, per training loss call site (regression)."),
    _layers("lr", "1", "step", "Learning rate used by each step, per optimizer and group (`Adam/0`)."),
    _layers("grad_norm", "loss/weight", "step", "L2 norm of all gradients as the optimizer sees them (after clipping, unscaled), per optimizer."),
    _layers("grad_norm_before_clip", "loss/weight", "step", "The same before clipping, per optimizer; only where the script clips."),
    _layers("loss_scale", "1", "step", "Scale of the GradScaler."),
    _layers("param_norm", "weight", "deep", "L2 norm of each parameter."),
    _layers("param_std", "weight", "deep", "Std of the elements of each parameter."),
    _layers("param_grad_norm", "loss/weight", "deep", "L2 norm of each parameter's gradient (unscaled, as the optimizer sees it)."),
    _layers("update_ratio", "1", "deep", "Norm of the change of each parameter in this step over its norm before."),
    _layers("grad_cosine", "1", "deep", "Cosine between the gradients of two successive steps, per parameter, and `(all)` for all together."),
    _layers("non_finite_grads", "count", "step", "Number of NaN or infinite gradient elements, per parameter; recorded only when there are some."),
    _layers("activation_mean", "activation", "deep", "Mean of each layer's output in training mode."),
    _layers("activation_std", "activation", "deep", "Std of each layer's output in training mode."),
    _layers("dead_unit_share", "share", "deep", "Per ReLU-like layer: share of units (channels) that are zero for every sample of the batch."),
    _layers("saturated_unit_share", "share", "deep", "Per tanh/sigmoid layer: share of units for which more than half of the samples have a derivative below 1 % of its maximum."),
    _layers("attention_entropy", "share of log(keys)", "deep", "Mean entropy of the attention weights, per attention layer, lowest head."),
    _layers("attention_max_logit", "1", "deep", "Largest attention logit, per attention layer."),
    _layers("fixed_batch_flips", "share", "deep", "Share of a fixed batch of training samples whose predicted class changed since the last time it was asked (current weights, eval mode, on a copy)."),
    _layers("fixed_batch_loss", "loss", "deep", "Loss on that fixed batch (current weights, eval mode), per loss call site."),
    Signal("live_graphs", "series", "count", "step", "Number of earlier losses of this run whose autograd graph is still in memory when a step begins."),
    Signal("memory_bytes", "series", "bytes", "step", "Resident memory of the process, sampled."),
    Signal("step_seconds", "series", "s", "step", "Wall time from one optimizer step to the next, sampled."),
)

_LOOP = (
    _facts("run", "free", "One record about the run.", script="path", arguments="list of str", started="ISO time", ended="`ok`, `exception`, `interrupt` or None while running",
           exception="type and message", exception_file="user's file", exception_line="user's line", exception_type="class name", steps="optimizer steps", seconds="wall", epochs="passes over the longest training loader, or None"),
    _facts("environment", "free", "Versions and device.", python="", torch="", device="`cpu`, `cuda`", threads="int"),
    _facts("seeds", "free", "Calls that seed a generator, in order, as seen before the first step.", generator="`torch`, `numpy`, `python`", file="", line="", step="step at which it happened (0: before training)"),
    _facts("optimizers", "free", "One per optimizer.", name="`Adam`, `Adam#2`", cls="class name", file="where it was created", line="", steps="steps taken", last_step="run's step at which it last stepped", step_file="where step is called", step_line="",
           groups="list of {lr, momentum, betas, eps, weight_decay, maximize, parameters: count, names: list}", parameters="list of parameter names it holds (`?` for tensors in no known model)",
           unknown_parameters="held tensors that are in no model that was called", stale_parameters="of these, those that never received a gradient in the run", backward_seen="whether any backward ever filled a gradient it holds",
           models="roots whose parameters it holds", zero_grad_calls="count"),
    _facts("parameters", "free", "One per parameter of every root model that was called in training.", name="", model="root", layer="module path", layer_type="class of its module", shape="", elements="count",
           requires_grad="at the first step", in_optimizer="bool, at any time of the run", optimizer="name", reached="a gradient was ever seen on it", changed="its value ever changed between steps",
           module_called="its module was called in training (None: not seen, functional use possible)", tied_names="other names of the same tensor", loaded="it was filled by load_state_dict before it was trained", drawn_file="line in the function that loaded it at which it was drawn anew, if it was", drawn_line="",
           overwritten="it was filled by load_state_dict and held wholly other values when it was first trained", zero_grad_steps="longest run of deep steps in which its gradient was exactly zero", deep_steps="deep steps seen",
           init_std="", init_mean="", first_frozen_step="step at which requires_grad was first seen False, or None", created_file="user's line that put it into its module, else that made its module", created_line="", init_file="user's line that last set its values before training, if not its layer's own default", init_line="", frozen_file="user's line that set requires_grad to False, where seen", frozen_line=""),
    _facts("modules", "free", "One per module of every root model that was called in training, in the order of definition.", name="module path (root: class name)", model="root", cls="class name", is_leaf="bool",
           training="mode at the first training call", parameters="own elements (not of children)", total_parameters="with children", called="times called in the first training call of the root (None: not seen)", order="position of its first call, or None",
           input_shape="", output_shape="", settings="class-dependent: p, dim, eps, momentum, kernel_size, num_heads, track_running_stats, bias ...", file="where the class of the module is defined, if the user's", line="", created_file="user's line that made the module", created_line="", called_file="user's line that calls the module, if no container does", called_line=""),
    _facts("calls", "free", "One per root model, call site and phase.", model="", phase="`train`, `eval`, `train-mode-no-grad`, `eval-mode-grad`", file="call site", line="", calls="count", first_step="", last_step="",
           modules_in_train_mode="share of modules with training=True", dropout_active="any dropout with p > 0 in training mode", batch_norm_active="any batch norm in training mode", compiled="bool",
           first_eval_to_train="for phase eval-mode-grad: True if the model was in training mode earlier in the run", has_dropout="any dropout with p > 0, whatever its mode", has_batch_norm="the same of batch norm with running statistics", partly="modules in eval mode while the root is in training mode (names, first 20)"),
    _facts("evaluations", "step", "One per evaluation pass: consecutive no-grad calls of a model between training steps that have a loss, an arg-max or a comparison with targets.", exit_file="a return or break below the call in its loop", exit_line="", step="", model="", file="", line="", batches="", samples="", last_batch="samples in the last batch",
           first_batch="samples in the first batch", loader="loader name or None", loader_batches="length of that loader", loader_samples="length of its data set", phase="as in calls", dropout_active="", batch_norm_active="",
           buffers_changed="names of buffers that differ after the pass", parameters_changed="names", rng_changed="bool", mode_before="training flag of the root before", mode_after="training flag when the next training call came",
           loss="mean weighted by samples", loss_of_batch_means="plain mean over batches", accuracy="share over samples", accuracy_of_batch_means="plain mean over batches", loss_site="", scored="how a score was seen: `loss`, `argmax`, `compare`",
           repeats="times that each batch went through the model within the pass, median (above 1: Monte Carlo dropout, test-time augmentation)"),
    _facts("metrics", "deep", "How the script itself scored predictions in the first batches of an evaluation: one per comparison of predictions with targets that was seen.", file="", line="", phase="", op="`argmax`, `max`, `eq`, `round`, `gt`", op_file="where that op is called", op_line="",
           dim="axis of the arg-max", classes_dim="axis of the classes by the loss or the output's shape", prediction_shape="shape of what is compared", target_shape="", broadcast="bool: shapes differ", compared="elements compared", value="share equal as the script computed it",
           correct_value="share recomputed on the same batch, or None", split="`train` or `val`: whether these very samples were trained on"),
    _facts("events", "step", "The order of things in the first 50 steps: one record per event.", step="", kind="`forward`, `loss`, `backward`, `zero_grad`, `clip`, `unscale`, `step`, `scheduler_step`, `scaler_step`, `scaler_update`", target="optimizer, scheduler or model", file="", line="", detail="kind-dependent"),
    _facts("gradient_resets", "step", "Per optimizer: whether its gradients were cleared (zero_grad, None, zeros) between its successive steps.", optimizer="", intervals="intervals between two of its steps that were looked at", not_reset="intervals in which no clearing was seen and old gradients were still there at every backward",
           first_step="first such step", zero_at_step="steps at which every gradient was exactly zero or None although a backward had run since the last step", none_at_step="steps without any gradient at all", file="where step is called", line=""),
    _facts("backwards", "step", "One per backward call site.", file="", line="", calls="", first_step="", made_file="user's line that made a loss without history, in the first steps", made_line="", loop_file="user's outermost running loop", loop_line="", requires_grad="of the loss", has_graph="the loss has a grad_fn", leaf="the loss is a leaf tensor that the script made itself", shape="", first_value="", scaled="by a GradScaler",
           reaches="number of parameters of known models in its graph at the first call", models="roots that it reaches", raised="the error if backward raised", per_step="median calls per optimizer step", optimizers="optimizers that stepped after it"),
    _facts("clips", "step", "One per clipping call site.", file="", line="", kind="`norm` or `value`", max_norm="", calls="", clipped="calls in which the norm was above max_norm (by value: in which it was halved)", clipped_after_warmup="share clipped after the first 10 % of calls", norm_median="before clipping", shortened="median of the norm before clipping over the limit (by value: over the norm after)", parameters="tensors with a gradient handed over at the first call", empty_calls="calls with no gradient at all",
           covers="share of the optimizer's gradient-bearing parameters that were handed over", position="`ok`, `before-backward`, `after-step`, `before-unscale` (of most calls)", norm_after="median global norm seen by the optimizer after it"),
    _facts("schedulers", "step", "One per learning-rate scheduler.", cls="", file="", line="", step_file="", step_line="", optimizer="", steps="calls of step() after construction", optimizer_steps="", per="`batch`, `epoch`, `never`, `other`: how often step() is called", settings="T_max, step_size, gamma, milestones, total_steps ...",
           before_optimizer="step() called before the first optimizer step", horizon="steps after which the declared schedule ends, or None", needs_metric="bool", steps_per_epoch="optimizer steps per pass of the training loader", end_share="lr at the end of the run over its peak"),
    _facts("scalers", "step", "One per GradScaler in use (enabled).", scale_first="", scale_last="", skipped="steps skipped for inf", steps="", skipped_after_warmup="share after the first 10 % of steps", unscaled_before_clip="None if it never clips"),
    _facts("precision", "step", "Low precision, one record.", autocast="dtype or None", autocast_device="", parameter_dtypes="dtype -> count", half_without_scaler="float16 forward with no GradScaler", underflow_share="share of float16 gradient elements that are zero (median over deep steps)", file="", line=""),
    _facts("loaders", "free", "One per DataLoader that was iterated.", name="`train.py:31`", file="where it was iterated", line="", dataset="class", samples="length or None", batch_size="", batches="len(loader)", shuffled="random sampler", sampler="class", drop_last="", workers="", worker_init="bool", persistent_workers="", epochs="times iterated", batches_drawn="", phase="`train`, `eval` or `both`", iterable="IterableDataset", distributed_sampler="bool", set_epoch_called="bool", created_file="where it was made", created_line="", dataset_file="where the user's data set class defines how a sample is read", dataset_line=""),
    _facts("checkpoints", "free", "One per torch.save / torch.load / load_state_dict call.", kind="`save`, `load`, `load_state_dict`", target="model, optimizer, scheduler, or what the file held", step="", file="", line="", keys="kinds of state in it: `model`, `optimizer`, `scheduler`, `scaler`, `rng`, `epoch`, `other`",
           missing="keys that were missing", unexpected="keys that were not used", strict="", loss_before="training loss before", loss_after="training loss after", missing_count="of all, also beyond the names listed", unexpected_count="", tensors="weights and buffers of the model that is filled",
           trained_by="for load_state_dict of a model: the first optimizer that stepped on it afterwards, or None", optimizer_steps="steps that this optimizer had taken before the load"),
    _facts("replicas", "step", "Distributed runs, one record.", world_size="", rank="", wrapper="`DistributedDataParallel`, `FSDP`, None", raw_module_called="the wrapped module was called directly in training", differing="parameters or buffers whose hashes differ over ranks", first_step="", file="", line=""),
)

_LOSSES = (
    _facts("losses", "step", "One per loss function call site and phase.", site="`train.py:44`", file="", line="", function="name in torch.nn.functional", phase="`train` (grad on) or `eval`", calls="", first_step="", input="summary of the first input", target="summary of the first target",
           reduction="`mean`, `sum`, `none`", weight="class weights as list, or None", pos_weight="", label_smoothing="", ignore_index="", ignored_share="share of targets equal to ignore_index", first_value="", value_min="over the run", value_max="",
           input_op="name of the op that made the input (`softmax`, `log_softmax`, `sigmoid`, `relu`, `linear`, ...), from its grad_fn", input_file="user's line that made the input", input_line="", input_dim="dim argument of that op if softmax-like", input_created_file="where the layer of PyTorch that made the input was made", input_created_line="", created_file="where the loss module was made, if a module of PyTorch calls the function", created_line="", target_file="user's line that made the targets, where it can be read off the source", target_line="",
           rows_sum_to_one="share of rows along the class axis that sum to 1 (over sampled calls)", rows_are_log_probabilities="share of rows whose exp sums to 1", in_unit_interval="all input values within [0, 1] (over sampled calls)", positive_share="share of input values > 0",
           classes="number of outputs along the class axis", counts="targets per class over sampled calls (list)", broadcast="shapes of input and target differ and broadcast", feeds_backward="its value reaches a backward call", share="its share of the loss value given to backward (median)", factor="what it is multiplied by on its way to backward (median): negative behind a minus sign",
           in_training_step="called in a step that trains", input_requires_grad="", target_requires_grad="", batch="samples", zero_gradient_share="share of samples whose gradient at the input is exactly zero at the first calls"),
    _facts("loss_terms", "deep", "The terms that were added up into the loss given to backward, from its graph at sampled steps: one per term.", backward="call site", term="op and place", file="", line="", value="median", grad_norm="norm of this term's gradient alone at the first step, or None", is_data="it depends on a model output (not only on parameters)", coefficient="multiplier, if one was seen", parts="how many terms of one place (a loop over the parameters) it is the sum of"),
    _facts("graph", "deep", "The autograd graph of the first training loss of each backward site, from the loss (id 0) down: one per node.", backward="call site", id="int", op="node name without `Backward0` (`Addmm`, `Softmax`, `NllLoss`, ...)", next="ids of its inputs", parameter="parameter name, for AccumulateGrad of a model parameter",
           leaf="`parameter`, `input`, `unknown`: what an AccumulateGrad holds", shape="of the leaf", module="module path that was running when it was made, or None", function="name of the PyTorch function that made it", file="user's line (for a layer in a container: the line that made the layer)", line="", created_file="where the layer of PyTorch was made", created_line="", depth="distance from the loss", saved="saved arguments of JSON types (dim, p, ...)"),
    _facts("cuts", "deep", "Operations of the first steps whose input has a gradient history and whose floating-point output has none (`detach`, `no_grad`): one per line.", op="", module="module path that was running, or None", inside="within a model call", file="", line=""),
    _facts("unregistered", "deep", "Leaf tensors in the loss graph that need a gradient and belong to no module that was called and to no optimizer.", shape="", elements="", op="op that consumes it", file="", line="", in_optimizer="bool", owner="attribute path where it was found (`layers[0].weight`), or None"),
    _facts("broadcasts", "deep", "Element-wise arithmetic of the first recorded step, outside models, between something computed from a model's output and something that was not: one per call site where the shapes differ and broadcast.", op="function name", left="shape", right="shape", result="shape", file="", line=""),
    _facts("retained_losses", "deep", "What holds on to the losses whose graphs stay in memory, looked up once `live_graphs` has grown.", holder="variable or attribute that holds them (`history` in `train`)", kind="`list`, `tensor` (a running sum), `other`", count="", file="where the holder lives", line=""),
    _facts("first_non_finite", "deep", "The first op that made NaN or Inf out of finite inputs, found by replaying the step in which the loss or a gradient became non-finite.", step="", op="", phase="`forward` or `backward`", module="", file="", line="", operand_min="", operand_max="", from_input="True when a model input or target already held it", from_weights="True when a parameter already held it"),
)

_DATA = (
    _facts("inputs", "step", "What enters each root model: one per model, input position and phase.", model="", position="0, 1, ... or keyword", phase="`train` or `eval`", shape="first", dtype="", integral="all values whole numbers", min="over sampled batches", max="", mean="", std="", distinct="", nonfinite="count", first_nonfinite_step="", first_nonfinite_samples="indices in the batch",
           feature_mean="per feature (last axis of [N, F]) or channel ([N, C, H, W]), list up to 256", feature_std="", constant_features="count of features that never varied over all sampled batches", features="count (of the flattened sample, up to 100,000)", samples="samples seen", batch="batch size of the first call", file="call site", line="", data_file="user's line that made the tensor, or the data set behind the loader, where it can be read off the source", data_line="", chosen_file="user's line that chose its samples", chosen_line="", embedding_rows="rows of the embedding that consumes it, or None", non_embedding="True if a token-like input never reaches an embedding"),
    _facts("targets", "step", "What the losses compare with: one per training or evaluation loss call site.", site="", phase="", kind="`classes`, `binary`, `multilabel`, `regression`, `probabilities`, `sequence`", counts="per class, list (classes)", classes_seen="", min="", max="", mean="", std="", samples="", dtype="", entropy="nats, of the counts", output_mean="of the prediction at step 0", output_std="", output_min="", output_max="", lag1="autocorrelation of the class label (or of the numbers of regression) between neighbouring samples within batches", batch_share="regression: share of the variance of the targets that lies between the batches", expected_batch_share="the same for randomly drawn batches", batch_share_z="difference in standard errors", expected_lag1_sd="its std under random order",
           batch_purity="mean share of the most common class within a batch", expected_purity="the same for randomly drawn batches", purity_z="difference in standard errors", outputs="size of the class axis"),
    _facts("samples", "step", "Fingerprints of single training and evaluation samples as they entered the model, one record.", train="distinct training samples hashed", train_seen="training samples hashed in the first epoch, with repeats", eval="distinct evaluation samples hashed", overlap="evaluation samples that are also training samples", overlap_examples="list of [eval index, train index]",
           duplicates="training samples that repeat an earlier one within the first epoch", duplicate_examples="", conflicting="identical inputs with different targets", same_order="the second epoch had the same order as the first (None: less than two epochs)", epoch_fresh="share of samples of the second epoch that are new (augmentation)", complete="whether all samples of the first epoch were hashed", granular="values per sample (tiny discrete inputs collide legally)"),
    _facts("worker_draws", "step", "Random numbers drawn in DataLoader workers.", loader="", repeated="share of samples whose random part equals that of another worker or epoch", kind="`across-workers`, `across-epochs`", numpy_state_equal="bool: numpy's state was equal in two workers", file="", line="", same_augmentation_every_epoch="bool", created_file="where the loader was made", created_line="", dataset_file="where the user's data set reads a sample", dataset_line=""),
    _facts("stored_data", "step", "Whether stored samples change under the script: fixed samples of map-style data sets read again at later epochs.", loader="", checked="samples", changed="samples whose tensors differ although reading twice in a row gives the same", first_epoch="", drift="median absolute change", file="where the loader was iterated", line="", created_file="where the loader was made", created_line="", dataset_file="where the user's data set reads a sample", dataset_line="", change_file="user's line there that works in place", change_line=""),
    _facts("target_in_input", "step", "Whether the target can be read off the input.", model="", identical="input equals target (autoencoder: legal when the model narrows)", column="input column that equals the target, or None", r2="of a linear map from input to target on held-out samples", task="", autoencoder="bool", shifted_identity="for sequences: target[t] == input[t]", file="", line=""),
)

_PROBES = (
    _facts("replay", "probe", "Whether the first training step could be replayed on a copy: one record.", ok="bool", reason="why not", relative_error="of the replayed loss", seconds="", calls="model calls in the step", ops="recorded ops", two_lines="what the user can give instead"),
    _facts("initial_loss", "probe", "Loss before the first update against what an untrained net should have: one per training loss call site.", site="", file="", line="", function="", measured="", expected="", rule="`log(classes)`, `prior entropy`, `target variance` ...", spread="std of the measured value over re-drawn batches or init", ratio="measured / expected", best_constant="loss of the best constant prediction", classes="", batch=""),
    _facts("final_bias", "probe", "Prediction before the first update against the target's mean or class prior.", site="", layer="", layer_file="", layer_line="", predicted="mean prediction (list for classes, up to 100)", wanted="target mean or class shares", loss_now="", loss_with_bias="loss with the right final bias", saved="difference", function="", even="loss of an even guess (classes)", values="predictions of one output for one sample (masks: more than 1)"),
    _facts("batch_mixing", "probe", "Whether the output for one sample depends on other samples: one per root model.", model="", axis="sample axis of the input", mixed="share of ordered pairs (i, j) that depend", pair="[i, j] example", mode="`train` or `eval`", legal="names of layers that may mix (train-mode batch norm) or None", op="op at which samples are first mixed", module="", file="", line="", structure="`all`, `earlier` (lower triangular), `block`"),
    _facts("future_leak", "probe", "Whether outputs at t depend on inputs after t in a model trained to predict the next element.", model="", autoregressive="evidence that it is: `target is input shifted by 1` ...", leaks="share of pairs (t, t+k) that depend", pair="[t, t+k]", op="", module="", file="", line="", shift="how target relates to input: -1, 0, 1"),
    _facts("mask_probe", "probe", "Whether masked or padded positions change the other outputs or the loss.", model="", mask="argument or layer that holds the mask", given="a mask is handed over or can be read from pad ids", declared="a mask argument, lengths or a padding_idx say so", output_changes="max change of unmasked outputs, in their std, when masked content changes", loss_changes="change of the loss when only the outputs at masked positions change (None: not a loss of single positions)", op="op at which masked content first reaches other positions", module="", cls="class of that module", loss_file="", loss_line="", tolerance="", file="", line="", pad_share="share of padded positions", pad_value="", ignore_index_used="bool"),
    _facts("batched_differs", "probe", "f(batch)[i] against f(x_i) alone, eval mode.", model="", max_difference="relative", tolerance="", sample="", layer="first layer that differs", file="", line="", raised="error of the single-sample call, if any"),
    _facts("depth_scale", "probe", "Std of activations and gradients layer by layer before the first update, in order of the forward pass.", model="", layers="list of {name, cls, activation_std, activation_mean, gradient_std, weight_std, fan_in, suggested_std, calls, growth: std at the last call over the first, where it is called several times in a step}", activation_ratio="last hidden over first", gradient_ratio="first over last", nonlinearity="most common activation class", weighted_layers="count"),
    _facts("symmetric_units", "probe", "Units of a layer with equal weights and equal gradients before the first update.", parameter="", layer="", units="", identical="units equal to another one", identical_gradients="of these, with equal gradients too", zero="weights all zero", zero_gradient="gradient all zero", layers_with_weights="count in the model", file="", line=""),
    _facts("step_repeat", "probe", "The first step replayed twice from the same state.", equal="bool", max_difference="", first_layer="first layer whose output differs", seeded="RNG state restored between them", source="what no seed governs and was drawn from (`a numpy generator without a seed`, `the clock`); empty if none was seen", file="", line=""),
    _facts("eval_repeat", "probe", "Two forward passes in eval mode on the same inputs.", model="", equal="bool", max_difference="", layer="first layer that differs", op="", file="", line="", train_eval_gap="relative difference of outputs between train and eval mode"),
    _facts("loss_contract", "probe", "How the training loss behaves when fed with perfect and with wrong predictions: one per training loss call site.", site="", file="", line="", perfect="loss at the best possible prediction for these targets", constant="loss at the best constant", worst="loss at a wrong prediction", floor="lowest loss that the model's output range allows", descends_toward_target="bool: a small step of the output down the gradient makes the prediction more right", unbounded_below="bool", output_range="[low, high] that the last op can reach", target_range="[low, high]", clamped="share of samples with zero gradient because of a clamp", clamp_file="", clamp_line="", batch_scaling="loss gradient norm with the batch doubled over the original (1 for mean, 2 for sum)"),
    _facts("accumulation", "probe", "Gradient of one batch against the sum over its k micro-batches as the script does it.", micro_batches="k", ratio="norm ratio", divided="bool", optimizer="", scale_invariant="True for Adam-like", file="", line=""),
    _facts("random_labels", "probe", "Whether the pairing of inputs and targets can be learned at all, on samples collected during the run.", samples="", true_score="held-out score of simple learners with the true pairing (numbers by their ranks)", shuffled_score="mean of the same with shuffled pairings", shuffled_sd="", p="", score="`accuracy` or `r2`", learner="", model_val_score="the model's own validation score, or None", chance=""),
    _facts("input_ablation", "probe", "At the end of the run: the loss of the trained model with real, shuffled and zeroed inputs.", site="", real="", shuffled="", zeroed="", spread="over batches", split="`train` or `val`", accuracy_real="", accuracy_shuffled=""),
    _facts("baselines", "probe", "Scores of dumb predictors on the samples of the run.", site="", split="`train` or `val`", score="`accuracy`, `r2`, `loss`", model="score of the model at the end", majority="", mean="", linear="", nearest="", samples=""),
    _facts("lr_probe", "probe", "Loss after a few steps from the initial weights with the script's own optimizer at several multiples of its rate, on a copy.", optimizer="", lr="the script's", multiples="list", start="loss before", losses="mean final loss for each multiple (None: diverged)", spread="std over batches", best="multiple with the lowest loss", steps="", batches=""),
    _facts("lr_trial", "probe", "Where the loss showed harm: the first steps of the run repeated at its end from the initial weights on a copy, on the same batches, with the script's own optimizer, schedule and clipping, at other rates. A result is the mean loss of the last quarter of these steps.", optimizer="", lr="the script's highest", steps="repeated", start="first loss", own="result of the run itself", end="mean loss of the last quarter of the whole run", peak="highest loss of the run", multiples="list", losses="result for each multiple (None: not finite)", warmup="result with the script's own rate, raised from near zero first", warmup_steps="", spread="standard error of the difference between the run and the copy at a tenth of its rate", file="", line=""),
    _facts("score_weights", "probe", "Policy gradients: the numbers that the log-probabilities of sampled actions are multiplied with in the loss.", mean="over the first batch", std="", samples="", file="", line=""),
    _facts("first_layer_filters", "probe", "Smoothness of first-layer filters of image models at the end.", layer="", roughness="share of spectral energy in the highest half of frequencies", roughness_init="", filters="", shape=""),
    _facts("gradient_noise", "deep", "Gradient noise scale from the spread of successive gradients.", scale="samples: batch size at which noise equals signal", batch="", ratio="scale / batch", steps="", optimizer=""),
)

SIGNALS: Mapping[str, Signal] = {s.name: s for s in (*_SERIES, *_LOOP, *_LOSSES, *_DATA, *_PROBES)}
