"""Clusters for other programs: one table of all tracks, or one playlist a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from songnet.library import Library, StoredPartition
from songnet.library.partition_files import PartitionExport, write_partition
from songnet.library.partitions import load_silhouettes
from songnet.partition import Partition


def export_partition(
    library: Library, stored: StoredPartition, partition: Partition, path: Path, names: Mapping[int, str]
) -> PartitionExport:
    """Write clusters as a table with the columns ``cluster``, ``cluster_name`` and ``silhouette``, or as playlists.

    Parameters
    ----------
    library : Library
        Open for reading.
    stored : StoredPartition
        What is known of the partition.
    partition : Partition
        Its labels.
    path : pathlib.Path
        As `songnet.library.partition_files.write_partition` takes it, which tells what is written and raised.
    names : Mapping[int, str]
        Number -> name of the cluster; a cluster may lack one.
    """
    silhouettes = load_silhouettes(library, stored)
    return write_partition(
        library, stored, partition, path, names, group="cluster", measures={"silhouette": silhouettes}
    )
