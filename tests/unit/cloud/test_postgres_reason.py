"""What a user is told of a PostgreSQL that cannot be made or started: its error, not what it did after it."""

from stackwire.cloud.postgres_home import last_log_line


def test_the_error_counts_and_not_the_tidying_up_after_it() -> None:
    said = (
        'initdb: error: could not write to file "/d/data/base/1/1255": No space left on device\n'
        'initdb: removing contents of data directory "/d/data"\n'
    )
    assert last_log_line(said) == 'could not write to file "/d/data/base/1/1255": No space left on device'


def test_what_is_fatal_counts_more_and_the_last_word_where_nothing_is() -> None:
    assert last_log_line("x error: a\nLOG: b\nFATAL:  lock file is in use\nLOG: shut down\n") == "lock file is in use"
    assert last_log_line("one\n\ntwo\n") == "two"
    assert last_log_line("") == "no output"
