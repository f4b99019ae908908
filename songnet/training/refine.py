"""Refining a trained model towards a given number of clusters (DEC and IDEC, `songnet.models.clustering_head`).

Refinement makes whatever groups there are at the start denser, in data without groups too. So the evidence for the
clusters is gathered before it, on the codes as they were, and is stored with the refined model; nothing measured on
refined codes can stand in for it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from songnet.errors import ModelError, ParameterError
from songnet.library import Library
from songnet.library.files import write_bytes
from songnet.progress import Progress, silent
from songnet.training.checkpoint import ModelCard, check_name, list_models, load_model, read_card, save_model
from songnet.training.feeds import ClipFeed, Feed, pair_feed
from songnet.training.images import ImageStream, split_images
from songnet.training.pairs import TrackRows, draw_pairs, group_by_track
from songnet.training.refine_config import Begin, RefineConfig, Start

if TYPE_CHECKING:
    from songnet.models.clustering_head import ClusteringHead
    from songnet.models.encoder import MelEncoder

log = logging.getLogger(__name__)

# Purpose of the generator that deals batches, beside those of `songnet.training.feeds`.
REFINING = 5
# Images encoded at once.
POINTS_BATCH = 64
# An interval of a small library may change nothing by chance: so many in a row must.
QUIET_UPDATES = 3
# A centre that holds more than this share of the clips has swallowed the others.
TAKEN_OVER = 0.8
# Clips that silhouettes are taken of, at most: the distances of all pairs are needed.
SILHOUETTE_CLIPS = 2_000
# Steps that tell how large the model's own loss is.
SCALE_STEPS = 32


@dataclass(frozen=True)
class RefineReport:
    """How a refinement went.

    Parameters
    ----------
    card : ModelCard
        The refined model as stored; ``card.training["refined_from"]`` holds the result in plain values.
    history : list of dict
        One entry an update: share of changed assignments, losses of the steps before it, share of the largest cluster.
    seconds : float
        Wall clock time.
    """

    card: ModelCard
    history: list[dict[str, float]]
    seconds: float

    @property
    def result(self) -> dict[str, Any]:
        """What the card says of the refinement."""
        refined: dict[str, Any] = self.card.training["refined_from"]
        return refined


def check_refinable(library: Library, model: str, name: str) -> ModelCard:
    """Refuse a refinement that would lose or confuse a model, before any work is done.

    Returns
    -------
    ModelCard
        Of the model to refine.

    Raises
    ------
    InputNotFoundError
        If there is no such model.
    ParameterError
        If the new name is taken or no file name, or the model is itself refined: its codes can no longer say whether
        there are clusters.
    """
    card = read_card(library.models, model)
    if check_name(name) in list_models(library.models):
        raise ParameterError(
            f"the library has a model {name!r} already: choose another --name, or remove it with `songnet models delete"
            f" {name}`"
        )
    if "refined_from" in card.training:
        source = card.training["refined_from"]["model"]
        raise ParameterError(f"model {model!r} is refined already: refine the one it was made from, {source!r}")
    if "playlists" in card.training:
        raise ParameterError(
            f"model {model!r} learned from playlists (`songnet align`), and refining does not keep from which: refine"
            " one that was trained on sound alone, such as 'contrastive'"
        )
    return card


def refine(
    library: Library,
    *,
    model: str,
    name: str,
    config: RefineConfig,
    begin: Begin,
    seed: int,
    progress: Progress = silent,
) -> RefineReport:
    """Refine a trained model and store the result under a new name.

    Parameters
    ----------
    library : Library
        Open for writing, with images of the model's recipe.
    model : str
        A trained model; it stays as it is.
    name : str
        What the refined model is called.
    config : RefineConfig
        How.
    begin : Begin
        Makes the space and the centres from the codes of the training clips.
    seed : int
        Decides the order of the images. Which artists are held out is decided as it was for the model.
    progress : Progress
        Told of every step.

    Returns
    -------
    RefineReport

    Raises
    ------
    InputNotFoundError, ParameterError
        As `check_refinable`.
    ModelError
        If there are not more clips to train on than clusters, or the loss stops being a number.

    Notes
    -----
    Nothing is written before the end: an interrupted refinement leaves nothing behind and begins anew.
    """
    check_refinable(library, model, name)
    started = time.monotonic()
    card, network = load_model(library.models, model)
    split = split_images(library, card.images, card.training.get("validation", 0.1), card.training.get("seed", 0))
    rows = group_by_track(library, card.images, split.train)
    if len(rows.row_ids) <= config.n_clusters:
        raise ModelError(
            f"{len(rows.row_ids)} clips to train on are too few for {config.n_clusters} clusters: add music"
        )
    stream = ImageStream(library, card.images)
    held_out = group_by_track(library, card.images, split.validation).row_ids
    batch_size = min(config.batch_size, len(rows.starts) if network.paired else len(rows.row_ids))
    feed: Feed
    if network.paired:
        feed = pair_feed(library, card.images, split, card.scaling, batch_size, seed)
    else:
        feed = ClipFeed(stream, split, card.scaling, batch_size, seed)
    network.compile_for_training(config.learning_rate)
    own_before = _own_loss(network, feed.validation())
    codes = {
        part: _pooled(network, stream, ids, card) for part, ids in (("train", rows.row_ids), ("held_out", held_out))
    }
    start = begin(codes["train"], rows.starts)
    head = _head(network, start, config, feed)
    steps = config.update_every or max(10, math.ceil(len(rows.row_ids) / (batch_size * (1 + network.paired))))

    def dealt(update: int) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        return _batches(stream, rows, card, batch_size, steps, network.paired, [seed, REFINING, update])

    loop = _Loop(head, config, steps, dealt, lambda: _pooled(network, stream, rows.row_ids, card), codes["train"])
    loop.run(progress)
    after = {"train": loop.codes, "held_out": _pooled(network, stream, held_out, card)}
    own_after = _own_loss(network, feed.validation())
    measured = {
        f"silhouette_{part}": [
            _silhouette(start, codes[part], start.centers, seed),
            _silhouette(start, after[part], np.array(head.centers.numpy()), seed),
        ]
        for part in ("train", "held_out")
    }
    sizes = np.bincount(loop.labels, minlength=config.n_clusters)
    result = {
        "model": card.name,
        "key": card.key,
        **asdict(config),
        "update_every": steps,
        "seed": seed,
        "updates": loop.updates,
        "steps": loop.updates * steps,
        "converged": loop.converged,
        "changed_last": loop.changed,
        "changed_in_all": loop.changed_in_all,
        "cluster_sizes": [int(size) for size in sizes],
        "own_loss_held_out": [own_before, own_after],
        **measured,
        "degenerate": _degenerate(sizes),
        "evidence": start.evidence,
    }
    # Everything else the source's card says (also where it learned from playlists) holds for what was made from it.
    training = {**card.training, "best_loss": own_after, "n_tracks": split.n_tracks, "n_train": len(rows.row_ids)}
    training |= {"n_validation": len(held_out), "split_by": split.grouped_by, "refined_from": result}
    stored = save_model(
        library.models,
        network,
        name=name,
        preset=card.preset,
        family=card.family,
        images=card.images,
        scaling=card.scaling,
        training=training,
    )
    write_bytes(library.models / name / "history.csv", _history_csv(loop.history).encode())
    return RefineReport(stored, loop.history, time.monotonic() - started)


class _Loop:
    """Targets, and the steps between them."""

    def __init__(
        self,
        head: ClusteringHead,
        config: RefineConfig,
        steps: int,
        dealt: Callable[[int], Iterator[tuple[dict[str, np.ndarray], np.ndarray]]],
        encode: Callable[[], np.ndarray],
        codes: np.ndarray,
    ) -> None:
        self.head, self.config, self.steps = head, config, steps
        self.dealt, self.encode, self.codes = dealt, encode, codes
        self.history: list[dict[str, float]] = []
        self.updates, self.converged = 0, False
        self.changed = self.changed_in_all = 0.0
        self.assignments = self._assign()
        self.labels = self.first = self.assignments.argmax(axis=1)

    def _assign(self) -> np.ndarray:
        from songnet.models.clustering_head import soft_assignments

        points = (self.codes - self.head.mean) @ self.head.projection
        assignments: np.ndarray = np.asarray(soft_assignments(points, self.head.centers))
        return assignments

    def run(self, progress: Progress) -> None:
        from songnet.models.clustering_head import target_distribution

        quiet = 0
        while self.updates < self.config.max_updates and not self.converged:
            target = np.asarray(target_distribution(self.assignments))
            sums = self._interval(target, progress)
            self.codes = self.encode()
            self.assignments = self._assign()
            labels = self.assignments.argmax(axis=1)
            self.changed = float((labels != self.labels).mean())
            self.changed_in_all = float((labels != self.first).mean())
            self.labels = labels
            self.updates += 1
            quiet = quiet + 1 if self.changed < self.config.tol or self.changed == 0 else 0
            self.converged = quiet >= QUIET_UPDATES
            largest = float(np.bincount(labels).max() / len(labels))
            self.history.append({"update": self.updates, **sums, "changed": self.changed, "largest": largest})

    def _interval(self, target: np.ndarray, progress: Progress) -> dict[str, float]:
        sums: dict[str, float] = {}
        for step, (images, positions) in enumerate(self.dealt(self.updates), start=1):
            logs = self.head.train_on_batch(images, target[positions], return_dict=True)
            for key, value in logs.items():
                sums[key] = sums.get(key, 0.0) + float(value) / self.steps
            if not math.isfinite(float(logs["loss"])):
                raise ModelError(
                    f"the loss became {float(logs['loss'])} at update {self.updates + 1}: refine with a smaller"
                    f" --learning-rate than {self.config.learning_rate:g}"
                )
            done, note = self.updates * self.steps + step, f"{self.changed:.1%} changed, loss {float(logs['loss']):.4g}"
            progress("refine", done, self.config.max_updates * self.steps, note)
        if self.config.keep_own_loss:
            return sums
        return {key: value for key, value in sums.items() if key != "own"}


def _head(network: MelEncoder, start: Start, config: RefineConfig, feed: Feed) -> ClusteringHead:
    import keras

    from songnet.models.clustering_head import ClusteringHead

    own_scale = None
    if config.keep_own_loss:
        # A bound in nats may be negative; its size is what counts.
        own_scale = abs(_own_loss(network, _first(feed.training(0, 0), SCALE_STEPS))) or 1.0
    head = ClusteringHead(
        network,
        mean=start.mean,
        projection=start.projection,
        centers=start.centers,
        gamma=config.gamma,
        own_scale=own_scale,
    )
    head.compile(optimizer=keras.optimizers.Adam(config.learning_rate))
    return head


def _first(batches: Iterator[Any], count: int) -> Iterator[Any]:
    for _, batch in zip(range(count), batches, strict=False):
        yield batch


def _own_loss(network: MelEncoder, batches: Iterator[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean over images of the loss that the model was trained with, in inference mode."""
    total, count = 0.0, 0
    for x, y in batches:
        total += float(network.test_on_batch(x, y, return_dict=True)["loss"]) * len(x)
        count += len(x)
    return total / count


