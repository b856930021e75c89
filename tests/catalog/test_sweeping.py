import signal


def test_a_killed_run_shows_nothing_and_is_swept(catalog, start, count, sql):
    child = start("hang", "a")
    run_id = child.stdout.readline().split()[1]

    assert catalog.sweep_interrupted() == ()
    child.kill()
    assert child.wait(timeout=60) == -signal.SIGKILL
    assert sql("SELECT status FROM run") == [("running",)]
    assert catalog.sweep_interrupted() == (run_id,)
    child.communicate()
    record = catalog.run(run_id)
    assert (record.status, record.error) == ("interrupted", "The process died.")
    assert record.ended_at is not None
    assert count() == [0, 0, 0, 0, 0]
    assert catalog.sweep_interrupted() == ()


def test_a_run_is_swept_where_another_process_has_its_id_now(catalog, sql, make_spec):
    with catalog.record_run(make_spec()) as run:
        started_at = sql("SELECT process_started_at FROM run")
        sql("UPDATE run SET process_started_at = '1999-12-31 00:00:00.000000'")
        assert started_at != sql("SELECT process_started_at FROM run")
        assert catalog.sweep_interrupted() == (run.id,)


def test_runs_of_other_hosts_are_not_judged(catalog, sql, make_spec):
    with catalog.record_run(make_spec()):
        sql("UPDATE run SET host = 'elsewhere', pid = 999999999")

        assert catalog.sweep_interrupted() == ()


def test_a_run_that_was_taken_for_dead_may_still_complete(catalog, sql, make_spec):
    with catalog.record_run(make_spec()) as run:
        sql("UPDATE run SET pid = 999999999")
        assert catalog.sweep_interrupted() == (run.id,)

    assert (run.record.status, run.record.error) == ("completed", None)
