import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Settings, topics and records that all journeys need. */
final class Clients {
    static final int PARTITIONS = 4;
    static final long FIRST_TIMESTAMP_MS = 1_700_000_000_000L;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String PADDING = "x".repeat(100);

    private Clients() {
    }

    /** pairs: names and values of further settings. */
    static Map<String, Object> settings(String bootstrap, Object... pairs) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "retry.backoff.ms", 20));
        for (int place = 0; place < pairs.length; place += 2) {
            all.put((String) pairs[place], pairs[place + 1]);
        }
        return all;
    }

    static Map<String, Object> reading(String bootstrap, Object... pairs) {
        Map<String, Object> all = settings(bootstrap, pairs);
        all.put("key.deserializer", StringDeserializer.class);
        all.put("value.deserializer", StringDeserializer.class);
        return all;
    }

    static Admin admin(String bootstrap) {
        return Admin.create(settings(bootstrap));
    }

    static void create(String bootstrap, String topic, int partitions) throws Exception {
        try (Admin admin = admin(bootstrap)) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
    }

    static void configureGroup(String bootstrap, String group, String name, String value) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.GROUP, group);
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
        try (Admin admin = admin(bootstrap)) {
            admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
        }
    }

    /** Records numbered from `from` up to `to`, dealt out to the partitions in turn. */
    static void produce(String bootstrap, String topic, String codec, int partitions, int from, int to)
        throws Exception {
        Map<String, Object> settings = settings(bootstrap, "linger.ms", 50, "compression.type", codec);
        StringSerializer text = new StringSerializer();
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, text, text)) {
            List<Future<?>> sent = new ArrayList<>();
            for (int number = from; number < to; number++) {
                ProducerRecord<String, String> record = new ProducerRecord<>(topic, number % partitions,
                    FIRST_TIMESTAMP_MS + number, "k" + number, "v" + number + "-" + PADDING);
                record.headers().add("h", Integer.toString(number).getBytes());
                sent.add(producer.send(record));
            }
            for (Future<?> one : sent) {
                one.get();
            }
        }
    }

    /** "v12" of "v12-xxx". */
    static String name(String value) {
        return value.substring(0, value.indexOf('-'));
    }

    static void until(String what, Callable<Boolean> ready) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!ready.call()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("gave up waiting until " + what);
            }
            Thread.sleep(20);
        }
    }
}
