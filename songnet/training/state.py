"""The state of a training under way: everything needed to go on after a kill as if nothing had happened.

One safetensors file holds the model's variables, the optimizer's and the best weights so far; its header holds the
rest. It is replaced whole, so a kill leaves the last complete state.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from songnet.library.files import write_bytes

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder


@dataclass
class TrainingState:
    """Where a training stands.

    Parameters
    ----------
    fingerprint : str
        Hash of everything the training depends on; a state of another fingerprint is not continued.
    epoch, step : int
        Epoch under way and steps of it that are done.
    sums : dict
        Losses of these steps, each times its images, and their number as ``"images"``.
    history : list of dict
        One entry a finished epoch.
    best_epoch : int
        Epoch of the best weights; -1 before the first.
    best_loss : float
        Its validation loss.
    """

    fingerprint: str
    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = -1
    best_loss: float = float("inf")


def _variables(model: MelEncoder) -> dict[str, Any]:
    # The optimizer's by position: the same program builds the same ones in the same order.
    optimizer = {f"optimizer/{i:04d}": variable for i, variable in enumerate(model.optimizer.variables)}
    return {f"model/{name}": variable for name, variable in model.named_variables().items()} | optimizer


def save_state(path: Path, state: TrainingState, model: MelEncoder, best: dict[str, np.ndarray]) -> None:
    """Write a training's state, atomically."""
    tensors = {name: np.array(variable.numpy()) for name, variable in _variables(model).items()}
    tensors |= {f"best/{name}": value for name, value in best.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = save(
        {name: np.array(value, order="C") for name, value in tensors.items()},
        metadata={"state": json.dumps(asdict(state))},
    )
    write_bytes(path, content)


def load_state(path: Path, fingerprint: str, model: MelEncoder) -> tuple[TrainingState, dict[str, np.ndarray]] | None:
    """Restore a state into a freshly built and compiled model.

    Returns
    -------
    tuple or None
        The state and the best weights; None when there is no state, or it is another training's, or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as stored:
            state = TrainingState(**json.loads(stored.metadata()["state"]))
            if state.fingerprint != fingerprint:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  not a dict
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    variables = _variables(model)
    best = {name.removeprefix("best/"): value for name, value in tensors.items() if name.startswith("best/")}
    if {name for name in tensors if not name.startswith("best/")} != set(variables):
        return None
    for name, variable in variables.items():
        variable.assign(tensors[name])
    return state, best
