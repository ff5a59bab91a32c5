"""The table: what metrics, rates and everything beside them are called, and which way is better.

Data and no more. A term is written as its plain words ("log loss"); it is found in whatever way a program spells
it (``logloss``, ``log_loss``, ``LogLoss``, ``val/log-loss``), see `words`. Add a name here and everything that reads
names knows it: the choice of the metric, its direction, printed lines, tables, the diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from lrscope.vocabulary.words import word_set

Goal = Literal["min", "max"]
"""Which way is better."""

Phase = Literal["train", "validation", "test"]
"""Which data a metric was measured on."""


class Kind(Enum):
    """What a name stands for."""

    LOSS = "loss"  # a loss or an error: less is better
    SCORE = "score"  # an accuracy, a reward: more is better
    DIAGNOSTIC = "diagnostic"  # tells of training and is not aimed at: a gradient norm, an entropy
    RATE = "learning rate"
    EPOCH = "epoch"
    ITERATION = "iteration"  # step, iter, update: one counter, whatever the word
    BATCH = "batch"  # counts within an epoch
    TIME = "time"
    BOOKKEEPING = "bookkeeping"  # memory, throughput, progress
    SETTING = "setting"  # a hyperparameter, a size
    SUMMARY = "summary"  # best so far, final: no point of a curve (of printed lines only)
    UNKNOWN = "unknown"


class Role(Enum):
    """What a loss or a score is among its kind; it decides between several."""

    WHOLE = "whole"
    WEAK = "weak"  # means something only where no clearer word stands beside it: score, cost, objective
    GAME = "game"  # of two players, or of an actor and its critic: it need not fall while training succeeds
    RETURN = "return"  # what reinforcement learning aims at


@dataclass(frozen=True, slots=True)
class Term:
    """One entry: its words, what they stand for, and which way is better (None: neither way).

    `alone` says that it counts only where it is the whole name, phases and averages apart.
    """

    words: tuple[str, ...]
    kind: Kind
    goal: Goal | None = None
    role: Role = Role.WHOLE
    alone: bool = False


LOSS_WORDS = frozenset(("loss", "losses"))
"""A name that holds one of these is that of a loss, whatever stands beside it: ``loss_iou``, ``dice_loss``."""

_LOSSES = """
    loss, losses, score at iteration, error, errors, err, nll, log loss, mlogloss, n log lik, perplexity,
    ppl, perplexities, cross entropy, xentropy, xent, ce, bce, bits per byte, bpb, bits per character, bpc,
    bits per dim, bits dim, bpd, mse, rmse, mae, mape, smape, wmape, mase, msle, rmsle, mphe, rms, nrmse,
    rse, mean error, max error, mean squared error, root mean squared error, mean absolute error,
    mean absolute percentage error, mean squared log error, mean squared logarithmic error,
    root mean squared log error, median absolute error, absolute error, squared error, percentage error,
    quantization error, calibration error, error rate, balanced error rate, merror, misclassification,
    misclassification rate, num errors, deviance, gamma deviance, poisson deviance, tweedie deviance, chi 2,
    pinball, quantile, expectile, hinge, squared hinge, categorical hinge, huber, log cosh, poisson,
    tweedie, l 1, l 2, kl, kld, kldiv, kl divergence, kullback leibler, kullback leibler divergence,
    js divergence, jsd, wasserstein, wasserstein distance, mmd, emd, elbo loss, bellman error, td error,
    wer, cer, ter, mer, eer, der, bcer, bwer, word error rate, char error rate, character error rate,
    phone error rate, match error rate, token error rate, translation edit rate, edit distance, levenshtein,
    word info lost, label error, equal error rate, fid, clean fid, sfid, kid, fvd, fad, lpips, dists, niqe,
    brisque, piqe, mcd, ergas, rmsd, drmsd, ppl 2 wend, frechet inception distance,
    kernel inception distance, frechet audio distance, perceptual path length,
    learned perceptual image patch similarity, mel cepstral distortion, spectral angle mapper, hausdorff,
    hausdorff distance, hd 95, assd, asd, chamfer, chamfer distance, epe, mpjpe, pa mpjpe, abs rel, sq rel,
    brier, brier score, ece, mce, ace, crps, continuous ranked probability score, davies bouldin,
    davies bouldin score, davies bouldin index, hamming distance, mean rank, median rank, inertia, regret,
    fall out, fallout, fpr, fnr, far, frr, false positive rate, false negative rate, false alarm rate,
    miss rate, gini index, gini impurity, min dcf, min ade, min fde, ade, fde, collision rate, misalignment,
    negative log likelihood, neg log likelihood, negative elbo
