import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ShareGroupDescription;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;

/** Share groups: what becomes of a record by what its reader says of it. */
final class Shares {
    private static final Duration MOMENT = Duration.ofMillis(200);

    private Shares() {
    }

    /** A share group that begins with the first record. */
    private static String group(String bootstrap, String topic) throws Exception {
        String name = topic + "-share";
        Clients.configureGroup(bootstrap, name, "share.auto.offset.reset", "earliest");
        return name;
    }

    private static KafkaShareConsumer<String, String> join(String bootstrap, String topic, String mode) {
        KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(Clients.reading(bootstrap,
            "group.id", topic + "-share", "share.acknowledgement.mode", mode, "max.poll.records", 20));
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    private static int number(ConsumerRecord<String, String> record) {
        return Integer.parseInt(Clients.name(record.value()).substring(1));
    }

    /** What the broker said to the acknowledgements, "" where it took them all. */
    private static String commit(KafkaShareConsumer<String, String> consumer) {
        StringBuilder said = new StringBuilder();
        consumer.commitSync().values().forEach(error ->
            error.ifPresent(raised -> said.append(raised.getClass().getSimpleName())));
        return said.toString();
    }

    /** Each of four answers to the first delivery of ten records; any other is accepted. By record: "answer count". */
    static Map<String, Object> outcomes(String bootstrap, String topic, String option) throws Exception {
        Clients.create(bootstrap, topic, 1);
        Clients.produce(bootstrap, topic, "none", 1, 0, 40);
        group(bootstrap, topic);
        AcknowledgeType[] answers = {
            AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT, AcknowledgeType.RENEW};
        Map<Integer, List<String>> told = new TreeMap<>();
        List<String> refused = new ArrayList<>();
        try (KafkaShareConsumer<String, String> consumer = join(bootstrap, topic, "explicit")) {
            Clients.until("60 answers are given", () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(MOMENT)) {
                    List<String> before = told.computeIfAbsent(number(record), number -> new ArrayList<>());
                    AcknowledgeType answer = before.isEmpty() ? answers[number(record) % 4] : AcknowledgeType.ACCEPT;
                    before.add(answer.name().toLowerCase() + " " + record.deliveryCount().orElse((short) 0));
                    consumer.acknowledge(record, answer);
                }
                String error = commit(consumer);
                if (!error.isEmpty()) {
                    refused.add(error);
                }
                return told.values().stream().mapToInt(List::size).sum() >= 60;
            });
        }
        return Map.of("told", told, "refused", refused, "left", left(bootstrap, topic));
    }

    /** How many records another reader gets before one that is written now: those that are not over. */
    private static long left(String bootstrap, String topic) throws Exception {
        Clients.produce(bootstrap, topic, "none", 1, 1000, 1001);
        try (KafkaShareConsumer<String, String> consumer = join(bootstrap, topic, "implicit")) {
            Queue<Integer> found = new ConcurrentLinkedQueue<>();
            Clients.until("the last record came", () -> {
                consumer.poll(MOMENT).forEach(record -> found.add(number(record)));
                return found.contains(1000);
            });
            return found.stream().filter(number -> number != 1000).count();
        }
    }

    /** Records that are always given back: how often each was delivered before it was given up. */
    static Map<String, Object> limit(String bootstrap, String topic, String option) throws Exception {
        Clients.create(bootstrap, topic, 1);
        Clients.produce(bootstrap, topic, "none", 1, 0, 5);
        group(bootstrap, topic);
        Map<Integer, List<Integer>> counts = new TreeMap<>();
        try (KafkaShareConsumer<String, String> consumer = join(bootstrap, topic, "explicit")) {
            Clients.until("25 deliveries", () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(MOMENT)) {
                    int count = record.deliveryCount().orElse((short) 0);
                    counts.computeIfAbsent(number(record), number -> new ArrayList<>()).add(count);
                    consumer.acknowledge(record, AcknowledgeType.RELEASE);
                }
                commit(consumer);
                return counts.values().stream().mapToInt(List::size).sum() >= 25;
            });
        }
        return Map.of("counts", counts, "left", left(bootstrap, topic));
    }

    /** A member that says nothing until its time is up: another gets the records, and it comes too late. */
    static Map<String, Object> late(String bootstrap, String topic, String option) throws Exception {
        Clients.create(bootstrap, topic, 1);
        Clients.produce(bootstrap, topic, "none", 1, 0, 5);
        Clients.configureGroup(bootstrap, group(bootstrap, topic), "share.record.lock.duration.ms", "3000");
        List<ConsumerRecord<String, String>> taken = new ArrayList<>();
        List<Integer> counts = new ArrayList<>();
        try (KafkaShareConsumer<String, String> slow = join(bootstrap, topic, "explicit")) {
            Clients.until("the slow one has them", () -> {
                slow.poll(MOMENT).forEach(taken::add);
                return !taken.isEmpty();
            });
            try (KafkaShareConsumer<String, String> quick = join(bootstrap, topic, "implicit")) {
                Clients.until("the quick one has them", () -> {
                    quick.poll(MOMENT).forEach(record -> counts.add((int) record.deliveryCount().orElse((short) 0)));
                    return counts.size() >= 5;
                });
                taken.forEach(record -> slow.acknowledge(record, AcknowledgeType.ACCEPT));
                String slowSaid = commit(slow);
                return Map.of("taken", taken.size(), "counts", counts, "slow", slowSaid, "quick", commit(quick));
            }
        }
    }

    /** A reader in a thread of its own. */
    private static final class Reader {
        private final KafkaShareConsumer<String, String> consumer;
        private final Queue<String> values = new ConcurrentLinkedQueue<>();
        private final Thread thread = new Thread(this::read);
        private volatile boolean leaving;

        Reader(String bootstrap, String topic) {
            consumer = join(bootstrap, topic, "implicit");
            thread.start();
        }

        private void read() {
            try (consumer) {
                while (!leaving) {
                    consumer.poll(MOMENT).forEach(record -> values.add(Clients.name(record.value())));
                }
            }
        }

        void leave() throws InterruptedException {
            leaving = true;
            thread.join();
        }
    }

    /** Sorted sizes of what the members are assigned. */
    private static List<Integer> shares(Admin admin, String group) throws Exception {
        ShareGroupDescription found = admin.describeShareGroups(List.of(group)).all().get().get(group);
        return found.members().stream().map(member -> member.assignment().topicPartitions().size()).sorted().toList();
    }

    /** Two members, then one: every record to one of them. */
    static Map<String, Object> members(String bootstrap, String topic, String option) throws Exception {
        Clients.create(bootstrap, topic, Clients.PARTITIONS);
        String group = group(bootstrap, topic);
        Reader first = new Reader(bootstrap, topic);
        Reader second = new Reader(bootstrap, topic);
        List<Integer> two;
        List<Integer> one;
        try (Admin admin = Clients.admin(bootstrap)) {
            Clients.until("both have partitions", () -> shares(admin, group).equals(List.of(2, 2)));
            two = shares(admin, group);
            Clients.produce(bootstrap, topic, "none", Clients.PARTITIONS, 0, 200);
            Clients.until("200 are read", () -> first.values.size() + second.values.size() >= 200);
            second.leave();
            Clients.until("one has all", () -> shares(admin, group).equals(List.of(4)));
            one = shares(admin, group);
            Clients.produce(bootstrap, topic, "none", Clients.PARTITIONS, 200, 300);
            Clients.until("300 are read", () -> first.values.size() + second.values.size() >= 300);
        }
        first.leave();
        return Map.of("two", two, "one", one, "first", first.values, "second", second.values);
    }
}
