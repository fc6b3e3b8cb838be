"""What the settings of backups in S3 come to, and which of them cannot be."""

from typing import Any

import pytest
from pydantic import ValidationError

from stackwire.volume.settings import VolumeSettings

WHOLE: dict[str, Any] = {
    "backup_driver": "cinder.backup.drivers.s3.S3BackupDriver",
    "backup_s3_endpoint_url": "https://s3.eu-west-3.amazonaws.com",
    "backup_s3_store_access_key": "hidden-access",
    "backup_s3_store_secret_key": "hidden-secret",
}


def test_the_settings_have_the_defaults_of_cinder() -> None:
    settings = VolumeSettings(**WHOLE)
    place = settings.backup_s3_place
    assert (place.bucket, place.region, place.create_bucket, place.attempts) == ("volumebackups", "eu-west-3", True, 5)
    assert (settings.backup_s3_object_size, settings.backup_s3_block_size) == (52_428_800, 32_768)
    assert VolumeSettings().backup_driver == "cinder.backup.drivers.posix.PosixBackupDriver"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"backup_s3_endpoint_url": ""}, "needs backup_s3_endpoint_url"),
        ({"backup_s3_store_access_key": ""}, "needs backup_s3_store_access_key"),
        ({"backup_s3_store_secret_key": ""}, "needs backup_s3_store_secret_key"),
        ({"backup_s3_endpoint_url": "https://key:word@s3.example.org"}, "backup_s3_endpoint_url is not a host"),
        ({"backup_s3_store_bucket": "no bucket"}, "backup_s3_store_bucket is not the name of a bucket"),
        ({"backup_s3_object_size": 32_769}, "no multiple of backup_s3_block_size"),
        ({"backup_compression_algorithm": "zstd"}, "backup_compression_algorithm"),
        ({"backup_driver": "cinder.backup.drivers.swift.SwiftBackupDriver"}, "backup_driver"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_their_secrets(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        VolumeSettings(**{**WHOLE, **changed})
    assert "hidden-" not in str(refused.value)
