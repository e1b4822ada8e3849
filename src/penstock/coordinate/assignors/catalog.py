"""The assignors a group can name; also under the names of Kafka's own classes, as `group.consumer.assignors` may."""

from penstock.coordinate.assignors import range as range_assignor
from penstock.coordinate.assignors import uniform
from penstock.coordinate.assignors.spec import Assignor

ASSIGNORS: dict[str, Assignor] = {uniform.NAME: uniform.assign, range_assignor.NAME: range_assignor.assign}

_CLASSES = "org.apache.kafka.coordinator.group.assignor."
CLASS_NAMES = {
    _CLASSES + "UniformAssignor": uniform.NAME,
    _CLASSES + "RangeAssignor": range_assignor.NAME,
}
