"""Work on many pictures, one at a time or spread: over processes of this machine (joblib) or a cluster's (Dask).

    with processes(shared, 4) as each:              # or here(shared), or cluster.on_cluster(shared, address)
        for answer in each(work, tasks): …          # in the order in which they get ready

A worker may be killed at any moment, by a system short of memory or by hand.  Its pictures are then done again, at
most AGAIN times; a picture that kills workers each time is left out, and the answer says so.
"""

from .pool import processes
from .work import Answer, ClusterLost, Each, MistakeInWorker, here

__all__ = ["Answer", "ClusterLost", "Each", "MistakeInWorker", "here", "processes"]
