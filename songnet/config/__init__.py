"""Settings: one frozen dataclass a stage, filled from a TOML file and from flags, in that order.

Every class checks its own ranges, so a setting is right from the moment it exists, wherever it came from.
"""

from songnet.config.clusters import AUTO_FEATURES, CLUSTER_FEATURES, ClusterConfig
from songnet.config.communities import TRACK_GRAPHS, CommunityConfig
from songnet.config.images import ImageConfig, ReadConfig
from songnet.config.layers import SECTIONS, build_config, read_toml
from songnet.config.training import TrainConfig, VectorConfig

__all__ = [
    "AUTO_FEATURES",
    "CLUSTER_FEATURES",
    "SECTIONS",
    "TRACK_GRAPHS",
    "ClusterConfig",
    "CommunityConfig",
    "ImageConfig",
    "ReadConfig",
    "TrainConfig",
    "VectorConfig",
    "build_config",
    "read_toml",
]
