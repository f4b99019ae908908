"""What holds for the project as a whole: registries, public names, configuration, errors."""

import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys

import pytest

import songnet
from songnet import errors
from songnet.config import SECTIONS, ImageConfig, TrainConfig, build_config, read_toml
from songnet.errors import InputNotFoundError, ParameterError, SongNetError
from songnet.registry import Registry


def registries():
    for module in pkgutil.walk_packages(songnet.__path__, "songnet."):
        if not module.name.startswith("songnet.demo."):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, Registry):
                    yield name, value


def test_every_entry_of_every_registry_resolves():
    found = dict(registries())
    known = {"AGGREGATES", "CLUSTERERS", "COMMUNITY_METHODS", "MODELS", "PROJECTIONS", "READERS", "SOURCES"}
    assert known <= set(found)
    for registry in found.values():
        assert len(registry) == len(list(registry)) > 0
        for name in registry:
            assert callable(registry[name])
        with pytest.raises(ParameterError, match=f"unknown {registry.kind} 'no-such'"):
            registry["no-such"]


def test_public_names_resolve_and_unknown_ones_do_not():
    for name in songnet.__all__:
        assert getattr(songnet, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = songnet.nonsense


def test_all_errors_have_one_root_and_an_exit_code():
    for _, error in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(error, SongNetError)
        assert error.exit_code in (1, 2, 4, 5)
    error = pickle.loads(pickle.dumps(errors.AudioError("is empty", "empty")))
    assert (error.reason, error.kind, str(error)) == ("is empty", "empty", "is empty")


@pytest.mark.parametrize(
    "module", ["songnet", "songnet.cli.app", "songnet.audio", "songnet.spectrogram", "songnet.models"]
)
def test_heavy_libraries_stay_out_of_start_up(module):
    script = (
        f"import sys, {module}\n"
        "heavy = {'tensorflow', 'keras', 'lancedb', 'librosa', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imports {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_settings_come_in_layers_and_check_themselves(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("[train]\nepochs = 7\nlearning_rate = 1\n[images]\nclips = 3\n")
    toml = read_toml(path)
    config = build_config(TrainConfig, toml["train"], {"epochs": None, "batch_size": 9})
    assert (config.epochs, config.batch_size, config.learning_rate) == (7, 9, 1.0)
    assert config.model_overrides == {}
    with pytest.raises(ParameterError, match=r"images\.clips is 0; it must lie between 1 and 1000"):
        ImageConfig(clips=0)
    with pytest.raises(ParameterError, match=r"train.epochs is 'many'; it must be of type int"):
        build_config(TrainConfig, {"epochs": "many"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trian]\nepochs = 1\n", r"unknown section \[trian\]; there are: images, read, train, vectors, cluster, comm"),
        ("[train]\nepoch = 1\n", r"\[train\] has an unknown key 'epoch'; allowed: epochs, batch_size"),
        ("train = 1\n", "train must be a table"),
        ("[train\n", "is not valid TOML"),
    ],
)
def test_wrong_settings_files_are_explained(tmp_path, text, message):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=message):
        read_toml(path)
    with pytest.raises(InputNotFoundError, match="cannot read the settings file"):
        read_toml(tmp_path / "none.toml")
    assert set(SECTIONS) == {"images", "read", "train", "vectors", "cluster", "communities"}
