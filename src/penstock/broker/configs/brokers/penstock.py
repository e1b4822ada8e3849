"""What Kafka does not have."""

SETTINGS = """
penstock.durability string = page-cache {page-cache fsync} acts
    When acks=all is answered: when the system has the bytes (page-cache, as Kafka), or when the disk has them (fsync).
penstock.partitions.max int = 200000 [1..] acts
    Partitions of all topics together.
penstock.metrics.port int = -1 [-1..65535] acts
    Port of the Prometheus endpoint; 0 takes a free one, -1 opens none.
"""