"""
_WEAK_LOSSES = (
    "cost, objective, objective function, obj, energy, residual, residuals, distortion, penalty, mlm"
)

_GAME_WORDS = """
    policy, value, actor, critic, vf, pg, qf, q, td, v, pi, alpha, ent coef, entropy, temperature,
    advantage, surrogate, curiosity, inverse, forward model, baseline, generator, discriminator, gen, disc,
    g, d, real, fake, gan, adv, adversarial, cycle, idt
"""
"""Beside the word loss they name the loss of one player of a game, or of a part of an agent."""

_SCORES = """
    accuracy, acc norm, fcp, g iou, d iou, c iou, l ddt, peak signal noise ratio, signal noise ratio,
    signal to noise ratio, signal distortion ratio, structural similarity, acc, accuracies, auc, auroc,
    roc auc, rocauc, pr auc, auprc, auc pr, gauc, auc mu, query auc, average precision, ap, ap s, ap m,
    ap l, map, m ap, mar, ar, f 1, f 1 score, f score, f beta, fbeta, f measure, fmeasure, f 05, f 2,
    micro f 1, macro f 1, total f 1, r 2, r squared, r 2 score, d 2 absolute error score,
    d 2 log loss score, d 2 tweedie score, d 2 pinball score, d 2 brier score, explained variance,
    explained var, variance explained, bleu, sacrebleu, sacre bleu, rouge, rouge l, rouge lsum, meteor,
    chrf, chrf 2, cider, spice, bertscore, bert score, bleurt, comet, moverscore, nist, gleu, exact match,
    exact, em, squad, iou, iu, ious, miou, m iou, giou, fwiou, fw iou, mean iou, jaccard, jaccard index,
    jaccard score, dice, dice coef, dice coefficient, dice score, m dice, m acc, a acc, pq, sq, rq,
    panoptic quality, precision, prec, recall, rec, sensitivity, specificity, tpr, tnr, ppv, npv, youden,
    true positive rate, true negative rate, g mean, csi, critical success index, top 1, top 5, top k,
    top 10, top 3, psnr, ssim, ms ssim, uiqi, vif, visual information fidelity, inception score, is 50 k,
    clip score, clip i, clip t, pick score, image reward, hps, aesthetic score, likelihood, log likelihood,
    log lik, loglik, ll, log prob, logprob, log likelihood of prediction, elbo, iwae, ndcg, dcg,
    normalized dcg, filtered dcg, mrr, mean reciprocal rank, reciprocal rank, inverse harmonic mean rank,
    hits, hit, hr, hit rate, hit ratio, p found, pfound, gini, normalized gini, average gain, lift, ctr,
    novelty, serendipity, item coverage, coverage, mcc, matthews, matthews corrcoef, matthews corr coef,
    matthews correlation, matthews correlation coefficient, phi coefficient, kappa, cohen kappa, qwk,
    w kappa, quadratic weighted kappa, pearson, pearsonr, spearman, spearmanr, kendall, kendall tau, corr,
    correlation, corrcoef, corr coef, ccc, pcc, srcc, plcc, concordance, c index, concordance index,
    cosine similarity, similarity, nmi, ami, ari, adjusted rand, rand score, rand index, mutual info,
    mutual information, adjusted mutual info, normalized mutual info, purity, homogeneity, completeness,
    v measure, fowlkes mallows, silhouette, calinski harabasz, dunn index, modularity, bss, pesq, stoi,
    estoi, sdr, si sdr, si snr, snr, sisdr, sisnr, mos, dnsmos, nisqa, utmos, word info preserved, gdt,
    gdt ts, tm score, lddt, plddt, qed, validity, uniqueness, ents f, ents p, ents r, tag acc, uas, las,
    dep uas, dep las, sents f, sents p, sents r, cats score, lemma acc, pos acc, morph acc, token acc,
    spans sc f, pass 1, pass k, success, elo, sharpe, sharpe ratio, correct, percent correct, hella,
    hellaswag, mmlu, fitness, pck, oks, mota, idf 1, hota, nds, amota, rank 1, cmc, win probability,
    rewards margins, reward margins, reward margin, rewards accuracies, logo acc
