import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/** The journeys of every client: topics, codecs, offsets of a group. */
final class Basics {
    private static final int CODEC_RECORDS = 200;

    private Basics() {
    }

    static Map<String, Object> topics(String bootstrap, String topic, String option) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try (Admin admin = Clients.admin(bootstrap)) {
            NewTopic wanted = new NewTopic(topic, Clients.PARTITIONS, (short) 1);
            admin.createTopics(List.of(wanted.configs(Map.of("retention.ms", "3600000")))).all().get();
            int partitions = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
            String config = admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value();
            boolean listed = admin.listTopics().names().get().contains(topic);
            admin.deleteTopics(List.of(topic)).all().get();
            // Apache Kafka's brokers hear of a deletion a moment after the reply.
            Clients.until("the topic is gone", () -> !admin.listTopics().names().get().contains(topic));
            return Map.of("partitions", partitions, "config", config, "listed", listed, "listed_after_delete", false);
        }
    }

    static Map<String, Object> codec(String bootstrap, String topic, String codec) throws Exception {
        Clients.create(bootstrap, topic, 1);
        Clients.produce(bootstrap, topic, codec, 1, 0, CODEC_RECORDS);
        TopicPartition part = new TopicPartition(topic, 0);
        List<List<Object>> rows = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(Clients.reading(bootstrap))) {
            consumer.assign(List.of(part));
            consumer.seekToBeginning(List.of(part));
            Clients.until("all records came", () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    String header = new String(record.headers().lastHeader("h").value());
                    rows.add(List.of(record.offset(), record.key(), record.value(), header, record.timestamp()));
                }
                return rows.size() >= CODEC_RECORDS;
            });
        }
        return Map.of("records", rows);
    }

    /** The first offset that the group reads; it commits `commitAt` before leaving, unless that is below 0. */
    private static long firstOffset(String bootstrap, String topic, long commitAt) throws Exception {
        Map<String, Object> settings = Clients.reading(bootstrap, "group.id", topic + "-group",
            "auto.offset.reset", "earliest", "enable.auto.commit", false);
        List<Long> seen = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
            consumer.subscribe(List.of(topic));
            Clients.until("a record came", () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> seen.add(record.offset()));
                return !seen.isEmpty();
            });
            if (commitAt >= 0) {
                consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(commitAt)));
            }
        }
        return seen.get(0);
    }

    private static long committed(Admin admin, String group, TopicPartition part) throws Exception {
        try {
            OffsetAndMetadata at = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(part);
            return at == null ? -1 : at.offset();
        } catch (ExecutionException raised) {
            if (raised.getCause() instanceof GroupIdNotFoundException) {
                return -1;
            }
            throw raised;
        }
    }

    static Map<String, Object> offsets(String bootstrap, String topic, String option) throws Exception {
        String group = topic + "-group";
        TopicPartition part = new TopicPartition(topic, 0);
        Clients.create(bootstrap, topic, 1);
        Clients.produce(bootstrap, topic, "none", 1, 0, 10);
        firstOffset(bootstrap, topic, 5);
        long afterCommit = firstOffset(bootstrap, topic, -1);
        try (Admin admin = Clients.admin(bootstrap)) {
            admin.alterConsumerGroupOffsets(group, Map.of(part, new OffsetAndMetadata(2))).all().get();
            long afterReset = firstOffset(bootstrap, topic, -1);
            admin.deleteConsumerGroups(List.of(group)).all().get();
            return Map.of("first_after_commit", afterCommit, "first_after_reset", afterReset,
                "committed_after_delete", committed(admin, group, part));
        }
    }
}
