"""What clients of object stores raise becomes an error that says what to do."""

import fsspec
import pytest
from botocore.exceptions import ConnectTimeoutError, ProfileNotFound

from genemamba.errors import SourceError
from genemamba.remote_access import open_header, remote_errors


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        pytest.param(
            PermissionError("Forbidden"), SourceError, r"refused \(Forbidden\)\. Ask", id="forbidden"
        ),
        pytest.param(
            ProfileNotFound(profile="lab"),
            SourceError,
            r"ProfileNotFound: .*\(lab\).* Set AWS_ACCESS_KEY_ID",
            id="set-up",
        ),
        pytest.param(
            ConnectTimeoutError(endpoint_url="http://x"), ConnectionError, "about s3://b/a", id="time"
        ),
        pytest.param(FileNotFoundError("a"), FileNotFoundError, "a", id="other"),
        pytest.param(KeyError("a"), KeyError, "a", id="defect"),
    ],
)  # fmt: skip
def test_each_error_is_told_as_what_it_is(raised, kind, message):
    with pytest.raises(kind, match=message), remote_errors("s3://b/a"):
        raise raised


def test_a_header_is_read_in_small_blocks_of_the_right_bytes():
    content = bytes(range(256)) * 8192
    fsspec.filesystem("memory").pipe("/header/a", content)

    with open_header(fsspec.filesystem("memory"), "/header/a") as stream:
        stream.seek(1_000_001)
        assert stream.read(10) == content[1_000_001:1_000_011]
