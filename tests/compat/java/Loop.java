import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApplicationRecoverableException;
import org.apache.kafka.common.errors.InvalidConfigurationException;

/** The read-process-write loop with kafka-clients; tests/compat/exactly_once/drill.py tells the form. */
public final class Loop {
    private static final String BATCH_RECORDS = "25";
    private static final int FATAL = 3;
    private static final BufferedReader ANSWERS = new BufferedReader(new InputStreamReader(System.in));

    private final KafkaProducer<String, String> producer;
    private final KafkaConsumer<String, String> consumer;
    private final String target;

    /** The drill is done with us. */
    private static final class Done extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private Loop(KafkaProducer<String, String> producer, KafkaConsumer<String, String> consumer, String target) {
        this.producer = producer;
        this.consumer = consumer;
        this.target = target;
    }

    private static void say(String phase, int count) {
        System.out.println(phase + " " + count);
        System.out.flush();
        try {
            if (ANSWERS.readLine() == null) {
                throw new Done();
            }
        } catch (IOException gone) {
            throw new Done();
        }
    }

    private void run() {
        while (true) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
            if (records.isEmpty()) {
                say("idle", 0);
                continue;
            }
            try {
                transact(records);
            } catch (ApplicationRecoverableException | InvalidConfigurationException fatal) {
                throw fatal;
            } catch (KafkaException abortable) {
                System.err.println(abortable);
                producer.abortTransaction();
                rewind();
                say("aborted", records.count());
            }
        }
    }

    private void transact(ConsumerRecords<String, String> records) {
        int count = records.count();
        producer.beginTransaction();
        say("read", count);
        records.forEach(record -> producer.send(new ProducerRecord<>(target, record.key(), record.value())));
        producer.flush();
        say("written", count);
        producer.sendOffsetsToTransaction(records.nextOffsets(), consumer.groupMetadata());
        say("offsets", count);
        producer.commitTransaction();
        say("committed", count);
    }

    /** Back to what is committed: the records of the transaction that was aborted are to come again. */
    private void rewind() {
        Set<TopicPartition> parts = consumer.assignment();
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(parts);
        for (TopicPartition part : parts) {
            OffsetAndMetadata at = committed.get(part);
            if (at == null) {
                consumer.seekToBeginning(Set.of(part));
            } else {
                consumer.seek(part, at);
            }
        }
    }

    private static Map<String, Object> settings(String bootstrap, Map<String, Object> own) {
        Map<String, Object> all = new HashMap<>(own);
        all.put("bootstrap.servers", bootstrap);
        all.put("reconnect.backoff.ms", 20);
        all.put("reconnect.backoff.max.ms", 100);
        all.put("retry.backoff.ms", 20);
        for (String side : List.of("key", "value")) {
            all.put(side + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
            all.put(side + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        }
        return all;
    }

    public static void main(String[] given) {
        String bootstrap = given[0];
        Map<String, Object> reading = new HashMap<>(Map.of(
            "group.id", given[3], "group.protocol", given[7], "isolation.level", "read_committed",
            "auto.offset.reset", "earliest", "enable.auto.commit", false, "max.poll.records", BATCH_RECORDS));
        if (given[7].equals("classic")) {
            reading.put("session.timeout.ms", given[6]);
            reading.put("heartbeat.interval.ms", "300");
        }
        Map<String, Object> writing = Map.of("transactional.id", given[4], "transaction.timeout.ms", given[5]);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings(bootstrap, writing));
             KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings(bootstrap, reading))) {
            producer.initTransactions();
            consumer.subscribe(List.of(given[1]));
            new Loop(producer, consumer, given[2]).run();
        } catch (Done done) {
            return;
        } catch (KafkaException fatal) {
            fatal.printStackTrace();
            System.exit(FATAL);
        }
    }
}
