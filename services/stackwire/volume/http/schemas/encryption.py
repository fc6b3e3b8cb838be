"""Bodies of /types/{id}/encryption: create, update."""

from typing import Literal

from stackwire.volume.http.schemas.fields import Body, KeySize, Text


class NewEncryption(Body):
    provider: Text
    control_location: Literal["front-end", "back-end"]
    cipher: Text | None = None
    key_size: KeySize | None = None


class CreateEncryptionBody(Body):
    encryption: NewEncryption


class EncryptionChanges(Body):
    provider: Text = ""
    control_location: Literal["front-end", "back-end"] = "front-end"
    cipher: Text | None = None
    key_size: KeySize | None = None


class UpdateEncryptionBody(Body):
    encryption: EncryptionChanges
