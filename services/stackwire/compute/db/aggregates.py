"""Rows of ``aggregates``: groups of hosts, with their hosts and metadata."""

from stackwire.compute.domain.model import Aggregate
from stackwire.db.table import Table

TABLE = Table(Aggregate, "aggregates", touch=None)
