from hil.protocol.encoder import encode_text
from hil.recording.clock_exchange import ClockExchange


def request(count, sequence=0):
    return encode_text("R", sequence, [("n", count)])


def answer(number):
    return encode_text("P", number, [("n", number), ("rx", 1), ("tx", 2)])


class Wire:
    def __init__(self, **more):
        self.sent = 0
        self.recorded = []
        self.exchange = ClockExchange(self.send, lambda a, b: self.recorded.append((a, b)), **more)

    def send(self, data):
        assert data == b"!"
        self.sent += 1

    def feed(self, data, host_ns=1):
        self.exchange.feed(data, host_ns)


def test_one_ping_is_under_way_at_a_time():
    wire = Wire()
    wire.feed(request(3))
    assert wire.sent == 1
    wire.feed(answer(0), 10)
    assert wire.sent == 2
    wire.feed(answer(1) + answer(2), 20)
    assert wire.sent == 3
    assert [rx for _, rx in wire.recorded] == [10, 20, 20]


def test_just_as_many_are_sent_as_were_asked_for_whatever_the_check_characters_are():
    for sequence in range(500):
        wire = Wire()
        wire.feed(request(2, sequence))
        for number in range(5):
            wire.feed(answer(number))
        assert wire.sent == 2


def test_a_request_split_over_reads_and_behind_a_print_is_seen():
    wire = Wire()
    for byte in b"log text" + request(1).replace(b"\n", b"\r\n"):
        wire.feed(bytes([byte]))
    assert wire.sent == 1


def test_a_board_cannot_ask_for_endless_pings():
    wire = Wire()
    wire.feed(request(99_999_999))
    for number in range(10_050):
        wire.feed(answer(number))
    assert wire.sent == 10_000


def test_log_text_and_damaged_frames_send_nothing():
    wire = Wire()
    wire.feed(b"R n=3\n! ~ R\n~R##n=3######\n" + request(3).replace(b"n=3", b"n=4"))
    wire.exchange.tick()
    assert wire.sent == 0


def test_answers_nobody_asked_for_are_not_recorded():
    wire = Wire()
    wire.feed(answer(0))
    assert wire.recorded == []


def test_an_answer_that_comes_after_the_round_was_given_up_is_not_recorded():
    wire = Wire()
    wire.feed(request(2) + request(0) + answer(0))
    assert wire.recorded == []


def test_single_pings_go_out_in_the_window_only():
    wire = Wire(every_s=0.0)
    wire.exchange.tick()
    assert wire.sent == 0
    wire.feed(request(0))
    wire.exchange.tick()
    wire.exchange.tick()
    assert wire.sent == 1  # the next one waits for the answer
    wire.feed(answer(0))
    wire.exchange.tick()
    assert wire.sent == 2

    wire = Wire(every_s=0.0)
    for round_end in (request(1) + answer(0) + request(0), request(1) + answer(1) + request(0)):
        wire.feed(round_end)
    sent = wire.sent
    wire.exchange.tick()
    assert wire.sent == sent  # the second round is behind the window


def test_a_ping_still_under_way_when_a_round_begins_is_its_first():
    wire = Wire(every_s=1e-9)
    wire.feed(request(1), 1)
    wire.feed(answer(0), 2)
    wire.feed(request(0), 3)
    wire.exchange.tick()  # the window's own ping, which the board has not read yet
    assert wire.sent == 2
    wire.feed(request(2), 4)
    assert wire.sent == 2  # or every answer would be taken for that of the ping before it
    wire.feed(answer(1), 5)
    assert wire.sent == 3
    wire.feed(answer(2), 6)
    assert wire.sent == 3
    assert len(wire.recorded) == 3
    assert all(sent < received or received < 10 for sent, received in wire.recorded)
