"""State machines as classes: a table of verbs that explains itself and refuses misspellings."""

from dataclasses import dataclass

import pytest

from stackwire.core.states import ANY, RESUME, Machine, Resume, Verb


class DoorStates(Machine, noun="door", columns=("status",), initial="open"):
    close = Verb("open", "closed")
    begin_lock = Verb("closed", "locking", on_crash=RESUME)
    finish_lock = Verb("locking", "locked")
    begin_paint = Verb("open closed", "painting", on_crash="give_up_paint")
    finish_paint = Verb("painting", "open closed")
    give_up_paint = Verb("painting", "open")
    reset = Verb(ANY, ANY)


class EngineStates(
    Machine,
    noun="engine",
    columns=("state", "task"),
    initial={"state": "stopped", "task": None},
    reserved={"state": "broken"},
):
    request_start = Verb(
        {"state": "stopped broken", "task": (None, "pausing")}, {"task": "starting"}, on_crash="finish_start"
    )
    request_pause = Verb({"state": "running", "task": None}, {"task": "pausing"})
    finish_start = Verb({"task": "starting"}, {"state": "running", "task": None})


@dataclass
class Row:
    status: str = ""
    state: str = ""
    task: str | None = None
    painted: bool = False


@pytest.mark.parametrize(
    ("verb", "status", "allowed"),
    [
        (DoorStates.close, "open", True),
        (DoorStates.close, "closed", False),
        (DoorStates.begin_paint, "closed", True),
        (DoorStates.reset, "painting", True),
    ],
)
def test_a_verb_starts_only_from_its_sources(verb: Verb, status: str, allowed: bool) -> None:
    assert verb.allows(status=status) is allowed


def test_a_verb_over_two_columns_asks_for_both() -> None:
    assert EngineStates.request_start.allows(state="stopped", task=None)
    assert EngineStates.request_start.allows(state="stopped", task="pausing")
    assert not EngineStates.request_start.allows(state="stopped", task="starting")
    assert not EngineStates.request_start.allows(state="running", task=None)


def test_a_verb_knows_its_name_and_its_machine() -> None:
    assert (DoorStates.close.name, DoorStates.close.machine) == ("close", DoorStates)
    assert DoorStates.verb("close") is DoorStates.close


def test_the_sources_of_a_state_are_those_of_every_verb_that_leads_there() -> None:
    assert DoorStates.sources("closed") == {"open", "painting"}
    assert EngineStates.sources("starting", "task") == {None, "pausing"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [(Row(status="locking"), RESUME), (Row(status="painting"), DoorStates.give_up_paint), (Row(status="locked"), None)],
)
def test_recovery_asks_the_same_table(row: Row, expected: Verb | Resume | None) -> None:
    assert DoorStates.after_crash(row) is expected


def test_recovery_of_two_columns_looks_at_the_columns_the_verb_writes() -> None:
    assert EngineStates.after_crash(Row(state="stopped", task="starting")) is EngineStates.finish_start
    assert EngineStates.after_crash(Row(state="stopped", task=None)) is None


def test_the_transient_states_are_those_with_something_to_recover() -> None:
    assert DoorStates.transient() == {"locking", "painting"}
    assert EngineStates.transient("task") == {"starting"}


def test_two_verbs_of_one_goal_may_ask_the_row_which_of_them_it_was() -> None:
    class WallStates(Machine, noun="wall", columns=("status",), initial="bare painted"):
        paint = Verb("bare", "busy", on_crash="fail", crash_if=lambda row: not row.painted)
        repaint = Verb("painted", "busy", on_crash="finish", crash_if=lambda row: row.painted)
        fail = Verb("busy", "bare")
        finish = Verb("busy", "painted")

    assert WallStates.after_crash(Row(status="busy")) is WallStates.fail
    assert WallStates.after_crash(Row(status="busy", painted=True)) is WallStates.finish


def test_a_misspelt_source_fails_when_the_class_is_made() -> None:
    with pytest.raises(ValueError, match="ajar"):

        class Broken(Machine, noun="door", columns=("status",), initial="open"):
            close = Verb("ajar", "closed")


def test_an_unknown_recovery_fails_when_the_class_is_made() -> None:
    with pytest.raises(ValueError, match="repair"):

        class Broken(Machine, noun="door", columns=("status",), initial="open"):
            close = Verb("open", "closed", on_crash="repair")


def test_two_recoveries_of_one_state_fail_when_the_class_is_made() -> None:
    with pytest.raises(ValueError, match="differ after a crash"):

        class Broken(Machine, noun="door", columns=("status",), initial="open"):
            close = Verb("open", "moving", on_crash="stop")
            swing = Verb("open", "moving", on_crash=RESUME)
            stop = Verb("moving", "open")


def test_a_column_the_machine_has_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="colour"):

        class Broken(Machine, noun="door", columns=("status",), initial="open"):
            paint = Verb({"colour": "red"}, {"status": "open"})


def test_the_table_draws_itself() -> None:
    drawing = DoorStates.mermaid()
    assert drawing.splitlines()[0] == "stateDiagram-v2"
    assert "    open --> closed: close" in drawing
    assert "    painting --> open: finish_paint" in drawing
    assert "    %% reset: from any state" in drawing
    assert "    stopped --> stopped__starting: request_start" in EngineStates.mermaid()
