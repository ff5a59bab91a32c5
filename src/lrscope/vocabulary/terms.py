"""The table: what metrics, rates and everything beside them are called, and which way is better.

Data and no more. A term is written as its plain words ("log loss"); it is found in whatever way a program spells
it (``logloss``, ``log_loss``, ``LogLoss``, ``val/log-loss``), see `words`. Add a name here and everything that reads
names knows it: the choice of the metric, its direction, printed lines, tables, the diagnosis.
"""

from __future__ import annotations

from lrscope.vocabulary.kinds import Goal, Kind, Phase, Role, Term
from lrscope.vocabulary.words import word_set

LOSS_WORDS = frozenset(("loss", "losses"))
"""A name that holds one of these is that of a loss, whatever stands beside it: ``loss_iou``, ``dice_loss``."""

_LOSSES = {
    "in general": """
        loss, losses, elbo loss, error, errors, err, error rate, max error, mean error, misclassification,
        misclassification rate, num errors, balanced error rate, merror, label error, regret,
        score at iteration""",
    "likelihood and information": """
        nll, negative log likelihood, neg log likelihood, negative elbo, n log lik, log loss, mlogloss,
        cross entropy, xentropy, xent, ce, bce, perplexity, perplexities, ppl, bits per byte, bpb,
        bits per character, bpc, bits per dim, bits dim, bpd, kl, kld, kldiv, kl divergence,
        kullback leibler, kullback leibler divergence, js divergence, jsd, deviance, gamma deviance,
        poisson deviance, tweedie deviance, poisson, tweedie, chi 2""",
    "regression and forecasting": """
        mse, rmse, mae, mape, smape, wmape, mase, msle, rmsle, mphe, rms, nrmse, rse, mean squared error,
        root mean squared error, mean absolute error, mean absolute percentage error,
        mean squared log error, mean squared logarithmic error, root mean squared log error,
        median absolute error, absolute error, squared error, percentage error, huber, log cosh, pinball,
        quantile, expectile, hinge, squared hinge, categorical hinge, l 1, l 2, crps,
        continuous ranked probability score, abs rel, sq rel, ade, fde, min ade, min fde""",
    "calibration, detection, ranking": """
        brier, brier score, ece, mce, calibration error, hamming distance, fpr, fnr, far, frr, eer,
        equal error rate, min dcf, false positive rate, false negative rate, false alarm rate, miss rate,
        fall out, collision rate, mean rank, median rank, gini index, gini impurity, td error,
        bellman error""",
    "speech and text": """
        wer, cer, ter, mer, der, bcer, bwer, word error rate, char error rate, character error rate,
        char train, word train, phone error rate, match error rate, token error rate, word info lost,
        translation edit rate, edit distance, levenshtein, mcd, mel cepstral distortion""",
    "images, audio, molecules": """
        fid, clean fid, sfid, kid, fvd, fad, frechet inception distance, kernel inception distance,
        frechet audio distance, lpips, learned perceptual image patch similarity, dists, niqe, brisque,
        piqe, ppl 2 wend, perceptual path length, ergas, spectral angle mapper, wasserstein,
        wasserstein distance, mmd, emd, hausdorff, hausdorff distance, hd 95, assd, asd, chamfer,
        chamfer distance, epe, mpjpe, pa mpjpe, rmsd, drmsd""",
    "clusters": "davies bouldin, davies bouldin score, davies bouldin index, inertia",
}
_WEAK_LOSSES = (
    "cost, objective, objective function, obj, energy, residual, residuals, distortion, penalty, mlm"
)

_GAME_WORDS = """
    policy, value, actor, critic, vf, pg, qf, q, td, v, pi, alpha, ent coef, entropy, temperature,
    advantage, surrogate, curiosity, inverse, forward model, baseline, generator, discriminator, gen, disc,
    g, d, real, fake, gan, adv, adversarial, cycle, idt
"""
"""Beside the word loss they name the loss of one player of a game, or of a part of an agent."""

