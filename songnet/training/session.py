"""The loop of a training: epochs, steps, what is kept between them."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from songnet.errors import ModelError
from songnet.progress import Progress
from songnet.training.devices import Steps
from songnet.training.feeds import Feed
from songnet.training.state import TrainingState, save_state

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder


class Session:
    """The loop over epochs and steps, with its state.

    Parameters
    ----------
    model : MelEncoder
        Compiled, and restored where the training goes on.
    steps : Steps
        How the model takes a step.
    feed : Feed
    plan : dict
        ``epochs``, ``patience`` and ``learning_rate``.
    state : TrainingState
        Where the training stands.
    best : dict of str to numpy.ndarray
        The best weights so far.
    state_path : pathlib.Path
        Where all of this is saved, at the end of an epoch and every `save_every_s` seconds.
    save_every_s : float
    progress : Progress
    """

    def __init__(
        self,
        model: MelEncoder,
        steps: Steps,
        feed: Feed,
        plan: dict[str, Any],
        state: TrainingState,
        best: dict[str, np.ndarray],
        state_path: Path,
        save_every_s: float,
        progress: Progress,
    ) -> None:
        self.model = model
        self.steps = steps
        self.feed = feed
        self.plan = plan
        self.state = state
        self.best = best
        self.state_path = state_path
        self.save_every_s = save_every_s
        self.progress = progress
        self.images_seen = 0
        # False while the model may already have taken a step that `state` does not count yet.
        self.between_steps = True
        self.saved_at = time.monotonic()

    def save(self) -> None:
        """Write the state, atomically."""
        save_state(self.state_path, self.state, self.model, self.best)
        self.saved_at = time.monotonic()

    def run(self) -> None:
        """Train until the epochs or the patience are used up.

        Raises
        ------
        ModelError
            If the loss stops being a number.
        KeyboardInterrupt
            After the state is saved.
        """
        try:
            while self.state.epoch < self.plan["epochs"] and not self._out_of_patience():
                self._epoch()
        except KeyboardInterrupt:
            if self.between_steps:
                self.save()
            raise

    def _out_of_patience(self) -> bool:
        patience = self.plan["patience"]
        return patience is not None and self.state.epoch - 1 - self.state.best_epoch >= int(patience)

    def _epoch(self) -> None:
        started = time.monotonic()
        state, n_steps = self.state, self.feed.n_steps
        for x, y in self.feed.training(state.epoch, state.step):
            self.between_steps = False
            logs = self.steps.train(x, y)
            _add(state.sums, logs, len(x))
            state.step += 1
            self.between_steps = True
            means = _means(state.sums)
            if not math.isfinite(means["loss"]):
                raise ModelError(
                    f"the loss became {means['loss']} in epoch {state.epoch + 1}: train with a smaller --learning-rate"
                    f" than {self.plan['learning_rate']:g}"
                )
            self.images_seen += len(x) * self.feed.images_per_row
            note = f"epoch {state.epoch + 1}/{self.plan['epochs']}, loss {means['loss']:.5g}"
            if state.best_epoch >= 0 and self.plan["patience"] is not None:
                note += f", best validation {state.best_loss:.5g}"
            self.progress("train", state.epoch * n_steps + state.step, self.plan["epochs"] * n_steps, note)
            if time.monotonic() - self.saved_at > self.save_every_s:
                self.save()
        self.between_steps = False
        validation = self._validate()
        entry = {
            "epoch": state.epoch,
            **_means(state.sums),
            **{f"val_{key}": value for key, value in validation.items()},
        }
        state.history.append({**entry, "seconds": round(time.monotonic() - started, 3)})
        # Without patience nothing is selected: the last weights are the best.
        if self.plan["patience"] is None or validation["loss"] < state.best_loss:
            state.best_loss, state.best_epoch = validation["loss"], state.epoch
            self.best = self.model.weights_by_name()
        state.epoch, state.step, state.sums = state.epoch + 1, 0, {}
        self.between_steps = True
        self.save()

    def _validate(self) -> dict[str, float]:
        sums: dict[str, float] = {}
        for x, y in self.feed.validation():
            _add(sums, self.steps.evaluate(x, y), len(x))
        return _means(sums)


def _add(sums: dict[str, float], logs: dict[str, float], n_images: int) -> None:
    # Keras answers for one batch alone; an epoch is the mean over its images.
    for key, value in logs.items():
        sums[key] = sums.get(key, 0.0) + value * n_images
    sums["images"] = sums.get("images", 0) + n_images


def _means(sums: dict[str, float]) -> dict[str, float]:
    return {key: value / sums["images"] for key, value in sums.items() if key != "images"}
