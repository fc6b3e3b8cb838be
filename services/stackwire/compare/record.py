"""``python -m stackwire.compare.record``: asks a cloud every table and writes its answers, a file for each request."""

import argparse
import asyncio
import sys
from fnmatch import fnmatch
from pathlib import Path

import typer

from stackwire.compare.fixtures import Fixtures
from stackwire.compare.runner import send_all
from stackwire.compare.session import Credentials, Unusable, logged_in
from stackwire.compare.tables import all_requests


async def record(user: Credentials, admin: Credentials, names: str, folder: Path) -> None:
    """Raises Unusable, once every table was asked, with what could not be."""
    failed: list[str] = []
    async with logged_in(user) as session, logged_in(admin) as admin_session:
        for name, request in all_requests().items():
            if not fnmatch(name, names):
                continue
            fixtures = Fixtures(session, admin_session)
            try:
                answers = await send_all(request, fixtures)
                answers.write(folder)
                typer.echo(f"{name}: {sum(1 for _ in answers.rows())} rows")
            except Unusable as error:
                failed.append(str(error))
            finally:
                await fixtures.close()
    if failed:
        raise Unusable("\n".join(failed))


def main() -> None:
    """Exit code 2 where a cloud, or a request as it stands, cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m stackwire.compare.record", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--auth-url", required=True)
    parser.add_argument("--user", default="demo", help="a user who is no administrator, in the project of that name")
    parser.add_argument("--admin", default="admin", help="an administrator, in the project of that name")
    parser.add_argument("--password", default="secret", help="of the user")
    parser.add_argument("--admin-password", default="secret")
    parser.add_argument("--table", default="*", help="names of requests, as servers.*")
    given = parser.parse_args()
    user = Credentials(given.auth_url, given.user, given.password, given.user)
    admin = Credentials(given.auth_url, given.admin, given.admin_password, given.admin)
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(record(user, admin, given.table, given.folder))
    except Unusable as error:
        typer.echo(error, err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
