"""The buffers for stamps have the room that the heap has, not what is left beside garbage."""

LITTER = """\
import gc
def litter():
    while gc.mem_free() > 20000:
        bytearray(1000)
gc.collect()
litter()
print(gc.mem_free())
"""


def test_a_heap_full_of_garbage_has_room_for_every_stamp(runner):
    runner.deploy("timer_soft")
    free = int(runner.exec(LITTER))
    assert free < 20_000  # as it is, room for 600 stamps at most
    result = runner.run("timer_soft", duration=10_000_000)
    ends = [frame.fields for frame in result.texts if frame.kind == "T"]
    assert [end["dropped"] for end in ends] == ["0", "0"]
    assert [int(end["n"]) for end in ends] == [999, 999]
