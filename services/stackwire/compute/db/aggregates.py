"""Rows of ``aggregates``: groups of hosts, with their hosts and metadata."""

from stackwire.compute.domain.model_groups import Aggregate
from stackwire.db.table import Table

TABLE = Table(Aggregate, "aggregates", touch=None)
