"""The cloud as a whole: it starts, answers, settles, and goes on after a stop."""

from support.cloud import ACloud


async def test_identity_answers_inside_a_test(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity",))
    demo = await cloud.http("demo")
    answer = (await demo.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})).ok(200)
    assert answer.json["token"]["user"]["name"] == "demo"
    await cloud.settle()
