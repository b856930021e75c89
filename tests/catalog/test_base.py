from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from genemamba.catalog.base import UtcDateTime

TABLE = sa.Table("clock", sa.MetaData(), sa.Column("at", UtcDateTime()))


@pytest.fixture
def connection(url):
    engine = sa.create_engine(url)
    with engine.connect() as opened:
        TABLE.create(opened)
        yield opened
    engine.dispose()


def test_a_time_comes_back_in_utc_with_its_zone(connection):
    summer = timezone(timedelta(hours=2))
    connection.execute(TABLE.insert(), {"at": datetime(2026, 7, 1, 0, 30, tzinfo=summer)})

    found = connection.scalar(sa.select(TABLE.c.at))

    assert found == datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert found.tzinfo is UTC


def test_no_time_stays_no_time(connection):
    connection.execute(TABLE.insert(), {"at": None})

    assert connection.execute(sa.select(TABLE.c.at)).all() == [(None,)]


def test_a_time_without_a_zone_is_refused(connection):
    with pytest.raises(StatementError, match="Expected a time with a zone, found the naive 2026"):
        connection.execute(TABLE.insert(), {"at": datetime(2026, 7, 1)})
