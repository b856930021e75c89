import pytest

from genemamba.catalog.values import ArtifactInfo, Metric


@pytest.mark.parametrize(
    "digest",
    [
        pytest.param("a" * 64, id="no algorithm"),
        pytest.param("sha256:" + "a" * 63, id="too short"),
        pytest.param("sha256:" + "A" * 64, id="upper case"),
        pytest.param("md5:" + "a" * 64, id="other algorithm"),
    ],
)
def test_a_digest_that_would_not_equal_its_equals_is_refused(digest):
    with pytest.raises(ValueError, match="Expected a digest 'sha256:' and 64 hex digits"):
        ArtifactInfo(digest=digest, kind="store", uri="/a", size_bytes=1)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param({"size_bytes": -1}, id="bytes"),
        pytest.param({"size_bytes": 1, "n_files": -1}, id="files"),
    ],
)
def test_a_size_below_zero_is_refused(sizes):
    with pytest.raises(ValueError, match="Expected sizes >= 0"):
        ArtifactInfo(digest="sha256:" + "a" * 64, kind="store", uri="/a", **sizes)


@pytest.mark.parametrize("end", ["ci_low", "ci_high"])
def test_an_interval_without_an_end_is_refused(end):
    with pytest.raises(ValueError, match="Expected a finite confidence interval of 'accuracy'"):
        Metric(
            name="accuracy",
            value=0.5,
            implementation="scikit-learn@1.7",
            dataset_version="lung@1",
            subject="X_pca",
            **{end: float("inf")},
        )
