"""Who the broker is, where it listens and what it takes from connections."""

SETTINGS = """
node.id int = 1 [0..] acts
    The number of this node in the cluster, unique and fixed for its life.
broker.id int = -1 acts
    The older name of node.id; where both are set they must be equal.
broker.rack string acts
    The rack, or zone, that clients are told the broker stands in.
process.roles list = broker,controller only:both-roles
    The roles of the node. One node is always both, broker and controller.
listeners list = PLAINTEXT://:9092 acts
    Addresses to listen on, NAME://HOST:PORT each. Those of controller.listener.names are not opened: nobody but
    this node would call there. Port 0 takes a free one, which clients are told; DescribeConfigs says 0, as Kafka does.
advertised.listeners list acts
    Addresses that clients are sent to, where they differ from listeners.
listener.security.protocol.map string acts
    = SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT
    Which security protocol each listener speaks. A listener that is opened must speak PLAINTEXT.
inter.broker.listener.name string
    The listener on which brokers call each other; there is no other broker.
security.inter.broker.protocol string = PLAINTEXT only:tls
    The protocol between brokers; there is no other broker.
early.start.listeners list
    Listeners opened before the others are ready; all open together here.
controller.listener.names list = CONTROLLER acts
    Names of the listeners that are for controllers only.
log.dir list = /tmp/penstock-logs acts
    Where the data lies, if log.dirs is not set.
log.dirs list acts
    The one directory where all data lies.
metadata.log.dir string only:one-directory
    A directory of its own for the metadata log; it lies in log.dirs.
cordoned.log.dirs list = "" per-broker only:one-directory
    Directories that take no new partitions.
socket.send.buffer.bytes int = 102400 [-1..] acts
    SO_SNDBUF of connections, Kafka's default; -1 leaves it to the system. On one machine larger ones are slower.
socket.receive.buffer.bytes int = 102400 [-1..] acts
    SO_RCVBUF of connections; -1 leaves it to the system, which adapts it.
socket.request.max.bytes int = 104857600 [1..] acts
    The largest request; larger ones end their connection before they are stored.
socket.listen.backlog.size int = 50 [1..] acts
    Connections that may wait to be accepted.
socket.connection.setup.timeout.ms long = 10000
    First wait for a connection to another node; there is none.
socket.connection.setup.timeout.max.ms long = 30000
    Longest wait for a connection to another node; there is none.
max.connections int = 2147483647 [0..] cluster acts
    Connections that may be open; more are closed at once.
max.connections.per.ip int = 2147483647 [0..] cluster acts
    Connections that may be open from one address.
max.connections.per.ip.overrides string = "" <overrides> cluster acts
    Other limits for some addresses: host:limit,...
max.connection.creation.rate int = 2147483647 cluster only:quotas
    New connections a second.
connections.max.idle.ms long = 600000 acts
    Connections that are silent this long are closed; -1 keeps them.
queued.max.requests int = 500 [1..]
    Requests waiting for a thread; requests do not wait for threads here.
queued.max.request.bytes long = -1 acts
    Memory for requests that are arriving; beyond it sockets are not read. -1 sets no limit in Kafka, and 256
    MiB here.
request.timeout.ms int = 30000
    How long a node waits for another node's answer; there is none.
num.network.threads int = 3 [1..] cluster
    Threads for the sockets; one loop does that work here.
num.io.threads int = 8 [1..] cluster
    Threads for requests; one loop does that work here.
background.threads int = 10 [1..] cluster
    Threads for chores; one loop does that work here.
num.recovery.threads.per.data.dir int = 2 [1..] cluster
    Threads that open logs; one does that work here.
fetch.max.bytes int = 57671680 [1024..] acts
    The most that one fetch gives, whatever the client asks for.
max.incremental.fetch.session.cache.slots int = 1000 [0..] acts
    Fetch sessions kept; beyond it the least active give way.
max.request.partition.size.limit int = 2000 [1..] acts
    Partitions in one answer of DescribeTopicPartitions.
fetch.purgatory.purge.interval.requests int = 1000
    How often finished fetches are dropped from a list; they are dropped at once here.
producer.purgatory.purge.interval.requests int = 1000
    How often finished produces are dropped from a list; they are dropped at once here.
delete.records.purgatory.purge.interval.requests int = 1
    How often finished deletions are dropped from a list; they are dropped at once here.
share.fetch.purgatory.purge.interval.requests int = 1000
    How often finished share fetches are dropped from a list.
server.max.startup.time.ms long = 9223372036854775807 [0..] internal
    How long a start may take.
unstable.api.versions.enable boolean = false internal only:unstable
    Whether versions of APIs that are still being designed are served.
unstable.feature.versions.enable boolean = false internal only:unstable
    Whether levels of features that are still being designed may be set.
"""
