"""The scheduler's file: what comes back after a reset, whatever happened to it."""

NOON = "fake_clock(); set_clock(2026, 1, 7, 12, 0, 0); s = new()"  # a Wednesday
STORED = f"""
for name in os.listdir():
    if name.startswith("plan."):
        os.remove(name)
{NOON}
def job(word, times=1):
    REPORTS.append((word, times))
s.every(10).seconds.tag("t").do(job, "hello", times=3, name="greet")
s.every().wednesday.at("13:15").do(nothing)
s.save_flash("plan")
CLOCK[0] += 4000
s = new()
"""


def test_the_plan_comes_back(plans):
    setup = STORED + "s.register('greet', job); s.register('nothing', nothing)\n"
    setup += "n = s.load_flash('plan'); CLOCK[0] += 6000; m = asyncio.run(s.run_due())"
    assert plans.value(setup, "(n, m, REPORTS)") == (2, 1, [("hello", 3)])
    assert plans.value("", "(s.jobs['greet'].tags, when(s.jobs['nothing']))") == (
        ["t"],
        (2026, 1, 7, 13, 15, 0),
    )


def test_the_program_may_plan_first_and_takes_the_stored_time_over(plans):
    setup = STORED + "a = s.every(10).seconds.do(job, name='greet'); b = a.left_ms()\n"
    setup += "s.every().wednesday.at('09:00').do(nothing); n = s.load_flash('plan')"
    assert plans.value(setup, "(n, b, a.left_ms())") == (1, 10_000, 6_000)
    assert "otherwise" in plans.value("", "REPORTS")[0]
    assert plans.value("", "when(s.jobs['nothing'])") == (2026, 1, 14, 9, 0, 0)


def test_stored_names_are_never_run_as_code(plans):
    setup = STORED.replace('name="greet"', 'name="REPORTS.append(666)"')
    setup += "n = s.load_flash('plan'); asyncio.run(s.run_due())"
    said = plans.value(setup, "REPORTS")
    assert all("no function has this name" in line for line in said)
    assert len(said) == 2
    again = (
        "s.save_flash('plan'); t = new(); t.register('nothing', nothing); n = t.load_flash('plan')"
    )
    assert plans.value(again, "(n, len(t.unknown))") == (
        1,
        1,
    )  # unknown jobs are not lost either


def test_a_plan_from_before_the_clock_was_lost(plans):
    setup = STORED + "set_clock(2000, 1, 1, 0, 0, 0); s.register('greet', job)\n"
    setup += "s.register('nothing', nothing); n = s.load_flash('plan')"
    assert plans.value(setup, "(n, s.jobs['greet'].left_ms())") == (2, 10_000)
    assert plans.value("", "when(s.jobs['nothing'])") == (2000, 1, 5, 13, 15, 0)


def test_a_plan_of_firmware_with_another_epoch(plans):
    setup = STORED + "\n".join(
        (
            "p = schedule_store.load('plan'); k = p['jobs'][0]; due = k['due']",
            "p['epoch'] = 2000; p['now'] -= 946684800000; k['due'] -= 946684800000",
            "p['jobs'] = [k]; schedule_store.save('plan', p)",
            "s.register(k['name'], job); n = s.load_flash('plan')",
        )
    )
    assert plans.value(setup, "(n, s.jobs[k['name']].due - due)") == (1, 0)


def test_any_damage_is_reported_and_the_generation_before_is_used(plans):
    """Every byte of the newest file changed, and the file cut at every length."""
    setup = """
for name in os.listdir():
    if name.startswith("two."):
        os.remove(name)
schedule_store.save("two", {"a": 1})
schedule_store.save("two", {"a": 2})
newest = "two.0" if schedule_store.store_read("two.0")[0] == 2 else "two.1"
with open(newest, "rb") as f:
    whole = f.read()
def put(data):
    with open(newest, "wb") as f:
        f.write(data)
bad = []
for i in range(len(whole)):
    for data in (whole[:i], whole[:i] + bytes([whole[i] ^ 4]) + whole[i + 1:]):
        put(data)
        told = []
        if schedule_store.load("two", told.append) != {"a": 1} or newest not in told[0]:
            bad.append((i, data, told))
put(whole)
"""
    assert plans.value(setup, "(bad, schedule_store.load('two'))") == ([], {"a": 2})
    assert plans.value("schedule_store.save('two', 3)", "schedule_store.load('two')") == 3


def test_no_file_at_all_is_no_plan(plans):
    assert plans.value(f"{NOON}; n = s.load_flash('never')", "(n, REPORTS)") == (0, [])


def test_a_plan_saved_before_the_runs_is_already_on_to_the_next(plans):
    setup = (
        f"{NOON}; order = []; j = s.every(10).seconds.do(lambda: order.append('run'), name='j')\n"
    )
    setup += "s.before_run = lambda: order.append(j.left_ms()); CLOCK[0] = j.due\n"
    setup += "asyncio.run(s.run_due()); asyncio.run(s.run_due())"
    assert plans.value(setup, "order") == [10_000, "run"]
