"""What a real Keystone has and this one has not: 501 with a clear message, rather than 404."""

from collections.abc import Sequence

from stackwire.http.app import Route
from stackwire.http.refusals import REMOVED, Features, refusals

NOT_SIMULATED: Features = {
    "inherited role assignments": ["/OS-INHERIT"],
    "federation": ["/OS-FEDERATION", "/auth/OS-FEDERATION"],
    "OAuth": ["/OS-OAUTH1", "/OS-OAUTH2", "/users/{id}/OS-OAUTH1"],
    "endpoint filters": ["/OS-EP-FILTER"],
    "revocation events": ["/OS-REVOKE", "/auth/tokens/OS-PKI"],
    "tokens of requests to S3": ["/s3tokens"],
    "stored policies": ["/policies", "/endpoints/{id}/OS-ENDPOINT-POLICY"],
    "configuration of domains": ["/domains/config", "/domains/{id}/config"],
    "revoking all tokens of a user": ["/users/{id}/tokens"],
    REMOVED: ["/OS-SIMPLE-CERT"],
}


def unsupported() -> Sequence[Route]:
    """Routes for what no other route serves."""
    return [Route(method, f"/v3{path}", handler) for method, path, handler in refusals(NOT_SIMULATED)]