_SCORES = {
    "classification": """
        accuracy, accuracies, acc, acc norm, m acc, a acc, top 1, top 3, top 5, top 10, top k, correct,
        percent correct, auc, auroc, roc auc, rocauc, pr auc, auprc, auc pr, gauc, auc mu, query auc,
        average precision, ap, precision, prec, recall, sensitivity, specificity, tpr, tnr, ppv, npv,
        true positive rate, true negative rate, f 1, f 1 score, f 2, f score, f beta, f measure,
        micro f 1, macro f 1, total f 1, g mean, youden, mcc, matthews, matthews corrcoef,
        matthews corr coef, matthews correlation, matthews correlation coefficient, kappa, cohen kappa,
        qwk, w kappa, quadratic weighted kappa, csi, critical success index, jaccard, jaccard index,
        jaccard score, exact match""",
    "detection and segmentation": """
        mar, ap s, ap m, ap l, iou, ious, iu, m iou, mean iou, g iou, d iou, c iou, fw iou,
        dice, dice coef, dice coefficient, dice score, m dice, pck, oks, fitness""",
    "regression and likelihood": """
        r 2, r squared, r 2 score, d 2 absolute error score, d 2 log loss score, d 2 tweedie score,
        d 2 pinball score, d 2 brier score, explained variance, explained var, variance explained,
        likelihood, log likelihood, log lik, ll, log prob, log likelihood of prediction, elbo, iwae,
        pearson, pearsonr, spearman, spearmanr, kendall, kendall tau, corr, correlation, corrcoef,
        corr coef, ccc, pcc, srcc, plcc, concordance, c index, concordance index, fcp""",
    "ranking and recommendation": """
        ndcg, dcg, normalized dcg, filtered dcg, mrr, mean reciprocal rank, reciprocal rank,
        inverse harmonic mean rank, hits, hit, hit rate, hit ratio, p found, gini, normalized gini,
        average gain, lift, ctr, novelty, serendipity, item coverage, rank 1, cmc""",
    "text": """
        bleu, sacre bleu, rouge, rouge l, rouge lsum, meteor, chrf, chrf 2, cider, spice, bert score,
        bleurt, comet, mover score, nist, gleu, squad, word info preserved, ents f, ents p, ents r,
        sents f, sents p, sents r, tag acc, uas, las, dep uas, dep las, cats score, lemma acc, pos acc,
        morph acc, token acc, spans sc f, pass 1, pass k, hella, hellaswag, mmlu""",
    "images and audio": """
        psnr, ssim, ms ssim, structural similarity, peak signal noise ratio, uiqi, vif,
        visual information fidelity, inception score, is 50 k, clip score, clip i, clip t, pick score,
        image reward, hps, aesthetic score, sdr, si sdr, snr, si snr, signal noise ratio,
        signal to noise ratio, signal distortion ratio, pesq, stoi, estoi, mos, dnsmos, nisqa, utmos""",
    "clusters and likeness": """
        nmi, ami, ari, adjusted rand, rand score, rand index, mutual info, mutual information,
        adjusted mutual info, normalized mutual info, purity, homogeneity, completeness, v measure,
        fowlkes mallows, silhouette, calinski harabasz, dunn index, modularity, cosine similarity,
        similarity""",
    "molecules": "gdt, gdt ts, tm score, l ddt, pl ddt, qed, validity, uniqueness",
    "preferences and games": """
        rewards margins, reward margins, reward margin, rewards accuracies, win probability, elo""",
}
_DETECTION = "map, m ap, panoptic quality, pq, nds, mota, amota, hota, idf 1"
_WEAK_SCORES = "score, scores, quality, goodness, ar, sq, rq, em, hr, rec, exact, coverage, success"
_RETURNS = """
    reward, rewards, return, returns, rew, ep rew mean, ep rewmean, ep rew, ep reward, episode reward, episodic reward,
    episode return, episodic return, ep ret, ep return, average return, mean return, episode score,
    success rate, successes, win rate, winrate, is success, success once, rlhf reward, task success
"""
_ALONE_LOSSES = "mr, per, sam, fair"
_ALONE_SCORES = "is, p, r, f, pre, nse, kge"
"""Words too common to be trusted inside a longer name."""

_DIAGNOSTICS = """
    grad norm, gradient norm, gnorm, norm, norms, grad, grads, gradient, gradients, grad max, update norm,
    grad dot update, cos, params norm, param norm, weight norm, entropy, policy entropy, clip frac,
    clipfrac, clip fraction, clip ratio, eplenmean, approx kl, approxkl, old approx kl, objective kl, policy kl,
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
    speed, throughput, percentage, fps, sps, tps, ups, wps, wpb, bsz, it s, s it, steps s, samples s, tok, tokens,
    token, words sec, tok s, per second, per sec, samples, examples, sequences, memory, mem, gpu, cpu, gb,
    mb, gib, mib, kb, vram, mfu, hfu, tflops, flops, flos, utilization, progress, percent, skipped, batches,
    runs, nnzs, rss, num input tokens seen, num tokens, tokens seen, v num, free, gb free, eps, consumed,
    workers, batch size
"""
_SETTINGS = """
    max epochs, max steps, max iters, max iter, num epochs, n epochs, epochs total,
    seed, momentum, weight decay, wd, dropout, patience, beta 1, beta 2, nesterov, betas, amsgrad, n params,
    num params, params, parameters, loss scale, loss scaling, loss scaler, grad scale, loss weight,
    loss coef, rho, bs, hyperparameters, hparams
"""

SETTING_AFTER = word_set(
    """
    scale scaler scaling weight weights coef coefficient coeff function fn type name threshold tol tolerance
    margin smoothing interval freq frequency every window clip clipping delta limit lambda ratio factor
    config size decay n num patience from to improved improve improves below above than reached
    until
    """
)
"""After a loss or a score they make it a setting, or a remark about it: ``loss_scale``, ``acc_threshold``."""

COEFFICIENTS = word_set("coef coefficient coeff")
"""After a score they are part of its name: ``dice_coef``."""

COUNTS = word_set("num n number")
SETTING_BEFORE = COUNTS | word_set("scale scaler weight clip")
"""Before a loss they make it a setting; before a score, those that count do: ``num_correct``."""

COMPARISONS = word_set("gap diff difference drop change improvement gain")
"""After a loss or a score they make it a difference, which has no better side: ``accuracy_gap``."""

AVERAGES = word_set("average avg averaged mean running smoothed smooth ema median moving rolling")
WHOLES = AVERAGES | word_set("total overall all lm model epoch step value global batch")
"""Beside a loss they leave it whole: ``total_loss``, ``loss_epoch``, where ``loss_box`` is a part."""

SUMMARIES = word_set(
    """
    best final min minimum max maximum lowest highest previous prev target initial so baseline
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
        (", ".join(_LOSSES.values()), Kind.LOSS, "min", Role.WHOLE, False),
        (_WEAK_LOSSES, Kind.LOSS, "min", Role.WEAK, False),
        (_ALONE_LOSSES, Kind.LOSS, "min", Role.WHOLE, True),
        (", ".join(_SCORES.values()), Kind.SCORE, "max", Role.WHOLE, False),
        (_DETECTION, Kind.SCORE, "max", Role.DETECTION, False),
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