"""
_WEAK_SCORES = "score, scores, quality, goodness"
_RETURNS = """
    reward, rewards, return, returns, rew, ep rew mean, ep rew, ep reward, episode reward, episodic reward,
    episode return, episodic return, ep ret, ep return, average return, mean return, episode score,
    success rate, successes, win rate, winrate, is success, success once, rlhf reward, task success
"""
_ALONE_LOSSES = "as, mr, per, sam, fair"
_ALONE_SCORES = "is, p, r, f, pre, rouge sum, bac, sr, hss, nse, kge, roc"
"""Words too common to be trusted inside a longer name."""

_DIAGNOSTICS = """
    grad norm, gradient norm, gnorm, norm, norms, grad, grads, gradient, gradients, grad max, update norm,
    grad dot update, cos, params norm, param norm, weight norm, entropy, policy entropy, clip frac,
    clipfrac, clip fraction, clip ratio, approx kl, approxkl, old approx kl, objective kl, policy kl,
    mean kl, kl coef, kl coeff, cur kl coeff, kl penalty, ratio var, ep len, ep len mean, ep length,
    episode length, episodic length, episode len, mean ep length, eplen, mean length, completions,
    completion length, response length, terminated length, rollout length, q values, qf 1 values,
    qf 2 values, mean q, q value, v value, value estimate, td target, mean std, log std, action std,
    non score reward, rewards chosen, rewards rejected, logps, logits, log odds, log odds ratio,
    log odds chosen, frac reward zero std, false positive, false positives, false negative, false negatives,
    true positive, true positives, true negative, true negatives, sparsity, saturation, activation,
    activations, histogram, hist, num zeros, gradients zero, temperature, ent coef, exploration rate,
    epsilon, current noise, target kl, skew, skewness, kurtosis, d x, d g z, signs, r 1 gamma, lambda mean,
    augment
"""
_ALONE_DIAGNOSTICS = "gap, alpha, beta"
_SPREADS = """
    std, stdev, stddev, std dev, standard deviation, sd, var, variance, stderr, std err, iqr, ci
"""

_RATES = "lr, lrs, learning rate, learn rate, l rate, lrate, eta 0"
_RATE_MODIFIERS = """
    ratio, factor, scale, scaler, mult, multiplier, decay, min, max, end, final, initial, warmup, warm,
    schedule, scheduler
"""

RATE_OPTIONS = ("learning rate init", "learning rate", "lr", "eta0", "eta")
"""What programs call the option that sets the rate; "eta" is a time that is left where it is logged."""

_TIMES = """
    time, times, ms, msec, msecs, millis, sec, secs, second, seconds, mins, minute, minutes, hour, hours,
    eta, elapsed, remaining, duration, wall, walltime, wall clock, took, runtime, dt, timestamp, date,
    time elapsed, train wall
"""
_BOOKKEEPING = """
    speed, throughput, fps, sps, tps, ups, wps, wpb, bsz, it s, s it, steps s, samples s, tok, tokens,
    token, words sec, tok s, per second, per sec, samples, examples, sequences, memory, mem, gpu, cpu, gb,
    mb, gib, mib, kb, vram, mfu, hfu, tflops, flops, flos, utilization, progress, percent, skipped, batches,
    runs, nnzs, rss, num input tokens seen, num tokens, tokens seen, v num, free, gb free, eps, consumed,
    workers, batch size
"""
_SETTINGS = """
    seed, momentum, weight decay, wd, dropout, patience, beta 1, beta 2, nesterov, betas, amsgrad, n params,
    num params, params, parameters, loss scale, loss scaling, loss scaler, grad scale, loss weight,
    loss coef, rho, bs, hyperparameters, hparams
