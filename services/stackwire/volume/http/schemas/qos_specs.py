"""Bodies of /qos-specs: create, update, delete_keys."""

from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, StringConstraints, model_validator

from stackwire.volume.http.schemas.fields import Body, Named, NewExtraSpecs, Text, unlike_each_other

_MAX_KEY = 255


class NewQosSpecs(Body):
    """Every field but the name is one of the specs."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Text | None]

    name: Annotated[str, StringConstraints(min_length=1, max_length=255, strip_whitespace=True)]

    @property
    def specs(self) -> dict[str, str | None]:
        """The consumer among them."""
        return dict(self.__pydantic_extra__)

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if not all(0 < len(key) <= _MAX_KEY for key in self.__pydantic_extra__):
            raise ValueError(f"keys have 1 to {_MAX_KEY} characters")
        return self


class CreateQosSpecsBody(Body):
    qos_specs: NewQosSpecs


class UpdateQosSpecsBody(Body):
    qos_specs: NewExtraSpecs


class DeleteKeysBody(Body):
    keys: Annotated[list[Named], AfterValidator(unlike_each_other)]
