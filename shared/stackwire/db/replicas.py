"""Many resources like one, in one statement for each table: rows copied with other ids and names in them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from stackwire.db.migrate import quoted
from stackwire.db.session import Session

_COLUMNS = """
SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
 WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
 ORDER BY attnum"""


async def replicate(
    session: Session, table: str, texts: Mapping[str, Sequence[str]], *, fresh: Collection[str] = (), **where: str
) -> None:
    """Copies the rows ``where`` a column has a value, once for each of the texts' members.

    ``texts``: what is replaced wherever it stands in a row, in ids, names and JSON alike; as many members each.
    ``fresh``: columns that get a new uuid in each copy. Columns that count up go on counting.
    """
    ((column, value),) = where.items()
    condition = f"template.{quoted(column)} = $1"
    columns = await session.rows(_COLUMNS, table)
    source = f"FROM {quoted(table)} AS template"
    found = await session.rows(f"SELECT to_json(template) AS row {source} WHERE {condition}", value)
    if not found:
        return
    used = {each["name"]: _texts_in([row["row"][each["name"]] for row in found], texts) for each in columns}
    needed = list(dict.fromkeys(text for each in used.values() for text in each))
    numbers = {text: at for at, text in enumerate(needed)}

    names, arrays = _listed("n{}", 0, len(needed)), _listed("${}::text[]", 2 + len(needed), len(needed))
    await session.execute(
        f"INSERT INTO {quoted(table)} ({', '.join(quoted(each['name']) for each in columns)})"
        f" SELECT {', '.join(_copied(each, used[each['name']], numbers, fresh) for each in columns)}"
        f" {source} CROSS JOIN unnest({arrays}) AS new ({names}) WHERE {condition}",
        value,
        *needed,
        *(list(texts[text]) for text in needed),
    )


def _listed(form: str, first: int, count: int) -> str:
    return ", ".join(form.format(number) for number in range(first, first + count))


def _copied(column: Mapping[str, str], used: Sequence[str], numbers: Mapping[str, int], fresh: Collection[str]) -> str:
    """The expression of a column of the copies."""
    if column["name"] in fresh:
        return "gen_random_uuid()::text"
    expression = f"template.{quoted(column['name'])}"
    for text in used:
        expression = f"replace({expression}::text, ${2 + numbers[text]}, n{numbers[text]})"
    return f"{expression}::{column['type']}" if used else expression


def _texts_in(values: Sequence[Any], texts: Mapping[str, Sequence[str]]) -> list[str]:
    whole = orjson.dumps(values).decode()
    return [text for text in texts if text in whole]
