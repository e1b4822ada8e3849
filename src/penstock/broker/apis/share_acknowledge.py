"""ShareAcknowledge: what a member says of the records it holds.  Source: ShareAcknowledgeRequest v1-2."""

from typing import TYPE_CHECKING, Any

from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.broker.share.acks import acknowledge_all, acks_of
from penstock.broker.share.sessions import FINAL_EPOCH, FIRST_EPOCH, Place
from penstock.kit.refusal import Refused
from penstock.protocol import messages
from penstock.protocol.errors import KafkaError

if TYPE_CHECKING:
    from penstock.broker.core import Broker

ShareAcknowledgeResponse = messages.ShareAcknowledgeResponse
TopicAnswer = ShareAcknowledgeResponse.ShareAcknowledgeTopicResponse
PartitionAnswer = ShareAcknowledgeResponse.PartitionData
Leader = ShareAcknowledgeResponse.LeaderIdAndEpoch


class ShareAcknowledge:
    """The handler of one broker. Leaders are not told: there is one broker, which leads everything."""

    __slots__ = ("broker",)

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker

    def handle(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """The last request of a session also gives back all that is still held."""
        broker, group_id, member_id = self.broker, request.group_id, request.member_id
        if not group_id or not member_id:
            return Reply(ShareAcknowledgeResponse(error_code=KafkaError.INVALID_REQUEST))
        epoch = request.share_session_epoch
        if epoch == FIRST_EPOCH:
            return Reply(ShareAcknowledgeResponse(error_code=KafkaError.INVALID_SHARE_SESSION_EPOCH))
        share_session = broker.share_sessions.use(group_id, member_id, epoch)
        if isinstance(share_session, KafkaError):
            return Reply(ShareAcknowledgeResponse(error_code=share_session))
        acks = acks_of(request)
        done = acknowledge_all(broker, group_id, member_id, acks, request.is_renew_ack, now_ms)
        written = done.written
        if epoch == FINAL_EPOCH:
            written += broker.end_share_session(share_session, now_ms)
        answer = ShareAcknowledgeResponse(
            acquisition_lock_timeout_ms=broker.shares.config(group_id).record_lock_duration_ms,
            responses=_by_topic(done.results),
        )
        return broker.internal.when_on_disk(written, Reply(answer))


def _by_topic(results: dict[Place, Refused]) -> list[Any]:
    topics: dict[bytes, Any] = {}
    for (topic_id, index), fault in results.items():
        topic = topics.setdefault(topic_id, TopicAnswer(topic_id, []))
        topic.partitions.append(PartitionAnswer(index, fault.error, fault.message or None, Leader(0, 0)))
    return list(topics.values())
