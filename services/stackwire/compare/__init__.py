"""Holds one cloud against another: tables of requests with odd values, sent to each, and what differs.

Knows no service of this project: REST alone, so that it runs against any OpenStack.
"""
