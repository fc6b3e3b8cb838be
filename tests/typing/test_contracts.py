"""What mypy knows of a call: the type of its answer, and of the handler that serves it."""

import textwrap
from pathlib import Path

import pytest
from mypy import api

HEAD = """
from stackwire.contracts.image import GetImage, ImageView
from stackwire.core.context import RequestContext
from stackwire.messaging.rpc import RpcClient

async def ask(rpc: RpcClient, ctx: RequestContext) -> None:
    reveal_type(await rpc.call(ctx, GetImage(image_id="x")))

async def good(ctx: RequestContext, message: GetImage) -> ImageView:
    raise NotImplementedError

async def bad(ctx: RequestContext, message: GetImage) -> str:
    raise NotImplementedError
"""


def check(tmp_path: Path, lines: str) -> str:
    file = tmp_path / "sample.py"
    file.write_text(HEAD + textwrap.dedent(lines))
    root = Path(__file__).parents[2]
    out, err, _ = api.run(["--config-file", str(root / "pyproject.toml"), "--cache-dir", str(tmp_path), str(file)])
    return out + err


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_call_is_typed_at_both_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    told = check(tmp_path, "GetImage.served_by(good)\nGetImage.served_by(bad)\n")
    assert 'Revealed type is "stackwire.contracts.image.ImageView"' in told
    assert told.count("error:") == 1, told
    assert 'Argument 1 to "served_by"' in told
