"""What transactional producers of the benchmark send."""

from bench.transactions import Template

from bench import wire
from penstock.protocol import messages
from penstock.protocol.codec import decode
from penstock.protocol.frame import decode_request_header
from penstock.records.batch import check
from penstock.records.header import TRANSACTIONAL_BIT


def test_each_transaction_has_whole_batches_of_its_own_epoch() -> None:
    template = Template("t", [3, 0, 1], wire.one_record_batch(100), "id-1")

    for producer_id, epoch in ((7, 0), (7, 1), (1 << 40, 0)):
        frame = template.request(producer_id, epoch)[wire.SIZE.size :]
        header, pos = decode_request_header(frame, 0)
        request, end = decode(messages.ProduceRequest, header.version, frame, pos)
        (topic,) = request.topic_data
        batches = [check(place.records, 1 << 20) for place in topic.partition_data]
        assert end == len(frame)
        assert (request.transactional_id, request.acks, topic.name) == ("id-1", -1, "t")
        assert [place.index for place in topic.partition_data] == [3, 0, 1]
        assert [(one.producer_id, one.producer_epoch, one.base_sequence) for one in batches] == [
            (producer_id, epoch, 0)
        ] * 3
        assert all(one.attributes & TRANSACTIONAL_BIT for one in batches)
