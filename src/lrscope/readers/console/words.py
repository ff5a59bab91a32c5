"""What the words beside a number say about it: a loss, a score, a rate, a counter, or none of these.

Names are judged by the words they are made of, never by their value.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache


class Kind(Enum):
    """What a name stands for."""

    EPOCH = "epoch"
    ITERATION = "iteration"  # step, iter, update: one clock, whatever the word
    BATCH = "batch"  # counts within an epoch
    LOSS = "loss"
    SCORE = "score"
    RATE = "learning rate"
    BOOKKEEPING = "bookkeeping"  # time, memory, throughput
    SETTING = "setting"  # a hyperparameter, a size
    SUMMARY = "summary"  # best so far, final: no point of a curve
    UNKNOWN = "unknown"


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


EVALUATION = {
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(("val", "vali"), "val"),
    **dict.fromkeys(("valid",), "valid"),
    **dict.fromkeys(("validation", "validate", "validating"), "validation"),
    **dict.fromkeys(("eval", "evaluate", "evaluation", "evaluating"), "eval"),
    "dev": "dev",
    "sanity": "sanity",
}
"""Words for data that is not trained on, and the prefix that they give to a metric's name."""
TRAINING = _set("train training trn learn")
AVERAGE = _set("average avg avg. averaged mean running smoothed smooth")

_EPOCH = _set("epoch epochs ep epoch_num epoch_id current_epoch")
_ITERATION = _set(
    "step steps iter iters iteration iterations it itr update updates global_step globalstep "
    "num_updates n_updates train_step train_iter train_steps trainer/global_step _step optimizer_step "
    "opt_step gstep cur_step current_step current_iteration round rounds boosting_round tree generation "
    "gen episode episodes timestep timesteps total_timesteps num_timesteps total_steps # training_step "
    "training_steps global_steps step_num trial"
)
_SURE = _set(
    "global_step globalstep num_updates trainer/global_step _step optimizer_step opt_step "
    "total_timesteps gstep num_timesteps global_steps global_iter global_iteration"
)
_BATCH = _set(
    "batch batches minibatch mini_batch mb batch_idx batch_id batch_no sample samples image images "
    "example examples"
)
_PLURAL = _set(
    "epochs steps iters iterations updates batches rounds episodes timesteps samples images examples "
    "train_steps training_steps total_steps"
)
_BESIDE_COUNTER = _set("global total current train training outer inner main optimizer optimization boosting")

_LOSS = _set(
    "nll ppl perplexity error err errors mse rmse mae mape msle rmsle logloss mlogloss cost objective "
    "obj elbo bpb bpc bpd crossentropy xent xentropy cross_entropy ce bce kl kld l1 l2 huber hinge "
    "merror deviance energy residual binary_logloss multi_logloss binary_error poisson tweedie wer cer "
    "fid chi2 mlm"
)
_SCORE = _set(
    "acc accuracy auc auroc auprc aucpr map f1 fscore score r2 bleu rouge reward iou "
    "miou dice precision recall psnr ssim likelihood top1 top5 acc1 acc5 prec1 prec5 mcc kappa ndcg mrr "
    "correct acc@1 acc@5 prec@1 prec@5 ll log_likelihood reward_mean ep_rew_mean specificity "
    "sensitivity"
)
_RATE = _set("lr learning_rate learningrate lrate lr0 step_lr current_lr")
_BOOKKEEPING = _set(
    "time ms sec secs second seconds s min mins minute minutes hour hours h eta elapsed remaining "
    "duration wall took speed throughput tps ups wps wpb bsz fps it/s s/it steps/s samples/s tok tokens "
    "tok/s tokens/s memory mem mem. gpu_mem max_mem gb mb gib mib kb mfu tflops flops tflop/s "
    "utilization ms/step ms/batch ms/iter ms/it s/step s/batch data data_time runtime progress percent "
    "number count v_num rank gpu cpu device worker pid port lineno size sz instances skipped consumed "
    "date timestamp _timestamp _runtime train_wall dt nnzs cum rss loading load fetch version seen used "
    "free available"
)
_SETTING = _set(
    "seed batch_size batchsize bs momentum weight_decay wd dropout hidden layer layers dim dims width "
    "depth workers num n patience warmup gamma beta beta1 beta2 eps epsilon max_epochs max_steps "
    "max_iters max_iter num_epochs n_epochs epochs_total param params parameters parameter vocab heads "
    "head block_size weight weights scale scaler coef coefficient coeff function fn type name threshold "
    "tol tolerance margin smoothing interval freq frequency every window clip clipping delta limit "
    "lambda ratio factor total config size decay nesterov optimizer betas amsgrad classes class "
    "features bins rows columns max_len max_length length len fold split bytes file files line lines "
    "page penalty class_weight train_size test_size leaves leaf"
)
_SUMMARY = _set(
    "best final min minimum max maximum lowest highest overall previous prev last_best target initial "
    "so best_val baseline"
)
_REJECT = _set("from to improved improve improves threshold below above than reached until")
_JOINT = re.compile(r"[_\-/.\s':()@]+")


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind:
    """What `name` (words joined by spaces or underscores, any case) stands for.

    A word that makes it a setting or bookkeeping counts only beside or after the word "loss": "loss scale" is
    a setting, "box_loss" is a loss, "time/train" is bookkeeping.
    """
    low = name.lower().strip().replace(" ", "_")
    if low in _EPOCH or low == "e":
        return Kind.EPOCH
    if low in _ITERATION:
        return Kind.ITERATION
    if low in _BATCH:
        return Kind.BATCH
    if low in _RATE:
        return Kind.RATE
    tokens = [t for t in _JOINT.split(low) if t]
    if not tokens:
        return Kind.UNKNOWN
    kind = _counter(tokens)
    if kind is not None:
        return kind
    if any(t in _SUMMARY for t in tokens):
        told = _quantity(low, tokens) in (Kind.LOSS, Kind.SCORE)
        return Kind.SUMMARY if told else Kind.BOOKKEEPING
    if low in _SETTING:
        return Kind.SETTING
    return _quantity(low, tokens)


