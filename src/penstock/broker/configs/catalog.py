"""All configs there are, by name: of brokers, topics and groups.

Names, kinds, defaults and limits are those of Kafka 4.3.1; what is ours begins with `penstock.`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from penstock.broker.configs import groups, topics
from penstock.broker.configs.brokers import cluster, node, penstock, security, services, transactions
from penstock.broker.configs.brokers import groups as broker_groups
from penstock.broker.configs.brokers import topics as broker_topics
from penstock.broker.configs.definition import Config
from penstock.broker.configs.notation import read

# In the order of the documentation: what people set most comes first.
SECTIONS = (node, broker_topics, broker_groups, penstock, transactions, cluster, services, security)

BROKER: Mapping[str, Config] = MappingProxyType({k: v for part in SECTIONS for k, v in read(part.SETTINGS).items()})
TOPIC: Mapping[str, Config] = MappingProxyType(read(topics.SETTINGS))
GROUP: Mapping[str, Config] = MappingProxyType(read(groups.SETTINGS))
