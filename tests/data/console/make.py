# ruff: noqa: E501 - small programs, quoted whole
"""Makes the samples in this folder: what real training programs write, byte for byte.

    python tests/data/console/make.py [NAME ...]

Needs keras, torch, tqdm, transformers, accelerate, lightning, xgboost, lightgbm, scikit-learn and fastprogress;
a sample whose library is missing is left as it is. Each program below is run twice where that makes a difference:
with its output in a pipe, and on a terminal of its own (`-tty`).
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

HERE = Path(__file__).parent
LIMIT = 30_000  # bytes kept of a sample

DATA = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(320, 8)).astype("float32")
y = (X @ rng.normal(size=8) + 0.3 * rng.normal(size=320) > 0).astype("int64")
"""

PROGRAMS: dict[str, str] = {
    "keras": DATA
    + """
import os, time
os.environ["KERAS_BACKEND"] = "torch"
import keras
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")])
model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.06)
model.fit(X, y, batch_size=32, epochs=3, validation_split=0.2, callbacks=[Slow()])
print(model.evaluate(X, y, batch_size=32))
""",
    "keras-verbose2": DATA
    + """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")])
model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(X, y, batch_size=32, epochs=4, validation_split=0.2, verbose=2,
          callbacks=[keras.callbacks.ReduceLROnPlateau(patience=1, verbose=1)])
""",
    "tqdm": """
import time
from tqdm import tqdm
loss = 2.0
for epoch in range(1, 4):
    bar = tqdm(range(40), desc=f"Epoch {epoch}")
    for i in bar:
        time.sleep(0.03)
        loss *= 0.98
        bar.set_postfix(loss=loss)
    tqdm.write(f"epoch {epoch}: val_loss={loss * 1.1:.4f}")
""",
    "tqdm-nested": """
import time
from tqdm import tqdm, trange
loss = 2.0
for epoch in trange(3, desc="epochs"):
    with tqdm(range(30), desc="train", leave=False) as bar:
        for i in bar:
            time.sleep(0.03)
            loss *= 0.97
            bar.set_postfix(loss=f"{loss:.4f}")
""",
    "transformers": """
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed
import tempfile
set_seed(0)
class D(Dataset):
    def __len__(self): return 64
    def __getitem__(self, i):
        g = torch.Generator().manual_seed(i)
        ids = torch.randint(5, 50, (12,), generator=g)
        return {"input_ids": ids, "attention_mask": torch.ones(12, dtype=torch.long), "labels": ids[0] % 2}
config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
args = TrainingArguments(tempfile.mkdtemp(), num_train_epochs=3, per_device_train_batch_size=8, logging_steps=2,
                         eval_strategy="epoch", save_strategy="no", learning_rate=1e-3, report_to=[], use_cpu=True)
Trainer(BertForSequenceClassification(config), args, train_dataset=D(), eval_dataset=D()).train()
""",
    "lightning": """
import torch, lightning as L, time, tempfile
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
X = torch.randn(160, 8); y = (X.sum(1) > 0).long()
class M(L.LightningModule):
    def __init__(self):
        super().__init__(); self.net = torch.nn.Linear(8, 2)
    def training_step(self, b, i):
        time.sleep(0.02)
        loss = torch.nn.functional.cross_entropy(self.net(b[0]), b[1])
        self.log("train_loss", loss, prog_bar=True); return loss
    def validation_step(self, b, i):
        self.log("val_loss", torch.nn.functional.cross_entropy(self.net(b[0]), b[1]), prog_bar=True)
    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(X, y), 16)
callbacks = [L.pytorch.callbacks.BAR()]
L.Trainer(max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=callbacks,
          default_root_dir=tempfile.mkdtemp()).fit(M(), loader, loader)
""",
    "xgboost": DATA
    + """
import xgboost as xgb
d = xgb.DMatrix(X[:240], y[:240]); e = xgb.DMatrix(X[240:], y[240:])
xgb.train({"eta": 0.3, "objective": "binary:logistic"}, d, 20, [(d, "train"), (e, "eval")])
""",
    "lightgbm": DATA
    + """
import lightgbm as lgb
d = lgb.Dataset(X[:240], y[:240]); e = lgb.Dataset(X[240:], y[240:], reference=d)
lgb.train({"objective": "binary", "learning_rate": 0.3, "verbosity": 1}, d, 30, [d, e],
          callbacks=[lgb.log_evaluation(1), lgb.early_stopping(5)])
""",
    "sklearn-mlp": DATA
    + """
from sklearn.neural_network import MLPClassifier
MLPClassifier((8,), max_iter=12, verbose=True, random_state=0, early_stopping=True).fit(X, y)
""",
    "sklearn-sgd": DATA
    + """
from sklearn.linear_model import SGDClassifier
SGDClassifier(max_iter=8, tol=None, verbose=1, random_state=0).fit(X, y)
""",
    "sklearn-boosting": DATA
    + """
from sklearn.ensemble import GradientBoostingClassifier
GradientBoostingClassifier(n_estimators=20, verbose=2, random_state=0).fit(X, y)
""",
    "sklearn-histboosting": DATA
    + """
from sklearn.ensemble import HistGradientBoostingClassifier
HistGradientBoostingClassifier(max_iter=12, verbose=1, random_state=0, early_stopping=True, scoring="loss").fit(X, y)
""",
    "fastprogress": """
import time
from fastprogress.fastprogress import master_bar, progress_bar
mb = master_bar(range(4))
mb.write(["epoch", "train_loss", "valid_loss", "accuracy", "time"], table=True)
loss = 2.0
for epoch in mb:
    for i in progress_bar(range(20), parent=mb):
        time.sleep(0.02); loss *= 0.98
        mb.child.comment = f"{loss:.4f}"
    mb.write([str(epoch), f"{loss:.6f}", f"{loss * 1.1:.6f}", f"{1 - loss / 3:.6f}", "00:01"], table=True)
""",
    "torch-print": """
import torch
torch.manual_seed(0)
net = torch.nn.Linear(4, 1); opt = torch.optim.SGD(net.parameters(), lr=0.1); x = torch.randn(64, 4)
for i in range(20):
    loss = ((net(x) - x.sum(1, keepdim=True)) ** 2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
    print("step", i, "loss", loss)
""",
    "rich-progress": """
import time
from rich.progress import Progress, TextColumn, BarColumn, MofNCompleteColumn
with Progress(TextColumn("Epoch {task.fields[epoch]}"), BarColumn(), MofNCompleteColumn(),
              TextColumn("loss: {task.fields[loss]:.4f}")) as progress:
    task = progress.add_task("train", total=60, loss=2.0, epoch=1)
    loss = 2.0
    for i in range(60):
        time.sleep(0.03); loss *= 0.98
        progress.update(task, advance=1, loss=loss)
""",
}
PROGRAMS["lightning-rich"] = PROGRAMS["lightning"].replace("BAR()", "RichProgressBar()")
PROGRAMS["lightning"] = PROGRAMS["lightning"].replace("BAR()", "TQDMProgressBar()")
ON_TERMINAL = [
    "keras",
    "tqdm",
    "tqdm-nested",
    "transformers",
    "lightning",
    "lightning-rich",
    "rich-progress",
    "fastprogress",
]


def on_terminal(command: list[str], env: dict[str, str]) -> bytes:
    """What the command writes when it believes to be on a terminal of 100 columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(command, stdout=follower, stderr=follower, stdin=subprocess.DEVNULL, env=env)
    os.close(follower)
    got = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            break
        if not chunk:
            break
        got += chunk
    process.wait()
    os.close(leader)
    return got


def main(names: list[str]) -> None:
    env = {
        **os.environ,
        "COLUMNS": "100",
        "LINES": "40",
        "TERM": "xterm-256color",
        "PYTHONWARNINGS": "ignore",
    }
    env["OMP_NUM_THREADS"] = "1"
    for name, code in PROGRAMS.items():
        if names and name not in names:
            continue
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=False)
        if done.returncode:
            print(name, "failed:", done.stdout[-300:].decode(errors="replace"))
            continue
        (HERE / f"{name}.txt").write_bytes(done.stdout[:LIMIT])
        if name in ON_TERMINAL:
            (HERE / f"{name}-tty.txt").write_bytes(on_terminal(command, env)[:LIMIT])
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