def _pooled(network: MelEncoder, stream: ImageStream, row_ids: np.ndarray, card: ModelCard) -> np.ndarray:
    """Codes of images, their mean over time [shape=(n, d), dtype=float32]."""
    from songnet.models.clustering_head import pool_codes

    parts = [
        np.asarray(pool_codes(np.asarray(network.encode(x)), network.time_axis))
        for x in stream.batches(row_ids, POINTS_BATCH, card.scaling)
    ]
    return np.concatenate(parts)


def _batches(
    stream: ImageStream,
    rows: TrackRows,
    card: ModelCard,
    batch_size: int,
    steps: int,
    paired: bool,
    seed: list[int],
) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Images of one interval, and which training clips they are."""
    rng = np.random.default_rng(seed)
    if paired:
        positions = draw_pairs(rows.counts, batch_size, steps, rng).reshape(steps, -1)
    else:
        rounds = math.ceil(steps * batch_size / len(rows.row_ids))
        order = np.concatenate([rng.permutation(len(rows.row_ids)) for _ in range(rounds)])
        positions = order[: steps * batch_size].reshape(steps, batch_size)
    ids = rows.row_ids[positions.reshape(-1)]
    for index, images in enumerate(stream.batches(ids, positions.shape[1], card.scaling)):
        halves = {"x": images[:batch_size], "y": images[batch_size:]} if paired else {"x": images}
        yield halves, positions[index]


def _silhouette(start: Start, codes: np.ndarray, centers: np.ndarray, seed: int) -> float | None:
    """Mean silhouette of clips by their nearest centre, in the fixed space; None where all have the same."""
    from sklearn.metrics import silhouette_score

    points = (codes - start.mean) @ start.projection
    if len(points) > SILHOUETTE_CLIPS:
        chosen = np.random.default_rng([seed, REFINING]).choice(len(points), SILHOUETTE_CLIPS, replace=False)
        points = points[np.sort(chosen)]
    labels = ((points[:, None, :] - centers[None]) ** 2).sum(axis=-1).argmin(axis=1)
    if not 2 <= len(set(labels.tolist())) < len(points):
        return None
    return float(silhouette_score(points, labels))


def _degenerate(sizes: np.ndarray) -> list[str]:
    """What is wrong with an outcome, in words; empty when nothing is."""
    found = []
    share = sizes.max() / sizes.sum()
    if share > TAKEN_OVER:
        found.append(f"one cluster holds {share:.0%} of the clips")
    empty = int((sizes == 0).sum())
    if empty:
        found.append(f"{empty} of {len(sizes)} clusters are empty")
    return found


def _history_csv(history: list[dict[str, float]]) -> str:
    lines = [",".join(history[0])]
    lines += [",".join(f"{value:.9g}" for value in entry.values()) for entry in history]
    return "\n".join(lines) + "\n"