def _counter(tokens: list[str]) -> Kind | None:
    if all(t in _BESIDE_COUNTER or t in EVALUATION for t in tokens[:-1]):
        if tokens[-1] == "epoch":
            return Kind.EPOCH
        if tokens[-1] in ("step", "iter", "iteration", "update"):
            return Kind.ITERATION
        if tokens[-1] in ("batch", "minibatch"):
            return Kind.BATCH
    return None


def _quantity(low: str, tokens: list[str]) -> Kind:
    where = max((i for i, t in enumerate(tokens) if _is_loss(t)), default=-1)
    if where >= 0 or low in _LOSS:
        after = tokens[where + 1 :] if where >= 0 else []
        if any(t in _SETTING or t in _REJECT or t in ("time", "norm") for t in after):
            return Kind.SETTING
        if any(t in ("scale", "scaler", "num", "n", "number", "weight", "clip") for t in tokens[:where]):
            return Kind.SETTING
        return Kind.LOSS
    if any(t in _REJECT for t in tokens):
        return Kind.SETTING
    last_setting = tokens[-1] in _SETTING or tokens[0] in ("num", "n", "max", "min", "number", "no")
    if low in _SCORE or (any(t in _SCORE for t in tokens) and not last_setting):
        return Kind.SCORE
    if _JOINT.sub("_", low).endswith(("learning_rate", "_lr")) or tokens[0] in ("lr", "lrs"):
        return Kind.RATE
    if (
        tokens[-1] in _BOOKKEEPING
        or low in _BOOKKEEPING
        or any(t in _BOOKKEEPING for t in tokens)
        or "/s" in low
    ):
        return Kind.BOOKKEEPING
    if last_setting or any(t in _SETTING for t in tokens):
        return Kind.SETTING
    return Kind.UNKNOWN


def _is_loss(token: str) -> bool:
    bare = token.rstrip("0123456789")
    return (
        bare in _LOSS
        or token in _LOSS
        or bare.endswith("loss")
        or bare == "losses"
        or bare.startswith("loss")
    )


_WEAK = _set(
    "l1 l2 kl kld energy residual deviance error err errors map ap em score return "
    "returns precision recall correct hits ll hinge huber ce fid chi2 poisson likelihood ratio reward "
    "wer cer bce"
)


def is_strong(name: str) -> bool:
    """Whether a name speaks for itself on a line without a counter: "loss" does, "error" alone does not."""
    tokens = [t for t in _JOINT.split(name.lower()) if t]
    if any(_is_loss(t) and t.rstrip("0123456789") not in _WEAK and t not in _WEAK for t in tokens):
        return True
    if any(t in _SCORE and t not in _WEAK for t in tokens):
        return True
    return len(tokens) > 1 and any(t in TRAINING or t in EVALUATION for t in tokens)


def is_sure(name: str) -> bool:
    """Whether a counter of this name never starts again at a new epoch."""
    return name.lower().replace(" ", "_") in _SURE


def is_plural(name: str) -> bool:
    """Whether a counter's name could as well be a setting ("epochs=10")."""
    return name.lower().replace(" ", "_") in _PLURAL


def is_evaluation(name: str) -> bool:
    """Whether a metric's name says that it was measured on data not trained on."""
    return any(t.rstrip("0123456789") in EVALUATION for t in _JOINT.split(name.lower()))


def same_metric(a: str, b: str) -> bool:
    """Whether two spellings mean one metric: case, spaces, `_`, `-` and `/` do not matter."""
    return _plain(a) == _plain(b)


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return re.sub(r"[\s_\-/]+", "_", name.strip().lower())