"""

SETTING_AFTER = word_set(
    """
    scale scaler scaling weight weights coef coefficient coeff function fn type name threshold tol tolerance
    margin smoothing interval freq frequency every window clip clipping delta limit lambda ratio factor
    config size decay n num max_len patience from to improved improve improves below above than reached
    until
    """
)
"""After a loss or a score they make it a setting, or a remark about it: ``loss_scale``, ``acc_threshold``."""

COEFFICIENTS = word_set("coef coefficient coeff")
"""After a score they are part of its name: ``dice_coef``."""

COUNTS = word_set("num n number")
SETTING_BEFORE = COUNTS | word_set("scale scaler weight clip")
"""Before a loss they make it a setting; before a score, those that count do: ``num_correct``."""

AVERAGES = word_set("average avg averaged mean running smoothed smooth ema median moving rolling")
WHOLES = AVERAGES | word_set("total overall all lm model epoch step value global batch")
"""Beside a loss they leave it whole: ``total_loss``, ``loss_epoch``, where ``loss_box`` is a part."""

SUMMARIES = word_set(
    """
    best final min minimum max maximum lowest highest previous prev last_best target initial so baseline
    latest
    """
)
"""Best so far, at the end: no point of a curve."""

NEGATIONS = frozenset(("neg", "negative", "negated", "minus"))
NEGATED = word_set(
    """
    elbo iwae likelihood log_likelihood loglik log_lik ll log_prob logprob brier brier_score log_loss
    max_error mse rmse mae mape msle mean_squared_error root_mean_squared_error mean_absolute_error
    mean_absolute_percentage_error mean_squared_log_error root_mean_squared_log_error median_absolute_error
    poisson_deviance gamma_deviance deviance reward return cross_entropy absolute_error squared_error
    silhouette
    """
)
"""Terms whose direction a word like "neg" turns round (scikit-learn's ``neg_log_loss``, a ``-elbo``). Elsewhere it
speaks of negative examples: ``neg_acc``, ``neg_loss``."""

PHASES: dict[str, tuple[Phase, str]] = {
    **dict.fromkeys(("train", "training", "trn", "tr", "learn"), ("train", "train")),
    **dict.fromkeys(("val", "vali"), ("validation", "val")),
    "valid": ("validation", "valid"),
    **dict.fromkeys(("validation", "validate", "validating", "cv"), ("validation", "validation")),
    **dict.fromkeys(("eval", "evaluate", "evaluation", "evaluating"), ("validation", "eval")),
    "dev": ("validation", "dev"),
    **dict.fromkeys(("holdout", "heldout", "oob"), ("validation", "holdout")),
    "sanity": ("validation", "sanity"),
    **dict.fromkeys(("test", "testing", "tst"), ("test", "test")),
}
"""Words for the data, and the prefix that each gives to a metric's name on a printed line."""


def _phrases(text: str) -> list[tuple[str, ...]]:
    return [tuple(phrase.split()) for phrase in text.replace("\n", " ").split(",") if phrase.strip()]


def _terms() -> dict[tuple[str, ...], Term]:
    rows: list[tuple[str, Kind, Goal | None, Role, bool]] = [
        (_LOSSES, Kind.LOSS, "min", Role.WHOLE, False),
        (_WEAK_LOSSES, Kind.LOSS, "min", Role.WEAK, False),
        (_ALONE_LOSSES, Kind.LOSS, "min", Role.WHOLE, True),
        (_SCORES, Kind.SCORE, "max", Role.WHOLE, False),
        (_WEAK_SCORES, Kind.SCORE, "max", Role.WEAK, False),
        (_ALONE_SCORES, Kind.SCORE, "max", Role.WHOLE, True),
        (_RETURNS, Kind.SCORE, "max", Role.RETURN, False),
        (_DIAGNOSTICS, Kind.DIAGNOSTIC, None, Role.WHOLE, False),
        (_ALONE_DIAGNOSTICS, Kind.DIAGNOSTIC, None, Role.WHOLE, True),
        (_RATES, Kind.RATE, None, Role.WHOLE, False),
        (_TIMES, Kind.TIME, None, Role.WHOLE, False),
        (_BOOKKEEPING, Kind.BOOKKEEPING, None, Role.WHOLE, False),
        (_SETTINGS, Kind.SETTING, None, Role.WHOLE, False),
    ]
    return {
        words: Term(words, kind, goal, role, alone)
        for text, kind, goal, role, alone in rows
        for words in _phrases(text)
    }


TERMS = _terms()
GAME_WORDS = frozenset(" ".join(p) for p in _phrases(_GAME_WORDS))
SPREADS = frozenset(" ".join(p) for p in _phrases(_SPREADS))
RATE_MODIFIERS = frozenset(" ".join(p) for p in _phrases(_RATE_MODIFIERS))
