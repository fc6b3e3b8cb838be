"""The admin port: what tests and operators of a cloud do to it that OpenStack has no API for."""
