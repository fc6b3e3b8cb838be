"""The cloud as a whole: it starts, answers, settles, and goes on after a stop."""

from support.cloud import ACloud


async def test_identity_answers_inside_a_test(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity",))
    demo = await cloud.http("demo")
    answer = (await demo.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": demo.token})).ok(200)
    assert answer.json["token"]["user"]["name"] == "demo"
    await cloud.settle()


async def test_a_volume_is_created_and_then_all_is_quiet(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity", "volume"))
    demo = await cloud.http("demo")
    made = (await demo.post("volume", "/v3/{project_id}/volumes", json={"volume": {"size": 1}})).ok(202)
    await cloud.settle()
    path = f"/v3/{{project_id}}/volumes/{made.json['volume']['id']}"
    assert (await demo.get("volume", path)).ok(200).json["volume"]["status"] == "available"
