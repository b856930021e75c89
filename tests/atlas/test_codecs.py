import threading

import zarr

from genemamba.atlas.codecs import PIPELINE, plain_codecs


def in_force():
    return zarr.config.get("codec_pipeline.path")


def test_setting_comes_back_when_the_last_of_interleaved_threads_leaves():
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with plain_codecs():
            entered.set()
            leave.wait(timeout=10)

    with zarr.config.set({"codec_pipeline.path": "some.other.Pipeline"}):
        other = threading.Thread(target=hold)
        with plain_codecs():
            other.start()
            entered.wait(timeout=10)
        still = in_force()
        leave.set()
        other.join(timeout=10)
        after = in_force()

    assert (still, after) == (PIPELINE, "some.other.Pipeline")
