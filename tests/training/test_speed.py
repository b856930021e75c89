"""What is timed, and what is read ahead."""

import threading
import time

import pytest

from genemamba.training.speed import Speed, read_ahead


def test_utilisation_is_the_share_of_time_not_spent_waiting():
    speed = Speed(tokens=600, seconds=4.0, waiting_s=1.0)

    assert (speed.tokens_per_s, speed.utilisation) == (150.0, 0.75)


def test_time_inside_the_blocks_is_counted():
    speed = Speed()
    start = time.perf_counter()
    with speed.step():
        with speed.waiting():
            time.sleep(0.02)
        time.sleep(0.02)
    passed = time.perf_counter() - start

    assert 0.02 <= speed.waiting_s <= speed.seconds - 0.02 <= passed


def test_the_next_number_is_read_while_the_caller_is_busy():
    begun = {number: threading.Event() for number in range(1, 5)}

    def read(number):
        begun[number].set()
        return number * 10

    with read_ahead(read) as take:
        assert take(1) == 10
        assert begun[2].wait(timeout=10)
        assert [take(2), take(3)] == [20, 30]


def test_numbers_may_begin_anywhere_and_jump():
    with read_ahead(lambda number: number * 10) as take:
        assert [take(number) for number in (7, 8, 3, 4, 4)] == [70, 80, 30, 40, 40]


def test_an_error_of_reading_is_raised_where_it_is_asked_for():
    def read(number):
        if number == 2:
            msg = "gone"
            raise OSError(msg)
        return number

    with read_ahead(read) as take:
        assert take(1) == 1
        with pytest.raises(OSError, match="gone"):
            take(2)
