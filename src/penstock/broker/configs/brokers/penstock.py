"""What Kafka does not have."""

SETTINGS = """
penstock.durability string = page-cache {page-cache fsync} acts
    When acks=all is answered: when the system has the bytes (page-cache, as Kafka), or when the disk has them (fsync).
penstock.partitions.max int = 200000 [1..] acts
    Partitions of all topics together.
"""
