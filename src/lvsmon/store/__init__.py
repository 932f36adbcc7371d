"""What must outlive the process, in one SQLite file, and the lock that lets one lvsmon at a time write."""

from lvsmon.store.database import Store
from lvsmon.store.lock import Lock

__all__ = ["Lock", "Store"]
