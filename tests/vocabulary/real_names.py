"""Names that training frameworks print and log, and what each means.

A line reads "kind goal phase: name; name; …"; "-" stands for nothing said. Names are as the frameworks write them.
"""

from __future__ import annotations

from lrscope.vocabulary import Kind

WRITTEN = {
    "Keras": """
        loss min -: loss; mean_squared_error; root_mean_squared_error; mean_absolute_error; log_cosh
        loss min -: poisson; kl_divergence
        loss min -: mean_absolute_percentage_error; mean_squared_logarithmic_error; hinge; squared_hinge
        loss min -: categorical_hinge
        loss min -: binary_crossentropy; sparse_categorical_crossentropy
        loss min validation: val_loss; val_mean_absolute_error; val_mae; val_mse; val_output_a_loss
        score max -: accuracy; binary_accuracy; sparse_categorical_accuracy; top_k_categorical_accuracy
        score max -: auc; precision
        score max -: recall; mean_io_u; f1_score; fbeta_score; r2_score; cosine_similarity
        score max -: sensitivity_at_specificity
        score max -: precision_at_recall; specificity; acc
        score max validation: val_accuracy; val_auc; val_precision; val_recall_1; val_binary_io_u; val_acc
        diagnostic - -: false_positives; true_negatives
        rate - -: learning_rate; lr
        epoch - -: epoch
    """,
    "PyTorch Lightning": """
        loss min train: train_loss; train_loss_step; train_loss_epoch; train/loss; training_loss
        loss min validation: val_loss; val_loss_epoch; val/loss; valid_loss; avg_val_loss
        loss min validation: val_loss/dataloader_idx_0
        loss min test: test_loss; test_loss_epoch
        score max validation: val_acc; val/acc; val_acc_epoch; valid_f1; ptl/val_accuracy
        score max test: test_acc; test.acc
        rate - -: lr-Adam; lr-SGD/pg1; lr-AdamW/pg1; lr-Adam-1
        setting - -: lr-SGD-momentum; lr-SGD-weight_decay
        iteration - -: trainer/global_step; global_step; step
        epoch - -: epoch; current_epoch
    """,
    "Transformers": """
        loss min -: loss
        loss min train: train_loss
        loss min validation: eval_loss; eval_perplexity; eval_wer; eval_cer
        loss min test: test_loss
        score max validation: eval_accuracy; eval_f1; eval_rouge1; eval_rouge2; eval_rougeL
        score max validation: eval_rougeLsum; eval_bleu
        score max validation: eval_matthews_correlation; eval_pearson; eval_spearmanr; eval_exact_match
        score max validation: eval_combined_score
        score max validation: eval_mean_iou; eval_overall_accuracy; eval_precision; eval_recall
        score max validation: eval_HasAns_f1; eval_exact
        score max test: test_bleu
        diagnostic - -: grad_norm
        rate - -: learning_rate
        time - validation: eval_runtime
        time - train: train_runtime
        bookkeeping - validation: eval_samples_per_second; eval_steps_per_second
        bookkeeping - train: train_samples_per_second
        bookkeeping - -: total_flos; num_input_tokens_seen
    """,
    "TRL": """
        score max -: reward; rewards/accuracies; rewards/margins; mean_token_accuracy; objective/rlhf_reward
        score max -: objective/scores; rewards/format_reward/mean
        score max validation: eval_reward; eval_rewards/accuracies; eval_mean_token_accuracy
        diagnostic - -: reward_std; rewards/chosen; rewards/rejected; logps/chosen; logits/rejected
        diagnostic - -: kl_coef; entropy
        diagnostic - -: completions/mean_length; completions/clipped_ratio; frac_reward_zero_std
        diagnostic - -: clip_ratio/region_mean
        diagnostic - -: objective/kl; objective/entropy; policy/approxkl_avg; policy/clipfrac_avg
        diagnostic - -: log_odds_ratio
        diagnostic - validation: val/clipfrac_avg; eval_rewards/chosen
        loss min -: loss/policy_avg; loss/value_avg; nll_loss
        loss min validation: eval_nll_loss
        bookkeeping - -: num_tokens; eps
        iteration - -: episode
    """,
    "Stable-Baselines3": """
        score max -: rollout/ep_rew_mean; rollout/success_rate
        score max validation: eval/mean_reward; eval/success_rate
        score max train: train/explained_variance
        loss min train: train/loss; train/policy_gradient_loss; train/value_loss; train/actor_loss
        loss min train: train/critic_loss
        loss min train: train/ent_coef_loss
        diagnostic - -: rollout/ep_len_mean; rollout/exploration_rate
        diagnostic - train: train/approx_kl; train/clip_fraction; train/ent_coef; train/std
        diagnostic - validation: eval/mean_ep_length
        rate - train: train/learning_rate
        iteration - -: time/total_timesteps; time/iterations
        iteration - train: train/n_updates
        bookkeeping - -: time/fps
        time - -: time/time_elapsed
    """,
    "RLlib": """
        score max -: episode_reward_mean; episode_reward_max; env_runners/episode_return_mean
        score max -: sampler_results/episode_reward_mean; vf_explained_var
        score max validation: evaluation/episode_reward_mean; evaluation/env_runners/episode_return_mean
        loss min -: info/learner/default_policy/learner_stats/total_loss; policy_loss; vf_loss; mean_kl_loss
        diagnostic - -: episode_len_mean; env_runners/episode_len_mean; cur_kl_coeff; grad_gnorm
        diagnostic - -: default_policy/entropy
        rate - -: cur_lr; default_optimizer_learning_rate
        iteration - -: timesteps_total; num_env_steps_sampled; episodes_total
        iteration - train: training_iteration
        time - -: time_this_iter_s; time_total_s
    """,
    "CleanRL and Spinning Up": """
        score max -: charts/episodic_return; charts/success_rate; episodic_return; AverageEpRet; MaxEpRet
        score max -: EpRet
        score max validation: charts/eval_episodic_return; charts/eval_success_rate; eval/episodic_return
        score max test: AverageTestEpRet
        diagnostic - -: charts/episodic_length; losses/entropy; losses/approx_kl; losses/old_approx_kl
        diagnostic - -: losses/clipfrac
        diagnostic - -: losses/q_values; losses/qf1_values; EpLen; StdEpRet; charts/epsilon; losses/alpha
        loss min -: losses/value_loss; losses/policy_loss; losses/td_loss; losses/qf1_loss
        loss min -: losses/actor_loss; LossPi; LossQ
        score max -: losses/explained_variance
        rate - -: charts/learning_rate
        bookkeeping - -: charts/SPS
    """,
    "XGBoost": """
        loss min train: train-rmse; train-logloss; train-error; train-mlogloss; train-merror; train-rmsle
        loss min train: train-mphe
        loss min validation: eval-logloss; validation_0-logloss; validation_1-mae; eval-poisson-nloglik
        loss min validation: eval-gamma-deviance
        loss min validation: eval-tweedie-nloglik@1.5; eval-cox-nloglik; eval-mape; eval-error@0.7
        loss min validation: validation_0-rmse
        loss min test: test-rmse; test-logloss-mean
        score max train: train-auc; train-aucpr
        score max validation: eval-auc; eval-aucpr; eval-map; eval-ndcg@10; eval-map@5-; validation_0-auc
        score max test: test-auc-mean
        diagnostic - test: test-auc-std
    """,
    "LightGBM": """
        loss min validation: valid_0's l2; valid_0's binary_logloss; valid_0's multi_logloss
        loss min validation: valid_0's rmse; valid_1's l1
        loss min validation: valid_0's binary_error; valid_0's quantile; valid_0's huber
        loss min validation: valid_0's cross_entropy
        loss min validation: valid_0's kullback_leibler; cv_agg's valid binary_logloss
        loss min train: training's l2; training's binary_logloss
        score max validation: valid_0's auc; valid_0's ndcg@5; valid_0's map@10
        score max validation: valid_0's average_precision; valid_0's auc_mu
    """,
    "CatBoost": """
        loss min -: Logloss; CrossEntropy; RMSE; MAE; MAPE; SMAPE; MSLE; BrierScore; HammingLoss
        loss min -: ZeroOneLoss; HingeLoss
        loss min -: MedianAbsoluteError; BalancedErrorRate; NumErrors; QueryRMSE; Quantile:alpha=0.5
        loss min -: LogCosh; Poisson
        score max -: Precision; Recall; F1; TotalF1:average=Macro; BalancedAccuracy; MCC; Accuracy; AUC
        score max -: QueryAUC
        score max -: PRAUC:type=Classic; NormalizedGini; Kappa; WKappa; R2; PFound; NDCG; DCG; AverageGain
        score max -: MAP:top=10; MRR
        unknown - train: learn
        unknown - test: test
        time - -: remaining
    """,
    "scikit-learn": """
        score max -: accuracy; balanced_accuracy; top_k_accuracy; average_precision; f1_macro; f1_weighted
        score max -: roc_auc; jaccard
        score max -: roc_auc_ovr; explained_variance; r2; neg_log_loss; neg_brier_score
        score max -: neg_mean_squared_error
        score max -: neg_root_mean_squared_error; neg_mean_absolute_error; neg_median_absolute_error
        score max -: neg_max_error
        score max -: neg_mean_poisson_deviance; d2_absolute_error_score; d2_log_loss_score
        score max -: matthews_corrcoef
        score max -: cohen_kappa_score; adjusted_rand_score; normalized_mutual_info_score; v_measure_score
        score max -: homogeneity_score
        score max -: completeness_score; silhouette_score; calinski_harabasz_score; fowlkes_mallows_score
        score max -: ndcg_score
        score max -: label_ranking_average_precision_score; log_likelihood
        score max test: mean_test_score; split0_test_score; test_score
        score max train: mean_train_score; train_score
        score max validation: oob_score_; validation_score
        diagnostic - test: std_test_score
        loss min -: log_loss; hamming_loss; zero_one_loss; brier_score_loss; hinge_loss; max_error
        loss min -: coverage_error; inertia
        loss min -: davies_bouldin_score; mean_poisson_deviance; mean_pinball_loss; label_ranking_loss
        loss min -: loss_curve_
        time - -: mean_fit_time; mean_score_time
    """,
    "MLflow autolog": """
        score max train: training_score; training_accuracy_score; training_roc_auc; training_f1_score
        score max train: training_r2_score
        loss min train: training_log_loss; training_mean_squared_error; training_mae
        loss min train: training_root_mean_squared_error
        score max validation: best_cv_score; val_sparse_categorical_accuracy
        bookkeeping - -: system/gpu_0_memory_usage_percentage; system/cpu_utilization_percentage
    """,
    "torchmetrics": """
        score max -: MulticlassAccuracy; MulticlassF1Score; BinaryAUROC; MulticlassCohenKappa
        score max -: MulticlassMatthewsCorrCoef
        score max -: MulticlassJaccardIndex; BinarySpecificity; R2Score; ExplainedVariance
        score max -: PearsonCorrCoef; SpearmanCorrCoef
        score max -: KendallRankCorrCoef; ConcordanceCorrCoef; BLEUScore; SacreBLEUScore; CHRFScore
        score max -: InceptionScore; CLIPScore
        score max -: StructuralSimilarityIndexMeasure; PeakSignalNoiseRatio; MeanIoU; PanopticQuality
        score max -: map_50; mar_100
        score max -: RetrievalMRR; RetrievalNormalizedDCG; ScaleInvariantSignalDistortionRatio
        score max -: WordInfoPreserved
        score max -: rouge1_fmeasure; GeneralizedDiceScore; bertscore_f1
        loss min -: MeanSquaredError; KLDivergence; LogCoshError; TweedieDevianceScore; WordErrorRate
        loss min -: CharErrorRate
        loss min -: MatchErrorRate; WordInfoLost; EditDistance; Perplexity; FrechetInceptionDistance
        loss min -: KernelInceptionDistance
        loss min -: LearnedPerceptualImagePatchSimilarity; BinaryCalibrationError; HammingDistance
        loss min -: HausdorffDistance
        loss min -: ContinuousRankedProbabilityScore; TranslationEditRate; DaviesBouldinScore
        loss min -: RetrievalFallOut
        loss min -: ErrorRelativeGlobalDimensionlessSynthesis; SpectralAngleMapper
    """,
    "vowpal wabbit, fastText, GloVe, word2vec": """
        loss min -: average loss; average_loss; avg.loss; cost
        rate - -: lr; eta0
        bookkeeping - -: words/sec/thread
    """,
    "spaCy": """
        loss min -: LOSS NER; LOSS TOK2VEC; LOSS TAGGER; LOSS PARSER; LOSS TRANSFORMER
        score max -: ENTS_F; ENTS_P; ENTS_R; SCORE; TAG_ACC; DEP_UAS; DEP_LAS; SENTS_F; CATS_SCORE
        score max -: LEMMA_ACC; TOKEN_ACC
        epoch - -: E
        iteration - -: #
    """,
    "timm": """
        loss min train: train_loss
        loss min validation: eval_loss
        score max validation: eval_top1; eval_top5
        score max -: Acc@1; Acc@5; Prec@1; prec1; acc5; top1; top-5
        rate - -: lr
    """,
    "Detectron2": """
        loss min -: total_loss; loss_cls; loss_box_reg; loss_rpn_cls; loss_rpn_loc; loss_mask; loss_keypoint
        score max -: fast_rcnn/cls_accuracy; fast_rcnn/fg_cls_accuracy; mask_rcnn/accuracy; bbox/AP
        score max -: bbox/AP50; bbox/APs; bbox/APl
        score max -: segm/AP75; sem_seg/mIoU; sem_seg/fwIoU; panoptic_seg/PQ; bbox/AR@1000
        diagnostic - -: fast_rcnn/false_negative; mask_rcnn/false_positive
        time - -: data_time; eta_seconds; time; rank_data_time
        iteration - -: iteration
    """,
    "MMDetection and MMSegmentation": """
        loss min -: loss; loss_bbox; loss_centerness; loss_iou; decode.loss_ce; aux.loss_ce; loss_dice
        loss min -: d0.loss_cls
        score max -: bbox_mAP; bbox_mAP_50; coco/bbox_mAP; coco/bbox_mAP_75; mIoU; mAcc; aAcc; mDice
        score max -: accuracy/top1
        score max -: accuracy_top-1; decode.acc_seg; segm_mAP; pascal_voc/mAP; single-label/f1-score; NDS
        score max -: MOTA; IDF1
        loss min -: MPJPE
        time - -: data_time
        bookkeeping - -: memory
        diagnostic - -: grad_norm
    """,
    "Ultralytics, YOLOv5": """
        loss min train: train/box_loss; train/cls_loss; train/dfl_loss; train/obj_loss; train/seg_loss
        loss min validation: val/box_loss; val/cls_loss; val/dfl_loss; val/obj_loss
        score max -: metrics/precision(B); metrics/recall(B); metrics/mAP50(B); metrics/mAP50-95(B)
        score max -: metrics/mAP_0.5
        score max -: metrics/mAP_0.5:0.95; metrics/accuracy_top1; metrics/mAP50-95(M); mAP50; fitness; P
        score max -: R; mAP@0.5
        rate - -: lr/pg0; x/lr0
        bookkeeping - -: GPU_mem
    """,
    "Darknet": """
        loss min -: avg loss; total_loss; iou_loss
        score max -: avg IOU; mean_average_precision (mAP@0.50); Avg Recall
    """,
    "Megatron-LM, DeepSpeed": """
        loss min -: lm loss; lm loss value; lm loss PPL; sop loss; load_balancing_loss; z_loss; mtp_1 loss
        loss min -: moe loss
        loss min validation: lm loss validation; lm loss validation ppl
        loss min train: Train/Samples/train_loss
        setting - -: loss scale; loss-scale
        setting - train: Train/Samples/loss_scale
        rate - train: Train/Samples/lr
        diagnostic - -: grad norm; num zeros; params-norm
        rate - -: learning rate
        bookkeeping - -: consumed samples; global batch size; throughput per GPU (TFLOP/s/GPU)
        time - -: elapsed time per iteration (ms)
        time - -: iteration-time
    """,
    "nanoGPT, llm.c, modded-nanogpt, lm-evaluation": """
        loss min train: train/loss; train loss; train_loss
        loss min validation: val/loss; val loss; val_loss; val/bpb; validation bpb
        iteration - -: iter
        bookkeeping - -: mfu; tok/s
        diagnostic - -: norm
        score max -: hella; hellaswag; mmlu; acc_norm
        score max validation: eval/acc
    """,
    "fairseq, OpenNMT, Marian": """
        loss min -: nll_loss; ppl; xent; loss; perplexity; cross-entropy; ce-mean-words; alignment_loss
        loss min validation: valid_nll_loss; valid ppl; best_valid_loss; valid_best_loss
        score max -: bleu; chrf; acc; sacrebleu
        score max validation: valid_bleu
        diagnostic - -: gnorm
        iteration - -: num_updates
        setting - -: loss_scale
        bookkeeping - -: wps; ups; wpb; bsz; gb_free
        time - -: train_wall; wall
    """,
    "ESPnet, Kaldi, NeMo": """
        loss min -: loss_ctc; loss_att; cer_ctc; wer; cer; PER; TER; generator_mel_loss; DER; EER
        loss min validation: val_wer; validation_wer
        loss min train: training_batch_wer; train_loss
        score max -: acc; log-prob-per-frame; accuracy; MOS; STOI; PESQ; SI-SDR; SI-SNR; UTMOS
        time - -: iter_time; forward_time; backward_time; optim_step_time
        rate - -: optim0_lr0
        diagnostic - -: grad_norm
        setting - -: loss_scale
    """,
    "Tesseract": """
        loss min -: Mean rms; mean rms
        loss min train: BCER train; BWER train
        loss min validation: BCER eval; BWER eval
    """,
    "Deeplearning4j, Caffe, Chainer, MXNet": """
        loss min -: loss; loss1/loss1; bbox_loss; main/loss
        loss min validation: validation/main/loss; Validation-cross-entropy; Validation-perplexity
        loss min train: Train-cross-entropy; Train-mse
        score max -: accuracy; loss3/top-1; loss3/top-5; main/accuracy; top-5
        score max validation: validation/main/accuracy; Validation-accuracy; Validation-top_k_accuracy_5
        score max train: Train-accuracy
        time - -: Time cost; elapsed_time
    """,
    "GANs and images": """
        loss min -: Loss_D; Loss_G; D_loss; g_loss; errD; loss_d; d_loss_real; G_GAN_loss; Loss/r1_penalty
        loss min -: cycle_loss
        loss min -: fid50k_full; kid50k_full; ppl2_wend; FID; KID; LPIPS; FVD; clean-fid; NIQE; fad
        score max -: is50k_mean; IS; PSNR; SSIM; ms-ssim; clip_score; pr50k3_full_precision
        score max -: pr50k3_full_recall; inception_score
        diagnostic - -: is50k_std; D(x); D(G(z))
    """,
    "diffusers, VAEs, distillation": """
        loss min -: step_loss; recon_loss; kl_loss; kld; reconstruction_loss; prior_loss; kd_loss
        loss min -: vlb_loss; elbo_loss; vq_loss
        loss min -: neg_elbo; -elbo; negative_log_likelihood; NLL; bits/dim; bpd; bpc; bits_per_byte
        loss min train: train_loss; train/loss_simple; train/loss_vlb
        loss min validation: val/loss_simple_ema; val/rec_loss
        score max -: elbo; log_likelihood; ll; IWAE
    """,
    "Recommenders (RecBole, implicit, Surprise)": """
        score max -: recall@20; ndcg@20; hit@10; HR@10; mrr@10; precision@5; map@10; Recall@50; NDCG@100
        score max -: GAUC; itemcoverage
        score max -: HitRate@10; coverage; novelty; auc
        score max test: test hit@10
        score max validation: valid_score; valid ndcg@10
        loss min test: test_rmse; test_mae
        score max test: test_fcp
        loss min -: giniindex
        loss min train: train loss
    """,
    "Graphs (PyG, DGL, OGB, PyKEEN)": """
        score max -: Hits@50; rocauc; ap; mrr_list; hits_at_10; both.realistic.hits_at_10
        score max -: both.realistic.inverse_harmonic_mean_rank
        score max validation: Valid acc; val_rocauc
        score max test: Test Acc; test_ap
        loss min -: both.realistic.arithmetic_mean_rank; MR
        unknown - train: Train
        unknown - validation: Val
    """,
    "Medicine, biology, forecasting, segmentation": """
        score max -: dice; Dice Coefficient; dice_coef; jaccard_score; sensitivity; specificity; youden
        score max -: qwk; c-index; lDDT
        score max -: TM-score; GDT_TS; NSE; MeanIU; mIoU; iou_score; PPV; kappa; CSI; concordance_index
        score max validation: val_dice; val_mean_iou; val_mean_dice
        loss min -: hd95; ASSD; RMSD; WMAPE; MASE; CRPS; pinball_loss; ADE; minFDE; EPE; abs_rel
        loss min -: chamfer_distance
        loss min -: ECE; brier; Brier Score; FPR; EER
    """,
    "Schedules, settings and machines": """
        rate - -: LR; Learning Rate; actor_lr; lr_backbone; opt/lr; learningRate; learning-rate
        setting - -: lr_decay; lr_scale; weight_decay; momentum; dropout; loss_weight; seed; lr_mult
        time - -: step_time; batch_time; epoch_time; time_per_iteration; ETA; wall_time; train_wall
        bookkeeping - -: tokens_per_second; samples/s; gpu_mem; memory; progress; MFU; steps_per_sec
        diagnostic - -: update_norm; grad_dot_update; weight_norm; gradient_norm; layer1/grad_norm
        batch - -: batch; batch_idx; samples
        iteration - -: iterations; update; n_iter; round
        epoch - -: Epoch; epochs
    """,
}
"""By framework."""


def rows() -> list[tuple[str, str, Kind, str | None, str | None]]:
    """(framework, name, kind, goal, phase) for every name."""
    found = []
    for framework, text in WRITTEN.items():
        for line in text.strip().splitlines():
            head, _, names = line.strip().partition(": ")
            kind, goal, phase = (None if word == "-" else word for word in head.split())
            what = Kind.RATE if kind == "rate" else Kind(kind)
            found += [(framework, name.strip(), what, goal, phase) for name in names.split("; ")]
    return found
