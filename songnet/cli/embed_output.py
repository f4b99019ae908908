"""What `songnet embed` tells at its end."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from songnet.cli.output import print_json, say, tell


def print_embedded(
    report: Any,
    embedded: Any,
    totals: dict[str, int],
    library: Path,
    as_json: bool,
    *,
    scanned: bool,
    verdict: str | None = None,
    alone: str | None = None,
) -> None:
    """Files read, model, tracks encoded, what the codes are worth, and what to do next; or all of it as JSON."""
    for warning in report.warnings:
        tell(f"warning: {warning}")
    if as_json:
        content: dict[str, Any] = {"files": asdict(report), "library": {"path": str(library), **totals}, "model": None}
        content["verdict"], content["descriptors_alone"] = verdict, alone
        if embedded:
            content["model"] = {
                "name": embedded.card.name,
                "key": embedded.card.key,
                "preset": embedded.card.preset,
                "trained_now": embedded.training is not None,
                "tracks_encoded": embedded.encoding.tracks,
                "clips_encoded": embedded.encoding.clips,
                "training": embedded.card.training,
            }
        print_json(content)
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.failed_by_kind.items())
    parts = [f"{report.read} read", f"{report.unchanged} unchanged"]
    optional = {
        "moved": report.moved,
        "of a track already known": report.duplicates,
        "truncated": report.truncated,
        "shorter than a clip": report.padded_tracks,
        "removed": report.missing,
        "back again": report.returned,
        "failed before (--retry-failed reads them again)": report.known_failures,
    }
    parts += [f"{count} {name}" for name, count in optional.items() if count]
    parts += [f"{report.failed} failed ({kinds})"] if report.failed else []
    if scanned:
        say(f"{report.found} audio files: {', '.join(parts)}")
    if not report.found and report.ignored:
        say(f"{report.ignored} other files were passed over; spectrograms are read by `songnet import-spectrograms`")
    if embedded and embedded.training:
        training = embedded.card.training
        say(
            f"model {embedded.card.name} trained on {training['n_train']} clips in {training['epochs_run']} epochs,"
            f" validation loss {training['best_loss']:.4g}; {_latent(training)}"
        )
    if embedded:
        say(
            f"{embedded.encoding.tracks} tracks encoded now; the library holds {totals['with_codes']} with codes"
            f" of {embedded.card.name}"
        )
    else:
        say(alone or f"the library holds {totals['with_images']} tracks with mel images; no model was used")
    if verdict:
        say(verdict)
    if report.failed:
        say(f"what failed and why: songnet failures --library {library}")
    elif embedded or alone:
        say(f"ask it: songnet similar TRACK --library {library}")


def _latent(training: dict[str, Any]) -> str:
    latent = training["latent"]
    if latent is None:
        return f"code of {' x '.join(map(str, training['code_shape']))}"
    collapsed = ", COLLAPSED" if latent["collapsed"] else ""
    active = f"{latent['active_units']} of {training['code_shape'][0]} latent units active"
    return f"{active}, KL {latent['kl_nats']:.1f} nats{collapsed}"
