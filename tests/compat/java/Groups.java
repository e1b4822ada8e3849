import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.consumer.SubscriptionPattern;

/** Groups of the classic and of the consumer protocol as members come and go. */
final class Groups {
    private static final Map<String, String> ASSIGNORS = Map.of(
        "range", "RangeAssignor", "roundrobin", "RoundRobinAssignor", "sticky", "StickyAssignor",
        "cooperative-sticky", "CooperativeStickyAssignor");
    private static final String OF_THE_BROKER = "848-";
    private static final List<Integer> ALL = List.of(0, 1, 2, 3);

    private final String bootstrap;
    private final String topic;
    private final Queue<String> values = new ConcurrentLinkedQueue<>();
    private int produced;

    private Groups(String bootstrap, String topic) {
        this.bootstrap = bootstrap;
        this.topic = topic;
    }

    private static Map<String, Object> by(String bootstrap, String group, String protocol) {
        Map<String, Object> settings = Clients.reading(bootstrap, "group.id", group, "group.protocol", protocol,
            "auto.offset.reset", "earliest", "enable.auto.commit", false, "metadata.max.age.ms", 500,
            "max.poll.records", 20);
        if (protocol.equals("classic")) {
            settings.put("session.timeout.ms", 6000);
            settings.put("heartbeat.interval.ms", 300);
        }
        return settings;
    }

    /** assignor: `848-...` is one of the broker's, by the consumer protocol. */
    private Map<String, Object> settings(String assignor) {
        if (assignor.startsWith(OF_THE_BROKER)) {
            Map<String, Object> settings = by(bootstrap, topic + "-group", "consumer");
            settings.put("group.remote.assignor", assignor.substring(OF_THE_BROKER.length()));
            return settings;
        }
        Map<String, Object> settings = by(bootstrap, topic + "-group", "classic");
        String name = "org.apache.kafka.clients.consumer." + ASSIGNORS.get(assignor);
        settings.put("partition.assignment.strategy", name);
        return settings;
    }

    private Member join(Map<String, Object> settings) {
        return new Member(settings, values, (consumer, listener) -> consumer.subscribe(List.of(topic), listener));
    }

    /** Twenty more records, and all of them read. */
    private void produceAndRead() throws Exception {
        Clients.produce(bootstrap, topic, "none", Clients.PARTITIONS, produced, produced + 20);
        produced += 20;
        Clients.until(produced + " records are read", () -> values.size() >= produced);
    }

    private static List<List<Integer>> shared(Member one, Member other) throws Exception {
        Clients.until("both hold two", () -> one.share().size() == 2 && other.share().size() == 2);
        return List.of(one.share(), other.share());
    }

    private static List<Integer> alone(Member one) throws Exception {
        Clients.until("one holds all", () -> one.share().equals(ALL));
        return one.share();
    }

    private String type() throws Exception {
        try (Admin admin = Clients.admin(bootstrap)) {
            for (GroupListing found : admin.listGroups().all().get()) {
                if (found.groupId().equals(topic + "-group")) {
                    return found.type().map(type -> type.toString().toLowerCase()).orElse("none");
                }
            }
        }
        return "missing";
    }

    static Map<String, Object> group(String bootstrap, String topic, String assignor) throws Exception {
        Clients.create(bootstrap, topic, Clients.PARTITIONS);
        Groups group = new Groups(bootstrap, topic);
        Member first = group.join(group.settings(assignor));
        group.produceAndRead();
        List<Integer> alone = alone(first);
        Member second = group.join(group.settings(assignor));
        List<List<Integer>> shared = shared(first, second);
        group.produceAndRead();
        second.leave();
        List<Integer> after = alone(first);
        group.produceAndRead();
        first.leave();
        return Map.of("alone", alone, "shared", shared, "after_leave", after, "values", group.values);
    }

    /** A static member goes and comes back under its name: it gets what it had, and the other notices nothing. */
    static Map<String, Object> fixed(String bootstrap, String topic, String assignor) throws Exception {
        Clients.create(bootstrap, topic, Clients.PARTITIONS);
        Groups group = new Groups(bootstrap, topic);
        List<Member> members = new ArrayList<>();
        for (String name : List.of("first", "second")) {
            Map<String, Object> settings = group.settings(assignor);
            settings.put("group.instance.id", name);
            members.add(group.join(settings));
        }
        List<List<Integer>> before = shared(members.get(0), members.get(1));
        group.produceAndRead();
        int changes = members.get(0).changes.get();
        members.get(1).leave();
        Map<String, Object> settings = group.settings(assignor);
        settings.put("group.instance.id", "second");
        Member again = group.join(settings);
        List<List<Integer>> after = shared(members.get(0), again);
        group.produceAndRead();
        int disturbed = members.get(0).changes.get() - changes;
        again.leave();
        members.get(0).leave();
        return Map.of("before", before, "after", after, "disturbed", disturbed, "values", group.values);
    }

    /** A member by a pattern: which topics it reads, and which when a further one came. */
    static Map<String, Object> pattern(String bootstrap, String topic, String protocol) throws Exception {
        for (String name : List.of(topic + "-a", topic + "-b", "x" + topic)) {
            Clients.create(bootstrap, name, 1);
            Clients.produce(bootstrap, name, "none", 1, 0, 10);
        }
        String wanted = topic + "-.*";
        Queue<String> values = new ConcurrentLinkedQueue<>();
        Member member = new Member(by(bootstrap, topic + "-group", protocol), values, (consumer, listener) -> {
            if (protocol.equals("consumer")) {
                consumer.subscribe(new SubscriptionPattern(wanted), listener);
            } else {
                consumer.subscribe(Pattern.compile(wanted), listener);
            }
        });
        Clients.until("two topics are read", () -> values.size() >= 20);
        List<String> first = member.topics();
        Clients.create(bootstrap, topic + "-c", 1);
        Clients.produce(bootstrap, topic + "-c", "none", 1, 0, 10);
        Clients.until("three topics are read", () -> values.size() >= 30);
        List<String> later = member.topics();
        member.leave();
        return Map.of("first", first, "later", later, "values", values);
    }

    /** From the classic protocol to the other member by member, and back; the group's type after each step. */
    static Map<String, Object> migration(String bootstrap, String topic, String assignor) throws Exception {
        Clients.create(bootstrap, topic, Clients.PARTITIONS);
        Groups group = new Groups(bootstrap, topic);
        List<String> types = new ArrayList<>();
        Member old = group.join(group.settings(assignor));
        group.produceAndRead();
        types.add(group.type());
        Member newer = group.join(group.settings("848-uniform"));
        List<List<Integer>> there = shared(old, newer);
        group.produceAndRead();
        types.add(group.type());
        old.leave();
        List<Integer> alone = alone(newer);
        group.produceAndRead();
        types.add(group.type());
        Member back = group.join(group.settings(assignor));
        List<List<Integer>> again = shared(back, newer);
        group.produceAndRead();
        newer.leave();
        List<Integer> after = alone(back);
        types.add(group.type());
        group.produceAndRead();
        back.leave();
        return Map.of("types", types, "there", there, "alone", alone, "back", again, "after", after,
            "values", group.values);
    }
}
