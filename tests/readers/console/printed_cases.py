# ruff: noqa: E501 - lines are quoted as they are printed
"""Lines as training programs print them, with the points that they must give.

Each case is (name, what is printed, points, the run's length; ANY where it is not looked at).
"""

INF = float("inf")
NAN = "nan"
ANY = -1

CASES: list[tuple[str, str, list[tuple[int, str, float | str]], int | None]] = [
    (
        "plain",
        "loss: 0.123\nloss: 0.1\n",
        [(1, "loss", 0.123), (2, "loss", 0.1)],
        None,
    ),
    (
        "eq",
        "Loss=1.2e-3\n",
        [(1, "loss", 0.0012)],
        ANY,
    ),
    (
        "iter",
        "iter 10: loss 2.31, time 12ms\niter 20: loss 2.2, time 12ms\n",
        [(10, "loss", 2.31), (20, "loss", 2.2)],
        ANY,
    ),
    (
        "nanogpt",
        "step 0: train loss 4.28, val loss 4.29\n"
        "iter 0: loss 4.26, time 376.00ms, mfu -100.00%\n"
        "iter 10: loss 3.2, time 3.0ms, mfu 5.1%\n"
        "step 250: train loss 1.91, val loss 2.04\n",
        [
            (0, "train_loss", 4.28),
            (0, "val_loss", 4.29),
            (0, "loss", 4.26),
            (10, "loss", 3.2),
            (250, "train_loss", 1.91),
            (250, "val_loss", 2.04),
        ],
        ANY,
    ),
    (
        "mnist",
        "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.3\n"
        "Train Epoch: 1 [640/60000 (1%)]\tLoss: 0.43\n"
        "\n"
        "Test set: Average loss: 0.0585, Accuracy: 9800/10000 (98%)\n"
        "\n"
        "Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.3\n"
        "Train Epoch: 2 [640/60000 (1%)]\tLoss: 0.2\n",
        [
            (0, "loss", 2.3),
            (640, "loss", 0.43),
            (640, "test_loss", 0.0585),
            (640, "test_accuracy", 0.98),
            (60000, "loss", 0.3),
            (60640, "loss", 0.2),
        ],
        None,
    ),
    (
        "wikitext",
        "| epoch   1 |   200/ 2983 batches | lr 20.00 | ms/batch  5.1 | loss  6.93 | ppl  1019.4\n"
        "| epoch   1 |   400/ 2983 batches | lr 20.00 | ms/batch  5.1 | loss  6.5 | ppl   700.1\n"
        "| end of epoch   1 | time: 38.4s | valid loss  5.9 | valid ppl   365.0\n"
        "| epoch   2 |   200/ 2983 batches | lr 20.00 | ms/batch  5.1 | loss  5.93 | ppl  400.0\n",
        [
            (200, "lr", 20),
            (200, "loss", 6.93),
            (200, "ppl", 1019.4),
            (400, "lr", 20),
            (400, "loss", 6.5),
            (400, "ppl", 700.1),
            (400, "valid_loss", 5.9),
            (400, "valid_ppl", 365.0),
            (3183, "lr", 20),
            (3183, "loss", 5.93),
            (3183, "ppl", 400),
        ],
        None,
    ),
    (
        "xgb",
        "[12]\ttrain-logloss:0.48\teval-logloss:0.51\n[13] train-logloss:0.47 eval-logloss:0.50\n",
        [
            (12, "train-logloss", 0.48),
            (12, "eval-logloss", 0.51),
            (13, "train-logloss", 0.47),
            (13, "eval-logloss", 0.5),
        ],
        ANY,
    ),
    (
        "lgb",
        "[12]\tvalid_0's l2: 0.3\n[13]\tvalid_0's l2: 0.2\n",
        [(12, "valid_0_l2", 0.3), (13, "valid_0_l2", 0.2)],
        ANY,
    ),
    (
        "skl",
        "Iteration 7, loss = 0.34\n",
        [(7, "loss", 0.34)],
        ANY,
    ),
    (
        "keras1",
        "Epoch 3/10\n100/100 - 3s - loss: 0.5 - accuracy: 0.8 - val_loss: 0.6\n",
        [(300, "loss", 0.5), (300, "accuracy", 0.8), (300, "val_loss", 0.6)],
        1000,
    ),
    (
        "keras2",
        "Epoch 3/10 - loss: 0.5 - accuracy: 0.8 - val_loss: 0.6\n"
        "Epoch 4/10 - loss: 0.4 - accuracy: 0.8 - val_loss: 0.6\n",
        [
            (3, "loss", 0.5),
            (3, "accuracy", 0.8),
            (3, "val_loss", 0.6),
            (4, "loss", 0.4),
            (4, "accuracy", 0.8),
            (4, "val_loss", 0.6),
        ],
        10,
    ),
    (
        "json",
        '{"step": 5, "train": {"loss": 0.5}, "ok": true, "t": "2026-01-01"}\n'
        '{"step": 6, "train": {"loss": NaN}}\n',
        [(5, "train/loss", 0.5), (6, "train/loss", NAN)],
        ANY,
    ),
    (
        "hf",
        "{'loss': 0.31, 'learning_rate': 1e-5, 'epoch': 0.2}\n"
        "{'loss': 0.3, 'learning_rate': 1e-5, 'epoch': 0.4}\n"
        "{'eval_loss': 0.4, 'eval_runtime': 1.2, 'epoch': 0.4}\n"
        "{'train_runtime': 2.0, 'train_loss': 0.305, 'epoch': 0.4}\n",
        [(1, "loss", 0.31), (1, "lr", 1e-05), (2, "loss", 0.3), (2, "lr", 1e-05), (2, "eval_loss", 0.4)],
        None,
    ),
    (
        "tqdm",
        "\rEpoch 1:   0%|          | 0/100 [00:00<?, ?it/s]\rEpoch 1:  40%|####      | 40/100 [00:01<00:02, 25.3it/s, loss=0.42]\rEpoch 1:  40%|####      | 40/100 [00:01<00:02, 25.3it/s, loss=0.42]\rEpoch 1:  41%|####      | 41/100 [00:01<00:02, 25.3it/s, loss=0.41]\n\rEpoch 2:  40%|####      | 40/100 [00:01<00:02, 25.3it/s, loss=0.3]\n",
        [(40, "loss", 0.42), (41, "loss", 0.41), (140, "loss", 0.3)],
        ANY,
    ),
    (
        "lightning",
        "Epoch 0: 100%|##########| 500/500 [00:12<00:00, 40.1it/s, v_num=3, train_loss=0.3]\nEpoch 1:   0%|          | 0/500 [00:00<?, ?it/s, v_num=3, train_loss=0.3]\rEpoch 1:   0%|          | 1/500 [00:00<?, ?it/s, v_num=3, train_loss=0.2]\n",
        [(500, "train_loss", 0.3), (501, "train_loss", 0.2)],
        ANY,
    ),
    (
        "fastai",
        "epoch     train_loss  valid_loss  accuracy  time    \n"
        "0         0.65        0.53        0.8       00:12     \n"
        "1         0.6         0.5         0.81      00:12     \n",
        [
            (0, "train_loss", 0.65),
            (0, "valid_loss", 0.53),
            (0, "accuracy", 0.8),
            (1, "train_loss", 0.6),
            (1, "valid_loss", 0.5),
            (1, "accuracy", 0.81),
        ],
        ANY,
    ),
    (
        "pipe",
        "| step | loss | lr |\n|------|------|----|\n| 1 | 0.5 | 0.1 |\n| 2 | 0.4 | 0.1 |\n",
        [(1, "loss", 0.5), (1, "lr", 0.1), (2, "loss", 0.4), (2, "lr", 0.1)],
        ANY,
    ),
    (
        "log1",
        "2026-11-23 10:00:00,123 | INFO | epoch 2 step 30 loss 0.5\n"
        "2026-11-23 10:00:01,123 | INFO | epoch 2 step 40 loss 0.4\n",
        [(30, "loss", 0.5), (40, "loss", 0.4)],
        ANY,
    ),
    (
        "log2",
        "[2026-11-23 10:00:00] INFO:root:step=3 loss=0.5\n",
        [(3, "loss", 0.5)],
        ANY,
    ),
    (
        "nan nan",
        "step 3 loss nan acc 0.1\nstep 4 loss: nan\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan NaN",
        "step 3 loss NaN acc 0.1\nstep 4 loss: NaN\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan NAN",
        "step 3 loss NAN acc 0.1\nstep 4 loss: NAN\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan -nan",
        "step 3 loss -nan acc 0.1\nstep 4 loss: -nan\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan -nan(ind)",
        "step 3 loss -nan(ind) acc 0.1\nstep 4 loss: -nan(ind)\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan 1.#QNAN",
        "step 3 loss 1.#QNAN acc 0.1\nstep 4 loss: 1.#QNAN\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan 1.#QNAN0",
        "step 3 loss 1.#QNAN0 acc 0.1\nstep 4 loss: 1.#QNAN0\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan -1.#IND",
        "step 3 loss -1.#IND acc 0.1\nstep 4 loss: -1.#IND\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "nan nan(snan)",
        "step 3 loss nan(snan) acc 0.1\nstep 4 loss: nan(snan)\n",
        [(3, "loss", NAN), (3, "acc", 0.1), (4, "loss", NAN)],
        ANY,
    ),
    (
        "inf inf",
        "step 3 loss=inf\n",
        [(3, "loss", INF)],
        ANY,
    ),
    (
        "inf -inf",
        "step 3 loss=-inf\n",
        [(3, "loss", -INF)],
        ANY,
    ),
    (
        "inf Infinity",
        "step 3 loss=Infinity\n",
        [(3, "loss", INF)],
        ANY,
    ),
    (
        "inf -Infinity",
        "step 3 loss=-Infinity\n",
        [(3, "loss", -INF)],
        ANY,
    ),
    (
        "inf INF",
        "step 3 loss=INF\n",
        [(3, "loss", INF)],
        ANY,
    ),
    (
        "inf 1.#INF",
        "step 3 loss=1.#INF\n",
        [(3, "loss", INF)],
        ANY,
    ),
    (
        "inf +inf",
        "step 3 loss=+inf\n",
        [(3, "loss", INF)],
        ANY,
    ),
    (
        "tensor",
        "step 3 loss: tensor(0.31, grad_fn=<MeanBackward0>)\n"
        "step 4 loss: tensor(0.31, device='cuda:0', grad_fn=<NllLossBackward0>)\n"
        "step 5 loss=array(0.3)\n"
        "step 6 loss: np.float64(0.31)\n"
        "step 7 loss: tensor([0.31])\n"
        "step 8 loss Array(0.2, dtype=float32)\n",
        [
            (3, "loss", 0.31),
            (4, "loss", 0.31),
            (5, "loss", 0.3),
            (6, "loss", 0.31),
            (7, "loss", 0.31),
            (8, "loss", 0.2),
        ],
        ANY,
    ),
    (
        "dictnp",
        "{'loss': np.float64(0.31), 'step': 4}\n",
        [(4, "loss", 0.31)],
        ANY,
    ),
    (
        "pct",
        "epoch 1 loss 0.5 acc 83.2%\n",
        [(1, "loss", 0.5), (1, "acc", 83.2)],
        ANY,
    ),
    (
        "thousand",
        "step 1,000: loss 2.0\nstep 2,000: loss 1.0\n",
        [(1000, "loss", 2), (2000, "loss", 1)],
        ANY,
    ),
    (
        "avg",
        "step 3 loss: 0.31 (0.34) acc 1.0 (0.9)\n",
        [(3, "loss", 0.31), (3, "acc", 1.0)],
        ANY,
    ),
    (
        "multi",
        "Step 10\n  train loss: 0.5\n  val loss: 0.6\nStep 20\n  train loss: 0.4\n  val loss: 0.5\n",
        [(10, "train_loss", 0.5), (10, "val_loss", 0.6), (20, "train_loss", 0.4), (20, "val_loss", 0.5)],
        ANY,
    ),
    (
        "multi2",
        "step 10 loss 0.5\nval loss: 0.6\nstep 20 loss 0.4\nval loss: 0.5\n",
        [(10, "loss", 0.5), (10, "val_loss", 0.6), (20, "loss", 0.4), (20, "val_loss", 0.5)],
        ANY,
    ),
    (
        "bare",
        "2.5\n2.25\n2.0\n1.5",
        [(1, "loss", 2.5), (2, "loss", 2.25), (3, "loss", 2.0), (4, "loss", 1.5)],
        ANY,
    ),
    (
        "bare2",
        "99 447.28\n199 300.1\n299 200\n",
        [(99, "loss", 447.28), (199, "loss", 300.1), (299, "loss", 200)],
        ANY,
    ),
    (
        "hyper",
        "lr=0.01, batch_size=64, epochs=10\n"
        "Namespace(lr=0.1, loss_weight=0.3, epochs=4, error=0.4)\n"
        "lr: 0.1\n"
        "momentum: 0.9\n"
        "epochs: 10\n"
        "seed = 3\n"
        "params: 1.2M\n"
        "loss function: cross entropy\n"
        "Loaded 60000 images\n"
        "version 1.2.3\n"
        "CUDA 12.1\n"
        "learning_rate=0.1 steps=1000\n"
        "label_smoothing: 0.1\n"
        "loss_scale=128.0\n"
        "Model size: 12.5 MB\n"
        "number of parameters: 10.65M\n"
        "tokens per iteration will be: 16,384\n"
        "best loss so far: 0.3\n"
        "step 1 loss 0.5\n",
        [(1, "loss", 0.5)],
        ANY,
    ),
    (
        "final",
        "epoch 1 loss 0.5\nepoch 2 loss 0.4\nbest loss so far: 0.4\nFinal test loss: 0.45\n",
        [(1, "loss", 0.5), (2, "loss", 0.4)],
        ANY,
    ),
    (
        "onlyfinal",
        "training...\nFinal test loss: 0.45\n",
        [(1, "final_test_loss", 0.45)],
        ANY,
    ),
    (
        "imagenet",
        "Epoch: [0][  10/5005]\tTime  0.5 ( 0.9)\tData  0.1 (0.2)\tLoss 6.9e+00 (6.95e+00)\tAcc@1   0.00 (  0.1)\n"
        "Test: [ 0/79]\tTime 1.1 (1.1)\tLoss 1.2 (1.1)\tAcc@1 30.0 (31.0)\n"
        "Test: [10/79]\tTime 1.1 (1.1)\tLoss 1.3 (1.15)\tAcc@1 33.0 (32.0)\n"
        "Epoch: [1][  10/5005]\tTime  0.5 ( 0.9)\tData  0.1 (0.2)\tLoss 5.9e+00 (5.95e+00)\tAcc@1   1.00 (  1.1)\n",
        [
            (10, "loss", 6.9),
            (10, "acc@1", 0),
            (10, "test_loss", 1.1),
            (10, "test_acc@1", 31.0),
            (10, "test_loss", 1.15),
            (10, "test_acc@1", 32.0),
            (5015, "loss", 5.9),
            (5015, "acc@1", 1.0),
        ],
        ANY,
    ),
    (
        "quickstart",
        "Epoch 1\n"
        "-------------------------------\n"
        "loss: 2.303494  [   64/60000]\n"
        "loss: 2.294637  [ 6464/60000]\n"
        "Test Error: \n"
        " Accuracy: 44.9%, Avg loss: 2.15 \n"
        "\n"
        "Epoch 2\n"
        "-------------------------------\n"
        "loss: 2.1  [   64/60000]\n",
        [
            (64, "loss", 2.303494),
            (6464, "loss", 2.294637),
            (6464, "test_accuracy", 44.9),
            (6464, "test_loss", 2.15),
            (60064, "loss", 2.1),
        ],
        ANY,
    ),
    (
        "cifar",
        "[1,  2000] loss: 2.173\n[1,  4000] loss: 1.9\n[2,  2000] loss: 1.7\n[2,  4000] loss: 1.6\n",
        [(2000, "loss", 2.173), (4000, "loss", 1.9), (6000, "loss", 1.7), (8000, "loss", 1.6)],
        ANY,
    ),
    (
        "transfer",
        "Epoch 0/24\n"
        "----------\n"
        "train Loss: 0.52 Acc: 0.74\n"
        "val Loss: 0.3 Acc: 0.9\n"
        "\n"
        "Epoch 1/24\n"
        "----------\n"
        "train Loss: 0.42 Acc: 0.78\n"
        "val Loss: 0.2 Acc: 0.91\n"
        "Training complete in 1m 20s\n"
        "Best val Acc: 0.91\n",
        [
            (0, "train_loss", 0.52),
            (0, "train_acc", 0.74),
            (0, "val_loss", 0.3),
            (0, "val_acc", 0.9),
            (1, "train_loss", 0.42),
            (1, "train_acc", 0.78),
            (1, "val_loss", 0.2),
            (1, "val_acc", 0.91),
        ],
        24,
    ),
    (
        "yunjey",
        "Epoch [1/5], Step [100/600], Loss: 2.3\n"
        "Epoch [1/5], Step [600/600], Loss: 2.1\n"
        "Epoch [2/5], Step [100/600], Loss: 1.9\n",
        [(100, "loss", 2.3), (600, "loss", 2.1), (700, "loss", 1.9)],
        3000,
    ),
    (
        "mmdet",
        "2018-10-23 10:51:07,015 - INFO - Epoch [1][50/2500]     lr: 0.02000, time: 1.090, data_time: 0.015, loss_reg: 0.0096, acc: 99.0479, loss: 0.0394\n",
        [(50, "lr", 0.02), (50, "loss_reg", 0.0096), (50, "acc", 99.0479), (50, "loss", 0.0394)],
        ANY,
    ),
    (
        "mmengine",
        "2023/01/01 10:00:00 - mmengine - INFO - Epoch(train)  [1][ 50/100]  lr: 2.0000e-02  eta: 0:12:30  time: 0.5  data_time: 0.01  memory: 100  loss: 2.1  loss_cls: 1.0\n"
        "2023/01/01 10:00:00 - mmengine - INFO - Epoch(val) [1][10/10]    accuracy/top1: 71.2\n",
        [(50, "lr", 0.02), (50, "loss", 2.1), (50, "loss_cls", 1.0), (50, "val_accuracy/top1", 71.2)],
        ANY,
    ),
    (
        "d2",
        "[11/17 01:18:50 d2.utils.events]:  eta: 16:59:41  iter: 18  total_loss: 2.855  loss_cls: 1.732  loss_r3: 0.08665  lr: 3.7964e-06  max_mem: 22645M\n",
        [
            (18, "total_loss", 2.855),
            (18, "loss_cls", 1.732),
            (18, "loss_r3", 0.08665),
            (18, "lr", 3.7964e-06),
        ],
        ANY,
    ),
    (
        "megatron",
        " iteration      122/  250000 | consumed samples:       124928 | elapsed time per iteration (ms): 86545.2 | learning rate: 9.150E-06 | global batch size:  1024 | lm loss: 2.504220E+00 | loss scale: 1.0 | grad norm: 0.231 | number of skipped iterations:   0 | number of nan iterations:   0 |\n",
        [(122, "lr", 9.15e-06), (122, "lm_loss", 2.50422), (122, "grad_norm", 0.231)],
        250000,
    ),
    (
        "fairseq",
        "2020-01-01 10:00:00 | INFO | train_inner | epoch 001:    100 / 1000 loss=10.5, nll_loss=10.1, ppl=1100.1, wps=100, ups=1.1, wpb=10.1, bsz=4, num_updates=100, lr=1.25e-05, gnorm=1.9, loss_scale=1, train_wall=10, wall=12\n"
        "2020-01-01 10:00:00 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 8.9 | nll_loss 7.9 | ppl 240 | wps 100 | num_updates 1000\n",
        [
            (100, "loss", 10.5),
            (100, "nll_loss", 10.1),
            (100, "ppl", 1100.1),
            (100, "lr", 1.25e-05),
            (100, "gnorm", 1.9),
            (1000, "valid_loss", 8.9),
            (1000, "valid_nll_loss", 7.9),
            (1000, "valid_ppl", 240),
        ],
        ANY,
    ),
    (
        "timm",
        "Train: 0 [   0/1251 (  0%)]  Loss: 6.95 (6.95)  Time: 5.217s,   24.54/s  (5.217s,   24.54/s)  LR: 1.000e-06  Data: 1.5 (1.5)\n"
        "Train: 0 [  50/1251 (  4%)]  Loss: 6.90 (6.93)  Time: 0.217s,   24.54/s  (5.217s,   24.54/s)  LR: 1.000e-06  Data: 1.5 (1.5)\n"
        "Test: [   0/48]  Time: 1.2 (1.2)  Loss:  6.8 (6.8)  Acc@1:   0.1 (  0.1)\n"
        "Train: 1 [   0/1251 (  0%)]  Loss: 6.5 (6.5)  Time: 5.217s,   24.54/s  (5.217s,   24.54/s)  LR: 1.000e-06  Data: 1.5 (1.5)\n",
        [
            (0, "loss", 6.95),
            (0, "lr", 1e-06),
            (50, "loss", 6.9),
            (50, "lr", 1e-06),
            (50, "test_loss", 6.8),
            (50, "test_acc@1", 0.1),
            (1251, "loss", 6.5),
            (1251, "lr", 1e-06),
        ],
        ANY,
    ),
    (
        "catboost",
        "0:\tlearn: 0.6873\ttest: 0.6881\tbest: 0.6881 (0)\ttotal: 48.4ms\tremaining: 48.4s\n"
        "1:\tlearn: 0.68\ttest: 0.67\tbest: 0.67 (1)\ttotal: 48.4ms\tremaining: 48.4s\n",
        [
            (0, "learn", 0.6873),
            (0, "test", 0.6881),
            (0, "best", 0.6881),
            (1, "learn", 0.68),
            (1, "test", 0.67),
            (1, "best", 0.67),
        ],
        ANY,
    ),
    (
        "dl4j",
        "Score at iteration 0 is 1.6\nScore at iteration 100 is 1.5\n",
        [(0, "score_at_iteration", 1.6), (100, "score_at_iteration", 1.5)],
        ANY,
    ),
    (
        "best of an unknown metric",
        "step 1: quux=3.0 best_quux=3.0 best epoch 1\nstep 2: quux=2.0 best_quux=3.0 best epoch 1\n",
        [(1, "quux", 3.0), (1, "best_quux", 3.0), (2, "quux", 2.0), (2, "best_quux", 3.0)],
        ANY,
    ),
    (
        "tf1",
        "INFO:tensorflow:loss = 2.3, step = 1\n"
        "INFO:tensorflow:global_step/sec: 100.5\n"
        "INFO:tensorflow:loss = 1.3, step = 101 (0.5 sec)\n",
        [(1, "loss", 2.3), (101, "loss", 1.3)],
        ANY,
    ),
    (
        "caffe",
        "I0812 10:00:00.123456  1234 solver.cpp:218] Iteration 100 (2.1 iter/s, 47.1s/100 iters), loss = 0.45\n"
        "I0812 10:00:00.12  1234 sgd_solver.cpp:105] Iteration 100, lr = 0.01\n",
        [(100, "loss", 0.45), (100, "lr", 0.01)],
        ANY,
    ),
    (
        "absl",
        "I1123 10:00:00.123456 140012 train.py:100] epoch:  1, train_loss: 0.2, train_accuracy: 93.1, test_loss: 0.1, test_accuracy: 97.0\n",
        [
            (1, "train_loss", 0.2),
            (1, "train_accuracy", 93.1),
            (1, "test_loss", 0.1),
            (1, "test_accuracy", 97.0),
        ],
        ANY,
    ),
    (
        "flax",
        "train epoch: 1, loss: 0.4, accuracy: 88.0\n"
        "eval epoch: 1, loss: 0.06, accuracy: 98\n"
        "train epoch: 2, loss: 0.3, accuracy: 89.0\n",
        [
            (1, "loss", 0.4),
            (1, "accuracy", 88.0),
            (1, "eval_loss", 0.06),
            (1, "eval_accuracy", 98.0),
            (2, "loss", 0.3),
            (2, "accuracy", 89.0),
        ],
        ANY,
    ),
    (
        "gan",
        "(epoch: 1, iters: 100, time: 0.078, data: 3.094) G_GAN: 18.230 D_real: 0.001\n"
        "(epoch: 1, iters: 200, time: 0.078, data: 3.094) G_GAN: 17 D_real: 0.002\n"
        "(epoch: 2, iters: 100, time: 0.078, data: 3.094) G_GAN: 16 D_real: 0.001\n",
        [
            (100, "g_gan", 18.23),
            (100, "d_real", 0.001),
            (200, "g_gan", 17),
            (200, "d_real", 0.002),
            (300, "g_gan", 16),
            (300, "d_real", 0.001),
        ],
        ANY,
    ),
    (
        "llmc",
        "step    1/18865 | loss 11.009 (+nanz)| norm 15.3 (+nanz)| lr 2.10e-07 | 2571 ms | 54.7% bf16 MFU | 203954 tok/s\n"
        "val loss 11.01\n",
        [(1, "loss", 11.009), (1, "lr", 2.1e-07), (1, "val_loss", 11.01)],
        18865,
    ),
    (
        "modded",
        "step:125/1770 train_time:12000ms step_avg:95.1ms\n"
        "step:250/1770 val_loss:4.6 train_time:12000ms step_avg:95.1ms\n",
        [(250, "val_loss", 4.6)],
        1770,
    ),
    (
        "titan",
        "[rank0]:[titan] 2024-06-01 10:00:00,123 - root - INFO - step:  1  loss: 12.2  memory:  9.2GiB(9.8%)  tps: 1,200  mfu: 3.1%\n",
        [(1, "loss", 12.2)],
        ANY,
    ),
    (
        "kohya",
        "steps:  12%|█▏        | 120/1000 [01:23<10:10,  1.4it/s, avr_loss=0.0912]\n",
        [(120, "avr_loss", 0.0912)],
        1000,
    ),
    (
        "yolo",
        "      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "        1/3         0G      2.5       3.1       1.2         17        640: 100%|##########| 4/4 [00:01<00:00]\n"
        "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|##########| 1/1\n"
        "                   all        128        929      0.64      0.53      0.6      0.44\n"
        "        2/3         0G      2.4       3.0       1.1         17        640: 100%|##########| 4/4 [00:01<00:00]\n",
        [
            (1, "box_loss", 2.5),
            (1, "cls_loss", 3.1),
            (1, "dfl_loss", 1.2),
            (1, "p", 0.64),
            (1, "r", 0.53),
            (1, "map50", 0.6),
            (1, "map50-95", 0.44),
            (2, "box_loss", 2.4),
            (2, "cls_loss", 3.0),
            (2, "dfl_loss", 1.1),
        ],
        ANY,
    ),
    (
        "sb3",
        "| time/              |          |\n"
        "|    total_timesteps | 2048     |\n"
        "| train/             |          |\n"
        "|    loss            | 0.3      |\n"
        "|    total_timesteps | 4096     |\n"
        "|    loss            | 0.2      |\n",
        [(2048, "loss", 0.3), (4096, "loss", 0.2)],
        ANY,
    ),
    (
        "epochlines",
        "epoch 1 loss 0.9\nepoch 1 loss 0.8\nepoch 1 loss 0.7\nepoch 2 loss 0.6\n",
        [(1, "loss", 0.9), (2, "loss", 0.8), (3, "loss", 0.7), (4, "loss", 0.6)],
        ANY,
    ),
    (
        "early",
        "Early stopping, best iteration is:\n[45]\tvalid_0's l2: 0.3\n",
        [],
        ANY,
    ),
    (
        "ckpt",
        "Epoch 1: val_loss improved from inf to 0.61234, saving model to best.keras\nEpoch 1: loss 0.7\n",
        [(1, "loss", 0.7)],
        ANY,
    ),
    (
        "lossisnan",
        "step 4 loss 0.3\nLoss is nan, stopping training\n",
        [(4, "loss", 0.3), (4, "loss", NAN)],
        ANY,
    ),
    (
        "of",
        "Step 10 of 500, loss 0.3\n",
        [(10, "loss", 0.3)],
        500,
    ),
    (
        "csv",
        "epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n",
        [(1, "loss", 0.5), (1, "val_loss", 0.6), (2, "loss", 0.4), (2, "val_loss", 0.5)],
        ANY,
    ),
    (
        "logjson",
        'INFO:root:{"loss": 0.3, "step": 3}\n',
        [(3, "loss", 0.3)],
        ANY,
    ),
    (
        "emoji",
        "🚀 Epoch 1 → loss: 0.5 ✅\n",
        [(1, "loss", 0.5)],
        ANY,
    ),
    (
        "neg",
        "step 1 elbo -103.2 loss -0.5\nstep 2 loss=-0.25\n",
        [(1, "elbo", -103.2), (1, "loss", -0.5), (2, "loss", -0.25)],
        ANY,
    ),
    (
        "colour",
        "\x1b[32mINFO\x1b[0m step \x1b[1m10\x1b[0m loss \x1b[31m0.5\x1b[0m\r\n",
        [(10, "loss", 0.5)],
        ANY,
    ),
    (
        "cost",
        "Epoch: 0001 cost= 0.35\nEpoch: 0002 cost= 0.25\n",
        [(1, "cost", 0.35), (2, "cost", 0.25)],
        ANY,
    ),
    (
        "jul",
        "[ Info: Epoch 1, loss 0.3\n",
        [(1, "loss", 0.3)],
        ANY,
    ),
    (
        "backspace",
        "loss 0.5 step 1\x08\x08\x08\x08\x08\x08\x08\x08\x08\x080.4 step 2\n",
        [(1, "loss", 0.5), (2, "loss", 0.4)],
        ANY,
    ),
    (
        "whole",
        "Epoch: 1 | Train Loss: 0.51 | Train Acc: 80.2% | Val. Loss: 0.4 |  Val. Acc: 82%\n",
        [(1, "train_loss", 0.51), (1, "train_acc", 80.2), (1, "val_loss", 0.4), (1, "val_acc", 82)],
        ANY,
    ),
    (
        "bentrevett",
        "Epoch: 01 | Epoch Time: 0m 14s\n"
        "\tTrain Loss: 0.694 | Train Acc: 50.12%\n"
        "\t Val. Loss: 0.696 |  Val. Acc: 50.17%\n"
        "Epoch: 02 | Epoch Time: 0m 14s\n"
        "\tTrain Loss: 0.594 | Train Acc: 55.12%\n"
        "\t Val. Loss: 0.596 |  Val. Acc: 52%\n",
        [
            (1, "train_loss", 0.694),
            (1, "train_acc", 50.12),
            (1, "val_loss", 0.696),
            (1, "val_acc", 50.17),
            (2, "train_loss", 0.594),
            (2, "train_acc", 55.12),
            (2, "val_loss", 0.596),
            (2, "val_acc", 52),
        ],
        ANY,
    ),
]
