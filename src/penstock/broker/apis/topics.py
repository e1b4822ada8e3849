"""CreateTopics and DeleteTopics: decided by `coordinate.metadata`, done by the controller."""

from typing import TYPE_CHECKING, Any

from penstock.broker.configs.describe import Describer
from penstock.broker.outcome import Outcome, Reply
from penstock.broker.session import Session
from penstock.protocol import messages

if TYPE_CHECKING:
    from penstock.broker.core import Broker

ConfigAnswer = messages.CreateTopicsResponse.CreatableTopicConfigs

# From this version on the answer tells the configs of what was created.
CONFIGS_VERSION = 5


class TopicApis:
    """The handlers of one broker."""

    __slots__ = ("controller", "describer", "metadata")

    def __init__(self, broker: "Broker") -> None:
        self.describer = Describer(broker.configs)
        self.controller = broker.controller
        self.metadata = broker.controller.metadata

    def create(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered when the topics are there; the request's timeout has nothing to wait for."""
        own = {topic.name: {config.name: config.value for config in topic.configs} for topic in request.topics}
        reply = self.controller.settle(self.metadata.create_topics(request), now_ms)
        if session.version >= CONFIGS_VERSION:
            for result in reply.topics:
                if not result.error_code:
                    result.configs = self._configs(own[result.name])
        return self.controller.when_on_disk(Reply(reply))

    def delete(self, request: Any, session: Session, now_ms: int) -> Outcome:
        """Answered when the topics are gone; their files follow."""
        reply = self.controller.settle(self.metadata.delete_topics(request, session.version), now_ms)
        return self.controller.when_on_disk(Reply(reply))

    def _configs(self, own: dict[str, str]) -> list[Any]:
        """All configs of a new topic; those of its own as they were given."""
        return [
            ConfigAnswer(
                name=entry.config.name,
                value=own.get(entry.config.name, entry.value),
                read_only=entry.read_only,
                config_source=entry.source,
                is_sensitive=entry.is_sensitive,
            )
            for entry in self.describer.topic(own)
        ]
